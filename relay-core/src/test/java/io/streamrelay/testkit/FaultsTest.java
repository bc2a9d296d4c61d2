package io.streamrelay.testkit;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.streamrelay.testkit.AnswerCompiler.Start;
import io.streamrelay.testkit.Faults.Effect;
import io.streamrelay.testkit.Faults.Fault;
import io.streamrelay.testkit.RawClient.End;
import java.io.ByteArrayInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Pattern;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** That each fault does on the wire what its name says. */
class FaultsTest {
  private static final String REQUEST =
      "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}";
  private static final String HEAD =
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
  private static final Pattern CHUNK_SIZE = Pattern.compile("[0-9a-f]+");

  private final FakeUpstream upstream = FakeUpstream.start();
  private final List<RawClient> clients = new ArrayList<>();

  @AfterEach
  void close() {
    clients.forEach(RawClient::close);
    upstream.close();
  }

  private RawClient ask(Answer answer) {
    upstream.answer(answer);
    RawClient client = RawClient.connect(upstream.origin());
    clients.add(client);
    return client.send(REQUEST);
  }

  /** All that is sent by an answer that keeps its connection. */
  private String keptOpen(Answer answer) {
    RawClient client = ask(answer);
    FakeUpstream.Connection connection = upstream.lastConnection();
    upstream.awaitRequests(1);
    connection.awaitPlayed();
    assertThat(client.end()).isEqualTo(End.OPEN);
    connection.end();
    assertThat(client.awaitEnd()).isEqualTo(End.FIN);
    return client.text();
  }

  /** All that is sent by an answer that ends its connection. */
  private String ended(Answer answer, End how) {
    RawClient client = ask(answer);
    assertThat(client.awaitEnd()).isEqualTo(how);
    return client.text();
  }

  private static String body(String wire) {
    return wire.substring(wire.indexOf("\r\n\r\n") + 4);
  }

  /** Reads chunks strictly, up to the last one or to where they break. */
  private record Chunks(List<String> data, String rest, boolean whole) {
    static Chunks of(String framed) {
      List<String> data = new ArrayList<>();
      int at = 0;
      while (true) {
        int line = framed.indexOf("\r\n", at);
        String size = line < 0 ? "" : framed.substring(at, line);
        size = size.contains(";") ? size.substring(0, size.indexOf(';')) : size;
        if (!CHUNK_SIZE.matcher(size).matches() || size.length() > 8) {
          return new Chunks(data, framed.substring(at), false);
        }
        int length = Integer.parseInt(size, 16);
        if (length == 0) {
          return new Chunks(data, framed.substring(line + 2), true);
        }
        int end = line + 2 + length;
        if (end + 2 > framed.length() || !framed.startsWith("\r\n", end)) {
          return new Chunks(data, framed.substring(at), false);
        }
        data.add(framed.substring(line + 2, end));
        at = end + 2;
      }
    }

    String joined() {
      return new String(String.join("", data).getBytes(ISO_8859_1), UTF_8);
    }
  }

  private static String text(Answer answer) {
    return new String(answer.bodyBytes(), UTF_8);
  }

  private Chunks wholeChunks(Answer answer) {
    String wire = keptOpen(answer);
    assertThat(wire).startsWith(HEAD);
    Chunks chunks = Chunks.of(body(wire));
    assertThat(chunks.whole).isTrue();
    return chunks;
  }

  // ---- the list

  @Test
  void theListHoldsEveryFault() {
    List<String> methods =
        Arrays.stream(Faults.class.getDeclaredMethods())
            .filter(method -> Modifier.isPublic(method.getModifiers()))
            .map(Method::getName)
            .filter(name -> !name.equals("all") && !name.equals("chat"))
            .toList();
    assertThat(Faults.all().stream().map(Fault::name).toList())
        .containsExactlyInAnyOrderElementsOf(methods);
  }

  static List<Fault> all() {
    return Faults.all();
  }

  @ParameterizedTest
  @MethodSource("all")
  void aStrictReaderSeesTheEffectThatAFaultIsListedWith(Fault fault) throws IOException {
    upstream.answer(fault.answer());
    RawClient client = RawClient.connect(upstream.origin());
    clients.add(client);
    client.send(REQUEST);
    if (fault.effect() == Effect.SILENT) {
      upstream.awaitRequests(1);
      upstream.lastConnection().awaitStalled();
      assertThat(client.end()).isEqualTo(End.OPEN);
      return;
    }
    if (fault.answer().start() != Start.CONNECTED) {
      upstream.lastConnection().awaitPlayed();
    }
    boolean closes = fault.answer().toString().matches("(?s).*(End|Reset)\\[].*");
    if (closes) {
      client.awaitEnd();
    } else {
      upstream.lastConnection().end();
      client.awaitEnd();
    }
    assertThat(read(client.text(), closes)).isEqualTo(fault.effect());
  }

  /** What an answer is to a reader that takes HTTP at its word; {@code closed} by the upstream. */
  private static Effect read(String wire, boolean closed) throws IOException {
    String rest = wire;
    while (rest.startsWith("HTTP/1.1 1")) {
      rest = body(rest);
    }
    int end = rest.indexOf("\r\n\r\n");
    if (end < 0 || end > 64 * 1024 || !rest.startsWith("HTTP/1.1 ")) {
      return Effect.NO_HEAD;
    }
    List<String> lines = rest.substring(0, end).lines().skip(1).toList();
    List<String> lengths = lines.stream().filter(l -> l.startsWith("Content-Length: ")).toList();
    if (lines.stream().anyMatch(line -> !line.contains(": ")) || lengths.size() > 1) {
      return Effect.NO_HEAD;
    }
    String body = body(rest);
    if (lines.contains("Transfer-Encoding: chunked")) {
      Chunks chunks = Chunks.of(body);
      if (!chunks.whole) {
        return Effect.CUT;
      }
      body = String.join("", chunks.data);
    } else if (!lengths.isEmpty()) {
      int length = Integer.parseInt(lengths.get(0).substring("Content-Length: ".length()));
      if (length > body.length()) {
        return Effect.CUT;
      }
      body = body.substring(0, length);
    } else {
      assertThat(closed).isTrue();
    }
    if (lines.contains("Content-Encoding: gzip")) {
      byte[] zipped = body.getBytes(ISO_8859_1);
      try (InputStream in = new GZIPInputStream(new ByteArrayInputStream(zipped))) {
        body = new String(in.readAllBytes(), ISO_8859_1);
      }
    }
    if (!rest.startsWith("HTTP/1.1 200 ") || body.contains("data: {\"error\":")) {
      return Effect.REFUSED;
    }
    return body.lines().toList().contains("data: [DONE]") ? Effect.WHOLE : Effect.TRUNCATED;
  }

  // ---- whole

  @Test
  void chatIsAGoodStream() {
    Chunks chunks = wholeChunks(Faults.chat());
    assertThat(chunks.data).hasSize(6);
    assertThat(chunks.rest).isEqualTo("\r\n");
    assertThat(chunks.joined()).isEqualTo(text(Faults.chat())).endsWith("data: [DONE]\n\n");
    assertThat(upstream.lastConnection().generated())
        .isEqualTo(new Generated(Faults.chat().bodyBytes().length, 6, 4));
  }

  @Test
  void pacedPausesBetweenEvents() {
    long start = System.nanoTime();
    Chunks chunks = wholeChunks(Faults.paced(Duration.ofMillis(20)));
    assertThat(System.nanoTime() - start).isGreaterThan(5 * 20_000_000L);
    assertThat(chunks.joined()).isEqualTo(text(Faults.chat()));
  }

  @Test
  void splitInsideCharactersLeavesNoneOfThemWhole() {
    Chunks chunks = wholeChunks(Faults.splitInsideCharacters());
    assertThat(chunks.joined()).isEqualTo(text(Faults.chat()));
    for (String chunk : chunks.data) {
      byte[] bytes = chunk.getBytes(ISO_8859_1);
      for (int i = 1; i < bytes.length; i++) {
        assertThat(bytes[i] & 0xc0).as("%s", chunk).isNotEqualTo(0x80);
      }
    }
    assertThat(chunks.data).hasSizeGreaterThan(10);
  }

  @Test
  void byteByByteSendsSingleBytes() {
    RawClient client = ask(Faults.byteByByte(Duration.ofMillis(1)));
    client.awaitText("0\r\n\r\n");
    assertThat(Chunks.of(body(client.text())).joined()).isEqualTo(text(Faults.chat()));
    assertThat(client.reads().stream().filter(count -> count == 1).count())
        .isGreaterThan(client.text().length() / 2);
  }

  @Test
  void slowHeadSendsSingleBytesOfTheHeadOnly() {
    RawClient client = ask(Faults.slowHead(Duration.ofMillis(1)));
    client.awaitText("0\r\n\r\n");
    assertThat(client.text()).startsWith(HEAD);
    assertThat(client.reads().stream().filter(count -> count == 1).count())
        .isBetween(HEAD.length() / 2L, (long) HEAD.length());
  }

  @Test
  void mixedLineEndsUseAllThree() {
    String body = wholeChunks(Faults.mixedLineEnds()).joined();
    assertThat(body).startsWith("data: ").contains("}\n\rdata: ").contains("}\r\n\ndata: ");
    assertThat(body.replaceAll("\r\n|\r", "\n")).isEqualTo(text(Faults.chat()));
  }

  @Test
  void crLineEndsHaveNoLineFeed() {
    String body = wholeChunks(Faults.crLineEnds()).joined();
    assertThat(body).doesNotContain("\n").endsWith("data: [DONE]\r\r");
    assertThat(body.replace('\r', '\n')).isEqualTo(text(Faults.chat()));
  }

  @Test
  void longLineIsOneLine() {
    String body = wholeChunks(Faults.longLine(1 << 20)).joined();
    assertThat(body.lines().mapToInt(String::length).max().orElse(0)).isGreaterThan(1 << 20);
    assertThat(body).endsWith("data: [DONE]\n\n");
  }

  @Test
  void commentsAndPingsAreAmongTheEvents() {
    String body = wholeChunks(Faults.commentsAndPings()).joined();
    assertThat(body).startsWith(": keep-alive\n\n:\n\ndata: ").contains("event: ping\n\n");
    assertThat(body)
        .contains(": in the middle of an event\ndata: ")
        .contains("}\n: and behind\n\n");
  }

  @Test
  void byteOrderMarkComesFirst() {
    assertThat(wholeChunks(Faults.byteOrderMark()).joined()).startsWith("\ufeffdata: ");
  }

  @Test
  void interimAnswersComeBeforeTheHead() {
    String wire = keptOpen(Faults.interimAnswers());
    assertThat(wire)
        .startsWith(
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n"
                + "HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload; as=style\r\n\r\n"
                + HEAD);
  }

  @Test
  void gzipIsFlushedWithEveryEvent() throws IOException {
    String wire = keptOpen(Faults.gzip());
    assertThat(wire).contains("\r\nContent-Encoding: gzip\r\n");
    Chunks chunks = Chunks.of(body(wire));
    assertThat(chunks.whole).isTrue();
    assertThat(chunks.data).hasSize(6);
    byte[] zipped = String.join("", chunks.data).getBytes(ISO_8859_1);
    try (InputStream in = new GZIPInputStream(new ByteArrayInputStream(zipped))) {
      assertThat(new String(in.readAllBytes(), UTF_8)).isEqualTo(text(Faults.chat()));
    }
    byte[] first = chunks.data.get(0).getBytes(ISO_8859_1);
    try (InputStream in = new GZIPInputStream(new ByteArrayInputStream(first))) {
      assertThat(new String(in.readNBytes(20), UTF_8)).startsWith("data: {");
    }
  }

  @Test
  void chunkExtensionsAreOnEverySizeLine() {
    String body = body(keptOpen(Faults.chunkExtensions()));
    assertThat(body).containsPattern("^[0-9a-f]+;sig=\"a;b\";last\r\n");
    assertThat(body).endsWith("0;sig=\"a;b\";last\r\n\r\n");
  }

  @Test
  void trailersComeBehindTheLastChunk() {
    String wire = keptOpen(Faults.trailers());
    assertThat(wire).contains("\r\nTrailer: X-Checksum, X-Cost\r\n");
    assertThat(wire).endsWith("\r\n0\r\nX-Checksum: 1234\r\nX-Cost: 0.02\r\n\r\n");
  }

  @Test
  void closeDelimitedHasNoFraming() {
    String wire = ended(Faults.closeDelimited(), End.FIN);
    assertThat(wire)
        .contains("\r\nConnection: close\r\n")
        .doesNotContain("Content-Length")
        .doesNotContain("chunked");
    assertThat(body(wire).getBytes(ISO_8859_1)).isEqualTo(Faults.chat().bodyBytes());
  }

  @Test
  void answerBeforeBodyNeedsTheHeadOnly() {
    upstream.answer(Faults.answerBeforeBody());
    RawClient client = RawClient.connect(upstream.origin());
    clients.add(client);
    client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{");
    assertThat(client.awaitText("0\r\n\r\n")).startsWith(HEAD);
    assertThat(upstream.requests()).isEmpty();
    client.send("x".repeat(999));
    upstream.awaitRequests(1);
    client.send(REQUEST);
    upstream.awaitRequests(2);
    upstream.lastConnection().awaitPlayed();
    upstream.lastConnection().end();
    client.awaitEnd();
    assertThat(client.text().split(Pattern.quote("HTTP/1.1 200"), -1)).hasSize(3);
  }

  // ---- refused

  @Test
  void tooManyRequestsSaysWhenToRetry() {
    String wire = keptOpen(Faults.tooManyRequests(7));
    assertThat(wire).startsWith("HTTP/1.1 429 Too Many Requests\r\n");
    assertThat(wire).contains("\r\nRetry-After: 7\r\n");
    assertThat(wire).contains("\r\nContent-Length: " + body(wire).length() + "\r\n");
  }

  @Test
  void serverErrorIs500() {
    assertThat(keptOpen(Faults.serverError()))
        .startsWith("HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\n");
  }

  @Test
  void refusedBeforeBodyNeedsTheHeadOnlyAndCloses() {
    upstream.answer(Faults.refusedBeforeBody());
    RawClient client = RawClient.connect(upstream.origin());
    clients.add(client);
    client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{");
    assertThat(client.awaitEnd()).isEqualTo(End.FIN);
    assertThat(client.text()).startsWith("HTTP/1.1 400 ").contains("\r\nConnection: close\r\n");
  }

  @Test
  void errorEventComesAfterAGoodHeadAndEndsWell() {
    Chunks chunks = wholeChunks(Faults.errorEvent());
    assertThat(chunks.data).hasSize(3);
    assertThat(chunks.data.get(2)).startsWith("data: {\"error\":{");
  }

  // ---- cut

  @Test
  void resetIsSeenAsSuch() {
    RawClient client = ask(Faults.reset());
    assertThat(client.awaitEnd()).isEqualTo(End.RESET);
  }

  @Test
  void resetAtSendsWhatIsBeforeIt() {
    String event = "data: " + "x".repeat(50) + "\n\n";
    RawClient client =
        ask(Answer.events().body(event).awaitGo("cut").body(event).resetAt(event.length() + 5));
    client.awaitText(event);
    upstream.go("cut");
    assertThat(client.awaitEnd()).isEqualTo(End.RESET);
    assertThat(client.text()).doesNotContain(event + "\r\n3a\r\n" + event);
  }

  @Test
  void cutBetweenEventsEndsBehindAChunk() {
    Chunks chunks = Chunks.of(body(ended(Faults.cutBetweenEvents(), End.FIN)));
    assertThat(chunks.whole).isFalse();
    assertThat(chunks.data).hasSize(2);
    assertThat(chunks.rest).isEmpty();
  }

  @Test
  void cutInEventEndsInsideOfAChunk() {
    Chunks chunks = Chunks.of(body(ended(Faults.cutInEvent(), End.FIN)));
    assertThat(chunks.whole).isFalse();
    assertThat(chunks.data).hasSize(2);
    String third = chunks.rest.substring(chunks.rest.indexOf("\r\n") + 2);
    assertThat(third).startsWith("data: {").hasSize(40);
  }

  @Test
  void cutAfterHeadSendsNothingElse() {
    assertThat(ended(Faults.cutAfterHead(), End.FIN)).isEqualTo(HEAD);
  }

  @Test
  void cutBeforeLastChunkHasAllEvents() {
    Chunks chunks = Chunks.of(body(ended(Faults.cutBeforeLastChunk(), End.FIN)));
    assertThat(chunks.whole).isFalse();
    assertThat(chunks.rest).isEmpty();
    assertThat(chunks.joined()).isEqualTo(text(Faults.chat()));
  }

  @Test
  void lengthTooLongLacksTenBytes() {
    String wire = ended(Faults.lengthTooLong(), End.FIN);
    assertThat(wire).contains("\r\nContent-Length: " + (body(wire).length() + 10) + "\r\n");
  }

  @Test
  void gzipCutEndsInsideOfTheCompressedData() throws IOException {
    Chunks chunks = Chunks.of(body(ended(Faults.gzipCut(), End.FIN)));
    assertThat(chunks.whole).isFalse();
    String cut = chunks.rest.substring(chunks.rest.indexOf("\r\n") + 2);
    byte[] zipped = (String.join("", chunks.data) + cut).getBytes(ISO_8859_1);
    assertThat(zipped).hasSize(Faults.gzip().bodyBytes().length / 2);
    try (InputStream in = new GZIPInputStream(new ByteArrayInputStream(zipped))) {
      assertThatThrownBy(in::readAllBytes).isInstanceOf(EOFException.class);
    }
  }

  @Test
  void badChunkSizeIsNoNumber() {
    Chunks chunks = Chunks.of(body(ended(Faults.badChunkSize(), End.FIN)));
    assertThat(chunks.data).hasSize(2);
    assertThat(chunks.rest).startsWith("zz\r\n");
  }

  @Test
  void hugeChunkSizeOverflows() {
    Chunks chunks = Chunks.of(body(ended(Faults.hugeChunkSize(), End.FIN)));
    assertThat(chunks.data).hasSize(2);
    assertThat(chunks.rest).startsWith("fffffffffffffffff\r\n");
  }

  @Test
  void chunkWithoutLineEndIsLongerThanItSays() {
    Chunks chunks = Chunks.of(body(ended(Faults.chunkWithoutLineEnd(), End.FIN)));
    assertThat(chunks.data).hasSize(2);
    assertThat(chunks.rest).startsWith("4\r\ndata: x\n\n");
  }

  // ---- truncated

  @Test
  void lengthTooShortSendsMoreThanItSays() {
    String wire = keptOpen(Faults.lengthTooShort());
    int declared =
        Integer.parseInt(wire.replaceFirst("(?s).*\r\nContent-Length: (\\d+)\r\n.*", "$1"));
    assertThat(body(wire).getBytes(ISO_8859_1)).isEqualTo(Faults.chat().bodyBytes());
    assertThat(body(wire).substring(0, declared).split("\n\n", -1)).hasSize(3);
  }

  @Test
  void withoutLastEventEndsWell() {
    Chunks chunks = wholeChunks(Faults.withoutLastEvent());
    assertThat(chunks.data).hasSize(2);
    assertThat(chunks.joined()).doesNotContain("[DONE]").endsWith("\n\n");
  }

  @Test
  void closeDelimitedCutEndsInsideOfAnEvent() {
    String body = body(ended(Faults.closeDelimitedCut(), End.FIN));
    assertThat(body.split("\n\n", -1)).hasSize(3);
    assertThat(body).doesNotEndWith("\n");
  }

  // ---- no head

  @Test
  void closeOnConnectDoesNotWaitForARequest() {
    upstream.answer(Faults.closeOnConnect());
    RawClient client = RawClient.connect(upstream.origin());
    clients.add(client);
    assertThat(client.awaitEnd()).isEqualTo(End.FIN);
    assertThat(client.text()).isEmpty();
  }

  @Test
  void closeBeforeHeadSendsNothing() {
    assertThat(ended(Faults.closeBeforeHead(), End.FIN)).isEmpty();
    assertThat(upstream.requests()).hasSize(1);
  }

  @Test
  void resetBeforeHeadSendsNothing() {
    assertThat(ended(Faults.resetBeforeHead(), End.RESET)).isEmpty();
  }

  @Test
  void cutInHeadEndsInsideOfALine() {
    assertThat(ended(Faults.cutInHead(), End.FIN))
        .startsWith("HTTP/1.1 200 OK\r\n")
        .doesNotEndWith("\n");
  }

  @Test
  void notHttpDoesNotBeginAsHttp() {
    assertThat(ended(Faults.notHttp(), End.FIN)).startsWith("220 ");
  }

  @Test
  void brokenHeaderHasNoColon() {
    assertThat(ended(Faults.brokenHeader(), End.FIN)).contains("\r\nno colon in here\r\n");
  }

  @Test
  void twoLengthsContradictEachOther() {
    assertThat(ended(Faults.twoLengths(), End.FIN))
        .contains("\r\nContent-Length: 2\r\nContent-Length: 3\r\n");
  }

  @Test
  void hugeHeaderIsAsLongAsItSays() {
    assertThat(keptOpen(Faults.hugeHeader(1 << 20)))
        .contains("\r\nX-Huge: " + "x".repeat(1 << 20) + "\r\n");
  }

  // ---- silent

  private String silent(Answer answer) {
    RawClient client = ask(answer);
    FakeUpstream.Connection connection = upstream.lastConnection();
    connection.awaitStalled();
    client.awaitBytes(connection.sent());
    assertThat(client.end()).isEqualTo(End.OPEN);
    client.close();
    assertThat(connection.awaitLeave().by()).isEqualTo(FakeUpstream.LeftBy.FIN);
    connection.awaitPlayed();
    return client.text();
  }

  @Test
  void silenceTakesTheRequestAndSaysNothing() {
    assertThat(silent(Faults.silence())).isEmpty();
  }

  @Test
  void stallAfterHeadSendsTheHeadOnly() {
    assertThat(silent(Faults.stallAfterHead())).isEqualTo(HEAD);
  }

  @Test
  void stallInEventStopsInItsMiddle() {
    Chunks chunks = Chunks.of(body(silent(Faults.stallInEvent())));
    assertThat(chunks.data).hasSize(3);
    assertThat(chunks.whole).isFalse();
    assertThat(chunks.data.get(2)).startsWith("data: {").hasSize(40);
  }
}
