package io.streamrelay.observe;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.streamrelay.testkit.Recording;
import io.streamrelay.testkit.Recordings;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Which event is taken out of a stream, and that every other byte goes on, and goes on at once. */
class UsageFrameFilterTest {
  private static final String CONTENT = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";
  private static final String FINISH =
      "data: {\"choices\":[{\"finish_reason\":\"stop\"}],\"usage\":null}\n\n";
  private static final String USAGE =
      "data: {\"id\":\"c\",\"choices\":[],\"usage\":{\"prompt_tokens\":1}}\n\n";
  private static final String DONE = "data: [DONE]\n\n";

  /** Feeds a filter, and collects what it lets through. */
  private static final class Run {
    final UsageFrameFilter filter = new UsageFrameFilter();
    final ByteArrayOutputStream out = new ByteArrayOutputStream();

    Run feed(ByteBuffer chunk) {
      int from = chunk.position();
      int to = chunk.limit();
      collect(filter.take(chunk));
      assertThat(chunk.position()).isEqualTo(from);
      assertThat(chunk.limit()).isEqualTo(to);
      return this;
    }

    Run feed(String text) {
      return feed(ByteBuffer.wrap(text.getBytes(UTF_8)));
    }

    Run end() {
      collect(filter.end());
      return this;
    }

    private void collect(ByteBuffer passed) {
      byte[] bytes = new byte[passed.remaining()];
      passed.duplicate().get(bytes);
      out.writeBytes(bytes);
    }

    String text() {
      return out.toString(UTF_8);
    }
  }

  private static Run run(List<ByteBuffer> chunks) {
    Run run = new Run();
    chunks.forEach(run::feed);
    return run.end();
  }

  private static String sha256(byte[] bytes) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }

  static List<Recording> withTheEvent() {
    return List.of(
        Recordings.named("openai-chat-usage"),
        Recordings.named("openai-chat-reasoning"),
        Recordings.named("azure-openai-chat"),
        Recordings.named("openai-completions"),
        Recordings.named("qwen"),
        Recordings.named("vllm"),
        Recordings.named("xai"));
  }

  static List<Recording> withoutTheEvent() {
    List<Recording> others = new ArrayList<>(Recordings.events());
    others.removeAll(withTheEvent());
    return others;
  }

  /** The recording's last event with an empty list of choices, found by its text. */
  private static String theEvent(String text) {
    String found = "";
    for (String event : text.split("(?<=\n\n)", -1)) {
      if (event.contains("\"choices\":[]") && event.contains("\"usage\":{")) {
        found = event;
      }
    }
    assertThat(found).isNotEmpty();
    return found;
  }

  private static List<String> lineEnds(String text) {
    return List.of(text, text.replace("\n", "\r\n"), text.replace("\n", "\r"));
  }

  @ParameterizedTest
  @MethodSource("withTheEvent")
  void whereverAStreamIsSplitTheEventGoesAndEveryOtherByteStays(Recording recording) {
    String event = theEvent(recording.text());
    List<String> all = lineEnds(recording.text());
    List<String> rests = lineEnds(recording.text().replace(event, ""));
    for (int i = 0; i < all.size(); i++) {
      byte[] bytes = all.get(i).getBytes(UTF_8);
      String rest = sha256(rests.get(i).getBytes(UTF_8));
      // Borders within the last events, and some before.
      int from = Math.max(0, bytes.length - 3 * event.length());
      for (int at = from; at <= bytes.length; at++) {
        Run run = run(Slices.cutAt(bytes, at));
        assertThat(sha256(run.out.toByteArray()))
            .as("cut at %s: %s", at, run.text())
            .isEqualTo(rest);
        assertThat(run.filter.removedBytes()).isEqualTo(bytes.length - run.out.size());
      }
      assertThat(sha256(run(Slices.singleBytes(bytes)).out.toByteArray())).isEqualTo(rest);
      for (int seed = 0; seed < 50; seed++) {
        Run run = run(Slices.random(bytes, new Random(seed)));
        assertThat(sha256(run.out.toByteArray())).as("seed %s", seed).isEqualTo(rest);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("withoutTheEvent")
  void aStreamWithoutItGoesThroughAsItIs(Recording recording) {
    byte[] bytes = recording.bytes();
    assertThat(run(Slices.singleBytes(bytes)).out.toByteArray()).isEqualTo(bytes);
    for (int seed = 0; seed < 20; seed++) {
      Run run = run(Slices.random(bytes, new Random(seed)));
      assertThat(run.out.toByteArray()).as("seed %s", seed).isEqualTo(bytes);
      assertThat(run.filter.removedBytes()).isZero();
    }
  }

  @ParameterizedTest
  @MethodSource("withTheEvent")
  void beforeTheFinishReasonHasPassedNoByteWaits(Recording recording) {
    byte[] bytes = recording.bytes();
    String text = recording.text();
    int behindReason = text.indexOf("\n\n", text.indexOf("\"finish_reason\":\"")) + 2;
    int end = text.substring(0, behindReason).getBytes(UTF_8).length;
    Run run = new Run();
    for (int i = 0; i < end; i++) {
      run.feed(ByteBuffer.wrap(bytes, i, 1));
      assertThat(run.out.size()).isEqualTo(i + 1);
    }
  }

  /** The client's place is a border only where its own bytes say so. */
  @ParameterizedTest
  @MethodSource("withTheEvent")
  void theBorderIsTheClients(Recording recording) {
    for (String text : lineEnds(recording.text())) {
      Run run = new Run();
      boolean lineFeeds = !text.contains("\r");
      for (byte b : text.getBytes(UTF_8)) {
        run.feed(ByteBuffer.wrap(new byte[] {b}));
        byte[] got = run.out.toByteArray();
        boolean border = Recording.isEventBorder(got, got.length);
        if (lineFeeds) {
          assertThat(run.filter.atEventBorder()).as(run.text()).isEqualTo(border);
        } else if (run.filter.atEventBorder()) {
          assertThat(border).as(run.text()).isTrue();
          assertThat(got.length == 0 || got[got.length - 1] == '\n').isTrue();
        }
      }
    }
  }

  static List<String> thatGo() {
    return List.of(
        USAGE,
        "event: message\nid: 7\n" + USAGE,
        "id: 7\n" + USAGE,
        "data:{\"choices\":[],\"usage\":{}}\n\n",
        "data: {\"usage\" : { \"a\":{\"choices\":[1]} } , \"choices\" : [ ] }\n\n",
        "data: {\"choices\":[],\ndata: \"usage\":{}}\n\n",
        "data: {\"choices\":[],\n: within\ndata: \"usage\":{}}\n\n",
        "data: {\"\\u0063hoices\":[],\"us\\u0061ge\":{}}\n\n",
        "data: {\"choices\":[],\"usage\":{},\"citations\":[],\"x\":null,\"y\":\"\",\"z\":{}}\n\n",
        "data: {\"id\":\"" + "x".repeat(2000) + "\",\"choices\":[],\"usage\":{}}\n\n");
  }

  @ParameterizedTest
  @MethodSource("thatGo")
  void anEventWithNothingButUsageGoes(String event) {
    byte[] bytes = (CONTENT + FINISH + event + DONE).getBytes(UTF_8);
    for (int at = 0; at <= bytes.length; at++) {
      assertThat(run(Slices.cutAt(bytes, at)).text()).isEqualTo(CONTENT + FINISH + DONE);
    }
    assertThat(run(Slices.singleBytes(bytes)).text()).isEqualTo(CONTENT + FINISH + DONE);
  }

  static List<String> thatStay() {
    return List.of(
        "data: {\"choices\":[],\"usage\":null}\n\n",
        "data: {\"choices\":[]}\n\n",
        "data: {\"usage\":{}}\n\n",
        "data: {\"choices\":null,\"usage\":{}}\n\n",
        "data: {\"choices\":{},\"usage\":{}}\n\n",
        "data: {\"choices\":[{\"delta\":{}}],\"usage\":{}}\n\n",
        "data: {\"choices\":[null],\"usage\":{}}\n\n",
        "data: {\"choices\":[],\"usage\":[]}\n\n",
        "data: {\"choices\":[],\"choices\":[],\"usage\":{}}\n\n",
        "data: {\"choices\":[],\"usage\":{},\"usage\":{}}\n\n",
        "data: {\"choices\":[],\"usage\":{},\"citations\":[\"https://a.test\"]}\n\n",
        "data: {\"choices\":[],\"usage\":{},\"timings\":{\"prompt_n\":1}}\n\n",
        "data: {\"choices\":[],\"usage\":{},\"error\":{\"message\":\"m\"}}\n\n",
        "data: {\"choices\":[],\"usage\":{},\"x\":0}\n\n",
        "data: {\"choices\":[],\"usage\":{},\"x\":false}\n\n",
        "data: {\"choices\":[],\"usage\":{},\"x\":\"y\"}\n\n",
        "data: {\"choices\":[],\"usage\":{},\"prompt_filter_results\":[{}]}\n\n",
        "data: {\"choices\":[],\"usage\":{}}}\n\n",
        "data: {\"choices\":[],\"usage\":{}\n\n",
        "data: {\"x\":{\"choices\":[],\"usage\":{}}}\n\n",
        "data: [{\"choices\":[],\"usage\":{}}]\n\n",
        "data: \"{\\\"choices\\\":[],\\\"usage\\\":{}}\"\n\n",
        "data: {\"choices\":[],\"usage\":{}}\ndata: {}\n\n",
        "data: \n\n",
        "data\n\n",
        "event: x\n\n",
        "retry: 5\n\n",
        ": {\"choices\":[],\"usage\":{}}\n\n",
        "x: {\"choices\":[],\"usage\":{}}\n\n",
        "\n\n\n");
  }

  @ParameterizedTest
  @MethodSource("thatStay")
  void anyOtherEventStays(String event) {
    byte[] bytes = (CONTENT + FINISH + event + DONE).getBytes(UTF_8);
    for (int at = 0; at <= bytes.length; at++) {
      assertThat(run(Slices.cutAt(bytes, at)).out.toByteArray()).isEqualTo(bytes);
    }
    assertThat(run(Slices.singleBytes(bytes)).out.toByteArray()).isEqualTo(bytes);
  }

  @Test
  void beforeAFinishReasonItStays() {
    Run run = new Run().feed(USAGE + CONTENT + USAGE);
    assertThat(run.text()).isEqualTo(USAGE + CONTENT + USAGE);
  }

  @ParameterizedTest
  @ValueSource(strings = {"null", "\"\"", "0", "{}"})
  void whatIsNoReasonIsNone(String reason) {
    String text = "data: {\"choices\":[{\"finish_reason\":" + reason + "}]}\n\n" + USAGE;
    assertThat(new Run().feed(text).text()).isEqualTo(text);
  }

  @Test
  void aReasonElsewhereIsNone() {
    String text =
        "data: {\"finish_reason\":\"stop\",\"choices\":[{\"delta\":{\"finish_reason\":\"stop\"}}],"
            + "\"x\":[{\"finish_reason\":\"stop\"}]}\n\n"
            + USAGE;
    assertThat(new Run().feed(text).text()).isEqualTo(text);
  }

  @Test
  void aCommentBeforeItStays() {
    Run run = new Run().feed(FINISH + ": ping\n" + USAGE + ": pong\n\n" + DONE);
    assertThat(run.text()).isEqualTo(FINISH + ": ping\n" + ": pong\n\n" + DONE);
  }

  @Test
  void aChunkWithoutItIsHandedOnAsTheBufferItIs() {
    UsageFrameFilter filter = new UsageFrameFilter();
    for (String text : List.of(CONTENT, FINISH, DONE)) {
      ByteBuffer chunk = ByteBuffer.wrap(text.getBytes(UTF_8));
      assertThat(filter.take(chunk)).isSameAs(chunk);
    }
  }

  @Test
  void atAChunksEdgeItCostsNoCopy() {
    byte[] bytes = (FINISH + USAGE).getBytes(UTF_8);
    assertThat(new UsageFrameFilter().take(ByteBuffer.wrap(bytes)).array()).isSameAs(bytes);
    UsageFrameFilter filter = new UsageFrameFilter();
    filter.take(ByteBuffer.wrap(FINISH.getBytes(UTF_8)));
    byte[] front = (USAGE + DONE).getBytes(UTF_8);
    assertThat(filter.take(ByteBuffer.wrap(front)).array()).isSameAs(front);
  }

  @Test
  void severalEventsInOneChunkComeInOrder() {
    String half = USAGE.substring(0, 20);
    Run run = new Run().feed(FINISH + half);
    assertThat(run.text()).isEqualTo(FINISH);
    String other = half + "\"},\"x\":1}\n\n";
    run.feed(other.substring(20) + CONTENT + USAGE + CONTENT + USAGE + DONE + half);
    assertThat(run.text()).isEqualTo(FINISH + other + CONTENT + CONTENT + DONE);
    run.feed(USAGE.substring(20) + CONTENT);
    assertThat(run.text()).isEqualTo(FINISH + other + CONTENT + CONTENT + DONE + CONTENT);
    assertThat(run.filter.removedBytes()).isEqualTo(3L * USAGE.length());
  }

  @Test
  void anEventThatCannotBeItIsNotWaitedFor() {
    Run run = new Run().feed(FINISH);
    String beginning = "data: {\"id\":\"c\",\"choices\":[{";
    for (int i = 0; i < beginning.length() - 1; i++) {
      run.feed(beginning.substring(i, i + 1));
      assertThat(run.text()).isEqualTo(FINISH);
    }
    run.feed("{");
    assertThat(run.text()).isEqualTo(FINISH + beginning);
    run.feed("\"delta\"");
    assertThat(run.text()).isEqualTo(FINISH + beginning + "\"delta\"");
  }

  @Test
  void aMarkerIsNotWaitedFor() {
    Run run = new Run().feed(FINISH + "data: ");
    assertThat(run.text()).isEqualTo(FINISH);
    assertThat(run.feed("[").text()).isEqualTo(FINISH + "data: [");
  }

  @Test
  void anEventTooLongToBeHeldIsHandedOn() {
    int most = UsageFrameFilter.MAX_HELD_BYTES;
    String beginning = "data: {\"id\":\"";
    String held = beginning + "x".repeat(most - beginning.length());
    Run run = new Run().feed(FINISH).feed(held);
    assertThat(run.text()).isEqualTo(FINISH);
    assertThat(run.filter.atEventBorder()).isTrue();
    assertThat(run.filter.tooLong()).isFalse();
    run.feed("x");
    assertThat(run.text()).isEqualTo(FINISH + held + "x");
    assertThat(run.filter.atEventBorder()).isFalse();
    assertThat(run.filter.tooLong()).isTrue();
    String end = "\",\"choices\":[],\"usage\":{}}\n\n";
    run.feed(end).feed(USAGE).feed(DONE);
    assertThat(run.text()).isEqualTo(FINISH + held + "x" + end + DONE);
  }

  @Test
  void whatIsHeldAtTheEndIsHandedOn() {
    for (int length = 1; length < USAGE.length() - 2; length++) {
      String half = USAGE.substring(0, length);
      Run run = new Run().feed(FINISH).feed(half);
      assertThat(run.text()).isEqualTo(FINISH);
      assertThat(run.filter.atEventBorder()).isTrue();
      run.end();
      assertThat(run.text()).isEqualTo(FINISH + half);
      assertThat(run.filter.atEventBorder()).isFalse();
      assertThat(run.filter.end().hasRemaining()).isFalse();
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void anEventThatLacksOnlyLineEndsAtTheEndGoes(int missing) {
    String all = USAGE.substring(0, USAGE.length() - missing);
    Run run = new Run().feed(FINISH).feed(all).end();
    assertThat(run.text()).isEqualTo(FINISH);
    assertThat(run.filter.removedBytes()).isEqualTo(all.length());
    assertThat(run.filter.atEventBorder()).isTrue();
  }

  @Test
  void behindALoneCarriageReturnThereIsNoBorder() {
    Run run = new Run().feed((FINISH + USAGE).replace('\n', '\r'));
    assertThat(run.text()).isEqualTo(FINISH.replace('\n', '\r'));
    assertThat(run.filter.atEventBorder()).isFalse();
  }

  @Test
  void theLineFeedOfASplitLineEndGoesWithTheEvent() {
    String usage = USAGE.replace("\n", "\r\n");
    String finish = FINISH.replace("\n", "\r\n");
    Run run = new Run().feed(finish + usage.substring(0, usage.length() - 1));
    assertThat(run.text()).isEqualTo(finish);
    assertThat(run.filter.atEventBorder()).isTrue();
    run.feed("\n");
    assertThat(run.text()).isEqualTo(finish);
    assertThat(run.filter.atEventBorder()).isTrue();
    assertThat(run.filter.removedBytes()).isEqualTo(usage.length());
    assertThat(run.feed(DONE).text()).isEqualTo(finish + DONE);
  }

  /** Any mix of events, split anywhere, against an oracle that knows what it put in. */
  @Test
  void whateverTheMixOnlyThoseEventsGo() {
    List<String> events = new ArrayList<>(thatStay());
    // Not followed by a line feed that would end another line.
    events.remove("\n\n\n");
    events.addAll(List.of(CONTENT, FINISH, DONE, ": ping\n\n"));
    for (int seed = 0; seed < 3000; seed++) {
      Random random = new Random(seed);
      StringBuilder in = new StringBuilder();
      StringBuilder expected = new StringBuilder();
      boolean finished = false;
      for (int i = 0; i < 12; i++) {
        boolean ours = random.nextInt(3) == 0;
        List<String> from = ours ? thatGo() : events;
        String event = from.get(random.nextInt(from.size()));
        in.append(event);
        expected.append(ours && finished ? "" : event);
        finished |= event.equals(FINISH);
      }
      String lineEnd = List.of("\n", "\r\n", "\r").get(random.nextInt(3));
      byte[] bytes = in.toString().replace("\n", lineEnd).getBytes(UTF_8);
      Run run = run(chunks(bytes, random));
      assertThat(run.text())
          .as("seed %s", seed)
          .isEqualTo(expected.toString().replace("\n", lineEnd));
    }
  }

  private static List<ByteBuffer> chunks(byte[] bytes, Random random) {
    List<ByteBuffer> chunks = new ArrayList<>();
    int longest = 1 + random.nextInt(400);
    for (int at = 0; at < bytes.length; ) {
      int to = Math.min(bytes.length, at + 1 + random.nextInt(longest));
      chunks.add(ByteBuffer.wrap(Arrays.copyOfRange(bytes, at, to)));
      at = to;
    }
    return chunks;
  }
}
