package io.streamrelay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.streamrelay.error.ErrorCode;
import io.streamrelay.forward.ForwardResult.Phase;
import io.streamrelay.route.Route;
import io.streamrelay.route.StreamKind;
import io.streamrelay.testkit.FakeBody;
import io.streamrelay.testkit.FakeClient;
import io.streamrelay.testkit.FakeRequest;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Comments in a stream that is silent, to the nanosecond. */
class HeartbeatTest extends ExchangeFixture {
  private static final Duration BEAT = Duration.ofSeconds(7);
  private static final String COMMENT = ": keep-alive\n\n";
  private static final byte[] BOM = {(byte) 0xef, (byte) 0xbb, (byte) 0xbf};

  @BeforeEach
  void withHeartbeats() {
    serve(route().heartbeat(BEAT));
  }

  private static Route.Builder other(String name) {
    return Route.builder(name)
        .path("/" + name)
        .upstream(URI.create("https://upstream.test"))
        .timeouts(timeouts(10, 20, 30, 0));
  }

  private void advanceBeats(int beats) {
    ticker.advance(BEAT.multipliedBy(beats));
  }

  @Test
  void inASilenceACommentFollowsEachTimeTheHeartbeatHasPassed() {
    FakeClient client = streaming();
    ticker.advance(BEAT.minusNanos(1));
    assertThat(client.text()).isEqualTo(EVENT);
    ticker.advanceNanos(1);
    assertThat(client.text()).isEqualTo(EVENT + COMMENT);
    ticker.advance(BEAT.minusNanos(1));
    assertThat(client.text()).isEqualTo(EVENT + COMMENT);
    ticker.advanceNanos(1);
    forwarder.call().chunk(DONE).complete();
    ExchangeRecord record = assertComplete(client, EVENT + COMMENT + COMMENT + DONE);
    assertThat(record.heartbeats()).isEqualTo(2);
  }

  @Test
  void aChunkPutsItOff() {
    FakeClient client = streaming();
    for (int i = 0; i < 5; i++) {
      ticker.advance(BEAT.minusNanos(1));
      forwarder.call().chunk(EVENT);
    }
    assertThat(client.text()).isEqualTo(EVENT.repeat(6));
    advanceBeats(1);
    assertThat(client.text()).isEqualTo(EVENT.repeat(6) + COMMENT);
  }

  @Test
  void unlessTheRouteAsksForItThereIsNone() {
    serve(other("quiet").timeouts(timeouts(10, 20, 0, 0)).stallLimit(Duration.ZERO));
    FakeClient client = send(FakeRequest.post("/quiet/x").json("{\"stream\":true}"));
    forwarder.call().connected().head(200, SSE).chunk(EVENT);
    ticker.advance(Duration.ofDays(1));
    assertThat(client.text()).isEqualTo(EVENT);
  }

  @Test
  void beforeTheFirstByteOfAFlushedStreamItComesToo() {
    FakeClient client = chat();
    forwarder.call().connected().head(200, SSE).flush();
    ticker.advance(BEAT.minusNanos(1));
    assertThat(client.text()).isEmpty();
    ticker.advanceNanos(1);
    assertThat(client.text()).isEqualTo(COMMENT);
    ticker.advanceNanos(5);
    forwarder.call().chunk(DONE).complete();
    ExchangeRecord record = assertComplete(client, COMMENT + DONE);
    assertThat(record.timeToFirstByteNanos()).isEqualTo(BEAT.toNanos() + 5);
    assertThat(record.responseBytes()).isEqualTo(DONE.length());
    assertThat(record.events()).isEqualTo(1);
  }

  @Test
  void beforeTheHeadThereIsNone() {
    FakeClient client = chat();
    forwarder.call().connected();
    advanceBeats(2);
    forwarder.call().nudge();
    assertThat(client.sent()).isFalse();
  }

  @ParameterizedTest
  @ValueSource(strings = {"data: {\"a\":", "data: x\n", "event: y\ndata: z\n", "d", ":", "id: 1\n"})
  void withinAnEventThereIsNoneButBehindIt(String half) {
    FakeClient client = streaming();
    forwarder.call().chunk(half);
    advanceBeats(3);
    assertThat(client.text()).isEqualTo(EVENT + half);
    forwarder.call().chunk("\n\n");
    advanceBeats(1);
    assertThat(client.text()).isEqualTo(EVENT + half + "\n\n" + COMMENT);
  }

  @Test
  void betweenTheBytesOfALineEndThereIsNone() {
    FakeClient client = streaming();
    forwarder.call().chunk("data: x\r\n\r");
    advanceBeats(2);
    forwarder.call().chunk("\n");
    assertThat(client.text()).isEqualTo(EVENT + "data: x\r\n\r\n");
    advanceBeats(1);
    assertThat(client.text()).endsWith("\r\n\r\n" + COMMENT);
  }

  @ParameterizedTest
  @CsvSource({
    "200, audio/mpeg, ''",
    "200, application/json, ''",
    "200, text/event-stream, gzip",
    "500, text/event-stream, ''"
  })
  void whatIsNotLookedIntoGetsNone(int status, String type, String coding) {
    FakeClient client = chat();
    forwarder
        .call()
        .connected()
        .head(
            status,
            "Content-Type",
            type,
            "Content-Encoding",
            coding.isEmpty() ? "identity" : coding)
        .chunk("abc\n\n");
    advanceBeats(3);
    forwarder.call().nudge();
    assertThat(client.text()).isEqualTo("abc\n\n");
  }

  @Test
  void aLengthThatTheUpstreamToldIsInNoCommentsWay() {
    FakeClient client = chat();
    int length = EVENT.length() + DONE.length();
    forwarder
        .call()
        .connected()
        .head(200, "Content-Type", "text/event-stream", "Content-Length", "" + length)
        .chunk(EVENT);
    advanceBeats(1);
    forwarder.call().chunk(DONE).complete();
    assertThat(client.headers().contains("Content-Length")).isFalse();
    assertComplete(client, EVENT + COMMENT + DONE);
  }

  @Test
  void anAnswerWithoutABodyGetsNone() {
    FakeClient client = send(FakeRequest.of("HEAD", CHAT));
    forwarder.call().connected().head(200, SSE).flush();
    advanceBeats(3);
    assertThat(client.writes()).isEmpty();
  }

  @Test
  void aRawRouteGetsNone() {
    serve(other("raw").kind(StreamKind.RAW).heartbeat(BEAT));
    FakeClient client = send(FakeRequest.post("/raw/x").json("{\"stream\":true}"));
    forwarder.call().connected().head(200, SSE).chunk(EVENT);
    advanceBeats(3);
    assertThat(client.text()).isEqualTo(EVENT);
  }

  @Test
  void behindTheLastEventThereIsNone() {
    FakeClient client = streaming();
    forwarder.call().chunk(DONE);
    advanceBeats(3);
    forwarder.call().complete();
    assertComplete(client, EVENT + DONE);
  }

  @Test
  void whileAWriteIsPendingThereIsNoneAndAfterItTheTimeBeginsAnew() {
    FakeClient client = streaming(new FakeClient().stall());
    advanceBeats(2);
    assertThat(client.writes()).hasSize(1);
    client.takeAll();
    assertThat(client.writes()).hasSize(1);
    ticker.advance(BEAT.minusNanos(1));
    assertThat(client.text()).isEqualTo(EVENT);
    ticker.advanceNanos(1);
    assertThat(client.text()).isEqualTo(EVENT + COMMENT);
  }

  @Test
  void aChunkWaitsForACommentThatIsPending() {
    FakeClient client = streaming();
    client.stall();
    advanceBeats(1);
    forwarder.call().chunk(FINISH);
    assertThat(client.writes()).hasSize(2);
    assertThat(client.text()).isEqualTo(EVENT);
    client.takeAll();
    assertThat(client.text()).isEqualTo(EVENT + COMMENT + FINISH);
  }

  @Test
  void itDoesNotKeepASilentUpstreamAlive() {
    FakeClient client = streaming();
    ticker.advance(IDLE.minusNanos(1));
    assertRunning(client);
    ticker.advanceNanos(1);
    assertCutWithEvent(client, EVENT + COMMENT.repeat(4), ErrorCode.UPSTREAM_IDLE_TIMEOUT);
  }

  @Test
  void whileTheClientTakesACommentTheSilenceIsNotCounted() {
    FakeClient client = streaming();
    client.stall();
    advanceBeats(1);
    ticker.advance(Duration.ofSeconds(10));
    client.takeAll();
    ticker.advance(IDLE.minus(BEAT).minusNanos(1));
    assertRunning(client);
    ticker.advanceNanos(1);
    assertThat(record().error()).isEqualTo(ErrorCode.UPSTREAM_IDLE_TIMEOUT);
    assertThat(record().clientBlockedNanos()).isEqualTo(Duration.ofSeconds(10).toNanos());
  }

  @Test
  void oneThatFailsShowsAClientThatLeft() {
    FakeClient client = streaming();
    client.failNextWrite();
    advanceBeats(1);
    assertThat(forwarder.call().cancels()).isEqualTo(1);
    assertThat(client.isCut()).isTrue();
    assertEnded(client, 200, EndReason.CLIENT_GONE, null);
  }

  @Test
  void whatIsDueWithTheUpstreamsFailureDoesNotFollowTheErrorEvent() {
    FakeClient client = streaming();
    ticker.advance(BEAT.minusNanos(1));
    forwarder.call().fail(Phase.BODY);
    advanceBeats(2);
    assertCutWithEvent(client, EVENT, ErrorCode.UPSTREAM_FAILED);
  }

  @Test
  void whileTheErrorEventLeavesThereIsNone() {
    FakeClient client = streaming();
    client.stall();
    ticker.advance(BEAT.minusSeconds(1));
    forwarder.call().fail(Phase.BODY);
    ticker.advance(Duration.ofSeconds(4));
    client.takeAll();
    assertCutWithEvent(client, EVENT, ErrorCode.UPSTREAM_FAILED);
  }

  @Test
  void dueTogetherWithTheTotalTimeoutThereIsNone() {
    serve(other("total").timeouts(timeouts(10, 20, 30, (int) BEAT.toSeconds())).heartbeat(BEAT));
    FakeClient client = send(FakeRequest.post("/total/x").json("{\"stream\":true}"));
    forwarder.call().connected().head(200, SSE).chunk(EVENT);
    advanceBeats(1);
    assertCutWithEvent(client, EVENT, ErrorCode.TOTAL_TIMEOUT);
  }

  @Test
  void whileAnotherReasonEndsTheCallThereIsNone() {
    forwarder.slowToCancel();
    FakeClient client = streaming();
    assertDraining(relay().drain(Duration.ZERO, Duration.ZERO));
    advanceBeats(2);
    forwarder.call().finishCancel();
    assertCutWithEvent(client, EVENT, ErrorCode.DRAINED);
  }

  @Test
  void anUploadThatGoesOnDoesNotPutItOff() {
    FakeBody body = FakeBody.declared(-1).feed(new byte[100_000]);
    FakeClient client = send(FakeRequest.post(CHAT).body(body));
    forwarder.call().connected();
    forwarder.call().readBodyOnDemand();
    forwarder.call().head(200, SSE).chunk(EVENT);
    ticker.advance(BEAT.minusSeconds(1));
    body.feed(new byte[1000]);
    ticker.advance(Duration.ofSeconds(1));
    assertThat(client.text()).isEqualTo(EVENT + COMMENT);
  }

  @Test
  void oneTimerIsAllThatAnExchangeHas() {
    streaming();
    for (int i = 0; i < 20; i++) {
      ticker.advance(Duration.ofSeconds(1));
      assertThat(scheduler.pendingTasks()).isEqualTo(1);
      forwarder.call().chunk(EVENT);
    }
  }

  @Test
  void withoutTheCommentsTheStreamIsTheUpstreamsByteForByte() throws Exception {
    Random random = new Random(11);
    FakeClient client = streaming();
    MessageDigest sent = MessageDigest.getInstance("SHA-256");
    sent.update(EVENT.getBytes(StandardCharsets.UTF_8));
    String[] pieces = {
      "data: é", "\n", "\r\n", "\r", "id: 1", ":c", "\n\n", "event: x", "\n\n\n", "{}"
    };
    for (int i = 0; i < 2000; i++) {
      byte[] piece = pieces[random.nextInt(pieces.length)].getBytes(StandardCharsets.UTF_8);
      int cut = random.nextInt(piece.length + 1);
      for (byte[] part :
          new byte[][] {Arrays.copyOf(piece, cut), Arrays.copyOfRange(piece, cut, piece.length)}) {
        if (part.length > 0) {
          sent.update(part);
          forwarder.call().chunk(part);
        }
        ticker.advance(Duration.ofMillis(random.nextInt(9000)));
      }
    }
    assertThat(started).hasSize(1);
    String got = new String(client.bytes(), StandardCharsets.ISO_8859_1);
    assertThat(got).contains(COMMENT);
    byte[] rest = got.replace(COMMENT, "").getBytes(StandardCharsets.ISO_8859_1);
    assertThat(MessageDigest.getInstance("SHA-256").digest(rest)).isEqualTo(sent.digest());
  }

  // ---- the byte order mark

  private FakeClient flushedThenBeaten() {
    FakeClient client = chat();
    forwarder.call().connected().head(200, SSE).flush();
    advanceBeats(1);
    assertThat(client.text()).isEqualTo(COMMENT);
    return client;
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3})
  void aByteOrderMarkBehindACommentIsDroppedHoweverItIsSplit(int split) {
    FakeClient client = flushedThenBeaten();
    byte[] stream = concat(BOM, DONE.getBytes(StandardCharsets.UTF_8));
    if (split > 0) {
      forwarder.call().chunk(Arrays.copyOf(stream, split));
    }
    forwarder.call().chunk(Arrays.copyOfRange(stream, split, stream.length)).complete();
    assertComplete(client, COMMENT + DONE);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void whatOnlyBeginsLikeAByteOrderMarkIsKept(int length) {
    FakeClient client = flushedThenBeaten();
    byte[] start = Arrays.copyOf(BOM, length);
    byte[] rest = "x: y\n\ndata: [DONE]\n\n".getBytes(StandardCharsets.UTF_8);
    forwarder.call().chunk(start).chunk(rest).complete();
    assertThat(client.bytes())
        .isEqualTo(concat(COMMENT.getBytes(StandardCharsets.UTF_8), concat(start, rest)));
    assertThat(record().responseBytes()).isEqualTo(length + rest.length);
  }

  @Test
  void aByteOrderMarkAtTheStreamsStartIsKept() {
    FakeClient client = chat();
    forwarder.call().connected().head(200, SSE).chunk(BOM);
    advanceBeats(1);
    forwarder.call().chunk(BOM).chunk("\n\n").complete();
    assertThat(client.bytes())
        .startsWith(concat(concat(BOM, COMMENT.getBytes(StandardCharsets.UTF_8)), BOM));
  }

  private static byte[] concat(byte[] first, byte[] second) {
    byte[] both = Arrays.copyOf(first, first.length + second.length);
    System.arraycopy(second, 0, both, first.length, second.length);
    return both;
  }

  @Test
  void aHeartbeatThatOnlyBurnsTimersIsRefused() {
    assertThatThrownBy(() -> route().heartbeat(Duration.ofMillis(99)).build())
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("heartbeat is PT0.099S");
    assertThatThrownBy(() -> route().commitAfter(Duration.ofSeconds(-1)).build())
        .hasMessageContaining("commit_after is PT-1S");
    assertThatThrownBy(() -> route().stallLimit(Duration.ofSeconds(-1)).build())
        .hasMessageContaining("stall_limit is PT-1S");
  }
}
