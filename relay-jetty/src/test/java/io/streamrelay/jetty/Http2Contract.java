package io.streamrelay.jetty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.streamrelay.EndReason;
import io.streamrelay.Exchange;
import io.streamrelay.ExchangeRecord;
import io.streamrelay.Relay;
import io.streamrelay.RelayListener;
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
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.MetaData;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestReporter;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What {@link RelayServlet} promises to clients of HTTP/2, seen frame by frame. */
@Timeout(60)
abstract class Http2Contract {
  private static final String KEY = "sk-relay-h2";
  private static final String AUTH = "authorization: Bearer " + KEY;
  private static final String CHAT = "/ai/v1/chat/completions";
  private static final String TTS = "/ai/tts";
  private static final int MAX_BODY_BYTES = 6 * 1024 * 1024;
  private static final String EVENT =
      "data: {\"object\":\"chat.completion.chunk\",\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\n";
  private static final String DONE = "data: [DONE]\n\n";

  private final CapturedLogs logs = new CapturedLogs();
  private final Recorder records = new Recorder();
  private final AtomicInteger started = new AtomicInteger();
  private final AtomicInteger ended = new AtomicInteger();
  private final AtomicInteger permits = new AtomicInteger();
  private final ScriptedUpstream upstream;
  private final Relay relay;
  private final TestContainer container;
  private final Http2Client client;

  abstract TestContainer start(List<Mount> mounts, Duration idle) throws Exception;

  abstract boolean isTls();

  Http2Contract() {
    try {
      upstream = new ScriptedUpstream();
      relay =
          Relay.builder(config(), JettyForwarder.create())
              .listener(records)
              .listener(new Balance())
              .policy(new TakesAPermit())
              .build();
      container = start(mounts(), Duration.ofSeconds(30));
      client = Http2Client.connect(container.port(), isTls());
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  private List<Mount> mounts() {
    return List.of(Mount.of("", "/ai/*", new RelayServlet(relay)));
  }

  private final class Balance implements RelayListener {
    @Override
    public void onStart(Exchange exchange) {
      started.incrementAndGet();
    }

    @Override
    public void onEnd(ExchangeRecord record) {
      if (!record.route().equals(ExchangeRecord.NO_ROUTE)) {
        ended.incrementAndGet();
      }
    }
  }

  private final class TakesAPermit implements Policy {
    @Override
    public Decision onRequest(Exchange exchange) {
      permits.incrementAndGet();
      exchange.onEnd(record -> permits.decrementAndGet());
      return Decision.admit();
    }
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
        .build();
  }

  @AfterEach
  void nothingIsLeft() throws Exception {
    try {
      records.await("no exchange runs", () -> relay.activeExchanges() == 0);
      assertThat(started).hasValue(ended.get());
      assertThat(permits).hasValue(0);
      assertThat(logs.errors()).isEmpty();
    } finally {
      upstream.close();
      client.close();
      container.close();
      relay.close();
      logs.close();
    }
  }

  // ---- bytes

  @Test
  void everyEventArrivesBeforeTheNextIsSent() throws Exception {
    Http2Client.Exchange stream = client.post(CHAT, "{}", AUTH);
    Wire call = upstream.acceptRequest();
    call.send(ScriptedUpstream.EVENT_STREAM);
    // The head comes before there is any content.
    assertThat(stream.head().getStatus()).isEqualTo(200);
    for (int i = 0; i < 100; i++) {
      String event = "id: " + i + "\n" + EVENT;
      call.sendChunk(event);
      assertThat(stream.next(event.length())).asString().isEqualTo(event);
    }
    call.sendChunk(DONE).sendLastChunk();
    assertThat(stream.rest()).asString().isEqualTo(DONE);
    assertThat(records.next().end()).isEqualTo(EndReason.COMPLETE);
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void anEventStreamArrivesByteByByte(long seed) throws Exception {
    Random random = new Random(seed);
    byte[] sent = Bytes.events(random);
    Http2Client.Exchange stream = client.post(CHAT, "{}", AUTH);
    FutureTask<Void> sending =
        answer(upstream.acceptRequest(), ScriptedUpstream.EVENT_STREAM, random, sent);
    assertThat(Bytes.sha256(stream.rest())).isEqualTo(Bytes.sha256(sent));
    done(sending);
  }

  @Test
  void streamsOfOneConnectionArriveByteByByteAtOnce() throws Exception {
    List<byte[]> sent = new ArrayList<>();
    List<Http2Client.Exchange> streams = new ArrayList<>();
    List<Wire> calls = new ArrayList<>();
    List<FutureTask<Void>> sending = new ArrayList<>();
    for (int i = 0; i < 12; i++) {
      sent.add(Bytes.random(new Random(i), 1_000_000));
      streams.add(client.post(TTS, "{}", AUTH));
      calls.add(upstream.acceptRequest());
    }
    for (int i = 0; i < 12; i++) {
      sending.add(answer(calls.get(i), ScriptedUpstream.CHUNKED_AUDIO, new Random(i), sent.get(i)));
    }
    for (int i = 0; i < streams.size(); i++) {
      assertThat(Bytes.sha256(streams.get(i).rest())).isEqualTo(Bytes.sha256(sent.get(i)));
      done(sending.get(i));
      assertThat(records.next().responseBytes()).isEqualTo(1_000_000);
    }
  }

  private static FutureTask<Void> answer(Wire call, String head, Random random, byte[] sent) {
    return inBackground(
        () -> {
          call.send(head);
          for (byte[] slice : Bytes.slices(random, sent)) {
            call.sendChunk(slice);
          }
          call.sendLastChunk();
          return null;
        });
  }

  @ParameterizedTest
  @CsvSource({"HEAD, 200", "GET, 204", "GET, 304"})
  void anAnswerWithoutABodyHasNone(String method, int status) throws Exception {
    Http2Client.Exchange stream = client.request(method, TTS, AUTH);
    Wire call = upstream.acceptRequest();
    call.send(
        "HTTP/1.1 "
            + status
            + " Some\r\nETag: \"x\"\r\n"
            + (status == 204 ? "" : "Content-Length: 5\r\n")
            + "\r\n");
    assertThat(stream.head().getStatus()).isEqualTo(status);
    assertThat(stream.head().getHttpFields().get("etag")).isEqualTo("\"x\"");
    assertThat(stream.rest()).isEmpty();
  }

  @Test
  void optionsGoThrough() throws Exception {
    Http2Client.Exchange stream = client.request("OPTIONS", TTS, AUTH);
    Wire call = upstream.accept();
    assertThat(call.readHead().startLine()).isEqualTo("OPTIONS /tts HTTP/1.1");
    call.send("HTTP/1.1 204 Some\r\nAllow: POST\r\n\r\n");
    assertThat(stream.head().getHttpFields().get("allow")).isEqualTo("POST");
    assertThat(stream.rest()).isEmpty();
  }

  /** RFC 9113 §8.2.2; a client must take such a field for a broken answer. */
  @ParameterizedTest
  @ValueSource(strings = {"/ai/tts", "/ai/nowhere"})
  void fieldsThatHttp2ForbidsNeverAppear(String path) throws Exception {
    Http2Client.Exchange stream = client.post(path, "{}", AUTH);
    if (path.equals(TTS)) {
      Wire call = upstream.acceptRequest();
      List<String> fields =
          List.of(
              "HTTP/1.1 200 OK",
              "Connection: keep-alive, X-Hop",
              "Keep-Alive: timeout=5",
              "Proxy-Connection: keep-alive",
              "Upgrade: h2c",
              "X-Hop: 1",
              "Transfer-Encoding: chunked");
      call.send(String.join("\r\n", fields) + "\r\n\r\n");
      call.sendChunk("some audio").sendLastChunk();
    }
    MetaData.Response head = stream.head();
    for (String name :
        List.of("connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade")) {
      assertThat(head.getHttpFields().contains(name)).describedAs(head.toString()).isFalse();
    }
    assertThat(stream.rest()).isNotEmpty();
  }

  @Test
  void aLengthIsKept() throws Exception {
    Http2Client.Exchange stream = client.post(TTS, "{}", AUTH);
    upstream.acceptRequest().send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nsome audio");
    assertThat(stream.head().getHttpFields().get(HttpHeader.CONTENT_LENGTH)).isEqualTo("10");
    assertThat(stream.rest()).asString().isEqualTo("some audio");
  }

  // ---- backpressure

  @Test
  void aStreamWithoutAWindowHoldsItsOwnUpstreamBackAndNoOther() throws Exception {
    int total = 64 * 1024 * 1024;
    byte[] part = Bytes.random(new Random(7), 64 * 1024);
    AtomicLong sentBytes = new AtomicLong();
    Http2Client.Exchange stalled = client.postStalled(TTS, "{}", AUTH);
    Wire flood = upstream.acceptRequest();
    CountDownLatch allTaken = new CountDownLatch(1);
    FutureTask<Void> flooding =
        inBackground(
            () -> {
              flood.send("HTTP/1.1 200 OK\r\nContent-Length: " + total + "\r\n\r\n");
              while (sentBytes.get() < total) {
                flood.send(part);
                sentBytes.addAndGet(part.length);
              }
              allTaken.countDown();
              return null;
            });
    long stoppedAt = awaitStandstill(sentBytes, allTaken);
    // The window, the relay's own buffers, and what two sockets hold.
    assertThat(stoppedAt).isLessThan(16 * 1024 * 1024);

    everyEventArrivesBeforeTheNextIsSent();

    assertThat(sentBytes).hasValue(stoppedAt);
    assertThat(stalled.isOver()).isFalse();
    stalled.readOn();
    for (int i = 0; i < total / part.length; i++) {
      assertThat(Arrays.equals(stalled.next(part.length), part)).isTrue();
    }
    assertThat(stalled.rest()).isEmpty();
    done(flooding);
  }

  /** Waits until nothing has been sent for a good while. */
  private static long awaitStandstill(AtomicLong sentBytes, CountDownLatch allTaken)
      throws InterruptedException {
    long before;
    do {
      before = sentBytes.get();
      assertThat(allTaken.await(300, TimeUnit.MILLISECONDS))
          .describedAs("all %d bytes were taken though the client gives no window", before)
          .isFalse();
    } while (before == 0 || sentBytes.get() != before);
    return before;
  }

  /** Models think for minutes, and containers end streams that are idle for one. */
  @Test
  void anUpstreamMayBeSilentForLongerThanAStreamMayBeIdle() throws Exception {
    try (TestContainer impatient = start(mounts(), Duration.ofMillis(200));
        Http2Client other = Http2Client.connect(impatient.port(), isTls())) {
      Http2Client.Exchange stream = other.post(CHAT, "{}", AUTH);
      Wire call = upstream.acceptRequest();
      staysOpen(stream, 700);
      call.send(ScriptedUpstream.EVENT_STREAM).sendChunk(EVENT);
      assertThat(stream.next(EVENT.length())).asString().isEqualTo(EVENT);
      staysOpen(stream, 700);
      call.sendChunk(DONE).sendLastChunk();
      assertThat(stream.rest()).asString().isEqualTo(DONE);
    }
  }

  /** A player that takes its time is no dead client; the route's clocks are the ones that count. */
  @Test
  void aClientMayGiveNoWindowForLongerThanAStreamMayBeIdle() throws Exception {
    byte[] audio = Bytes.random(new Random(8), 1_000_000);
    try (TestContainer impatient = start(mounts(), Duration.ofMillis(200));
        Http2Client other = Http2Client.connect(impatient.port(), isTls())) {
      Http2Client.Exchange stream = other.postStalled(TTS, "{}", AUTH);
      Wire call = upstream.acceptRequest();
      FutureTask<Void> sending = answer(call, ScriptedUpstream.CHUNKED_AUDIO, new Random(8), audio);
      stream.head();
      staysOpen(stream, 1000);
      stream.readOn();
      assertThat(Bytes.sha256(stream.rest())).isEqualTo(Bytes.sha256(audio));
      done(sending);
    }
  }

  private static void staysOpen(Http2Client.Exchange stream, long millis) throws Exception {
    long until = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis);
    CountDownLatch never = new CountDownLatch(1);
    while (System.nanoTime() < until) {
      assertThat(stream.isOver()).describedAs(stream.toString()).isFalse();
      assertThat(never.await(20, TimeUnit.MILLISECONDS)).isFalse();
    }
  }

  // ---- a client that leaves

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aResetInSilenceEndsTheUpstreamAtOnce(boolean afterHead, TestReporter reporter)
      throws Exception {
    Http2Client.Exchange neighbour = client.post(CHAT, "{}", AUTH);
    Wire neighboursCall = upstream.acceptRequest();
    Http2Client.Exchange stream = client.post(CHAT, "{}", AUTH);
    Wire call = upstream.acceptRequest();
    if (afterHead) {
      call.send(ScriptedUpstream.EVENT_STREAM).sendChunk(EVENT);
      stream.next(EVENT.length());
    }

    long left = System.nanoTime();
    stream.reset();
    call.awaitEnd();
    reporter.publishEntry(
        "upstream closed after ms", Long.toString((System.nanoTime() - left) / 1_000_000));

    assertThat(records.next().end()).isEqualTo(EndReason.CLIENT_GONE);
    neighboursCall.send(ScriptedUpstream.EVENT_STREAM).sendChunk(DONE).sendLastChunk();
    assertThat(neighbour.rest()).asString().isEqualTo(DONE);
  }

  /** A container's thread may still be in the servlet when the reset comes. */
  @Test
  void aResetAtAnyMomentIsNoticed() throws Exception {
    for (int i = 1; i <= 60; i++) {
      int count = i;
      Http2Client hasty = Http2Client.connect(container.port(), isTls());
      Http2Client.Exchange stream = hasty.request("POST", CHAT, AUTH);
      records.await("the exchange starts", () -> started.get() == count);
      stream.reset();
      // The latter if the relay was still reading the request.
      assertThat(records.next().end()).isIn(EndReason.CLIENT_GONE, EndReason.REJECTED);
      hasty.close();
    }
  }

  @Test
  void aResetWithoutAWindowEndsTheUpstream() throws Exception {
    Http2Client.Exchange stream = client.postStalled(TTS, "{}", AUTH);
    Wire call = upstream.acceptRequest();
    FutureTask<Void> flooding =
        inBackground(
            () -> {
              call.send(ScriptedUpstream.CHUNKED_AUDIO);
              while (true) {
                call.sendChunk(new byte[64 * 1024]);
              }
            });
    stream.head();
    stream.reset();
    // Hung up upon.
    assertThat(catchThrowable(() -> flooding.get(10, TimeUnit.SECONDS)))
        .hasCauseInstanceOf(IOException.class);
    assertThat(records.next().end()).isEqualTo(EndReason.CLIENT_GONE);
  }

  @Test
  void aLostConnectionEndsAllItsStreams(TestReporter reporter) throws Exception {
    List<Wire> calls = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      Http2Client.Exchange stream = client.post(CHAT, "{}", AUTH);
      Wire call = upstream.acceptRequest();
      calls.add(call);
      if (i % 2 == 0) {
        call.send(ScriptedUpstream.EVENT_STREAM).sendChunk(EVENT);
        stream.next(EVENT.length());
      }
    }
    long left = System.nanoTime();
    client.hangUp();
    for (Wire call : calls) {
      call.awaitEnd();
    }
    reporter.publishEntry(
        "upstreams closed after ms", Long.toString((System.nanoTime() - left) / 1_000_000));
    for (int i = 0; i < 6; i++) {
      assertThat(records.next().end()).isEqualTo(EndReason.CLIENT_GONE);
    }
  }

  @Test
  void streamsThatRunEndWholeAfterAGoAway() throws Exception {
    Http2Client.Exchange stream = client.post(CHAT, "{}", AUTH);
    Wire call = upstream.acceptRequest();
    call.send(ScriptedUpstream.EVENT_STREAM).sendChunk(EVENT);
    stream.next(EVENT.length());

    client.goAway();

    for (int i = 0; i < 20; i++) {
      call.sendChunk(EVENT);
      assertThat(stream.next(EVENT.length())).asString().isEqualTo(EVENT);
    }
    assertThat(client.isClosed()).isFalse();
    call.sendChunk(DONE).sendLastChunk();
    assertThat(stream.rest()).asString().isEqualTo(DONE);
    assertThat(records.next().end()).isEqualTo(EndReason.COMPLETE);
    client.awaitClosed();
  }

  // ---- an upstream that breaks

  @Test
  void anUpstreamThatBreaksBeforeItsHeadIsABadGateway() throws Exception {
    Http2Client.Exchange stream = client.post(CHAT, "{}", AUTH);
    upstream.acceptRequest().close();
    assertThat(stream.head().getStatus()).isEqualTo(502);
    assertThat(stream.rest()).asString().contains("\"code\":\"upstream_failed\"");
  }

  @Test
  void aCutAtAnEventsBorderIsToldByALastEventAndAReset() throws Exception {
    assertThat(brokenAfter(CHAT, ScriptedUpstream.EVENT_STREAM, EVENT))
        .startsWith(EVENT + "data: {\"error\":{")
        .contains("\"code\":\"upstream_failed\"")
        .endsWith("}\n\n");
    assertThat(records.next().end()).isEqualTo(EndReason.UPSTREAM_ERROR);
  }

  @Test
  void aCutWithinAnEventAddsNothing() throws Exception {
    String part = EVENT + "data: {\"hal";
    assertThat(brokenAfter(CHAT, ScriptedUpstream.EVENT_STREAM, part)).isEqualTo(part);
  }

  @ParameterizedTest
  @ValueSource(strings = {"Transfer-Encoding: chunked", "Content-Length: 100"})
  void cutAudioIsCut(String framing) throws Exception {
    Http2Client.Exchange stream = client.post(TTS, "{}", AUTH);
    Wire call = upstream.acceptRequest();
    call.send("HTTP/1.1 200 OK\r\n" + framing + "\r\n\r\n");
    if (framing.startsWith("T")) {
      call.sendChunk("ten bytes.");
    } else {
      call.send("ten bytes.");
    }
    call.close();
    assertThat(stream.restOfBroken()).asString().isEqualTo("ten bytes.");
    assertThat(records.next().end()).isEqualTo(EndReason.UPSTREAM_ERROR);
  }

  /** A clean end without the last event is no better than a cut. */
  @Test
  void aStreamThatEndsWithoutItsLastEventIsNotEndedAsWhole() throws Exception {
    Http2Client.Exchange stream = client.post(CHAT, "{}", AUTH);
    Wire call = upstream.acceptRequest();
    call.send(ScriptedUpstream.EVENT_STREAM).sendChunk(EVENT).sendLastChunk();
    assertThat(stream.restOfBroken())
        .asString()
        .startsWith(EVENT + "data: {\"error\":{")
        .contains("\"code\":\"upstream_truncated\"")
        .endsWith("}\n\n");
    assertThat(records.next().end()).isEqualTo(EndReason.UPSTREAM_TRUNCATED);
  }

  /** What a cut ends is one stream, not the connection. */
  @Test
  void aCutHarmsNoNeighbour() throws Exception {
    Http2Client.Exchange neighbour = client.post(CHAT, "{}", AUTH);
    Wire neighboursCall = upstream.acceptRequest();
    neighboursCall.send(ScriptedUpstream.EVENT_STREAM).sendChunk(EVENT);
    for (int i = 0; i < 20; i++) {
      aCutAtAnEventsBorderIsToldByALastEventAndAReset();
    }
    neighboursCall.sendChunk(DONE).sendLastChunk();
    assertThat(neighbour.rest()).asString().isEqualTo(EVENT + DONE);
  }

  private String brokenAfter(String path, String head, String sent) throws Exception {
    Http2Client.Exchange stream = client.post(path, "{}", AUTH);
    upstream.acceptRequest().send(head).sendChunk(sent).close();
    return new String(stream.restOfBroken(), StandardCharsets.UTF_8);
  }

  // ---- request bodies

  @ParameterizedTest
  @ValueSource(ints = {0, 10_240, 65_535, 65_536, 65_537, 5_242_880})
  void aBodyOfKnownLengthGoesUpExactly(int length) throws Exception {
    byte[] sent = Bytes.random(new Random(length), length);
    Http2Client.Exchange stream = client.begin("POST", TTS, AUTH, "content-length: " + length);
    FutureTask<Http2Client.Exchange> sending = inBackground(() -> stream.send(sent, true));
    Wire call = upstream.accept();
    Head head = call.readHead();
    assertThat(head.all("Content-Length")).containsExactly(Integer.toString(length));
    assertThat(head.field("Transfer-Encoding")).isNull();
    assertThat(Bytes.sha256(call.readBody(head))).isEqualTo(Bytes.sha256(sent));
    answered(stream, call);
    done(sending);
    assertThat(records.next().requestBytes()).isEqualTo(length);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 10_240, 65_535, 65_536, 65_537, 5_242_880})
  void aBodyOfUnknownLengthGoesUpExactly(int length) throws Exception {
    Random random = new Random(length);
    byte[] sent = Bytes.random(random, length);
    Http2Client.Exchange stream = client.begin("POST", TTS, AUTH);
    FutureTask<Http2Client.Exchange> sending =
        inBackground(
            () -> {
              for (byte[] slice : Bytes.slices(random, sent)) {
                stream.send(slice, false);
              }
              return stream.send(new byte[0], true);
            });
    Wire call = upstream.accept();
    Head head = call.readHead();
    // One that is in memory whole is sent with its length.
    assertThat(head.field("Content-Length"))
        .isEqualTo(length <= 65_536 ? Integer.toString(length) : null);
    assertThat(Bytes.sha256(call.readBody(head))).isEqualTo(Bytes.sha256(sent));
    answered(stream, call);
    done(sending);
    assertThat(records.next().requestBytes()).isEqualTo(length);
  }

  @Test
  void aRequestThatEndsWithItsHeadHasNoBody() throws Exception {
    Http2Client.Exchange stream = client.request("POST", TTS, AUTH);
    Wire call = upstream.accept();
    Head head = call.readHead();
    assertThat(call.readText(head)).isEmpty();
    answered(stream, call);
  }

  private static void answered(Http2Client.Exchange stream, Wire call) throws Exception {
    call.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    assertThat(stream.rest()).asString().isEqualTo("ok");
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void anUploadThatIsResetIsNotSentAsWhole(boolean lengthKnown) throws Exception {
    byte[] part = new byte[200_000];
    Http2Client.Exchange stream =
        lengthKnown
            ? client.begin("POST", TTS, AUTH, "content-length: 5000000")
            : client.begin("POST", TTS, AUTH);
    FutureTask<Http2Client.Exchange> sending = inBackground(() -> stream.send(part, false));
    Wire call = upstream.accept();
    InputStream body = call.body(call.readHead());
    assertThat(body.readNBytes(part.length)).isEqualTo(part);
    done(sending);

    stream.reset();

    assertThat(catchThrowable(body::readAllBytes)).isInstanceOf(Wire.BrokenBody.class);
    assertThat(records.next().end()).isIn(EndReason.CLIENT_GONE, EndReason.REJECTED);
  }

  @Test
  void aSmallUploadThatIsResetGoesNowhere() throws Exception {
    Http2Client.Exchange stream = client.begin("POST", TTS, AUTH, "content-length: 5000");
    stream.send(new byte[1000], false);
    records.await("the exchange starts", () -> started.get() == 1);
    stream.reset();
    assertThat(records.next().end()).isIn(EndReason.CLIENT_GONE, EndReason.REJECTED);
  }

  /** What such a client still wants to send is stopped by a reset, after the whole answer. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aBodyThatIsTooLargeIsRefusedReadably(boolean lengthKnown) throws Exception {
    int length = MAX_BODY_BYTES + 2 * 1024 * 1024;
    Http2Client.Exchange stream =
        lengthKnown
            ? client.begin("POST", TTS, AUTH, "content-length: " + length)
            : client.begin("POST", TTS, AUTH);
    FutureTask<Void> sending = sendInParts(stream, length);
    if (!lengthKnown) {
      Wire call = upstream.accept();
      FutureTask<byte[]> taking = inBackground(() -> call.readBody(call.readHead()));
      assertThat(taking.isCancelled()).isFalse();
    }
    assertThat(stream.head().getStatus()).isEqualTo(413);
    assertThat(stream.rest()).asString().contains("\"code\":\"body_too_large\"");
    assertThat(records.next().error()).isEqualTo(ErrorCode.BODY_TOO_LARGE);
    ended(sending);
  }

  @Test
  void aClientWithoutAKeyIsRefusedReadablyWhileItSends() throws Exception {
    Http2Client.Exchange stream =
        client.begin("POST", CHAT, "authorization: Bearer sk-wrong", "content-length: 4000000");
    FutureTask<Void> sending = sendInParts(stream, 4_000_000);
    assertThat(stream.head().getStatus()).isEqualTo(401);
    assertThat(stream.rest()).asString().contains("\"code\":\"invalid_api_key\"");
    assertThat(records.next().end()).isEqualTo(EndReason.REJECTED);
    ended(sending);
    // The connection is as before.
    aLengthIsKept();
  }

  private static FutureTask<Void> sendInParts(Http2Client.Exchange stream, int length) {
    return inBackground(
        () -> {
          byte[] part = new byte[50_000];
          for (int sent = 0; sent < length; sent += part.length) {
            int count = Math.min(part.length, length - sent);
            stream.send(Arrays.copyOf(part, count), sent + count == length);
          }
          return null;
        });
  }

  /** All was taken, or the rest was refused by a reset; but the sender is not left waiting. */
  private static void ended(FutureTask<Void> sending) {
    Throwable refused = catchThrowable(() -> sending.get(10, TimeUnit.SECONDS));
    if (refused != null) {
      assertThat(refused).hasCauseInstanceOf(ExecutionException.class);
    }
  }

  @Test
  void aClientIsToldToContinueOnceAdmitted() throws Exception {
    Http2Client.Exchange stream =
        client.begin("POST", TTS, AUTH, "content-length: 5", "expect: 100-continue");
    stream.awaitInterim(100);
    stream.send("hello".getBytes(StandardCharsets.UTF_8), true);
    Wire call = upstream.accept();
    Head head = call.readHead();
    assertThat(head.field("Expect")).isNull();
    assertThat(call.readText(head)).isEqualTo("hello");
    answered(stream, call);
  }

  @Test
  void aClientThatIsRefusedIsNotToldToContinue() throws Exception {
    Http2Client.Exchange stream =
        client.begin(
            "POST",
            TTS,
            "authorization: Bearer sk-wrong",
            "content-length: 4000000",
            "expect: 100-continue");
    assertThat(stream.head().getStatus()).isEqualTo(401);
    assertThat(stream.rest()).asString().contains("invalid_api_key");
    assertThat(stream.interim()).isEmpty();
  }

  // ---- a crowd

  /** Streams of one connection that are read to the end, left at once, or left half-way. */
  @Test
  void aCrowdThatComesAndGoesLeavesNothingBehind() throws Exception {
    FutureTask<Void> answering = inBackground(this::answerAll);
    Random random = new Random(9);
    for (int round = 0; round < 15; round++) {
      // Another connection each time, for Jetty ends one that resets too much.
      Http2Client crowd = Http2Client.connect(container.port(), isTls());
      List<Http2Client.Exchange> streams = new ArrayList<>();
      for (int i = 0; i < 10; i++) {
        streams.add(crowd.post(CHAT, "{}", AUTH));
      }
      for (Http2Client.Exchange stream : streams) {
        switch (random.nextInt(3)) {
          case 0 -> assertThat(stream.rest()).asString().endsWith(DONE);
          case 1 -> stream.leave();
          default -> {
            stream.next(EVENT.length() * random.nextInt(150));
            stream.leave();
          }
        }
      }
      crowd.close();
    }
    assertThat(answering.isDone()).isFalse();
  }

  /** Answers until the upstream is closed. */
  private Void answerAll() throws IOException {
    while (true) {
      Wire call = upstream.accept();
      FutureTask<Void> answering =
          inBackground(
              () -> {
                while (true) {
                  call.readBody(call.readHead());
                  call.send(ScriptedUpstream.EVENT_STREAM);
                  for (int event = 0; event < 200; event++) {
                    call.sendChunk(EVENT);
                  }
                  call.sendChunk(DONE).sendLastChunk();
                }
              });
      assertThat(answering.isCancelled()).isFalse();
    }
  }

  private static <T> FutureTask<T> inBackground(Callable<T> task) {
    FutureTask<T> future = new FutureTask<>(task);
    Thread thread = new Thread(future, "test-sender");
    thread.setDaemon(true);
    thread.start();
    return future;
  }

  private static <T> void done(FutureTask<T> sending) throws Exception {
    sending.get(10, TimeUnit.SECONDS);
  }
}
