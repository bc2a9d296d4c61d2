package io.streamrelay.observe;

import static io.streamrelay.observe.Slices.utf8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SseScannerTest {
  /** What a client sees of one event. */
  record Seen(String name, boolean hasData, String data) {}

  /** Keeps every event, and the data as it was passed on in parts. */
  private static final class Recorder implements SseScanner.Events {
    final List<Seen> events = new ArrayList<>();
    final List<String> parts = new ArrayList<>();
    private final ByteArrayOutputStream part = new ByteArrayOutputStream();

    @Override
    public void data(ByteBuffer source, int from, int to) {
      for (int i = from; i < to; i++) {
        part.write(source.get(i));
      }
    }

    @Override
    public void event(SseEvent event) {
      events.add(new Seen(event.name(), event.hasData(), event.data()));
      assertThat(event.dataLength()).isEqualTo(part.size());
      parts.add(part.toString(StandardCharsets.UTF_8));
      part.reset();
    }
  }

  private static List<Seen> scan(List<ByteBuffer> slices) {
    Recorder recorder = new Recorder();
    SseScanner scanner = new SseScanner(recorder);
    for (ByteBuffer slice : slices) {
      int position = slice.position();
      int limit = slice.limit();
      scanner.scan(slice);
      assertThat(slice.position()).isEqualTo(position);
      assertThat(slice.limit()).isEqualTo(limit);
    }
    assertThat(recorder.parts).isEqualTo(recorder.events.stream().map(Seen::data).toList());
    assertThat(scanner.events()).isEqualTo(recorder.events.size());
    return recorder.events;
  }

  private static List<Seen> scan(String stream) {
    return scan(List.of(ByteBuffer.wrap(utf8(stream))));
  }

  private static Seen data(String data) {
    return new Seen("", true, data);
  }

  /** The standard's rules in their plainest form, over the whole text at once. */
  private static List<Seen> reference(String stream) {
    String rest = stream.startsWith("\ufeff") ? stream.substring(1) : stream;
    List<Seen> seen = new ArrayList<>();
    String name = null;
    StringBuilder data = null;
    while (true) {
      int eol = 0;
      while (eol < rest.length() && rest.charAt(eol) != '\n' && rest.charAt(eol) != '\r') {
        eol++;
      }
      if (eol == rest.length()) {
        return seen;
      }
      String line = rest.substring(0, eol);
      rest = rest.substring(rest.startsWith("\r\n", eol) ? eol + 2 : eol + 1);
      int colon = line.indexOf(':');
      String field = colon < 0 ? line : line.substring(0, colon);
      String value = colon < 0 ? "" : line.substring(colon + 1);
      value = value.startsWith(" ") ? value.substring(1) : value;
      if (line.isEmpty()) {
        if (name != null || data != null) {
          seen.add(
              new Seen(
                  name == null ? "" : name, data != null, data == null ? "" : data.toString()));
        }
        name = null;
        data = null;
      } else if (field.equals("data")) {
        data = data == null ? new StringBuilder(value) : data.append('\n').append(value);
      } else if (field.equals("event")) {
        name = value;
      }
    }
  }

  @Test
  void readsFieldsAsTheStandardSays() {
    assertThat(scan("data: a\n\n")).containsExactly(data("a"));
    assertThat(scan("data:a\r\n\r\n")).containsExactly(data("a"));
    assertThat(scan("data:  a \r\r")).containsExactly(data(" a "));
    assertThat(scan("data: a\ndata: b\ndata:\n\n")).containsExactly(data("a\nb\n"));
    assertThat(scan("data\n\n")).containsExactly(data(""));
    assertThat(scan("data\ndata\n\n")).containsExactly(data("\n"));
    assertThat(scan("\ufeffdata: a\n\n")).containsExactly(data("a"));
    assertThat(scan("\ufeff\ufeffdata: a\n\n")).isEmpty();
    assertThat(scan(": hi\n\nid: 1\n\nretry: 5\n\nDATA: x\n\ndatax: y\n\n")).isEmpty();
    assertThat(scan("event: x\nevent: y\ndata: 1\n\ndata: 2\n\n"))
        .containsExactly(new Seen("y", true, "1"), data("2"));
    assertThat(scan("event: ping\n\n")).containsExactly(new Seen("ping", false, ""));
    assertThat(scan("data: a:b\n\ndata: never whole\n")).containsExactly(data("a:b"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "\ufeffevent: a\r\ndata: x\u20ac\ud83d\ude00\r\ndata: y\r\n\r\n: c\r\n\r\ndata: z\r\n\r\n",
        "event: a\ndata: x\n\n\n\n:\ndata\n\nid: 3\n\ndata: q\n\n",
        "data: x\r\rdata: y\r\n\rdata: z\n\r\n",
        "\u00efdata: x\n\ndata: y\n\n"
      })
  void seesTheSameWhereverTheStreamIsCut(String stream) {
    byte[] bytes = utf8(stream);
    List<Seen> whole = scan(stream);
    assertThat(whole).isEqualTo(reference(stream)).isNotEmpty();
    for (int at = 0; at <= bytes.length; at++) {
      assertThat(scan(Slices.cutAt(bytes, at))).as("cut at %d", at).isEqualTo(whole);
    }
    assertThat(scan(Slices.singleBytes(bytes))).isEqualTo(whole);
  }

  @Test
  void agreesWithTheReferenceOnRandomStreams() {
    Random random = new Random(20240607);
    String[] words = {
      "data",
      "event",
      "id",
      ":",
      ": ",
      ":",
      " ",
      "\n",
      "\n",
      "\r",
      "\r\n",
      "\r\n",
      "x",
      "\u20ac",
      "\ud83d\ude00",
      "\ufeff",
      "\u00ef",
      "data: y",
      "\n\n",
      "event: n\n"
    };
    int events = 0;
    for (int round = 0; round < 20_000; round++) {
      StringBuilder stream = new StringBuilder();
      for (int i = random.nextInt(24); i >= 0; i--) {
        stream.append(words[random.nextInt(words.length)]);
      }
      List<Seen> expected = reference(stream.toString());
      events += expected.size();
      assertThat(scan(Slices.random(utf8(stream.toString()), random)))
          .as("%s", stream)
          .isEqualTo(expected);
    }
    assertThat(events).isGreaterThan(5_000);
  }

  @ParameterizedTest
  @CsvSource({
    "'',true",
    "'data: a\\n\\n',true",
    "'data: a\\r\\n\\r\\n',true",
    "'data: a\\r\\n\\n',true",
    "'\\n',true",
    "'\\r\\n',true",
    "': c\\n',true",
    "': c\\r\\n',true",
    "'data: a\\n\\n: c\\n',true",
    "'data: a\\n\\n: c\\n\\n',true",
    "'\\ufeff',true",
    "'d',false",
    "':',false",
    "': c',false",
    "'data: a',false",
    "'data: a\\n',false",
    "'data: a\\n: c\\n',false",
    "'id: 1\\n',false",
    "'retry: 1\\n',false",
    "'other\\n',false",
    "'event: a\\n',false",
    "'data: a\\n\\r',false",
    "'data: a\\r\\n\\r',false",
    "'data: a\\r\\r',false",
    "': c\\r',false",
    "'data: a\\n\\n\\r',false",
    "'data: a\\r\\n\\r\\n:',false",
  })
  void knowsWhereAnEventBorderIs(String escaped, boolean border) {
    byte[] bytes =
        utf8(escaped.replace("\\n", "\n").replace("\\r", "\r").replace("\\ufeff", "\ufeff"));
    SseScanner whole = new SseScanner(event -> {});
    whole.scan(ByteBuffer.wrap(bytes));
    assertThat(whole.atEventBorder()).isEqualTo(border);
    SseScanner cut = new SseScanner(event -> {});
    Slices.singleBytes(bytes).forEach(cut::scan);
    assertThat(cut.atEventBorder()).isEqualTo(border);
  }

  @Test
  void aHalfBomIsNoBorder() {
    SseScanner scanner = new SseScanner(event -> {});
    scanner.scan(ByteBuffer.wrap(new byte[] {(byte) 0xef}));
    assertThat(scanner.atEventBorder()).isFalse();
  }

  /** What is put in at a border changes no event around it, for clients with or without lone CR. */
  @Test
  void anEventPutInAtABorderMergesWithNothing() {
    Random random = new Random(7);
    String[] words = {"data: x", "event: n", ":c", "\n", "\n", "\r\n", "\r\n", "\r", "id: 1"};
    String extra = "event: error\ndata: cut\n\n";
    int borders = 0;
    for (int round = 0; round < 5_000; round++) {
      StringBuilder text = new StringBuilder();
      for (int i = random.nextInt(12); i >= 0; i--) {
        text.append(words[random.nextInt(words.length)]);
      }
      String stream = text.toString();
      SseScanner scanner = new SseScanner(event -> {});
      for (int at = 0; at <= stream.length(); at++) {
        if (scanner.atEventBorder()) {
          borders++;
          String rest = stream.substring(at);
          List<Seen> expected = new ArrayList<>(reference(stream.substring(0, at)));
          expected.add(new Seen("error", true, "cut"));
          expected.addAll(reference(rest));
          assertThat(reference(stream.substring(0, at) + extra + rest))
              .as("%s at %d", stream, at)
              .isEqualTo(expected);
          if (at > 0) {
            assertThat(stream.charAt(at - 1)).isEqualTo('\n');
          }
        }
        if (at < stream.length()) {
          scanner.scan(ByteBuffer.wrap(utf8(stream.substring(at, at + 1))));
        }
      }
    }
    assertThat(borders).isGreaterThan(10_000);
  }

  @Test
  void comparesNamesAndData() {
    boolean[] called = {false};
    SseScanner scanner =
        new SseScanner(
            event -> {
              called[0] = true;
              assertThat(event.isNamed("message_stop")).isTrue();
              assertThat(event.isNamed("message_sto")).isFalse();
              assertThat(event.isNamed("message_stop2")).isFalse();
              assertThat(event.nameStartsWith("message_")).isTrue();
              assertThat(event.nameStartsWith("essage_")).isFalse();
              assertThat(event.nameEndsWith("_stop")).isTrue();
              assertThat(event.nameEndsWith("a_message_stop")).isFalse();
              assertThat(event.dataEquals("[DONE]")).isTrue();
              assertThat(event.dataEquals("[DONE")).isFalse();
              assertThat(event.dataStartsWith("[D")).isTrue();
              assertThat(event.dataStartsWith("[DONE]]")).isFalse();
              assertThat(event.dataContains("ONE")).isTrue();
              assertThat(event.dataContains("ONE]]")).isFalse();
              assertThat(event.dataContains(utf8("E]"))).isTrue();
              assertThat(event.dataContains(utf8("X"))).isFalse();
              assertThat(event.dataBytes()).isEqualTo(utf8("[DONE]"));
              assertThat(event.truncated()).isFalse();
            });
    scanner.scan(ByteBuffer.wrap(utf8("event: message_stop\ndata: [DONE]\n\n")));
    assertThat(called[0]).isTrue();
  }

  @Test
  void aTenMegabyteLineIsCountedButNotKept() {
    List<String> seen = new ArrayList<>();
    SseScanner scanner =
        new SseScanner(
            1000,
            event -> {
              seen.add(event.dataLength() + " " + event.truncated() + " " + event.data().length());
              assertThat(event.dataBytes()).hasSizeLessThanOrEqualTo(1000);
              assertThat(event.dataEquals("x".repeat(1000))).isFalse();
            });
    byte[] part = utf8("x".repeat(10_000));
    scanner.scan(ByteBuffer.wrap(utf8("data: ")));
    for (int i = 0; i < 1000; i++) {
      scanner.scan(ByteBuffer.wrap(part));
    }
    scanner.scan(ByteBuffer.wrap(utf8("\n\ndata: y\n\n")));
    assertThat(seen).containsExactly("10000000 true 1000", "1 false 1");
  }

  @Test
  void overlongNamesAndFieldsMatchNothing() {
    List<Seen> seen = new ArrayList<>();
    SseScanner scanner =
        new SseScanner(
            event -> {
              seen.add(new Seen(event.name(), event.hasData(), event.data()));
              assertThat(event.isNamed("n".repeat(128))).isFalse();
              assertThat(event.nameStartsWith("n")).isFalse();
            });
    scanner.scan(ByteBuffer.wrap(utf8("f".repeat(100_000) + "data: x\n")));
    scanner.scan(ByteBuffer.wrap(utf8("event: " + "n".repeat(100_000) + "\ndata: y\n\n")));
    assertThat(seen).containsExactly(new Seen("n".repeat(128), true, "y"));
  }

  @Test
  void refusesANegativeCap() {
    assertThatThrownBy(() -> new SseScanner(-1, event -> {}))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("-1");
  }
}
