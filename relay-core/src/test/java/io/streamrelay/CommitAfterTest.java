package io.streamrelay;

import static org.assertj.core.api.Assertions.assertThat;

import io.streamrelay.error.ErrorCode;
import io.streamrelay.forward.ForwardResult.Phase;
import io.streamrelay.route.Dialect;
import io.streamrelay.route.Route;
import io.streamrelay.route.StreamKind;
import io.streamrelay.testkit.FakeBody;
import io.streamrelay.testkit.FakeClient;
import io.streamrelay.testkit.FakeRequest;
import java.net.URI;
import java.time.Duration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A stream that the relay begins before its upstream answers. */
class CommitAfterTest extends ExchangeFixture {
  private static final Duration COMMIT = Duration.ofSeconds(5);
  private static final String COMMENT = ": keep-alive\n\n";

  @BeforeEach
  void withCommitAfter() {
    serve(route().commitAfter(COMMIT));
  }

  private FakeClient begun() {
    FakeClient client = chat();
    forwarder.call().connected();
    ticker.advance(COMMIT);
    assertThat(client.text()).isEqualTo(COMMENT);
    return client;
  }

  private ExchangeRecord assertToldAndCut(FakeClient client, String text, ErrorCode code) {
    ExchangeRecord record = assertCutWithEvent(client, text, code);
    assertThat(record.earlyCommit()).isTrue();
    assertThat(record.status()).isEqualTo(200);
    return record;
  }

  @Test
  void untilThenNothingIsSent() {
    FakeClient client = chat();
    ticker.advance(Duration.ofSeconds(9));
    forwarder.call().connected();
    ticker.advance(COMMIT.minusNanos(1));
    assertThat(client.sent()).isFalse();
    ticker.advanceNanos(1);
    assertThat(client.text()).isEqualTo(COMMENT);
    assertThat(client.status()).isEqualTo(200);
    assertThat(client.headers().first("Content-Type"))
        .isEqualTo("text/event-stream; charset=utf-8");
    assertThat(client.headers().first("Cache-Control")).isEqualTo("no-cache");
    assertThat(client.headers().first("X-Accel-Buffering")).isEqualTo("no");
    assertThat(client.headers().first("X-Request-ID")).isEqualTo(started.get(0).id());
    assertThat(client.headers().first("Content-Length")).isNull();
  }

  @Test
  void theStreamThatComesThenFollowsTheComment() {
    FakeClient client = begun();
    forwarder
        .call()
        .head(200, "Content-Type", "text/event-stream", "X-Request-ID", "up-1")
        .flush()
        .chunk(EVENT)
        .chunk(DONE)
        .complete();
    ExchangeRecord record = assertComplete(client, COMMENT + EVENT + DONE);
    assertThat(record.earlyCommit()).isTrue();
    assertThat(record.heartbeats()).isEqualTo(1);
    assertThat(record.upstreamRequestId()).isEqualTo("up-1");
    assertThat(record.responseBytes()).isEqualTo(EVENT.length() + DONE.length());
    assertThat(record.timeToFirstByteNanos()).isEqualTo(COMMIT.toNanos());
  }

  @Test
  void withoutHeartbeatsThereIsOneCommentOnly() {
    FakeClient client = begun();
    ticker.advance(FIRST_BYTE.minus(COMMIT).minusNanos(1));
    assertThat(client.text()).isEqualTo(COMMENT);
  }

  @Test
  void withHeartbeatsMoreFollowBeforeTheHeadAndAfterIt() {
    config.route(
        Route.builder("beats")
            .path("/beats")
            .upstream(URI.create("https://upstream.test"))
            .timeouts(timeouts(10, 20, 30, 0))
            .commitAfter(COMMIT)
            .heartbeat(Duration.ofSeconds(3))
            .build());
    FakeClient client = send(FakeRequest.post("/beats").json("{\"stream\":true}"));
    forwarder.call().connected();
    ticker.advance(COMMIT.plusSeconds(6));
    assertThat(client.text()).isEqualTo(COMMENT.repeat(3));
    forwarder.call().head(200, SSE).flush();
    ticker.advance(Duration.ofSeconds(3));
    forwarder.call().chunk(DONE).complete();
    assertComplete(client, COMMENT.repeat(4) + DONE);
    assertThat(record().heartbeats()).isEqualTo(4);
  }

  @Test
  void aByteOrderMarkOfTheStreamIsDropped() {
    FakeClient client = begun();
    forwarder.call().head(200, SSE).chunk("\ufeff" + EVENT).chunk(DONE).complete();
    assertComplete(client, COMMENT + EVENT + DONE);
  }

  @Test
  void anAnswerThatComesBeforeKeepsItsStatusAndRetryAfter() {
    FakeClient client = chat();
    forwarder.call().connected();
    ticker.advance(COMMIT.minusNanos(1));
    forwarder.call().head(429, "Retry-After", "7", "Content-Type", "application/json");
    ticker.advance(COMMIT);
    forwarder.call().chunk("{}").complete();
    assertThat(client.status()).isEqualTo(429);
    assertThat(client.headers().first("Retry-After")).isEqualTo("7");
    assertThat(client.text()).isEqualTo("{}");
    assertThat(assertEnded(client, 429, EndReason.UPSTREAM_REFUSED, null).earlyCommit()).isFalse();
  }

  @Test
  void aFailureThatComesBeforeKeepsItsStatus() {
    FakeClient client = chat();
    forwarder.call().connected();
    ticker.advance(COMMIT.minusNanos(1));
    forwarder.call().fail(Phase.HEAD);
    assertRefused(client, ErrorCode.UPSTREAM_FAILED);
  }

  @Test
  void aRefusalThatComesAfterIsTheLastEvent() {
    FakeClient client = begun();
    forwarder
        .call()
        .head(429, "Retry-After", "7", "Content-Type", "application/json")
        .chunk("{\"error\":\"secret\"}")
        .complete();
    assertThat(client.text())
        .contains("status 429; retry after 7 s")
        .contains("rate_limit_error")
        .doesNotContain("secret");
    assertThat(forwarder.call().cancels()).isEqualTo(1);
    assertToldAndCut(client, COMMENT, ErrorCode.UPSTREAM_REFUSED);
  }

  @Test
  void aRefusalSpeaksTheRoutesDialect() {
    config.route(
        Route.builder("claude")
            .path("/claude")
            .upstream(URI.create("https://upstream.test"))
            .dialect(Dialect.ANTHROPIC)
            .commitAfter(COMMIT)
            .build());
    FakeClient client = send(FakeRequest.post("/claude").json("{\"stream\":true}"));
    forwarder.call().connected();
    ticker.advance(COMMIT);
    forwarder.call().head(503, "Retry-After", "Wed, 21 Oct 2015 07:28:00 GMT");
    assertThat(client.text())
        .startsWith(COMMENT + "event: error\ndata: {\"type\":\"error\"")
        .contains("overloaded_error", "retry after Wed, 21 Oct 2015 07:28:00 GMT");
    assertThat(client.isCut()).isTrue();
    assertEnded(client, 200, EndReason.UPSTREAM_REFUSED, ErrorCode.UPSTREAM_REFUSED);
  }

  @ParameterizedTest
  @CsvSource({
    "200, application/json, identity",
    "200, text/event-stream, gzip",
    "302, text/html, identity",
    "404, text/event-stream, identity",
    "500, application/json, identity"
  })
  void whatIsNoStreamIsToldAtOnceThoughTheUpstreamGoesOn(int status, String type, String coding) {
    FakeClient client = begun();
    forwarder.call().head(status, "Content-Type", type, "Content-Encoding", coding);
    assertThat(client.text()).contains("with status " + status);
    assertToldAndCut(client, COMMENT, ErrorCode.UPSTREAM_REFUSED);
  }

  @Test
  void aRetryAfterThatIsNoneIsNotRepeated() {
    FakeClient client = begun();
    forwarder.call().head(503, "Retry-After", "7\" <script>");
    assertThat(client.text()).contains("status 503\"").doesNotContain("retry after");
  }

  @Test
  void aRefusalWhoseCancelTakesItsTimeDropsTheBody() {
    forwarder.slowToCancel();
    FakeClient client = begun();
    forwarder.call().head(500, SSE).chunk(EVENT);
    assertThat(client.text()).isEqualTo(COMMENT);
    forwarder.call().finishCancel();
    assertToldAndCut(client, COMMENT, ErrorCode.UPSTREAM_REFUSED);
  }

  @Test
  void aClientThatLeavesWithTheRefusalIsGone() {
    forwarder.slowToCancel();
    FakeClient client = begun();
    forwarder.call().head(500, SSE);
    client.leave();
    forwarder.call().finishCancel();
    assertThat(client.isCut()).isTrue();
    assertEnded(client, 200, EndReason.CLIENT_GONE, null);
  }

  @Test
  void aTimeoutAfterItIsTheLastEvent() {
    FakeClient client = begun();
    ticker.advance(FIRST_BYTE.minus(COMMIT).minusNanos(1));
    assertRunning(client);
    ticker.advanceNanos(1);
    assertToldAndCut(client, COMMENT, ErrorCode.UPSTREAM_FIRST_BYTE_TIMEOUT);
  }

  @Test
  void aFailureAfterItIsTheLastEvent() {
    FakeClient client = begun();
    forwarder.call().fail(Phase.HEAD);
    assertToldAndCut(client, COMMENT, ErrorCode.UPSTREAM_FAILED);
  }

  @Test
  void aDrainAfterItIsTheLastEvent() {
    FakeClient client = begun();
    assertDrained(relay().drain(Duration.ZERO, Duration.ZERO), 0, 1);
    assertToldAndCut(client, COMMENT, ErrorCode.DRAINED);
  }

  @Test
  void theCommentShowsAClientThatLeft() {
    FakeClient client = chat(new FakeClient().failNextWrite());
    forwarder.call().connected();
    ticker.advance(COMMIT);
    assertThat(forwarder.call().cancels()).isEqualTo(1);
    assertEnded(client, 200, EndReason.CLIENT_GONE, null);
  }

  @Test
  void aClientThatTakesNotEvenTheCommentIsStalledWhileTheHeadIsAwaited() {
    config.route(
        Route.builder("stall")
            .path("/stall")
            .upstream(URI.create("https://upstream.test"))
            .timeouts(timeouts(10, 60, 30, 0))
            .commitAfter(COMMIT)
            .stallLimit(Duration.ofSeconds(3))
            .build());
    FakeClient client =
        send(FakeRequest.post("/stall").json("{\"stream\":true}"), new FakeClient().stall());
    forwarder.call().connected();
    ticker.advance(COMMIT.plusSeconds(3).minusNanos(1));
    assertRunning(client);
    ticker.advanceNanos(1);
    ticker.advance(FINISH_LIMIT);
    assertCut(client, "", EndReason.IDLE_TIMEOUT, ErrorCode.CLIENT_STALLED);
  }

  @Test
  void aClientThatIsNotReadyYetGetsItsHeadWhenItIs() {
    FakeClient client = chat(new FakeClient().notReady());
    forwarder.call().connected();
    ticker.advance(COMMIT.plusSeconds(1));
    assertThat(client.sent()).isFalse();
    client.takeAll();
    assertThat(client.text()).isEqualTo(COMMENT);
  }

  @Test
  void anUploadIsNotCountedIn() {
    FakeBody body = FakeBody.declared(-1).feed(new byte[100_000]);
    serve(
        Route.builder("up")
            .path("/up")
            .upstream(URI.create("https://upstream.test"))
            .kind(StreamKind.SSE)
            .commitAfter(COMMIT));
    FakeClient client = send(FakeRequest.post("/up").body(body));
    forwarder.call().connected();
    forwarder.call().readBodyOnDemand();
    ticker.advance(COMMIT.multipliedBy(2));
    assertThat(client.sent()).isFalse();
    body.end();
    ticker.advance(COMMIT.minusNanos(1));
    assertThat(client.sent()).isFalse();
    ticker.advanceNanos(1);
    assertThat(client.text()).isEqualTo(COMMENT);
  }

  @ParameterizedTest
  @ValueSource(strings = {"{\"stream\":false}", "{}", "[]"})
  void whoAsksForNoStreamGetsNone(String body) {
    FakeClient client = send(FakeRequest.post(CHAT).json(body));
    forwarder.call().connected();
    ticker.advance(COMMIT.multipliedBy(2));
    assertThat(client.sent()).isFalse();
  }

  @Test
  void onARouteOfStreamsABodyMayStillSayNo() {
    serve(
        Route.builder("sse")
            .path("/sse")
            .upstream(URI.create("https://upstream.test"))
            .kind(StreamKind.SSE)
            .commitAfter(COMMIT));
    FakeClient no = send(FakeRequest.post("/sse").json("{\"stream\":false}"));
    forwarder.call().connected();
    FakeClient head = send(FakeRequest.of("HEAD", "/sse"));
    forwarder.call().connected();
    FakeClient yes = send(FakeRequest.post("/sse").json("{}"));
    forwarder.call().connected();
    ticker.advance(COMMIT);
    assertThat(no.sent()).isFalse();
    assertThat(head.sent()).isFalse();
    assertThat(yes.text()).isEqualTo(COMMENT);
  }
}
