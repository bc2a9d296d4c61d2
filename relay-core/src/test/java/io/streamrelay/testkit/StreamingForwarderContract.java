package io.streamrelay.testkit;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import io.streamrelay.forward.ForwardResult;
import io.streamrelay.forward.ForwardResult.Cancelled;
import io.streamrelay.forward.ForwardResult.Completed;
import io.streamrelay.forward.ForwardResult.Phase;
import io.streamrelay.forward.ForwardResult.RequestBodyFailed;
import io.streamrelay.forward.ForwardResult.UpstreamFailed;
import io.streamrelay.forward.StreamingForwarder;
import io.streamrelay.forward.UpstreamRequest;
import io.streamrelay.http.Headers;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The rules of {@link StreamingForwarder}: extend once per implementation.
 *
 * <p>F3 and the order of calls are checked by {@link RecordingSink} in every test. What cannot be
 * tested here: that a lookup of a host name does not block (F2), because no name is slow on every
 * machine. What is left open: whether an answer that breaks off between its last, empty chunk and
 * the line end behind it is whole (F14); all its content has come.
 */
@Timeout(60)
public abstract class StreamingForwarderContract {
  /**
   * What may be between an upstream that sends without end and a sink that takes nothing: the
   * socket buffers of both sides.
   */
  private static final long MAX_IN_FLIGHT_BYTES = 8L << 20;

  private static final String OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

  private final List<RecordingSink> sinks = new ArrayList<>();
  private final List<FakeBodySource> bodies = new ArrayList<>();
  private FakeUpstream upstream = FakeUpstream.start();
  private StreamingForwarder forwarder;
  private Set<Thread> threadsBefore = Set.of();

  /** Only for subclasses. */
  @SuppressWarnings("NullAway.Init") // set before each test
  protected StreamingForwarderContract() {}

  /**
   * Makes the forwarder under test.
   *
   * @param connections how many it may open to one upstream
   * @param queued how many calls may wait for one of them
   * @return a started forwarder
   */
  protected abstract StreamingForwarder start(int connections, int queued);

  /**
   * Tells whether a thread belongs to the forwarder under test, and so must end with it.
   *
   * @param thread any thread of this JVM
   * @return true if so
   */
  protected abstract boolean isForwarders(Thread thread);

  /**
   * Fails if the closed forwarder lost buffers.
   *
   * @param brokenOff how many calls ended otherwise than completed
   * @param pendingWrites how many of them while the sink held a buffer, which cannot be had back
   */
  protected void checkNothingLeaked(int brokenOff, int pendingWrites) {}

  @BeforeEach
  void startForwarder() {
    threadsBefore = Set.copyOf(Thread.getAllStackTraces().keySet());
    forwarder = start(1024, 256);
  }

  @AfterEach
  void checkWhatNobodyAsserted() throws Exception {
    within(
        () -> {
          forwarder.close();
          return true;
        });
    upstream.close();
    sinks.forEach(RecordingSink::check);
    bodies.forEach(FakeBodySource::check);
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(Recorder.LIMIT_SECONDS);
    for (Thread thread : Thread.getAllStackTraces().keySet()) {
      if (isForwarders(thread) && !threadsBefore.contains(thread)) {
        thread.join(Math.max(1, TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime())));
        assertThat(thread.isAlive()).as("%s outlives its forwarder", thread).isFalse();
      }
    }
    checkNothingLeaked(
        (int) sinks.stream().filter(sink -> !(sink.awaitResult() instanceof Completed)).count(),
        (int) sinks.stream().filter(RecordingSink::endedWithinWrite).count());
  }

  // ---- F1 to F3: threads

  @Test
  void f1_manyCallsRunAtOnce() {
    List<RecordingSink> running = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      running.add(send(get("/" + i)));
    }
    List<FakeUpstream.Connection> connections = new ArrayList<>();
    List<String> targets = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      FakeUpstream.Connection connection = upstream.awaitConnection();
      connections.add(connection);
      targets.add(connection.awaitRequest().target());
      connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + "a".repeat(50));
    }
    running.forEach(sink -> sink.awaitBytes(50));
    for (int i = 0; i < 40; i++) {
      connections.get(i).send(padded(targets.get(i)));
    }
    for (int i = 0; i < 40; i++) {
      assertThat(running.get(i).awaitResult()).isEqualTo(new Completed());
      assertThat(text(running.get(i))).isEqualTo("a".repeat(50) + padded("/" + i));
    }
  }

  @Test
  void f1_manyThreadsForwardAtOnce() throws Exception {
    upstream.answerWith(
        request ->
            "HTTP/1.1 200 OK\r\nContent-Length: "
                + request.target().length()
                + "\r\n\r\n"
                + request.target());
    ExecutorService threads = Executors.newFixedThreadPool(8);
    try {
      List<Callable<Boolean>> work = new ArrayList<>();
      for (int i = 0; i < 200; i++) {
        String target = "/" + i;
        work.add(
            () -> {
              RecordingSink sink = send(get(target));
              assertThat(sink.awaitResult()).isEqualTo(new Completed());
              assertThat(text(sink)).isEqualTo(target);
              return true;
            });
      }
      for (var each : threads.invokeAll(work)) {
        assertThat(each.get()).isTrue();
      }
    } finally {
      threads.shutdownNow();
    }
  }

  @Test
  void f2_forwardAndCancelReturnWhileNoConnectionCanBeMade() throws Exception {
    replaceUpstream(FakeUpstream.full());
    RecordingSink sink = within(() -> send(get("/")));
    assertThat(sink.isConnected()).isFalse();
    assertThat(
            within(
                () -> {
                  sink.cancel();
                  return true;
                }))
        .isTrue();
    assertThat(sink.awaitResult()).isEqualTo(new Cancelled());
  }

  @Test
  void f2_forwardReturnsWhileTheUpstreamSaysNothing() throws Exception {
    RecordingSink sink = within(() -> send(get("/")));
    upstream.awaitConnection().awaitRequest();
    sink.awaitConnected();
    within(
        () -> {
          sink.cancel();
          return true;
        });
    assertThat(sink.awaitResult()).isEqualTo(new Cancelled());
  }

  @Test
  void f3_callsToASinkNeverOverlapWhoeverCausesThem() throws Exception {
    RecordingSink sink = send(get("/"), new RecordingSink().acceptingNothing().discarding());
    FakeUpstream.Connection connection = upstream.awaitConnection();
    connection.awaitRequest();
    connection.send("HTTP/1.1 200 OK\r\n\r\n").sendEndlessly(new byte[1000]);
    ExecutorService threads = Executors.newFixedThreadPool(4);
    try {
      List<Callable<Boolean>> work = new ArrayList<>();
      for (int i = 0; i < 400; i++) {
        work.add(
            () -> {
              sink.accept(1);
              Thread.onSpinWait();
              return true;
            });
      }
      for (var each : threads.invokeAll(work)) {
        assertThat(each.get()).isTrue();
      }
    } finally {
      threads.shutdownNow();
    }
    sink.awaitBytes(100_000);
    sink.cancel();
    assertThat(sink.awaitResult()).isEqualTo(new Cancelled());
  }

  // ---- F4 to F6: demand

  @ParameterizedTest
  @EnumSource(Framing.class)
  void f4_aClientThatStopsReadingStopsItsUpstreamAndNoOther(Framing framing) {
    RecordingSink slow = send(get("/slow"), new RecordingSink().acceptingNothing().discarding());
    FakeUpstream.Connection flood = upstream.awaitConnection();
    flood.awaitRequest();
    flood.send(framing.head(Long.MAX_VALUE / 2)).sendEndlessly(framing.frame(new byte[16_384]));
    slow.awaitAskedInVain();
    slow.accept(3);
    slow.awaitBytes(3);
    long sent = flood.awaitBlockedOnWrite();
    assertThat(sent).isLessThan(MAX_IN_FLIGHT_BYTES);

    RecordingSink other = send(get("/other"));
    FakeUpstream.Connection quick = upstream.awaitConnection();
    quick.awaitRequest();
    quick.send(OK);
    assertThat(other.awaitResult()).isEqualTo(new Completed());
    assertThat(flood.sent()).isEqualTo(sent);

    slow.acceptAll();
    slow.awaitBytes(sent * 2);
    slow.cancel();
    assertThat(slow.awaitResult()).isEqualTo(new Cancelled());
  }

  @ParameterizedTest
  @EnumSource(Framing.class)
  void f5_aChunkIsHandedOverBeforeTheNextIsSent(Framing framing) {
    RecordingSink sink = send(get("/"));
    FakeUpstream.Connection connection = upstream.awaitConnection();
    connection.awaitRequest();
    connection.send(framing.head(5000));
    for (int i = 1; i <= 50; i++) {
      connection.send(framing.frame(random(i, 100)));
      sink.awaitBytes(i * 100L);
    }
    sink.cancel();
    assertThat(sink.awaitResult()).isInstanceOfAny(Cancelled.class, Completed.class);
  }

  @ParameterizedTest
  @EnumSource(Framing.class)
  void f5_oneByteIsAChunk(Framing framing) {
    RecordingSink sink = send(get("/"));
    FakeUpstream.Connection connection = upstream.awaitConnection();
    connection.awaitRequest();
    connection.send(framing.head(20));
    for (int i = 1; i <= 20; i++) {
      connection.send(framing.frame(new byte[] {(byte) i}));
      assertThat(sink.awaitBytes(i)).endsWith((byte) i);
    }
    framing.end(connection);
    assertThat(sink.awaitResult()).isEqualTo(new Completed());
    assertThat(sink.chunks()).hasSize(20);
  }

  @Test
  void f5_theHeadGoesOutBeforeAnyContent() {
    RecordingSink sink = send(get("/"));
    FakeUpstream.Connection connection = upstream.awaitConnection();
    connection.awaitRequest();
    connection.send(Framing.CHUNKED.head(2));
    sink.awaitFlush();
    assertThat(sink.received()).isZero();
    connection.send(Framing.CHUNKED.frame(ascii("hi"))).send("0\r\n\r\n");
    assertThat(sink.awaitResult()).isEqualTo(new Completed());
    assertThat(text(sink)).isEqualTo("hi");
  }

  @Test
  void f5_aChunkThatCameWhileTheSinkWasBusyGoesOutWhenItIsReady() {
    RecordingSink sink = send(get("/"), new RecordingSink().acceptingNothing());
    FakeUpstream.Connection connection = upstream.awaitConnection();
    connection.awaitRequest();
    connection.send(Framing.CHUNKED.head(0)).send(Framing.CHUNKED.frame(ascii("one")));
    sink.awaitAskedInVain();
    sink.accept(1);
    connection.send(Framing.CHUNKED.frame(ascii("two")));
    sink.accept(1);
    sink.accept(1);
    assertThat(sink.awaitBytes(6)).isEqualTo(ascii("onetwo"));
    sink.acceptAll();
    connection.send("0\r\n\r\n");
    assertThat(sink.awaitResult()).isEqualTo(new Completed());
  }

  @Test
  void f6_aStreamThatNeverPausesYieldsItsThread() {
    RecordingSink sink = send(get("/"), new RecordingSink().acceptingNothing().discarding());
    FakeUpstream.Connection connection = upstream.awaitConnection();
    connection.awaitRequest();
    connection.send("HTTP/1.1 200 OK\r\n\r\n").sendEndlessly(new byte[8192]);
    sink.awaitAskedInVain();
    // What is in the socket buffers now can be read without a pause.
    assertThat(connection.awaitBlockedOnWrite()).isGreaterThan(150_000);
    sink.acceptAll();
    assertThat(sink.receivedOn(Thread.currentThread())).isLessThanOrEqualTo(64 * 1024 + 16 * 1024);
    sink.awaitBytes(10L << 20);
    sink.cancel();
    assertThat(sink.awaitResult()).isEqualTo(new Cancelled());
  }

  // ---- F7, F8: the answer's bytes

  @ParameterizedTest
  @EnumSource(Framing.class)
  void f7_theBodyArrivesByteForByte(Framing framing) {
    Random random = new Random(7);
    for (int round = 0; round < 8; round++) {
      byte[] body = random(round, 1 + random.nextInt(400_000));
      RecordingSink sink = send(get("/"));
      FakeUpstream.Connection connection = upstream.awaitConnection();
      connection.awaitRequest();
      connection.send(framing.head(body.length));
      int from = 0;
      while (from < body.length) {
        int scale = 1 << random.nextInt(17);
        int to = Math.min(body.length, from + 1 + random.nextInt(scale));
        connection.send(framing.frame(java.util.Arrays.copyOfRange(body, from, to)));
        from = to;
      }
      framing.end(connection);
      assertThat(sink.awaitResult()).isEqualTo(new Completed());
      assertThat(sink.received()).isEqualTo(body.length);
      assertThat(sha256(sink.bytes())).isEqualTo(sha256(body));
      // No reuse: the next round waits for a connection of its own.
      connection.end();
      connection.awaitClosed();
    }
  }

  @ParameterizedTest
  @EnumSource(Framing.class)
  void f7_anAnswerMayBeSplitAnywhere(Framing framing) {
    byte[] body = ascii("data: {}\n\n");
    byte[] head = ascii(framing.head(body.length));
    byte[] frame = framing.frame(body);
    ByteArrayOutputStream whole = new ByteArrayOutputStream();
    whole.writeBytes(head);
    whole.writeBytes(frame);
    if (framing == Framing.CHUNKED) {
      whole.writeBytes(ascii("0\r\n\r\n"));
    }
    String answer = whole.toString(ISO_8859_1);
    for (int at = 1; at < answer.length(); at++) {
      RecordingSink sink = send(get("/"));
      FakeUpstream.Connection connection = upstream.awaitConnection();
      connection.awaitRequest();
      connection.send(answer.substring(0, at));
      if (at >= head.length) {
        sink.awaitHead();
      }
      connection.send(answer.substring(at));
      connection.end();
      assertThat(sink.awaitResult()).as("split at %s", at).isEqualTo(new Completed());
      assertThat(text(sink)).as("split at %s", at).isEqualTo("data: {}\n\n");
      connection.awaitClosed();
    }
  }

  @Test
  void f7_contentCodingsAreNotUndone() throws IOException {
    ByteArrayOutputStream zipped = new ByteArrayOutputStream();
    try (GZIPOutputStream gzip = new GZIPOutputStream(zipped)) {
      gzip.write(ascii("hello hello hello"));
    }
    RecordingSink sink =
        send(request("GET", "/", Headers.of("Accept-Encoding", "gzip"), 0, ByteBuffer.allocate(0)));
    FakeUpstream.Connection connection = upstream.awaitConnection();
    assertThat(connection.awaitRequest().lines()).contains("Accept-Encoding: gzip");
    connection
        .send(
            "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: "
                + zipped.size()
                + "\r\n\r\n")
        .send(zipped.toByteArray());
    assertThat(sink.awaitResult()).isEqualTo(new Completed());
    assertThat(sink.bytes()).isEqualTo(zipped.toByteArray());
    assertThat(sink.headers().first("Content-Encoding")).isEqualTo("gzip");
    assertThat(sink.headers().first("Content-Length")).isEqualTo("" + zipped.size());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "301 Moved\r\nLocation: /else",
        "302 Found\r\nLocation: /else",
        "307 Again\r\nLocation: /else",
        "401 Who\r\nWWW-Authenticate: Basic realm=\"x\"",
        "407 Who\r\nProxy-Authenticate: Basic realm=\"x\"",
        "429 Slow\r\nRetry-After: 1",
        "503 Down\r\nRetry-After: 0"
      })
  void f7_redirectsChallengesAndRefusalsAreTheAnswer(String head) {
    RecordingSink sink = send(post("/", "body"));
    FakeUpstream.Connection connection = upstream.awaitConnection();
    connection.awaitRequest();
    connection.send("HTTP/1.1 " + head + "\r\nContent-Length: 3\r\n\r\nwhy");
    assertThat(sink.awaitResult()).isEqualTo(new Completed());
    assertThat(sink.status()).isEqualTo(Integer.parseInt(head.substring(0, 3)));
    assertThat(text(sink)).isEqualTo("why");
    String line = head.substring(head.indexOf("\r\n") + 2);
    assertThat(sink.headers().first(line.substring(0, line.indexOf(':'))))
        .isEqualTo(line.substring(line.indexOf(": ") + 2));
    sink.awaitQuiet();
    assertThat(connection.received()).containsOnlyOnce("POST ");
    assertThat(upstream.connectionCount()).isEqualTo(1);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void f7_nothingIsSentAgainWhenAPooledConnectionTurnsOutDead(boolean reset) {
    RecordingSink first = send(get("/first"));
    FakeUpstream.Connection connection = upstream.awaitConnection();
    connection.awaitRequest();
    connection.send(OK);
    assertThat(first.awaitResult()).isEqualTo(new Completed());
    first.awaitQuiet();

    RecordingSink second = send(post("/second", "body"));
    assertThat(connection.awaitRequest().target()).isEqualTo("/second");
    if (reset) {
      connection.reset();
    } else {
      connection.close();
    }
    assertThat(failedPhase(second)).isEqualTo(Phase.HEAD);
    second.awaitQuiet();
    assertThat(upstream.connectionCount()).isEqualTo(1);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void f7_aPooledConnectionThatDiedIdleDoesNotStayInTheWay(boolean reset) {
    replaceForwarder(1, 1);
    upstream.answerWith(request -> OK);
    for (int i = 0; i < 2; i++) {
      RecordingSink sink = send(get("/"));
      assertThat(sink.awaitResult()).isEqualTo(new Completed());
      FakeUpstream.Connection connection = upstream.awaitConnection();
      if (reset) {
        connection.reset();
      } else {
        connection.close();
      }
      // Time to notice.
      sink.awaitQuiet();
    }
  }

  @Test
  void f7_trailersAreNotContent() {
    RecordingSink sink = send(get("/"));
    FakeUpstream.Connection connection = upstream.awaitConnection();
    connection.awaitRequest();
    connection.send(Framing.CHUNKED.head(2) + "2;name=value\r\nhi\r\n0\r\nX-Sum: 1\r\n\r\n");
    assertThat(sink.awaitResult()).isEqualTo(new Completed());
    assertThat(text(sink)).isEqualTo("hi");
  }

  @ParameterizedTest
  @ValueSource(ints = {100, 102, 103, 104, 199})
  void f8_interimHeadsAreNotPassedOn(int status) {
    RecordingSink sink = send(post("/", "body"));
    FakeUpstream.Connection connection = upstream.awaitConnection();
    connection.awaitRequest();
    String interim = "HTTP/1.1 " + status + " Interim\r\nLink: </x>\r\n\r\n";
    connection.send(interim).send(interim).send(OK);
    assertThat(sink.awaitResult()).isEqualTo(new Completed());
    assertThat(sink.status()).isEqualTo(200);
    assertThat(sink.headers().contains("Link")).isFalse();
    assertThat(text(sink)).isEqualTo("ok");
  }

  @Test
  void f8_aSwitchOfProtocolsThatNobodyAskedForIsAFailure() {
    RecordingSink sink = send(get("/"));
    FakeUpstream.Connection connection = upstream.awaitConnection();
    connection.awaitRequest();
    connection.send("HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nxxx");
    assertThat(failedPhase(sink)).isEqualTo(Phase.HEAD);
    assertThat(sink.status()).isZero();
    connection.awaitClosed();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "GET 204 No\r\n",
        "GET 304 Same\r\nContent-Length: 10\r\n",
        "GET 200 OK\r\nContent-Length: 0\r\n",
        "GET 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
        "HEAD 200 OK\r\nContent-Length: 10\r\n",
        "HEAD 200 OK\r\nTransfer-Encoding: chunked\r\n",
        "POST 500 No\r\nContent-Length: 0\r\n"
      })
  void f8_answersWithoutContentComplete(String methodAndHead) {
    String method = methodAndHead.substring(0, methodAndHead.indexOf(' '));
    String head = methodAndHead.substring(method.length() + 1);
    RecordingSink sink = send(request(method, "/", Headers.empty(), 0, ByteBuffer.allocate(0)));
    FakeUpstream.Connection connection = upstream.awaitConnection();
    connection.awaitRequest();
    connection.send("HTTP/1.1 " + head + "\r\n");
    assertThat(sink.awaitResult()).isEqualTo(new Completed());
    assertThat(sink.status()).isEqualTo(Integer.parseInt(head.substring(0, 3)));
    assertThat(sink.received()).isZero();
  }

  @Test
  void f8_theHeadersAreAsTheyCame() {
    List<String> lines =
        List.of(
            "Content-Type: Text/Event-Stream;Charset=UTF-8",
            "x-lower: a",
            "X-UPPER: B",
            "Set-Cookie: a=1",
            "Set-Cookie: b=2",
            "X-Empty: ",
            "Date: some day",
            "X-Latin: caf\u00e9",
            "connection: Keep-Alive",
            "Cache-Control: No-Cache",
            "Content-Length: 2");
    RecordingSink sink = send(get("/"));
    FakeUpstream.Connection connection = upstream.awaitConnection();
    connection.awaitRequest();
    connection.send("HTTP/1.1 299 Odd\r\n" + String.join("\r\n", lines) + "\r\n\r\nok");
    assertThat(sink.awaitResult()).isEqualTo(new Completed());
    assertThat(sink.status()).isEqualTo(299);
    List<String> got = new ArrayList<>();
    sink.headers().forEach((name, value) -> got.add(name + ": " + value));
    assertThat(got).isEqualTo(lines);
  }

  // ---- F9 to F11: the request

  @Test
  void f9_onlyHostIsAddedToARequestWithoutABody() {
    send(request("GET", "/v1/models", Headers.of("X-One", "1"), 0, ByteBuffer.allocate(0)));
    FakeUpstream.Request request = answered();
    assertThat(request.head()).startsWith("GET /v1/models HTTP/1.1\r\n");
    assertThat(request.lines())
        .containsExactlyInAnyOrder(
            "GET /v1/models HTTP/1.1", "Host: " + upstream.origin().getAuthority(), "X-One: 1");
  }

  @Test
  void f9_aNameAsHostIsSentWithItsPort() {
    URI origin = URI.create("http://localhost:" + upstream.origin().getPort() + "/ignored");
    send(
        new UpstreamRequest(
            "GET", origin, "/x", Headers.empty(), 0, ByteBuffer.allocate(0), body(0)));
    assertThat(answered().lines())
        .containsExactly("GET /x HTTP/1.1", "Host: localhost:" + origin.getPort());
  }

  @Test
  void f9_headersGoOutAsGivenInOrderAndTwice() {
    Headers headers =
        Headers.of(
            "x-b",
            "2",
            "X-A",
            "1",
            "X-b",
            "3",
            "Cookie",
            "a=b",
            "Content-Type",
            "text/PLAIN",
            "User-Agent",
            "mine/1",
            "Authorization",
            "Bearer x",
            "X-Latin",
            "caf\u00e9");
    send(request("POST", "/", headers, 4, ByteBuffer.wrap(ascii("body"))));
    FakeUpstream.Request request = answered();
    List<String> expected = new ArrayList<>();
    headers.forEach((name, value) -> expected.add(name + ": " + value));
    assertThat(request.lines())
        .containsSubsequence(expected)
        .contains("Content-Length: 4", "Host: " + upstream.origin().getAuthority())
        .hasSize(expected.size() + 3);
    assertThat(request.framed()).isEqualTo("body");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "/",
        "/v1/a%20b?q=a|b[]{}&x=%2F",
        "/v1/x?",
        "/v1/x?b=2&a=1&b=&c&=d",
        "/v1/x;p=1/y?q=;",
        "/v1/%E2%82%AC/~user/a:b@c,d'(e)*!$",
        "/v1/x?u=http://a//b?c",
        "/v1/x?q=a+b%2Bc\"<>\\^`",
        "/v1/models/org%2Fname"
      })
  void f9_pathAndQueryGoOutVerbatim(String target) {
    send(get(target));
    assertThat(answered().lines()).startsWith("GET " + target + " HTTP/1.1");
  }

  @ParameterizedTest
  @ValueSource(strings = {"POST", "PUT"})
  void f9_aMethodThatExpectsABodySaysThatThereIsNone(String method) {
    send(request(method, "/", Headers.empty(), 0, ByteBuffer.allocate(0)));
    assertThat(answered().lines()).hasSize(3).contains("Content-Length: 0");
  }

  @ParameterizedTest
  @ValueSource(strings = {"GET", "HEAD", "DELETE", "OPTIONS"})
  void f9_othersWithoutABodySayNothing(String method) {
    send(request(method, "/", Headers.empty(), 0, ByteBuffer.allocate(0)));
    assertThat(answered().lines()).hasSize(2);
  }

  @Test
  void f9_aBodyInMemoryIsSentByteForByte() {
    byte[] body = random(9, 60_000);
    send(request("POST", "/", Headers.empty(), body.length, ByteBuffer.wrap(body)));
    FakeUpstream.Request request = answered();
    assertThat(request.lines()).contains("Content-Length: 60000");
    assertThat(sha256(request.framed().getBytes(ISO_8859_1))).isEqualTo(sha256(body));
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 700_000})
  void f10_aBodyOfKnownLengthIsSentWithItAndAsItComes(int length) {
    byte[] bytes = random(10, length);
    FakeBodySource body = body(length);
    send(upload(body));
    int from = 0;
    while (from < length) {
      int to = Math.min(length, from + 50_000);
      body.offer(java.util.Arrays.copyOfRange(bytes, from, to));
      body.awaitTaken(to);
      from = to;
    }
    body.end();
    FakeUpstream.Request request = answered();
    assertThat(request.lines()).hasSize(3).contains("Content-Length: " + length);
    assertThat(sha256(request.framed().getBytes(ISO_8859_1))).isEqualTo(sha256(bytes));
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 700_000})
  void f10_aBodyOfUnknownLengthIsSentInChunks(int length) {
    byte[] bytes = random(11, length);
    FakeBodySource body = body(-1);
    send(upload(body));
    if (length > 0) {
      body.offer(bytes);
    }
    body.end();
    FakeUpstream.Request request = answered();
    assertThat(request.lines())
        .hasSize(3)
        .contains(length == 0 ? request.lines().get(2) : "Transfer-Encoding: chunked");
    assertThat(sha256(request.body().getBytes(ISO_8859_1))).isEqualTo(sha256(bytes));
  }

  @Test
  void f10_aSliceGoesOutBeforeTheNextIsThere() {
    FakeBodySource body = body(-1);
    RecordingSink sink = send(upload(body));
    FakeUpstream.Connection connection = upstream.awaitConnection();
    connection.awaitHead();
    for (int i = 1; i <= 20; i++) {
      body.offer(ascii("slice-" + i));
      connection.awaitReceived("slice-" + i);
    }
    body.end();
    connection.awaitRequest();
    connection.send(OK);
    assertThat(sink.awaitResult()).isEqualTo(new Completed());
  }

  @Test
  void f10_anUpstreamThatStopsReadingStopsTheUpload() {
    upstream.readingOnly(1000);
    FakeBodySource body = body(-1).endless(new byte[16_384]);
    RecordingSink sink = send(upload(body));
    FakeUpstream.Connection connection = upstream.awaitConnection();
    long taken = body.awaitQuiet();
    assertThat(taken).isLessThan(MAX_IN_FLIGHT_BYTES);
    connection.readOn();
    body.awaitTaken(taken + 1_000_000);
    sink.cancel();
    assertThat(sink.awaitResult()).isEqualTo(new Cancelled());
    connection.awaitClosed();
  }

  @ParameterizedTest
  @ValueSource(longs = {100, -1})
  void f11_aBodyThatFailsAbortsTheRequest(long length) {
    FakeBodySource body = body(length).offer(ascii("0123456789"));
    RecordingSink sink = send(upload(body));
    FakeUpstream.Connection connection = upstream.awaitConnection();
    connection.awaitReceived("0123456789");
    IOException broken = new IOException("the client broke off");
    body.fail(broken);
    assertThat(sink.awaitResult()).isEqualTo(new RequestBodyFailed(broken));
    connection.awaitClosed();
    assertThat(connection.received().stripTrailing()).endsWith("0123456789");
  }

  @Test
  void f11_aBodyThatFailsAtOnceSendsNoWholeRequest() {
    IOException broken = new IOException("the client broke off");
    RecordingSink sink = send(upload(body(-1).fail(broken)));
    assertThat(sink.awaitResult()).isEqualTo(new RequestBodyFailed(broken));
    upstream.awaitAllClosed();
  }

  @Test
  void f11_aBodyThatFailsWhileTheAnswerRunsEndsBoth() {
    FakeBodySource body = body(-1).offer(ascii("0123456789"));
    RecordingSink sink = send(upload(body));
    FakeUpstream.Connection connection = upstream.awaitConnection();
    connection.awaitReceived("0123456789");
    connection.send(Framing.CHUNKED.head(0)).send(Framing.CHUNKED.frame(ascii("early")));
    sink.awaitBytes(5);
    IOException broken = new IOException("the client broke off");
    body.fail(broken);
    assertThat(sink.awaitResult()).isEqualTo(new RequestBodyFailed(broken));
    connection.awaitClosed();
    assertThat(connection.received().stripTrailing()).endsWith("0123456789");
  }

  @Test
  void f11_aBodyShorterThanDeclaredIsNotSentAsIfWhole() {
    FakeBodySource body = body(100).offer(ascii("0123456789"));
    RecordingSink sink = send(upload(body));
    FakeUpstream.Connection connection = upstream.awaitConnection();
    connection.awaitReceived("0123456789");
    body.end();
    assertThat(sink.awaitResult()).isInstanceOf(RequestBodyFailed.class);
    connection.awaitClosed();
  }

  @Test
  void f11_aBodyLongerThanDeclaredIsNotSentBeyondThat() {
    FakeBodySource body = body(5).offer(ascii("0123"));
    RecordingSink sink = send(upload(body));
    FakeUpstream.Connection connection = upstream.awaitConnection();
    connection.awaitReceived("0123");
    body.offer(ascii("4GET /smuggled")).end();
    assertThat(sink.awaitResult()).isInstanceOf(RequestBodyFailed.class);
    connection.awaitClosed();
    assertThat(connection.received()).doesNotContain("GET /smuggled");
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void f11_anAnswerThatComesBeforeTheUploadIsOverIsPassedOn(boolean ends) {
    FakeBodySource body = body(1000).offer(ascii("0123456789"));
    RecordingSink sink = send(upload(body));
    FakeUpstream.Connection connection = upstream.awaitConnection();
    connection.awaitReceived("0123456789");
    connection.send("HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\n\r\n");
    sink.awaitHead();
    connection.send("large");
    if (ends) {
      connection.end();
    }
    assertThat(sink.awaitResult()).isEqualTo(new Completed());
    assertThat(sink.status()).isEqualTo(413);
    assertThat(text(sink)).isEqualTo("large");
    // The rest of the upload will never come, so nothing else can use this connection.
    connection.awaitClosed();
    long taken = body.taken();
    body.offer(new byte[100]);
    body.awaitQuiet();
    assertThat(body.taken()).isEqualTo(taken);
  }

  @Test
  void f11_anAnswerIsPassedOnWhileTheUploadIsBlocked() {
    upstream.readingOnly(1000);
    FakeBodySource body = body(-1).endless(new byte[16_384]);
    RecordingSink sink = send(upload(body));
    FakeUpstream.Connection connection = upstream.awaitConnection();
    body.awaitQuiet();
    connection.send("HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\n\r\nlarge");
    assertThat(sink.awaitResult()).isEqualTo(new Completed());
    assertThat(text(sink)).isEqualTo("large");
    connection.readOn();
    connection.awaitClosed();
  }

  // ---- F12, F13: cancelling

  @Test
  void f12_cancelEndsACallThatWaitsForAConnection() {
    replaceForwarder(1, 1);
    RecordingSink first = send(get("/first"));
    FakeUpstream.Connection connection = upstream.awaitConnection();
    connection.awaitRequest();
    RecordingSink waiting = send(get("/waiting"));
    waiting.cancel();
    assertThat(waiting.awaitResult()).isEqualTo(new Cancelled());
    assertThat(waiting.isConnected()).isFalse();
    // Its place in the queue is free again.
    RecordingSink next = send(get("/next"));
    connection.send(OK);
    assertThat(first.awaitResult()).isEqualTo(new Completed());
    assertThat(connection.awaitRequest().target()).isEqualTo("/next");
    connection.send(OK);
    assertThat(next.awaitResult()).isEqualTo(new Completed());
  }

  @Test
  void f12_cancelEndsACallWhoseConnectionIsBeingMade() {
    replaceUpstream(FakeUpstream.full());
    RecordingSink sink = send(get("/"));
    sink.cancel();
    assertThat(sink.awaitResult()).isEqualTo(new Cancelled());
    assertThat(sink.isConnected()).isFalse();
  }

  @Test
  void f12_cancelEndsACallThatWaitsForTheHead() {
    RecordingSink sink = send(get("/"));
    FakeUpstream.Connection connection = upstream.awaitConnection();
    connection.awaitRequest();
    cancelled(sink, connection);
  }

  @ParameterizedTest
  @EnumSource(Framing.class)
  void f12_cancelEndsACallWhoseUpstreamIsSilentWithinTheBody(Framing framing) {
    RecordingSink sink = send(get("/"));
    FakeUpstream.Connection connection = upstream.awaitConnection();
    connection.awaitRequest();
    connection.send(framing.head(100)).send(framing.frame(ascii("hello")));
    sink.awaitBytes(5);
    cancelled(sink, connection);
  }

  @Test
  void f12_cancelEndsACallWhoseWriteIsPending() {
    RecordingSink sink = send(get("/"), new RecordingSink().acceptingNothing());
    FakeUpstream.Connection connection = upstream.awaitConnection();
    connection.awaitRequest();
    // At once, so that no flush of the head takes the one permit.
    connection.send(Framing.CHUNKED.head(0) + "5\r\nhello\r\n");
    sink.awaitAskedInVain();
    sink.accept(1);
    sink.awaitBytes(5);
    cancelled(sink, connection);
    assertThat(sink.endedWithinWrite()).isTrue();
    // The client's side ends its write later; nobody must mind.
    sink.accept(1);
  }

  @Test
  void f12_cancelEndsAnUploadThatWaitsForItsClient() {
    FakeBodySource body = body(1000).offer(ascii("0123456789"));
    RecordingSink sink = send(upload(body));
    FakeUpstream.Connection connection = upstream.awaitConnection();
    connection.awaitReceived("0123456789");
    body.awaitStarved();
    cancelled(sink, connection);
    long taken = body.taken();
    body.offer(new byte[100]).awaitQuiet();
    assertThat(body.taken()).isEqualTo(taken);
  }

  @Test
  void f12_cancelEndsAnUploadThatTheUpstreamDoesNotTake() {
    upstream.readingOnly(1000);
    FakeBodySource body = body(-1).endless(new byte[16_384]);
    RecordingSink sink = send(upload(body));
    FakeUpstream.Connection connection = upstream.awaitConnection();
    body.awaitQuiet();
    sink.cancel();
    assertThat(sink.awaitResult()).isEqualTo(new Cancelled());
    connection.readOn();
    connection.awaitClosed();
  }

  @Test
  void f12_cancelAfterTheEndChangesNothing() {
    RecordingSink sink = send(get("/"));
    FakeUpstream.Connection connection = upstream.awaitConnection();
    connection.awaitRequest();
    connection.send(OK);
    assertThat(sink.awaitResult()).isEqualTo(new Completed());
    sink.cancel();
    sink.cancel();
    assertThat(sink.awaitResult()).isEqualTo(new Completed());
  }

  @Test
  void f12_closeEndsWhatIsStillRunning() throws Exception {
    RecordingSink silent = send(get("/"));
    FakeUpstream.Connection connection = upstream.awaitConnection();
    connection.awaitRequest();
    RecordingSink running = send(get("/"));
    FakeUpstream.Connection other = upstream.awaitConnection();
    other.awaitRequest();
    other.send(Framing.CHUNKED.head(0)).send(Framing.CHUNKED.frame(ascii("hello")));
    running.awaitBytes(5);
    within(
        () -> {
          forwarder.close();
          return true;
        });
    assertThat(silent.awaitResult()).isNotInstanceOf(Completed.class);
    assertThat(running.awaitResult()).isNotInstanceOf(Completed.class);
    connection.awaitClosed();
    other.awaitClosed();
  }

  @Test
  void f13_theResultComesOnceAndLastWhoeverIsFaster() {
    replaceForwarder(4, 100);
    Random random = new Random(13);
    byte[] body = random(13, 50_000);
    String answer =
        Framing.CHUNKED.head(0) + new String(Framing.CHUNKED.frame(body), ISO_8859_1) + "0\r\n\r\n";
    upstream.answerWith(request -> answer);
    ExecutorService other = Executors.newSingleThreadExecutor();
    try {
      int completed = 0;
      for (int i = 0; i < 300; i++) {
        int cancelAfter = random.nextInt(3) == 0 ? Integer.MAX_VALUE : random.nextInt(60_000);
        int turns = random.nextInt(2_000);
        boolean slow = random.nextBoolean();
        RecordingSink sink =
            send(post("/", "body"), slow ? new RecordingSink().acceptingNothing() : fast());
        other.execute(
            () -> {
              for (int turn = 0; turn < turns; turn++) {
                Thread.onSpinWait();
              }
              if (cancelAfter == Integer.MAX_VALUE) {
                sink.acceptAll();
              } else if (cancelAfter < 40_000) {
                sink.accept(1);
                sink.cancel();
                sink.accept(1);
              } else {
                sink.accept(1);
                sink.awaitHead();
                sink.cancel();
              }
            });
        ForwardResult result = sink.awaitResult();
        if (result instanceof Completed) {
          completed++;
          assertThat(sha256(sink.bytes())).isEqualTo(sha256(body));
        } else {
          assertThat(result).isEqualTo(new Cancelled());
        }
      }
      assertThat(completed).isBetween(50, 250);
    } finally {
      other.shutdown();
    }
    // No connection was lost on the way.
    for (int i = 0; i < 20; i++) {
      assertThat(send(get("/")).awaitResult()).isEqualTo(new Completed());
    }
  }

  // ---- F14: failures

  static Stream<Arguments> brokenAnswers() {
    String chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    String sized = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n";
    return Stream.of(
        Arguments.of("cut within a sized body", sized + "hello", Phase.BODY),
        Arguments.of("cut before a sized body", sized, Phase.BODY),
        Arguments.of("cut between chunks", chunked + "5\r\nhello\r\n", Phase.BODY),
        Arguments.of("cut within a chunk", chunked + "5\r\nhel", Phase.BODY),
        Arguments.of("cut before the last chunk", chunked + "5\r\nhello\r\n0", Phase.BODY),
        Arguments.of("cut within a chunk's size", chunked + "5\r\nhello\r\n1", Phase.BODY),
        Arguments.of("a chunk size that is no number", chunked + "xyz\r\nhello\r\n", Phase.BODY),
        Arguments.of("a huge chunk size", chunked + "fffffffffffffffff\r\nhello", Phase.BODY),
        Arguments.of("a chunk without its line end", chunked + "5\r\nhelloworld\r\n", Phase.BODY),
        Arguments.of("nothing", "", Phase.HEAD),
        Arguments.of("cut within the status line", "HTTP/1.1 200", Phase.HEAD),
        Arguments.of("cut within the head", "HTTP/1.1 200 OK\r\nContent-Le", Phase.HEAD),
        Arguments.of("cut behind an interim head", "HTTP/1.1 103 Hint\r\n\r\n", Phase.HEAD),
        Arguments.of("no HTTP at all", "SSH-2.0-OpenSSH_9.6\r\n", Phase.HEAD),
        Arguments.of("a status that is no number", "HTTP/1.1 abc OK\r\n\r\n", Phase.HEAD),
        Arguments.of(
            "a length that is no number",
            "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
            Phase.HEAD),
        Arguments.of(
            "a negative length", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", Phase.HEAD),
        Arguments.of(
            "two lengths",
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok!",
            Phase.HEAD),
        Arguments.of(
            "a header without a colon", "HTTP/1.1 200 OK\r\nwhat is this\r\n\r\n", Phase.HEAD),
        Arguments.of(
            "a head of more than 32 KiB",
            "HTTP/1.1 200 OK\r\nX-Long: " + "x".repeat(40_000) + "\r\n\r\n",
            Phase.HEAD),
        Arguments.of(
            "a head of very many fields",
            "HTTP/1.1 200 OK\r\n" + "X-Many: 12345678\r\n".repeat(3000) + "\r\n",
            Phase.HEAD));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("brokenAnswers")
  void f14_anAnswerThatIsBrokenOrCutIsAFailure(String what, String answer, Phase phase) {
    RecordingSink sink = send(get("/"));
    FakeUpstream.Connection connection = upstream.awaitConnection();
    connection.awaitRequest();
    connection.send(answer);
    connection.end();
    assertThat(failedPhase(sink)).as(what).isEqualTo(phase);
    connection.awaitClosed();
    assertThat(sink.status()).isEqualTo(phase == Phase.BODY ? 200 : 0);
  }

  @ParameterizedTest
  @EnumSource(Framing.class)
  void f14_aResetWithinTheBodyIsAFailure(Framing framing) {
    RecordingSink sink = send(get("/"));
    FakeUpstream.Connection connection = upstream.awaitConnection();
    connection.awaitRequest();
    connection.send(framing.head(100)).send(framing.frame(ascii("hello")));
    sink.awaitBytes(5);
    connection.reset();
    assertThat(failedPhase(sink)).isEqualTo(Phase.BODY);
    assertThat(text(sink)).isEqualTo("hello");
  }

  @Test
  void f14_aFailureWaitsBehindAPendingWrite() {
    RecordingSink sink = send(get("/"), new RecordingSink().acceptingNothing());
    FakeUpstream.Connection connection = upstream.awaitConnection();
    connection.awaitRequest();
    connection.send(Framing.LENGTH.head(100)).send(ascii("hello"));
    sink.awaitAskedInVain();
    connection.end();
    sink.acceptAll();
    assertThat(failedPhase(sink)).isEqualTo(Phase.BODY);
    assertThat(text(sink)).isEqualTo("hello");
  }

  @Test
  void f14_aResetBeforeTheHeadIsAFailure() {
    RecordingSink sink = send(get("/"));
    FakeUpstream.Connection connection = upstream.awaitConnection();
    connection.awaitRequest();
    connection.reset();
    assertThat(failedPhase(sink)).isEqualTo(Phase.HEAD);
    assertThat(sink.isConnected()).isTrue();
  }

  @Test
  void f14_aResetWithinTheUploadIsAFailure() {
    upstream.readingOnly(1000);
    FakeBodySource body = body(-1).endless(new byte[16_384]);
    RecordingSink sink = send(upload(body));
    FakeUpstream.Connection connection = upstream.awaitConnection();
    body.awaitTaken(100_000);
    connection.reset();
    assertThat(failedPhase(sink)).isEqualTo(Phase.HEAD);
  }

  @Test
  void f14_aFullQueueIsAFailure() {
    replaceForwarder(1, 1);
    RecordingSink running = send(get("/running"));
    FakeUpstream.Connection connection = upstream.awaitConnection();
    connection.awaitRequest();
    RecordingSink waiting = send(get("/waiting"));
    RecordingSink refused = send(get("/refused"));
    assertThat(failedPhase(refused)).isEqualTo(Phase.QUEUE);
    assertThat(refused.isConnected()).isFalse();
    connection.send(OK);
    assertThat(running.awaitResult()).isEqualTo(new Completed());
    assertThat(connection.awaitRequest().target()).isEqualTo("/waiting");
    connection.send(OK);
    assertThat(waiting.awaitResult()).isEqualTo(new Completed());
  }

  @ParameterizedTest
  @ValueSource(strings = {"refused", "http://no-such-host.invalid", "https://no-such-host.invalid"})
  void f14_anUpstreamThatCannotBeReachedIsAFailure(String origin) {
    URI to = origin.equals("refused") ? FakeUpstream.refusing() : URI.create(origin);
    for (int i = 0; i < 3; i++) {
      RecordingSink sink =
          send(
              new UpstreamRequest(
                  "POST", to, "/", Headers.empty(), 4, ByteBuffer.wrap(ascii("body")), body(4)));
      assertThat(failedPhase(sink)).isEqualTo(Phase.CONNECT);
      assertThat(sink.isConnected()).isFalse();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", ""})
  void f14_aFailedTlsHandshakeIsAFailureToConnect(String plain) {
    URI origin = URI.create("https://127.0.0.1:" + upstream.origin().getPort());
    RecordingSink sink =
        send(
            new UpstreamRequest(
                "POST", origin, "/", Headers.empty(), 4, ByteBuffer.wrap(ascii("body")), body(4)));
    FakeUpstream.Connection connection = upstream.awaitConnection();
    // A handshake record.
    connection.awaitReceived("\u0016\u0003");
    connection.send(plain);
    connection.end();
    assertThat(failedPhase(sink)).isEqualTo(Phase.CONNECT);
    assertThat(sink.isConnected()).isFalse();
    connection.awaitClosed();
  }

  // ---- F15: turns

  @Test
  void f15_aNudgeIsATurnBeforeThereIsAConnection() {
    replaceUpstream(FakeUpstream.full());
    RecordingSink sink = send(get("/"));
    sink.nudge();
    sink.awaitTurns(1);
    assertThat(sink.isConnected()).isFalse();
    sink.cancel();
    assertThat(sink.awaitResult()).isEqualTo(new Cancelled());
  }

  @Test
  void f15_aNudgeIsATurnWithinTheUpload() {
    FakeBodySource body = body(-1).offer(ascii("0123456789"));
    RecordingSink sink = send(upload(body));
    upstream.awaitConnection().awaitReceived("0123456789");
    sink.nudge();
    sink.awaitTurns(1);
    sink.cancel();
    assertThat(sink.awaitResult()).isEqualTo(new Cancelled());
  }

  @Test
  void f15_aNudgeIsATurnBeforeTheHead() {
    RecordingSink sink = send(get("/"));
    FakeUpstream.Connection connection = upstream.awaitConnection();
    connection.awaitRequest();
    for (int i = 1; i <= 3; i++) {
      sink.nudge();
      sink.awaitTurns(i);
    }
    connection.send(OK);
    assertThat(sink.awaitResult()).isEqualTo(new Completed());
    assertThat(text(sink)).isEqualTo("ok");
  }

  @ParameterizedTest
  @EnumSource(Framing.class)
  void f15_aNudgeIsATurnBetweenChunks(Framing framing) {
    RecordingSink sink = send(get("/"));
    FakeUpstream.Connection connection = upstream.awaitConnection();
    connection.awaitRequest();
    connection.send(framing.head(50));
    for (int i = 1; i <= 9; i++) {
      connection.send(framing.frame(ascii("hello")));
      sink.awaitBytes(i * 5L);
      sink.awaitFoundReady();
      sink.nudge();
      sink.awaitTurns(i);
    }
    connection.send(framing.frame(ascii("hello")));
    framing.end(connection);
    assertThat(sink.awaitResult()).isEqualTo(new Completed());
    assertThat(text(sink)).isEqualTo("hello".repeat(10));
  }

  @Test
  void f15_aTurnWaitsUntilTheSinkIsReady() {
    RecordingSink sink = send(get("/"), new RecordingSink().acceptingNothing());
    upstream.awaitConnection().awaitRequest();
    sink.nudge();
    sink.awaitAskedInVain();
    assertThat(sink.turns()).isZero();
    sink.accept(1);
    sink.awaitTurns(1);
    sink.cancel();
    assertThat(sink.awaitResult()).isEqualTo(new Cancelled());
  }

  @Test
  void f15_aChunkWaitsUntilTheSinkIsReadyAfterItsTurn() {
    RecordingSink sink = send(get("/"), new RecordingSink().occupiedByTurns());
    FakeUpstream.Connection connection = upstream.awaitConnection();
    connection.awaitRequest();
    connection.send(Framing.CHUNKED.head(0)).send(Framing.CHUNKED.frame(ascii("one")));
    sink.awaitBytes(3);
    sink.awaitFoundReady();
    sink.nudge();
    sink.awaitTurns(1);
    connection.send(Framing.CHUNKED.frame(ascii("two"))).send("0\r\n\r\n");
    sink.awaitQuiet();
    assertThat(text(sink)).isEqualTo("one");
    sink.acceptAll();
    assertThat(sink.awaitResult()).isEqualTo(new Completed());
    assertThat(text(sink)).isEqualTo("onetwo");
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void f15_afterATurnTheSinkIsAskedUntilItIsReadyThoughTheUpstreamIsSilent(boolean afterHead) {
    RecordingSink sink = send(get("/"), new RecordingSink().occupiedByTurns());
    FakeUpstream.Connection connection = upstream.awaitConnection();
    connection.awaitRequest();
    if (afterHead) {
      connection.send(Framing.CHUNKED.head(0)).send(Framing.CHUNKED.frame(ascii("one")));
      sink.awaitBytes(3);
      sink.awaitFoundReady();
    }
    sink.nudge();
    sink.awaitTurns(1);
    sink.awaitAskedInVain();
    sink.acceptAll();
    sink.awaitFoundReady();
    sink.cancel();
    assertThat(sink.awaitResult()).isEqualTo(new Cancelled());
  }

  @Test
  void f15_afterTheResultThereIsNoTurn() {
    RecordingSink sink = send(get("/"));
    FakeUpstream.Connection connection = upstream.awaitConnection();
    connection.awaitRequest();
    connection.send(OK);
    assertThat(sink.awaitResult()).isEqualTo(new Completed());
    sink.nudge();
    sink.awaitQuiet();
    assertThat(sink.turns()).isZero();
  }

  @Test
  void f15_nudgesFromAnywhereNeitherOverlapNorTouchTheBytes() throws Exception {
    byte[] body = random(15, 2_000_000);
    upstream.answerWith(
        request ->
            Framing.CHUNKED.head(0)
                + new String(Framing.CHUNKED.frame(body), ISO_8859_1)
                + "0\r\n\r\n");
    RecordingSink sink = send(get("/"), new RecordingSink().acceptingNothing().occupiedByTurns());
    ExecutorService threads = Executors.newFixedThreadPool(3);
    try {
      List<Callable<Boolean>> work = new ArrayList<>();
      for (int i = 0; i < 600; i++) {
        boolean nudging = i % 3 == 0;
        work.add(
            () -> {
              if (nudging) {
                sink.nudge();
              } else {
                sink.accept(1);
              }
              return true;
            });
      }
      for (var each : threads.invokeAll(work)) {
        assertThat(each.get()).isTrue();
      }
      var unused =
          threads.submit(
              () -> {
                while (!sink.hasResult()) {
                  sink.acceptAll();
                  Thread.onSpinWait();
                }
              });
      assertThat(sink.awaitResult()).isEqualTo(new Completed());
    } finally {
      threads.shutdownNow();
    }
    assertThat(sha256(sink.bytes())).isEqualTo(sha256(body));
    assertThat(sink.turns()).isPositive();
  }

  // ---- helpers

  /** The three ways in which a body says where it ends. */
  enum Framing {
    CHUNKED,
    LENGTH,
    CLOSE;

    String head(long length) {
      return switch (this) {
        case CHUNKED -> "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        case LENGTH -> "HTTP/1.1 200 OK\r\nContent-Length: " + length + "\r\n\r\n";
        case CLOSE -> "HTTP/1.0 200 OK\r\n\r\n";
      };
    }

    byte[] frame(byte[] content) {
      if (this != CHUNKED) {
        return content;
      }
      ByteArrayOutputStream framed = new ByteArrayOutputStream();
      framed.writeBytes(ascii(Integer.toHexString(content.length) + "\r\n"));
      framed.writeBytes(content);
      framed.writeBytes(ascii("\r\n"));
      return framed.toByteArray();
    }

    void end(FakeUpstream.Connection connection) {
      switch (this) {
        case CHUNKED -> connection.send("0\r\n\r\n");
        case LENGTH -> {}
        case CLOSE -> connection.end();
      }
    }
  }

  private void replaceForwarder(int connections, int queued) {
    forwarder.close();
    forwarder = start(connections, queued);
  }

  private void replaceUpstream(FakeUpstream other) {
    upstream.close();
    upstream = other;
  }

  private RecordingSink send(UpstreamRequest request) {
    return send(request, fast());
  }

  private RecordingSink send(UpstreamRequest request, RecordingSink sink) {
    synchronized (sinks) {
      sinks.add(sink);
    }
    return sink.watch(forwarder.forward(request, sink));
  }

  private static RecordingSink fast() {
    return new RecordingSink();
  }

  /** Answers the one request there is with a 200 and waits until that is over. */
  private FakeUpstream.Request answered() {
    FakeUpstream.Connection connection = upstream.awaitConnection();
    FakeUpstream.Request request = connection.awaitRequest();
    connection.send(request.head().startsWith("HEAD ") ? OK.substring(0, OK.length() - 2) : OK);
    RecordingSink sink = sinks.get(sinks.size() - 1);
    assertThat(sink.awaitResult()).isEqualTo(new Completed());
    return request;
  }

  private static void cancelled(RecordingSink sink, FakeUpstream.Connection connection) {
    sink.cancel();
    assertThat(sink.awaitResult()).isEqualTo(new Cancelled());
    connection.awaitClosed();
  }

  private static Phase failedPhase(RecordingSink sink) {
    ForwardResult result = sink.awaitResult();
    assertThat(result).as(sink.toString()).isInstanceOf(UpstreamFailed.class);
    return ((UpstreamFailed) result).phase();
  }

  private UpstreamRequest get(String target) {
    return request("GET", target, Headers.empty(), 0, ByteBuffer.allocate(0));
  }

  private UpstreamRequest post(String target, String body) {
    return request("POST", target, Headers.empty(), body.length(), ByteBuffer.wrap(ascii(body)));
  }

  private UpstreamRequest request(
      String method, String target, Headers headers, long length, ByteBuffer whole) {
    return new UpstreamRequest(
        method, upstream.origin(), target, headers, length, whole, body(length));
  }

  private UpstreamRequest upload(FakeBodySource body) {
    return new UpstreamRequest(
        "POST", upstream.origin(), "/upload", Headers.empty(), body.length(), null, body);
  }

  private FakeBodySource body(long length) {
    FakeBodySource body = new FakeBodySource(length);
    synchronized (bodies) {
      bodies.add(body);
    }
    return body;
  }

  private static <T> T within(Callable<T> work) throws Exception {
    ExecutorService thread = Executors.newSingleThreadExecutor();
    try {
      return thread.submit(work).get(Recorder.LIMIT_SECONDS, TimeUnit.SECONDS);
    } catch (TimeoutException e) {
      throw new AssertionError("it blocks", e);
    } catch (ExecutionException e) {
      throw new AssertionError(e.getCause());
    } finally {
      thread.shutdownNow();
    }
  }

  private static String padded(String target) {
    return (target + " ".repeat(50)).substring(0, 50);
  }

  private static String text(RecordingSink sink) {
    return new String(sink.bytes(), ISO_8859_1);
  }

  private static byte[] ascii(String text) {
    return text.getBytes(ISO_8859_1);
  }

  private static byte[] random(long seed, int length) {
    byte[] bytes = new byte[length];
    new Random(seed).nextBytes(bytes);
    return bytes;
  }

  private static String sha256(byte[] bytes) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    } catch (NoSuchAlgorithmException e) {
      throw new UncheckedIOException(new IOException(e));
    }
  }
}
