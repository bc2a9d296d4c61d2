package io.streamrelay;

import static org.assertj.core.api.Assertions.assertThat;

import io.streamrelay.error.ErrorCode;
import io.streamrelay.policy.Decision;
import io.streamrelay.testkit.FakeBody;
import io.streamrelay.testkit.FakeClient;
import io.streamrelay.testkit.FakeRequest;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** The four clocks, to the nanosecond. */
class ClocksTest extends ExchangeFixture {
  private static final byte[] LARGE = new byte[100_000];

  /** That the exchange runs until just before the limit, and not longer. */
  private void assertRunsFor(FakeClient client, Duration limit) {
    ticker.advance(limit.minusNanos(1));
    assertRunning(client);
    assertThat(scheduler.pendingTasks()).isEqualTo(1);
    ticker.advanceNanos(1);
  }

  @Test
  void withoutAConnectionInTimeItIsAConnectTimeout() {
    FakeClient client = chat();
    assertRunsFor(client, CONNECT);
    assertRefused(client, ErrorCode.UPSTREAM_CONNECT_TIMEOUT);
    assertThat(forwarder.call().cancels()).isEqualTo(1);
  }

  @Test
  void theFirstByteClockStartsWithTheConnection() {
    FakeClient client = chat();
    ticker.advance(CONNECT.minusNanos(1));
    forwarder.call().connected();
    assertRunsFor(client, FIRST_BYTE);
    assertRefused(client, ErrorCode.UPSTREAM_FIRST_BYTE_TIMEOUT);
    assertThat(forwarder.call().cancels()).isEqualTo(1);
  }

  @Test
  void theHeadStopsTheFirstByteClock() {
    FakeClient client = chat();
    forwarder.call().connected();
    ticker.advance(FIRST_BYTE.minusNanos(1));
    forwarder.call().head(200, SSE);
    assertRunsFor(client, IDLE);
    assertRefused(client, ErrorCode.UPSTREAM_IDLE_TIMEOUT);
  }

  @Test
  void eachChunkPushesTheIdleClock() {
    FakeClient client = streaming();
    for (int i = 0; i < 5; i++) {
      ticker.advance(IDLE.minusNanos(1));
      assertRunning(client);
      forwarder.call().chunk(EVENT);
    }
    assertRunsFor(client, IDLE);
    assertCutWithEvent(client, EVENT.repeat(6), ErrorCode.UPSTREAM_IDLE_TIMEOUT);
    assertThat(forwarder.call().cancels()).isEqualTo(1);
  }

  @Test
  void aChunkSchedulesNothing() {
    CountingScheduler counting = new CountingScheduler();
    try (Relay busy =
        Relay.builder(config.route(route().build()).build(), forwarder)
            .ticker(ticker)
            .scheduler(counting)
            .build()) {
      FakeClient client = new FakeClient();
      busy.handle(FakeRequest.post(CHAT).build(), client);
      forwarder.call().connected().head(200, SSE).chunk(EVENT);
      int before = counting.scheduled;
      for (int i = 0; i < 1000; i++) {
        forwarder.call().chunk(EVENT);
      }
      assertThat(counting.scheduled).isEqualTo(before);
      assertThat(client.writes()).hasSize(1001);
    }
  }

  private static final class CountingScheduler implements Scheduler {
    private int scheduled;

    @Override
    public Cancellable schedule(long delayNanos, Runnable task) {
      scheduled++;
      return () -> {};
    }

    @Override
    public void close() {}
  }

  @Test
  void anIdleTimeOfZeroIsOff() {
    serve(route().timeouts(timeouts(10, 20, 0, 0)));
    FakeClient client = streaming();
    assertThat(scheduler.pendingTasks()).isLessThanOrEqualTo(1);
    ticker.advance(Duration.ofDays(3));
    assertRunning(client);
    forwarder.call().chunk(DONE).complete();
    assertComplete(client, EVENT + DONE);
  }

  @Test
  void aConnectTimeOfZeroIsOff() {
    serve(route().timeouts(timeouts(0, 20, 30, 0)));
    FakeClient client = chat();
    ticker.advance(Duration.ofDays(3));
    assertRunning(client);
    forwarder.call().connected();
    assertRunsFor(client, FIRST_BYTE);
    assertRefused(client, ErrorCode.UPSTREAM_FIRST_BYTE_TIMEOUT);
  }

  @Test
  void aFirstByteTimeOfZeroIsOff() {
    serve(route().timeouts(timeouts(10, 0, 30, 0)));
    FakeClient client = chat();
    forwarder.call().connected();
    ticker.advance(Duration.ofDays(3));
    assertRunning(client);
    forwarder.call().head(200, SSE).chunk(DONE).complete();
    assertComplete(client, DONE);
  }

  @Test
  void theTotalClockEndsAStreamThatMoves() {
    serve(route().timeouts(timeouts(10, 20, 30, 60)));
    FakeClient client = streaming();
    for (int i = 0; i < 5; i++) {
      ticker.advance(Duration.ofSeconds(10));
      forwarder.call().chunk(EVENT);
    }
    assertRunsFor(client, Duration.ofSeconds(10));
    assertCutWithEvent(client, EVENT.repeat(6), ErrorCode.TOTAL_TIMEOUT);
  }

  @Test
  void theTotalClockCountsFromTheRequest() {
    serve(route().timeouts(timeouts(10, 20, 30, 15)));
    FakeClient client = chat();
    ticker.advance(Duration.ofSeconds(9));
    forwarder.call().connected();
    assertRunsFor(client, Duration.ofSeconds(6));
    assertRefused(client, ErrorCode.TOTAL_TIMEOUT);
  }

  @Test
  void theTotalClockAloneIsEnough() {
    serve(route().timeouts(timeouts(0, 0, 0, 60)));
    FakeClient client = chat();
    assertRunsFor(client, Duration.ofSeconds(60));
    assertRefused(client, ErrorCode.TOTAL_TIMEOUT);
  }

  @Test
  void aPolicyThatNeverAnswersIsADefect() {
    policies.add(onRequest(exchange -> Decision.later(new CompletableFuture<>())));
    FakeClient client = chat();
    assertRunsFor(client, IDLE);
    assertRefused(client, ErrorCode.RELAY_ERROR);
    assertThat(forwarder.calls()).isEmpty();
  }

  @Test
  void aPolicyThatNeverAnswersOnTheBodyIsADefect() {
    policies.add(onBody((exchange, body) -> Decision.later(new CompletableFuture<>())));
    FakeClient client = chat();
    assertRunsFor(client, IDLE);
    assertRefused(client, ErrorCode.RELAY_ERROR);
    assertThat(forwarder.calls()).isEmpty();
  }

  @Test
  void aBodyThatStallsBeforeItIsAdmittedIsARequestTimeout() {
    FakeBody body = FakeBody.declared(20_000);
    FakeClient client = send(FakeRequest.post(CHAT).body(body));
    ticker.advance(IDLE.minusNanos(1));
    body.feed(new byte[10_000]);
    ticker.advance(IDLE.minusNanos(1));
    assertRunning(client);
    ticker.advanceNanos(1);
    assertThat(client.status()).isEqualTo(408);
    body.feed(new byte[10_000]).end();
    assertRefused(client, ErrorCode.REQUEST_TIMEOUT);
    assertThat(forwarder.calls()).isEmpty();
  }

  @Test
  void anUploadThatStallsIsTheClientsTimeout() {
    FakeBody body = FakeBody.declared(2L * LARGE.length).feed(LARGE);
    FakeClient client = send(FakeRequest.post(CHAT).body(body));
    forwarder.call().connected();
    forwarder.call().readBodyOnDemand();
    ticker.advance(IDLE.minusNanos(1));
    assertRunning(client);
    ticker.advanceNanos(1);
    assertThat(client.status()).isEqualTo(408);
    assertThat(forwarder.call().cancels()).isEqualTo(1);
    ticker.advance(FINISH_LIMIT);
    assertRefused(client, ErrorCode.REQUEST_TIMEOUT);
  }

  @Test
  void anUploadThatTheUpstreamDoesNotTakeIsTheUpstreamsTimeout() {
    FakeBody body = FakeBody.declared(LARGE.length).feed(LARGE).end();
    FakeClient client = send(FakeRequest.post(CHAT).body(body));
    forwarder.call().connected().readBody(70_000);
    assertRunsFor(client, IDLE);
    assertRefused(client, ErrorCode.UPSTREAM_IDLE_TIMEOUT);
  }

  @Test
  void theUploadsEndStartsTheFirstByteClock() {
    FakeBody body = FakeBody.declared(2L * LARGE.length).feed(LARGE);
    FakeClient client = send(FakeRequest.post(CHAT).body(body));
    forwarder.call().connected();
    forwarder.call().readBodyOnDemand();
    ticker.advance(IDLE.minusNanos(1));
    body.feed(LARGE).end();
    assertThat(forwarder.call().bodyEnded()).isTrue();
    assertRunsFor(client, FIRST_BYTE);
    assertRefused(client, ErrorCode.UPSTREAM_FIRST_BYTE_TIMEOUT);
  }

  @Test
  void anUploadThatEndsAfterTheHeadDoesNotTurnTheClockBack() {
    FakeBody body = FakeBody.declared(2L * LARGE.length).feed(LARGE);
    FakeClient client = send(FakeRequest.post(CHAT).body(body));
    forwarder.call().connected();
    forwarder.call().readBodyOnDemand();
    forwarder.call().head(200, SSE).chunk(EVENT);
    body.feed(LARGE).end();
    assertRunsFor(client, IDLE);
    assertCutWithEvent(client, EVENT, ErrorCode.UPSTREAM_IDLE_TIMEOUT);
  }

  @Test
  void aClientThatTakesNothingIsIdleToo() {
    FakeClient client = streaming(new FakeClient().stall());
    client.take();
    forwarder.call().chunk(EVENT).chunk(EVENT);
    assertRunsFor(client, IDLE);
    ticker.advance(FINISH_LIMIT);
    assertCut(client, EVENT, EndReason.IDLE_TIMEOUT, ErrorCode.CLIENT_STALLED);
  }

  @Test
  void anAnswerThatIsInWinsOverATimeoutThatComesWithIt() {
    forwarder.slowToCancel();
    FakeClient client = streaming();
    ticker.advance(IDLE);
    assertThat(forwarder.call().cancels()).isEqualTo(1);
    assertRunning(client);
    forwarder.call().chunk(DONE).complete();
    assertComplete(client, EVENT + DONE);
  }

  @Test
  void aCancelThatTakesItsTimeKeepsTheFirstReason() {
    forwarder.slowToCancel();
    FakeClient client = streaming();
    ticker.advance(IDLE);
    assertDraining(relay().drain(Duration.ZERO, Duration.ZERO));
    ticker.advance(Duration.ofMinutes(5));
    forwarder.call().finishCancel();
    assertCutWithEvent(client, EVENT, ErrorCode.UPSTREAM_IDLE_TIMEOUT);
    assertThat(forwarder.call().cancels()).isEqualTo(1);
  }
}
