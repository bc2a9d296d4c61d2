package io.streamrelay.jetty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.streamrelay.DrainResult;
import io.streamrelay.EndReason;
import io.streamrelay.Exchange;
import io.streamrelay.ExchangeRecord;
import io.streamrelay.Relay;
import io.streamrelay.config.AuthConfig;
import io.streamrelay.config.RelayConfig;
import io.streamrelay.config.ServerConfig;
import io.streamrelay.error.ErrorCode;
import io.streamrelay.jetty.TestContainer.Mount;
import io.streamrelay.jetty.Wire.Head;
import io.streamrelay.policy.ApiKey;
import io.streamrelay.policy.Decision;
import io.streamrelay.policy.Policy;
import io.streamrelay.route.Route;
import io.streamrelay.route.StreamKind;
import jakarta.servlet.Filter;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.zip.GZIPOutputStream;
import mockwebserver3.MockResponse;
import mockwebserver3.MockWebServer;
import mockwebserver3.RecordedRequest;
import okio.Buffer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What {@link RelayServlet} promises in any container, seen from both sockets. */
@Timeout(60)
abstract class ServletContainerContract {
  private static final String KEY = "sk-relay-e2e";
  private static final String BELOW_MOUNT = "/app/ai";
  private static final int MAX_BODY_BYTES = 6 * 1024 * 1024;

  /** What the system's four socket buffers between an upstream and a client may take. */
  private static final long MAX_ACCEPTED_BYTES = 24 * 1024 * 1024;

  /**
   * What a stream whose client reads nothing may hold, heap and direct, the test's own included.
   */
  private static final long MAX_HELD_BYTES = 2 * 1024 * 1024;

  private static final String EVENT =
      "data: {\"object\":\"chat.completion.chunk\",\"choices\":[{\"delta\":{\"content\":\"é\"}}]}\n\n";
  private static final String DONE = "data: [DONE]\n\n";

  private final CapturedLogs logs = new CapturedLogs();
  private final ScriptedUpstream upstream;
  private final MockWebServer mock = new MockWebServer();
  private final Recorder records = new Recorder();
  private final Relay relay;
  private final TestContainer container;

  /** Starts a container with these servlets, that gives idle connections so long. */
  abstract TestContainer start(List<Mount> mounts, Duration idle) throws Exception;

  private TestContainer start(List<Mount> mounts) throws Exception {
    return start(mounts, Duration.ofSeconds(30));
  }

  /** Whether it tells that a client left while nothing is written to it. */
  abstract boolean noticesSilentDepartures();

  /**
   * Whether it lets a client of HTTP/1.0 see that an answer was cut. That version has no chunks, so
   * only a reset of the connection tells.
   */
  abstract boolean resetsHttp10();

  /** Whether a client may read nothing for longer than its connection may be idle. */
  abstract boolean waitsForSlowReaders();

  /** Whether it tells a request body whose chunks are broken from a client that left. */
  abstract boolean tellsBrokenFraming();

  /** Whether a client whose chunks are broken gets an answer of the relay's. */
  abstract boolean answersBrokenFraming();

  /** Whether it leaves it to the servlet when a client that waits for a 100 is told to go on. */
  abstract boolean letsTheServletSayContinue();

  ServletContainerContract() {
    try {
      upstream = new ScriptedUpstream();
      mock.start();
      relay = relay(records);
      RelayServlet servlet = new RelayServlet(relay);
      container =
          start(
              List.of(
                  Mount.of("/app", "/ai/*", servlet),
                  Mount.of("/app", "/sync/*", new RelayServlet(relay)).withoutAsync(),
                  Mount.of("/app", "/filtered/*", new RelayServlet(relay))
                      .behind(new PlainStreamFilter()),
                  Mount.of("", "/*", new RelayServlet(relay))));
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  private Relay relay(Recorder recorder) {
    return Relay.builder(config(), JettyForwarder.create()).listener(recorder).build();
  }

  private RelayConfig config() {
    return RelayConfig.builder()
        .server(new ServerConfig("127.0.0.1", 0, MAX_BODY_BYTES, Duration.ZERO, Duration.ZERO))
        .auth(new AuthConfig(true, List.of(ApiKey.plain(KEY))))
        .route(
            Route.builder("chat")
                .path("/v1/chat/completions")
                .upstream(upstream.uri())
                .kind(StreamKind.SSE)
                .build())
        .route(
            Route.builder("tts").path("/tts").upstream(upstream.uri()).kind(StreamKind.RAW).build())
        .route(
            Route.builder("mock")
                .path("/mock")
                .stripPrefix("/mock")
                .upstream(mock.url("/").uri())
                .build())
        .build();
  }

  @AfterEach
  void nothingIsLeft() throws Exception {
    try {
      records.await("no exchange runs", () -> relay.activeExchanges() == 0);
      assertThat(records.open()).isZero();
      assertThat(logs.errors()).isEmpty();
    } finally {
      upstream.close();
      container.close();
      relay.close();
      mock.close();
      logs.close();
    }
    records.await("the relay's threads end", () -> threads().isEmpty());
  }

  private static List<String> threads() {
    return Thread.getAllStackTraces().keySet().stream()
        .map(Thread::getName)
        .filter(name -> name.startsWith("relay-"))
        .toList();
  }

  // ---- bytes

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4})
  void anEventStreamArrivesByteByByte(long seed) throws Exception {
    Random random = new Random(seed);
    byte[] stream = Bytes.events(random);
    arrivesExactly("/v1/chat/completions", ScriptedUpstream.EVENT_STREAM, random, stream);

    assertThat(records.next().end()).isEqualTo(EndReason.COMPLETE);
  }

  @Test
  void audioArrivesByteByByte() throws Exception {
    Random random = new Random(5);
    byte[] audio = Bytes.random(random, 3_000_000);
    arrivesExactly("/tts", ScriptedUpstream.CHUNKED_AUDIO, random, audio);

    assertThat(records.next().responseBytes()).isEqualTo(3_000_000);
  }

  private void arrivesExactly(String path, String head, Random random, byte[] sent)
      throws Exception {
    try (Wire client = client().send(post(path, "{}"))) {
      Wire call = upstream.acceptRequest();
      CompletableFuture<Void> sending =
          inBackground(
              () -> {
                call.send(head);
                for (byte[] slice : Bytes.slices(random, sent)) {
                  call.sendChunk(slice);
                }
                call.sendLastChunk();
                return null;
              });

      byte[] got = client.readBody(client.readHead());

      sending.get(10, TimeUnit.SECONDS);
      assertThat(got).hasSameSizeAs(sent);
      assertThat(Bytes.sha256(got)).isEqualTo(Bytes.sha256(sent));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"/app/ai", "/app/filtered", ""})
  void everyEventArrivesBeforeTheNextIsSent(String mount) throws Exception {
    try (Wire client = client().send(postAt(mount, "/v1/chat/completions", "{}"))) {
      Wire call = upstream.acceptRequest();
      call.send(ScriptedUpstream.EVENT_STREAM);
      // The head comes before there is any content.
      Head head = client.readHead();
      assertThat(head.status()).isEqualTo(200);
      InputStream body = client.body(head);
      for (int i = 0; i < 100; i++) {
        byte[] event = ("id: " + i + "\n" + EVENT).getBytes(StandardCharsets.UTF_8);
        call.sendChunk(event);
        assertThat(body.readNBytes(event.length)).isEqualTo(event);
      }
      call.sendChunk(DONE).sendLastChunk();
      assertThat(body.readAllBytes()).asString(StandardCharsets.UTF_8).isEqualTo(DONE);
    }
  }

  @Test
  void aFilterThatWrapsTheStreamChangesNoByte() throws Exception {
    Random random = new Random(6);
    byte[] audio = Bytes.random(random, 1_000_000);
    try (Wire client = client().send(postAt("/app/filtered", "/tts", "{}"))) {
      Wire call = upstream.acceptRequest();
      call.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
      CompletableFuture<Wire> sending = inBackground(() -> call.send(audio));
      byte[] got = client.readBody(client.readHead());
      assertThat(Bytes.sha256(got)).isEqualTo(Bytes.sha256(audio));
      sending.get(10, TimeUnit.SECONDS);
    }
  }

  @Test
  void aLengthIsKept() throws Exception {
    mock.enqueue(
        new MockResponse.Builder()
            .addHeader("Content-Type", "audio/wav")
            .body(new Buffer().write(new byte[100_000]))
            .build());
    try (Wire client = client().send(post("/mock/audio", "{}"))) {
      Head head = client.readHead();

      assertThat(head.all("Content-Length")).containsExactly("100000");
      assertThat(head.field("Transfer-Encoding")).isNull();
      assertThat(client.readBody(head)).isEqualTo(new byte[100_000]);
    }
    assertThat(mock.takeRequest().getTarget()).isEqualTo("/audio");
  }

  @ParameterizedTest
  @CsvSource({"GET, 204", "GET, 304", "HEAD, 200"})
  void anAnswerWithoutABodyHasNone(String method, int status) throws Exception {
    try (Wire client = client()) {
      client.send(request(method, BELOW_MOUNT + "/tts"));
      Wire call = upstream.acceptRequest();
      call.send(
          "HTTP/1.1 "
              + status
              + " Some\r\nETag: \"x\"\r\n"
              + (status == 204 ? "" : "Content-Length: 5\r\n")
              + "\r\n");
      Head head = client.readHead();
      assertThat(head.status()).isEqualTo(status);
      assertThat(head.field("ETag")).isEqualTo("\"x\"");
      assertThat(head.field("Transfer-Encoding")).isNull();
      if (method.equals("HEAD")) {
        assertThat(head.all("Content-Length")).containsExactly("5");
      }

      // What follows at once is the next answer, so there was no body.
      client.send(request("GET", BELOW_MOUNT + "/nowhere"));
      assertThat(client.readHead().status()).isEqualTo(404);
    }
  }

  @Test
  void aCompressedBodyStaysAsItIs() throws Exception {
    ByteArrayOutputStream zipped = new ByteArrayOutputStream();
    try (GZIPOutputStream out = new GZIPOutputStream(zipped)) {
      out.write("{\"some\":\"json\"}".repeat(100).getBytes(StandardCharsets.UTF_8));
    }
    mock.enqueue(
        new MockResponse.Builder()
            .addHeader("Content-Type", "application/json")
            .addHeader("Content-Encoding", "gzip")
            .body(new Buffer().write(zipped.toByteArray()))
            .build());
    try (Wire client = client()) {
      client.send(post("/mock/x", "{}", "Accept-Encoding: gzip"));
      Head head = client.readHead();

      assertThat(head.field("Content-Encoding")).isEqualTo("gzip");
      assertThat(head.field("Content-Length")).isEqualTo(Integer.toString(zipped.size()));
      assertThat(client.readBody(head)).isEqualTo(zipped.toByteArray());
    }
    assertThat(mock.takeRequest().getHeaders().get("Accept-Encoding")).isEqualTo("gzip");
  }

  // ---- an upstream that breaks

  @Test
  void anUpstreamThatBreaksBeforeItsHeadIsABadGateway() throws Exception {
    try (Wire client = client().send(post("/v1/chat/completions", "{}"))) {
      upstream.acceptRequest().close();
      Head head = client.readHead();
      assertThat(head.status()).isEqualTo(502);
      assertThat(client.readText(head)).contains("\"code\":\"upstream_failed\"");
    }
  }

  @Test
  void aCutAtAnEventsBorderIsToldByALastEvent() throws Exception {
    assertThat(cutAfter("/v1/chat/completions", ScriptedUpstream.EVENT_STREAM, EVENT))
        .startsWith(EVENT + "data: {\"error\":{")
        .contains("\"code\":\"upstream_failed\"")
        .endsWith("}\n\n");
    assertThat(records.next().end()).isEqualTo(EndReason.UPSTREAM_ERROR);
  }

  @Test
  void aCutWithinAnEventAddsNothing() throws Exception {
    String part = EVENT + "data: {\"hal";
    assertThat(cutAfter("/v1/chat/completions", ScriptedUpstream.EVENT_STREAM, part))
        .isEqualTo(part);
    assertThat(records.next().end()).isEqualTo(EndReason.UPSTREAM_ERROR);
  }

  @Test
  void cutAudioIsCut() throws Exception {
    assertThat(cutAfter("/tts", ScriptedUpstream.CHUNKED_AUDIO, "some audio"))
        .isEqualTo("some audio");
  }

  @ParameterizedTest
  @ValueSource(strings = {"/tts", "/v1/chat/completions"})
  void aCutIsSeenByAClientThatWantsTheConnectionClosed(String path) throws Exception {
    try (Wire client = client().send(post(path, "{}", "Connection: close"))) {
      Wire call = upstream.acceptRequest();
      call.send(ScriptedUpstream.CHUNKED_AUDIO).sendChunk("some audio").close();
      assertThat(brokenBody(client)).isEqualTo("some audio");
    }
  }

  @Test
  void aCutIsSeenByAClientOfHttp10() throws Exception {
    try (Wire client = client()) {
      client.send(post("/tts", "{}").replace("HTTP/1.1", "HTTP/1.0"));
      Wire call = upstream.acceptRequest();
      call.send(ScriptedUpstream.CHUNKED_AUDIO).sendChunk("some audio");
      InputStream body = client.body(client.readHead());
      assertThat(body.readNBytes(10)).asString().isEqualTo("some audio");
      call.close();
      Throwable broken = catchThrowable(body::readAllBytes);
      if (resetsHttp10()) {
        assertThat(broken).isInstanceOf(IOException.class);
      }
    }
    assertThat(records.next().end()).isEqualTo(EndReason.UPSTREAM_ERROR);
  }

  /** A clean end without the last event is no better than a cut. */
  @Test
  void aStreamThatEndsWithoutItsLastEventIsNotEndedAsWhole() throws Exception {
    try (Wire client = client().send(post("/v1/chat/completions", "{}"))) {
      Wire call = upstream.acceptRequest();
      call.send(ScriptedUpstream.EVENT_STREAM).sendChunk(EVENT).sendLastChunk();

      assertThat(brokenBody(client))
          .startsWith(EVENT + "data: {\"error\":{")
          .contains("\"code\":\"upstream_truncated\"");
    }
    assertThat(records.next().end()).isEqualTo(EndReason.UPSTREAM_TRUNCATED);
  }

  private String cutAfter(String path, String head, String sent) throws Exception {
    try (Wire client = client().send(post(path, "{}"))) {
      Wire call = upstream.acceptRequest();
      call.send(head).sendChunk(sent).close();
      return brokenBody(client);
    }
  }

  /** Reads a body that must not end as if it were whole. */
  private static String brokenBody(Wire client) throws IOException {
    Head head = client.readHead();
    assertThat(head.status()).isEqualTo(200);
    InputStream body = client.body(head);
    ByteArrayOutputStream got = new ByteArrayOutputStream();
    Throwable broken = catchThrowable(() -> body.transferTo(got));
    assertThat(broken).describedAs(client.received()).isInstanceOf(Wire.BrokenBody.class);
    return got.toString(StandardCharsets.UTF_8);
  }

  @Test
  void anAnswerOfKnownLengthThatBreaksIsCut() throws Exception {
    try (Wire client = client().send(post("/tts", "{}"))) {
      Wire call = upstream.acceptRequest();
      call.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nten bytes.").close();

      assertThat(brokenBody(client)).isEqualTo("ten bytes.");
    }
    assertThat(records.next().end()).isEqualTo(EndReason.UPSTREAM_ERROR);
  }

  /** Models think for minutes, and containers close connections that are idle for one. */
  @Test
  void anUpstreamMayBeSilentForLongerThanAConnectionMayBeIdle() throws Exception {
    List<Mount> mounts = List.of(Mount.of("", "/*", new RelayServlet(relay)));
    try (TestContainer impatient = start(mounts, Duration.ofMillis(200));
        Wire client =
            Wire.connect(impatient.port()).send(postAt("", "/v1/chat/completions", "{}"))) {
      Wire call = upstream.acceptRequest();
      CountDownLatch hungUp = new CountDownLatch(1);
      CompletableFuture<Void> watching = inBackground(() -> awaitEnd(call, hungUp));
      assertThat(hungUp.await(700, TimeUnit.MILLISECONDS)).isFalse();
      call.send(ScriptedUpstream.EVENT_STREAM).sendChunk(EVENT);
      InputStream body = client.body(client.readHead());
      body.readNBytes(EVENT.getBytes(StandardCharsets.UTF_8).length);
      assertThat(hungUp.await(700, TimeUnit.MILLISECONDS)).isFalse();
      call.sendChunk(DONE).sendLastChunk();
      assertThat(body.readAllBytes()).asString().isEqualTo(DONE);
      call.close();
      watching.get(10, TimeUnit.SECONDS);
    }
  }

  /** A player that takes its time is no dead client; the route's clocks are the ones that count. */
  @Test
  void aClientMayReadNothingForLongerThanAConnectionMayBeIdle() throws Exception {
    int total = 32 * 1024 * 1024;
    List<Mount> mounts = List.of(Mount.of("", "/*", new RelayServlet(relay)));
    try (TestContainer impatient = start(mounts, Duration.ofMillis(200));
        Wire client = Wire.connect(impatient.port()).send(postAt("", "/tts", "{}"))) {
      Wire call = upstream.acceptRequest();
      CountDownLatch hungUp = new CountDownLatch(1);
      CompletableFuture<Wire> flooding =
          inBackground(
              () -> {
                try {
                  call.send("HTTP/1.1 200 OK\r\nContent-Length: " + total + "\r\n\r\n");
                  return call.send(new byte[total]);
                } catch (IOException e) {
                  hungUp.countDown();
                  throw e;
                }
              });
      if (!waitsForSlowReaders()) {
        assertThat(hungUp.await(Wire.LIMIT_MILLIS, TimeUnit.MILLISECONDS)).isTrue();
      } else {
        assertThat(hungUp.await(1200, TimeUnit.MILLISECONDS)).isFalse();
        assertThat(client.readBody(client.readHead())).hasSize(total);
        flooding.get(10, TimeUnit.SECONDS);
      }
    }
  }

  private static Void awaitEnd(Wire wire, CountDownLatch ended) {
    wire.awaitEnd();
    ended.countDown();
    return null;
  }

  /** A policy's own thread, of a client for Redis for example, is never made to wait. */
  @Test
  void whoDecidesLaterIsNotHeldUpByTheContainer() throws Exception {
    CompletableFuture<Decision> decision = new CompletableFuture<>();
    CountDownLatch asked = new CountDownLatch(1);
    CountDownLatch release = new CountDownLatch(1);
    Policy policy =
        new Policy() {
          @Override
          public Decision onRequest(Exchange exchange) {
            asked.countDown();
            return Decision.later(decision);
          }
        };
    Filter slow =
        (request, response, chain) -> {
          chain.doFilter(request, response);
          try {
            assertThat(release.await(20, TimeUnit.SECONDS)).isTrue();
          } catch (InterruptedException e) {
            throw new AssertionError(e);
          }
        };
    try (Relay patient = Relay.builder(config(), JettyForwarder.create()).policy(policy).build();
        TestContainer held =
            start(List.of(Mount.of("", "/*", new RelayServlet(patient)).behind(slow)));
        Wire client = Wire.connect(held.port()).send(postAt("", "/tts", "{}"))) {
      assertThat(asked.await(10, TimeUnit.SECONDS)).isTrue();
      CompletableFuture<Boolean> deciding = inBackground(() -> decision.complete(Decision.admit()));
      assertThat(deciding.get(10, TimeUnit.SECONDS)).isTrue();
      release.countDown();
      upstream.acceptRequest().send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
      assertThat(client.readText(client.readHead())).isEqualTo("ok");
    }
  }

  @Test
  void whatComesBeforeTheAnswerIsTheUpstreamsOwnAffair() throws Exception {
    try (Wire client = client().send(post("/tts", "{}"))) {
      Wire call = upstream.acceptRequest();
      call.send("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n");
      call.send("HTTP/1.1 102 Processing\r\n\r\n");
      call.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
      Head head = client.readHead();
      assertThat(head.status()).isEqualTo(200);
      assertThat(client.readText(head)).isEqualTo("ok");
    }
  }

  @Test
  void optionsAreAsked() throws Exception {
    try (Wire client = client().send(request("OPTIONS", BELOW_MOUNT + "/tts"))) {
      Wire call = upstream.accept();
      Head asked = call.readHead();
      assertThat(asked.startLine()).isEqualTo("OPTIONS /tts HTTP/1.1");
      call.send("HTTP/1.1 200 OK\r\nAllow: POST\r\nContent-Length: 0\r\n\r\n");
      Head head = client.readHead();
      assertThat(head.status()).isEqualTo(200);
      assertThat(head.field("Allow")).isEqualTo("POST");
      assertThat(client.readText(head)).isEmpty();
    }
  }

  @Test
  void aDrainLetsAStreamEndAndTakesNoOther() throws Exception {
    try (Wire live = client().send(post("/v1/chat/completions", "{}"));
        Wire late = client()) {
      Wire call = upstream.acceptRequest();
      call.send(ScriptedUpstream.EVENT_STREAM).sendChunk(EVENT);
      InputStream body = live.body(live.readHead());
      body.readNBytes(EVENT.getBytes(StandardCharsets.UTF_8).length);

      CompletableFuture<DrainResult> drained = relay.drain(Duration.ZERO, Duration.ofSeconds(30));

      late.send(post("/v1/chat/completions", "{}"));
      Head refused = late.readHead();
      assertThat(refused.status()).isEqualTo(503);
      assertThat(refused.field("Retry-After")).isNotNull();
      assertThat(drained).isNotDone();
      call.sendChunk(DONE).sendLastChunk();
      assertThat(body.readAllBytes()).asString().isEqualTo(DONE);
      assertThat(drained.get(10, TimeUnit.SECONDS)).isEqualTo(new DrainResult(1, 0));
    }
  }

  @Test
  void aDrainsDeadlineCutsSoThatTheClientCanTell() throws Exception {
    try (Wire live = client().send(post("/v1/chat/completions", "{}"))) {
      Wire call = upstream.acceptRequest();
      call.send(ScriptedUpstream.EVENT_STREAM).sendChunk(EVENT);
      Head head = live.readHead();
      InputStream body = live.body(head);
      body.readNBytes(EVENT.getBytes(StandardCharsets.UTF_8).length);

      assertThat(relay.drain(Duration.ZERO, Duration.ofMillis(50)).get(10, TimeUnit.SECONDS))
          .isEqualTo(new DrainResult(0, 1));

      assertThat(catchThrowable(body::readAllBytes)).isInstanceOf(Wire.BrokenBody.class);
    }
    assertThat(records.next().end()).isEqualTo(EndReason.DRAINED);
  }

  // ---- a client that leaves

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aClientThatLeavesMidStreamEndsItsUpstream(boolean byReset) throws Exception {
    Wire client = client().send(post("/v1/chat/completions", "{}"));
    Wire call = upstream.acceptRequest();
    call.send(ScriptedUpstream.EVENT_STREAM).sendChunk(EVENT);
    client.body(client.readHead()).readNBytes(EVENT.getBytes(StandardCharsets.UTF_8).length);

    leave(client, byReset);

    speakUntilHungUp(call);
    assertThat(records.next().end()).isEqualTo(EndReason.CLIENT_GONE);
  }

  @ParameterizedTest
  @CsvSource({"true, true", "true, false", "false, true", "false, false"})
  void aClientThatLeavesInSilenceIsNoticed(boolean byReset, boolean afterHead) throws Exception {
    Wire client = client().send(post("/v1/chat/completions", "{}"));
    Wire call = upstream.acceptRequest();
    if (afterHead) {
      call.send(ScriptedUpstream.EVENT_STREAM).sendChunk(EVENT);
      client.body(client.readHead()).readNBytes(EVENT.getBytes(StandardCharsets.UTF_8).length);
    }

    leave(client, byReset);

    if (noticesSilentDepartures()) {
      call.awaitEnd();
    } else {
      if (!afterHead) {
        call.send(ScriptedUpstream.EVENT_STREAM);
      }
      speakUntilHungUp(call);
    }
    assertThat(records.next().end()).isEqualTo(EndReason.CLIENT_GONE);
  }

  /** What a client sends too early must neither be lost nor hide that it leaves. */
  @ParameterizedTest
  @ValueSource(strings = {"\r\n", "GET /app/ai/nowhere HTTP/1.1\r\nHost: x\r\n\r\n"})
  void aClientThatSendsMoreAndThenLeavesInSilenceIsNoticed(String more) throws Exception {
    Wire client = client().send(post("/v1/chat/completions", "{}"));
    Wire call = upstream.acceptRequest();
    call.send(ScriptedUpstream.EVENT_STREAM).sendChunk(EVENT);
    client.body(client.readHead()).readNBytes(EVENT.getBytes(StandardCharsets.UTF_8).length);

    client.send(more);
    client.close();

    if (noticesSilentDepartures()) {
      call.awaitEnd();
    } else {
      speakUntilHungUp(call);
    }
    assertThat(records.next().end()).isEqualTo(EndReason.CLIENT_GONE);
  }

  private static void leave(Wire client, boolean byReset) throws IOException {
    if (byReset) {
      client.reset();
    } else {
      client.close();
    }
  }

  /** Sends events until the relay ends the connection. */
  private static void speakUntilHungUp(Wire call) throws Exception {
    CountDownLatch hungUp = new CountDownLatch(1);
    CompletableFuture<Void> watching = inBackground(() -> awaitEnd(call, hungUp));
    long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(Wire.LIMIT_MILLIS);
    int sent = 0;
    while (!hungUp.await(2, TimeUnit.MILLISECONDS)) {
      assertThat(System.nanoTime())
          .describedAs("the upstream was still heard after %d events", sent)
          .isLessThan(deadline);
      try {
        call.sendChunk(EVENT);
        sent++;
      } catch (IOException e) {
        // Hung up upon.
      }
    }
    watching.get(10, TimeUnit.SECONDS);
  }

  /** Clients that come, read for a while, and leave at any moment and in any manner. */
  @Test
  void aCrowdThatComesAndGoesLeavesNothingBehind() throws Exception {
    CompletableFuture<Void> answering = inBackground(this::answerAll);
    for (int round = 0; round < 15; round++) {
      List<CompletableFuture<Void>> visits = new ArrayList<>();
      for (int i = 0; i < 10; i++) {
        Random random = new Random(round * 10 + i);
        visits.add(inBackground(() -> visit(random)));
      }
      for (CompletableFuture<Void> visit : visits) {
        visit.get(10, TimeUnit.SECONDS);
      }
    }
    assertThat(answering).isNotDone();
    // The container is as before.
    aLengthIsKept();
  }

  /** Answers until the upstream is closed. */
  private Void answerAll() throws IOException {
    while (true) {
      Wire call = upstream.accept();
      CompletableFuture<Void> answering = inBackground(() -> answer(call));
      assertThat(answering).isNotCancelled();
    }
  }

  private static Void answer(Wire call) throws IOException {
    try (call) {
      while (true) {
        call.readBody(call.readHead());
        call.send(ScriptedUpstream.EVENT_STREAM);
        for (int event = 0; event < 200; event++) {
          call.sendChunk(EVENT);
        }
        call.sendChunk(DONE).sendLastChunk();
      }
    } catch (IOException e) {
      // Its client left.
    }
    return null;
  }

  private Void visit(Random random) throws IOException {
    try (Wire client = client().send(post("/v1/chat/completions", "{}"))) {
      int reads = random.nextInt(4) * EVENT.length() * random.nextInt(60);
      int how = random.nextInt(4);
      if (how == 0) {
        assertThat(client.readText(client.readHead())).endsWith(DONE);
        return null;
      }
      if (reads > 0) {
        client.body(client.readHead()).readNBytes(reads);
      }
      leave(client, how == 1);
      return null;
    }
  }

  // ---- backpressure

  @Test
  void aSlowReaderHoldsItsOwnUpstreamBackAndNoOther() throws Exception {
    int total = 64 * 1024 * 1024;
    Socket narrow = new Socket();
    narrow.setReceiveBufferSize(16 * 1024);
    narrow.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), container.port()));
    byte[] part = Bytes.random(new Random(7), 64 * 1024);
    AtomicLong sentBytes = new AtomicLong();
    try (Wire slow = new Wire(narrow).send(post("/tts", "{}"))) {
      Wire flood = upstream.acceptRequest();
      CountDownLatch done = new CountDownLatch(1);
      CompletableFuture<Void> flooding =
          inBackground(
              () -> {
                flood.send("HTTP/1.1 200 OK\r\nContent-Length: " + total + "\r\n\r\n");
                while (sentBytes.get() < total) {
                  flood.send(part);
                  sentBytes.addAndGet(part.length);
                }
                done.countDown();
                return null;
              });
      long stoppedAt = awaitStandstill(sentBytes, done);
      assertThat(stoppedAt).isLessThan(total);

      everyEventArrivesBeforeTheNextIsSent(BELOW_MOUNT);

      assertThat(sentBytes).hasValue(stoppedAt);
      InputStream body = slow.body(slow.readHead());
      for (int i = 0; i < total / part.length; i++) {
        assertThat(Arrays.equals(body.readNBytes(part.length), part)).isTrue();
      }
      flooding.get(10, TimeUnit.SECONDS);
    }
  }

  /** Clients that read nothing, and upstreams that never end, cost what the sockets hold. */
  @Test
  void endlessUpstreamsAreBlockedByClientsThatStopped() throws Exception {
    int clients = 8;
    byte[] part = Bytes.random(new Random(8), 64 * 1024);
    AtomicLong sentBytes = new AtomicLong();
    CountDownLatch hungUp = new CountDownLatch(1);
    List<Wire> stopped = new ArrayList<>();
    long before = usedBytes();
    for (int i = 0; i < clients; i++) {
      stopped.add(client().send(post("/tts", "{}")));
      Wire endless = upstream.acceptRequest();
      CompletableFuture<Void> flooding =
          inBackground(
              () -> {
                endless.send(ScriptedUpstream.CHUNKED_AUDIO);
                while (true) {
                  endless.sendChunk(part);
                  sentBytes.addAndGet(part.length);
                }
              });
      assertThat(flooding).isNotDone();
    }
    long accepted = awaitStandstill(sentBytes, hungUp);

    assertThat(accepted / clients).isLessThan(MAX_ACCEPTED_BYTES);
    assertThat((usedBytes() - before) / clients).isLessThan(MAX_HELD_BYTES);
    for (Wire one : stopped) {
      one.reset();
    }
    for (int i = 0; i < clients; i++) {
      assertThat(records.next().end()).isEqualTo(EndReason.CLIENT_GONE);
    }
  }

  /** What the heap and direct buffers hold. */
  private static long usedBytes() {
    System.gc();
    long direct =
        ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
            .mapToLong(BufferPoolMXBean::getMemoryUsed)
            .sum();
    return direct + ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
  }

  /** Waits until nothing has been sent for a good while. */
  private static long awaitStandstill(AtomicLong sentBytes, CountDownLatch done)
      throws InterruptedException {
    long before;
    do {
      before = sentBytes.get();
      assertThat(done.await(300, TimeUnit.MILLISECONDS))
          .describedAs("all %d bytes were taken though the client reads none", before)
          .isFalse();
    } while (before == 0 || sentBytes.get() != before);
    return before;
  }

  // ---- connections

  @Test
  void aConnectionServesAgainAfterAStreamAndAfterErrors() throws Exception {
    try (Wire client = client()) {
      for (int i = 0; i < 2; i++) {
        mock.enqueue(eventStream(EVENT + DONE));
        client.send(post("/mock/chat", "{}"));
        assertThat(client.readText(client.readHead())).isEqualTo(EVENT + DONE);

        client.send(post("/nowhere", "{\"x\":1}"));
        Head unknown = client.readHead();
        assertThat(unknown.status()).isEqualTo(404);
        assertThat(client.readText(unknown)).contains("route_not_found");

        client.send(post("/mock/chat", "x".repeat(100_000)).replace(KEY, "sk-wrong"));
        Head refused = client.readHead();
        assertThat(refused.status()).isEqualTo(401);
        assertThat(client.readText(refused)).contains("invalid_api_key");

        mock.enqueue(new MockResponse.Builder().code(429).body("{\"slow\":\"down\"}").build());
        client.send(post("/mock/chat", "{}"));
        Head limited = client.readHead();
        assertThat(limited.status()).isEqualTo(429);
        assertThat(client.readText(limited)).isEqualTo("{\"slow\":\"down\"}");
      }
    }
  }

  @Test
  void pipelinedRequestsAreServedInOrder() throws Exception {
    mock.enqueue(eventStream("data: 1\n\n" + DONE));
    mock.enqueue(eventStream("data: 2\n\n" + DONE));
    try (Wire client = client()) {
      client.send(post("/mock/chat", "{\"n\":1}") + post("/mock/chat", "{\"n\":2}"));

      assertThat(client.readText(client.readHead())).isEqualTo("data: 1\n\n" + DONE);
      assertThat(client.readText(client.readHead())).isEqualTo("data: 2\n\n" + DONE);
    }
    assertThat(bodyOf(mock.takeRequest())).isEqualTo("{\"n\":1}");
    assertThat(bodyOf(mock.takeRequest())).isEqualTo("{\"n\":2}");
  }

  @Test
  void aRequestThatComesDuringAStreamWaitsForItsEnd() throws Exception {
    mock.enqueue(eventStream("data: 2\n\n" + DONE));
    try (Wire client = client().send(post("/v1/chat/completions", "{}"))) {
      Wire call = upstream.acceptRequest();
      call.send(ScriptedUpstream.EVENT_STREAM).sendChunk(EVENT);
      InputStream body = client.body(client.readHead());
      byte[] event = EVENT.getBytes(StandardCharsets.UTF_8);
      body.readNBytes(event.length);

      client.send(post("/mock/chat", "x".repeat(5_000)));
      for (int i = 0; i < 50; i++) {
        call.sendChunk(EVENT);
        assertThat(body.readNBytes(event.length)).isEqualTo(event);
      }
      call.sendChunk(DONE).sendLastChunk();
      assertThat(body.readAllBytes()).asString().isEqualTo(DONE);

      assertThat(client.readText(client.readHead())).isEqualTo("data: 2\n\n" + DONE);
    }
    assertThat(bodyOf(mock.takeRequest())).isEqualTo("x".repeat(5_000));
  }

  /** More than a container's buffer for requests holds, all while the first is being answered. */
  @ParameterizedTest
  @ValueSource(ints = {200, 1_000, 9_000})
  void manyPipelinedRequestsLoseNoByte(int length) throws Exception {
    int count = 60;
    StringBuilder requests = new StringBuilder(post("/v1/chat/completions", "{}"));
    for (int i = 0; i < count; i++) {
      mock.enqueue(eventStream("data: " + i + "\n\n" + DONE));
      requests.append(post("/mock/chat/" + i, Integer.toString(i % 10).repeat(length)));
    }
    try (Wire client = client()) {
      CompletableFuture<Wire> sending = inBackground(() -> client.send(requests.toString()));
      Wire call = upstream.acceptRequest();
      call.send(ScriptedUpstream.EVENT_STREAM).sendChunk(EVENT).sendChunk(DONE);
      call.sendLastChunk();
      assertThat(client.readText(client.readHead())).isEqualTo(EVENT + DONE);
      for (int i = 0; i < count; i++) {
        assertThat(client.readText(client.readHead())).isEqualTo("data: " + i + "\n\n" + DONE);
        RecordedRequest got = mock.takeRequest();
        assertThat(got.getTarget()).isEqualTo("/chat/" + i);
        assertThat(bodyOf(got)).isEqualTo(Integer.toString(i % 10).repeat(length));
      }
      sending.get(10, TimeUnit.SECONDS);
    }
  }

  /**
   * Connections that are looked at while they stream, with requests ahead of their time, whole or
   * in part, and departures at any moment: no byte goes astray.
   *
   * <p>The property {@code relay.stress.seconds} makes it longer.
   */
  @Test
  void watchedConnectionsMixNothingUp() throws Exception {
    int seconds = Integer.getInteger("relay.stress.seconds", 3);
    CompletableFuture<Void> answering = inBackground(this::echoAll);
    long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
    List<CompletableFuture<Integer>> visits = new ArrayList<>();
    for (int i = 0; i < 24; i++) {
      Random random = new Random(i);
      int visitor = i;
      visits.add(inBackground(() -> converse(visitor, random, until)));
    }
    int answers = 0;
    for (CompletableFuture<Integer> visit : visits) {
      answers += visit.get(seconds + 30, TimeUnit.SECONDS);
    }
    assertThat(answers).isGreaterThan(24);
    assertThat(answering).isNotDone();
  }

  /** One connection after the other, each with several requests, until the time is over. */
  private int converse(int visitor, Random random, long until) throws IOException {
    int answers = 0;
    int number = 0;
    while (System.nanoTime() < until) {
      Wire client = client();
      boolean leaves = false;
      for (int turn = 0; turn < 4 && !leaves; turn++) {
        String first = visitor + "-" + number++;
        String second = visitor + "-" + number++;
        String ahead = post("/v1/chat/completions", second);
        int early = random.nextInt(3) == 0 ? 0 : random.nextInt(ahead.length() + 1);
        client.send(post("/v1/chat/completions", first) + ahead.substring(0, early));
        leaves = random.nextInt(4) == 0;
        if (leaves && random.nextBoolean()) {
          break;
        }
        assertThat(client.readText(client.readHead())).isEqualTo(answerTo(first));
        client.send(ahead.substring(early));
        assertThat(client.readText(client.readHead())).isEqualTo(answerTo(second));
        answers += 2;
      }
      leave(client, random.nextBoolean());
    }
    return answers;
  }

  private static String answerTo(String question) {
    return ("data: " + question + "\n\n").repeat(6) + DONE;
  }

  private Void echoAll() throws IOException {
    while (true) {
      Wire call = upstream.accept();
      CompletableFuture<Void> answering = inBackground(() -> echo(call));
      assertThat(answering).isNotCancelled();
    }
  }

  /** Repeats each request's body, within about a second. */
  private static Void echo(Wire call) {
    try (call) {
      while (true) {
        String question = call.readText(call.readHead());
        Random random = new Random(question.hashCode());
        CountDownLatch never = new CountDownLatch(1);
        call.send(ScriptedUpstream.EVENT_STREAM);
        for (int event = 0; event < 6; event++) {
          assertThat(never.await(random.nextInt(300), TimeUnit.MILLISECONDS)).isFalse();
          call.sendChunk("data: " + question + "\n\n");
        }
        call.sendChunk(DONE).sendLastChunk();
      }
    } catch (IOException | InterruptedException | AssertionError e) {
      // Its client left, or nobody asks any more.
    }
    return null;
  }

  private static MockResponse eventStream(String events) {
    return new MockResponse.Builder()
        .addHeader("Content-Type", "text/event-stream")
        .chunkedBody(events, 7)
        .build();
  }

  private static String bodyOf(RecordedRequest request) {
    var body = request.getBody();
    return body == null ? "" : body.utf8();
  }

  // ---- request bodies

  @ParameterizedTest
  @ValueSource(ints = {0, 10_240, 65_535, 65_536, 65_537, 5_242_880})
  void aBodyOfKnownLengthGoesUpExactly(int length) throws Exception {
    byte[] sent = Bytes.random(new Random(length), length);
    try (Wire client = client()) {
      CompletableFuture<Wire> sending =
          inBackground(
              () ->
                  client
                      .send(request("POST", BELOW_MOUNT + "/tts", "Content-Length: " + length))
                      .send(sent));
      Wire call = upstream.accept();
      Head head = call.readHead();
      assertThat(head.all("Content-Length")).containsExactly(Integer.toString(length));
      assertThat(head.field("Transfer-Encoding")).isNull();
      assertThat(Bytes.sha256(call.readBody(head))).isEqualTo(Bytes.sha256(sent));
      answered(client, call);
      sending.get(10, TimeUnit.SECONDS);
    }
    assertThat(records.next().requestBytes()).isEqualTo(length);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 10_240, 65_535, 65_536, 65_537, 5_242_880})
  void aChunkedBodyGoesUpExactly(int length) throws Exception {
    Random random = new Random(length);
    byte[] sent = Bytes.random(random, length);
    try (Wire client = client()) {
      CompletableFuture<Wire> sending =
          inBackground(
              () -> {
                client.send(request("POST", BELOW_MOUNT + "/tts", "Transfer-Encoding: chunked"));
                for (byte[] slice : Bytes.slices(random, sent)) {
                  client.sendChunk(slice);
                }
                return client.sendLastChunk();
              });
      Wire call = upstream.accept();
      Head head = call.readHead();
      // One that is in memory whole is sent with its length.
      assertThat(head.field("Content-Length"))
          .isEqualTo(length <= 65_536 ? Integer.toString(length) : null);
      assertThat(Bytes.sha256(call.readBody(head))).isEqualTo(Bytes.sha256(sent));
      answered(client, call);
      sending.get(10, TimeUnit.SECONDS);
    }
    assertThat(records.next().requestBytes()).isEqualTo(length);
  }

  private static void answered(Wire client, Wire call) throws IOException {
    call.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    assertThat(client.readText(client.readHead())).isEqualTo("ok");
  }

  /** Most of it is sent after the answer is there, and still the answer can be read. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aBodyThatIsTooLargeIsRefusedReadably(boolean chunked) throws Exception {
    int length = MAX_BODY_BYTES + 2 * 1024 * 1024;
    byte[] part = new byte[64 * 1024];
    try (Wire client = client()) {
      String framing = chunked ? "Transfer-Encoding: chunked" : "Content-Length: " + length;
      client.send(request("POST", BELOW_MOUNT + "/mock/x", framing));
      CompletableFuture<Void> sending =
          inBackground(
              () -> {
                for (int sent = 0; sent < length; sent += part.length) {
                  if (chunked) {
                    client.sendChunk(part);
                  } else {
                    client.send(part);
                  }
                }
                if (chunked) {
                  client.sendLastChunk();
                }
                return null;
              });
      Head head = client.readHead();
      assertThat(head.status()).isEqualTo(413);
      assertThat(client.readText(head)).contains("\"code\":\"body_too_large\"");
      sending.get(10, TimeUnit.SECONDS);
    }
    assertThat(records.next().error()).isEqualTo(ErrorCode.BODY_TOO_LARGE);
    if (!chunked) {
      assertThat(mock.getRequestCount()).isZero();
    }
  }

  @Test
  void anUpstreamMayAnswerBeforeItHasTheWholeBody() throws Exception {
    byte[] sent = new byte[5 * 1024 * 1024];
    try (Wire client = client()) {
      client.send(
          request(
              "POST", BELOW_MOUNT + "/tts", "Content-Length: " + sent.length, "Connection: close"));
      // What the client still sends may find the connection closed; the answer is what counts.
      CompletableFuture<Wire> sending = inBackground(() -> client.send(sent));
      Wire call = upstream.accept();
      call.readHead();
      call.send("HTTP/1.1 401 No\r\nContent-Length: 7\r\n\r\nrefused");

      Head head = client.readHead();
      assertThat(head.status()).isEqualTo(401);
      assertThat(client.readText(head)).isEqualTo("refused");
      client.awaitEnd();
      assertThat(sending).isNotCancelled();
    }
    assertThat(records.next().end()).isEqualTo(EndReason.UPSTREAM_REFUSED);
  }

  @ParameterizedTest
  @CsvSource({"true, true", "true, false", "false, true", "false, false"})
  void aBodyThatBreaksOffIsNotSentAsWhole(boolean chunked, boolean byReset) throws Exception {
    byte[] part = new byte[200_000];
    try (Wire client = client()) {
      String framing = chunked ? "Transfer-Encoding: chunked" : "Content-Length: 5000000";
      client.send(request("POST", BELOW_MOUNT + "/tts", framing));
      if (chunked) {
        client.sendChunk(part);
      } else {
        client.send(part);
      }
      Wire call = upstream.accept();
      Head head = call.readHead();
      InputStream body = call.body(head);
      assertThat(body.readNBytes(part.length)).isEqualTo(part);

      leave(client, byReset);

      assertThat(catchThrowable(body::readAllBytes)).isInstanceOf(Wire.BrokenBody.class);
    }
    assertThat(records.next().end()).isEqualTo(EndReason.CLIENT_GONE);
  }

  /**
   * A container may find itself with nothing but a part of a chunk's framing, wherever its buffers
   * end.
   */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aClientThatLeavesBehindAChunkIsNoticed(boolean byReset) throws Exception {
    for (int length : new int[] {1, 4096, 8184, 8192, 16_312, 16_384}) {
      for (int held = 0; held <= 2; held++) {
        try (Wire client = client()) {
          client.send(request("POST", BELOW_MOUNT + "/tts", "Transfer-Encoding: chunked"));
          client.send(Integer.toHexString(length) + "\r\n");
          client.send(new byte[length]).send("\r\n".substring(0, 2 - held));
          anotherIsAnswered();
          client.send("\r\n".substring(2 - held));
          anotherIsAnswered();
          leave(client, byReset);
        }
        assertThat(records.next().end())
            .as("%d bytes, %d of the framing later", length, held)
            .isEqualTo(EndReason.CLIENT_GONE);
      }
    }
  }

  /** Time enough for the container to have taken what was sent before. */
  private void anotherIsAnswered() throws Exception {
    try (Wire client = client()) {
      client.send(request("GET", BELOW_MOUNT + "/nowhere"));
      assertThat(client.readHead().status()).isEqualTo(404);
    }
    assertThat(records.next().end()).isEqualTo(EndReason.REJECTED);
  }

  @ParameterizedTest
  @ValueSource(strings = {"zz\r\n", "-1\r\n", "0x2\r\n", "3\r\nabcdef\r\n"})
  void aBodyWhoseFramingIsBrokenIsNoDeparture(String broken) throws Exception {
    if (!tellsBrokenFraming()) {
      return;
    }
    byte[] part = new byte[200_000];
    try (Wire client = client()) {
      client.send(request("POST", BELOW_MOUNT + "/tts", "Transfer-Encoding: chunked"));
      client.sendChunk(part);
      Wire call = upstream.accept();
      InputStream body = call.body(call.readHead());
      assertThat(body.readNBytes(part.length)).isEqualTo(part);

      client.send(broken);

      assertThat(catchThrowable(body::readAllBytes)).isInstanceOf(Wire.BrokenBody.class);
      if (answersBrokenFraming()) {
        Head head = client.readHead();
        assertThat(head.status()).isEqualTo(400);
        assertThat(client.readText(head)).contains("\"code\":\"invalid_body\"");
        client.awaitEnd();
      }
      ExchangeRecord record = records.next();
      assertThat(record.end()).isEqualTo(EndReason.REJECTED);
      assertThat(record.error()).isEqualTo(ErrorCode.INVALID_BODY);
      assertThat(record.status()).isEqualTo(400);
    }
  }

  @Test
  void aClientIsToldToContinueOnceAdmitted() throws Exception {
    try (Wire client = client()) {
      client.send(
          request("POST", BELOW_MOUNT + "/tts", "Content-Length: 5", "Expect: 100-continue"));
      assertThat(client.readHead().status()).isEqualTo(100);
      client.send("hello");
      Wire call = upstream.accept();
      Head head = call.readHead();
      assertThat(head.field("Expect")).isNull();
      assertThat(call.readText(head)).isEqualTo("hello");
      answered(client, call);
    }
  }

  @Test
  void aClientThatIsRefusedIsNotToldToContinue() throws Exception {
    byte[] body = new byte[4 * 1024 * 1024];
    try (Wire client = client()) {
      client.send(
          request(
                  "POST",
                  BELOW_MOUNT + "/tts",
                  "Content-Length: " + body.length,
                  "Expect: 100-continue")
              .replace(KEY, "sk-wrong"));
      CompletableFuture<Wire> sending = CompletableFuture.completedFuture(client);
      if (!letsTheServletSayContinue()) {
        assertThat(client.readHead().status()).isEqualTo(100);
        sending = inBackground(() -> client.send(body));
      }
      Head head = client.readHead();
      assertThat(head.status()).isEqualTo(401);
      assertThat(client.readText(head)).contains("invalid_api_key");
      sending.get(10, TimeUnit.SECONDS);
    }
  }

  // ---- mounting

  @ParameterizedTest
  @CsvSource({"/app/ai, /v1/chat/completions", "'', /v1/chat/completions/below"})
  void routesMatchThePathBelowTheMount(String mount, String path) throws Exception {
    try (Wire client = client().send(postAt(mount, path + "?a=b%20c", "{}"))) {
      Wire call = upstream.accept();
      Head head = call.readHead();
      assertThat(head.target()).isEqualTo(path + "?a=b%20c");
      call.readBody(head);
      answered(client, call);
    }
  }

  @Test
  void withoutAsyncSupportTheAnswerSaysSo() throws Exception {
    try (Wire client = client().send(postAt("/app/sync", "/tts", "{}"))) {
      Head head = client.readHead();
      assertThat(head.status()).isEqualTo(500);
      assertThat(client.readText(head)).contains("async-supported");
    }
  }

  @Test
  void twoRelaysShareAProcess() throws Exception {
    Recorder others = new Recorder();
    try (Relay other = relay(others);
        TestContainer second = start(List.of(Mount.of("", "/*", new RelayServlet(other))));
        Wire client = Wire.connect(second.port()).send(postAt("", "/tts", "{}"))) {
      answered(client, upstream.acceptRequest());
      others.await("the other relay's exchange ends", () -> other.activeExchanges() == 0);
      assertThat(others.next().route()).isEqualTo("tts");
    }
    aLengthIsKept();
  }

  @Test
  void aServletThatTheContainerMakesReadsItsFileAndClosesItsRelay(@TempDir Path folder)
      throws Exception {
    Path file = folder.resolve("relay.yaml");
    Files.writeString(
        file,
        """
        routes:
          - name: tts
            path: /tts
            upstream: %s
        auth:
          api_keys: [%s]
        """
            .formatted(upstream.uri(), KEY));
    Wire call;
    TestContainer own =
        start(List.of(Mount.of("", "/ai/*", new RelayServlet()).configuredBy(file)));
    try (own;
        Wire client = Wire.connect(own.port()).send(postAt("/ai", "/tts", "{}"))) {
      call = upstream.acceptRequest();
      answered(client, call);
    }
    // The connection was pooled; with the relay closed it ends.
    call.awaitEnd();
  }

  // ---- requests

  private Wire client() throws IOException {
    return Wire.connect(container.port());
  }

  private static String post(String path, String body, String... fields) {
    return postAt(BELOW_MOUNT, path, body, fields);
  }

  private static String postAt(String mount, String path, String body, String... fields) {
    String[] all = Arrays.copyOf(fields, fields.length + 1);
    all[fields.length] = "Content-Length: " + body.getBytes(StandardCharsets.UTF_8).length;
    return request("POST", mount + path, all) + body;
  }

  private static String request(String method, String target, String... fields) {
    StringBuilder head = new StringBuilder(method + " " + target + " HTTP/1.1\r\n");
    head.append("Host: relay.test\r\nAuthorization: Bearer " + KEY + "\r\n");
    for (String field : fields) {
      head.append(field).append("\r\n");
    }
    return head.append("\r\n").toString();
  }

  private static <T> CompletableFuture<T> inBackground(Callable<T> task) {
    CompletableFuture<T> result = new CompletableFuture<>();
    Thread thread =
        new Thread(
            () -> {
              try {
                result.complete(task.call());
              } catch (Exception | Error e) {
                result.completeExceptionally(new CompletionException(e));
              }
            },
            "test-sender");
    thread.setDaemon(true);
    thread.start();
    return result;
  }
}
