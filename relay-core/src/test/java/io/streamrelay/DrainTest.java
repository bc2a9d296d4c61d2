package io.streamrelay;

import static org.assertj.core.api.Assertions.assertThat;

import io.streamrelay.config.ServerConfig;
import io.streamrelay.error.ErrorCode;
import io.streamrelay.policy.Decision;
import io.streamrelay.testkit.FakeBody;
import io.streamrelay.testkit.FakeClient;
import io.streamrelay.testkit.FakeRequest;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** How a relay stops. */
class DrainTest extends ExchangeFixture {
  private static final Duration PRE_STOP = Duration.ofSeconds(5);
  private static final Duration TIMEOUT = Duration.ofSeconds(60);

  private CompletableFuture<DrainResult> drain() {
    return relay().drain(PRE_STOP, TIMEOUT);
  }

  private void assertTurnedAway(FakeClient client) {
    assertThat(client.status()).isEqualTo(503);
    assertThat(client.text()).contains("\"draining\"");
    assertThat(client.headers().first("Retry-After")).isEqualTo("5");
    assertThat(client.headers().first("Connection")).isEqualTo("close");
    assertThat(client.isComplete()).isTrue();
  }

  private ExchangeRecord last() {
    return records.get(records.size() - 1);
  }

  @Test
  void anIdleRelayIsStoppedAfterThePreStopDelay() {
    assertThat(relay().state()).isEqualTo(RelayState.RUNNING);
    assertThat(metric("relay_state")).isEqualTo(0);
    CompletableFuture<DrainResult> drained = drain();
    assertThat(relay().state()).isEqualTo(RelayState.DRAINING);
    assertThat(metric("relay_state")).isEqualTo(1);
    ticker.advance(PRE_STOP.minusNanos(1));
    assertDraining(drained);
    ticker.advanceNanos(1);
    assertDrained(drained, 0, 0);
    assertThat(relay().state()).isEqualTo(RelayState.STOPPED);
    assertThat(metric("relay_state")).isEqualTo(2);
  }

  @Test
  void withoutDelaysAnIdleRelayIsStoppedAtOnce() {
    assertDrained(relay().drain(Duration.ZERO, Duration.ZERO), 0, 0);
  }

  @Test
  void inThePreStopDelayNewRequestsAreServed() {
    assertDraining(drain());
    ticker.advance(PRE_STOP.minusNanos(1));
    FakeClient client = streaming();
    forwarder.call().chunk(DONE).complete();
    assertThat(client.text()).isEqualTo(EVENT + DONE);
    assertThat(last().end()).isEqualTo(EndReason.COMPLETE);
  }

  @Test
  void afterThatNewRequestsAreTurnedAwayAndLiveOnesFinish() {
    FakeClient live = streaming();
    CompletableFuture<DrainResult> drained = drain();
    ticker.advance(PRE_STOP);
    assertTurnedAway(chat());
    assertThat(last().error()).isEqualTo(ErrorCode.DRAINING);
    assertThat(last().end()).isEqualTo(EndReason.REJECTED);
    assertTurnedAway(send(FakeRequest.get("/nowhere")));
    assertTurnedAway(send(FakeRequest.get("/v1/../x")));
    assertTurnedAway(send(FakeRequest.of("TRACE", "/v1")));
    assertThat(forwarder.calls()).hasSize(1);
    assertDraining(drained);

    forwarder.call().chunk(DONE).complete();
    assertThat(live.text()).isEqualTo(EVENT + DONE);
    assertThat(last().end()).isEqualTo(EndReason.COMPLETE);
    assertDrained(drained, 1, 0);
    assertThat(relay().state()).isEqualTo(RelayState.STOPPED);
  }

  @Test
  void atTheDeadlineAStreamIsToldAndCut() {
    serve(route().timeouts(timeouts(0, 0, 0, 0)));
    FakeClient client = streaming();
    CompletableFuture<DrainResult> drained = drain();
    ticker.advance(PRE_STOP.plus(TIMEOUT).minusNanos(1));
    assertRunning(client);
    ticker.advanceNanos(1);
    assertCutWithEvent(client, EVENT, ErrorCode.DRAINED);
    assertThat(forwarder.call().cancels()).isEqualTo(1);
    assertDrained(drained, 0, 1);
  }

  @Test
  void atTheDeadlineOneFinishesAndOneIsCut() {
    serve(route().timeouts(timeouts(0, 0, 0, 0)));
    streaming();
    forwarder.call().chunk(DONE);
    FakeClient late = streaming();
    CompletableFuture<DrainResult> drained = drain();
    ticker.advance(PRE_STOP);
    forwarder.calls().get(0).complete();
    ticker.advance(TIMEOUT);
    assertThat(late.isCut()).isTrue();
    assertDrained(drained, 1, 1);
  }

  @Test
  void atTheDeadlineARequestThatIsNotForwardedGetsAnError() {
    serve(route().timeouts(timeouts(0, 0, 0, 0)));
    policies.add(onRequest(exchange -> Decision.later(new CompletableFuture<>())));
    FakeClient client = chat();
    assertDraining(relay().drain(Duration.ZERO, TIMEOUT));
    ticker.advance(TIMEOUT);
    assertThat(client.headers().first("Connection")).isEqualTo("close");
    assertRefused(client, ErrorCode.DRAINED);
  }

  @Test
  void atTheDeadlineARequestThatIsStillReadGetsAnError() {
    config.server(ServerConfig.DEFAULT.withMinUploadRate(0));
    serve(route().timeouts(timeouts(0, 0, 0, 0)));
    FakeBody body = FakeBody.declared(10);
    FakeClient client = send(FakeRequest.post(CHAT).body(body));
    assertDraining(relay().drain(Duration.ZERO, TIMEOUT));
    ticker.advance(TIMEOUT);
    assertThat(client.status()).isEqualTo(503);
    body.feed(new byte[10]).end();
    assertRefused(client, ErrorCode.DRAINED);
  }

  @Test
  void aZeroTimeoutCutsAtOnce() {
    FakeClient client = streaming();
    CompletableFuture<DrainResult> drained = relay().drain(Duration.ZERO, Duration.ZERO);
    assertCutWithEvent(client, EVENT, ErrorCode.DRAINED);
    assertDrained(drained, 0, 1);
  }

  @Test
  void aSecondDrainChangesNothing() {
    FakeClient client = streaming();
    CompletableFuture<DrainResult> first = drain();
    CompletableFuture<DrainResult> second = relay().drain(Duration.ZERO, Duration.ZERO);
    assertRunning(client);
    assertDraining(second);
    ticker.advance(PRE_STOP);
    forwarder.call().chunk(DONE).complete();
    assertDrained(first, 1, 0);
    assertDrained(second, 1, 0);
    assertDrained(relay().drain(), 1, 0);
  }

  @Test
  void whoeverCompletesTheirStageCompletesNobodyElses() {
    FakeClient client = streaming();
    assertThat(drain().complete(new DrainResult(7, 7))).isTrue();
    assertDraining(drain());
    assertRunning(client);
  }

  @Test
  void withoutArgumentsTheConfiguredDelaysCount() {
    ServerConfig server = ServerConfig.DEFAULT;
    config.server(
        new ServerConfig(server.host(), 0, 1000, Duration.ofSeconds(1), Duration.ofSeconds(2)));
    FakeClient client = streaming();
    assertDraining(relay().drain());
    ticker.advance(Duration.ofSeconds(3).minusNanos(1));
    assertRunning(client);
    ticker.advanceNanos(1);
    assertCutWithEvent(client, EVENT, ErrorCode.DRAINED);
  }

  @Test
  void closingTellsAndCutsWhatRuns() {
    FakeClient client = streaming();
    CompletableFuture<DrainResult> drained = drain();
    relay().close();
    relay().close();
    assertThat(forwarder.isClosed()).isTrue();
    assertCutWithEvent(client, EVENT, ErrorCode.DRAINED);
    assertThat(relay().state()).isEqualTo(RelayState.STOPPED);
    assertDrained(drained, 0, 1);
    assertThat(drain()).isCompleted();
  }

  @Test
  void closingEndsAnExchangeWhoseUpstreamEndsSlowly() {
    forwarder.slowToCancel();
    FakeClient client = streaming();
    relay().close();
    assertCutWithEvent(client, EVENT, ErrorCode.DRAINED);
  }

  @Test
  void closingWaitsForNoClient() {
    FakeClient stalled = streaming(new FakeClient().stall());
    relay().close();
    assertCut(stalled, "", EndReason.DRAINED, ErrorCode.DRAINED);
  }

  @Test
  void closingWaitsForNoRefusal() {
    FakeClient stalled = send(FakeRequest.get("/nowhere"), new FakeClient().notReady());
    relay().close();
    assertThat(stalled.isCut()).isTrue();
    assertEnded(stalled, 404, EndReason.REJECTED, ErrorCode.ROUTE_NOT_FOUND);
  }

  @Test
  void closingWaitsForNoBody() {
    FakeClient client = send(FakeRequest.post("/nowhere").body(FakeBody.declared(10)));
    relay().close();
    assertRefused(client, ErrorCode.ROUTE_NOT_FOUND);
  }

  @Test
  void aClosedRelayTurnsAwayAndWaitsForNobody() {
    relay().close();
    FakeClient client = chat();
    assertTurnedAway(client);
    FakeClient stalled = send(FakeRequest.get("/v1"), new FakeClient().notReady());
    assertThat(stalled.isCut()).isTrue();
    assertThat(relay().activeExchanges()).isZero();
  }

  @Test
  void aDrainWithinTheStartOfAnExchangeWaitsForTheStart() {
    listeners.add(
        new RelayListener() {
          @Override
          public void onStart(Exchange exchange) {
            assertDraining(relay().drain(Duration.ZERO, Duration.ZERO));
          }
        });
    FakeClient client = chat();
    assertRefused(client, ErrorCode.DRAINING);
    assertThat(relay().state()).isEqualTo(RelayState.STOPPED);
  }

  @Test
  void whoWasTurnedAwayAndLeftFirstIsNoLiveExchangeThatEnded() {
    FakeClient live = streaming();
    CompletableFuture<DrainResult> drained = relay().drain(Duration.ZERO, TIMEOUT);
    FakeClient turnedAway = send(FakeRequest.get("/v1"), new FakeClient().notReady());
    turnedAway.leave();
    forwarder.call().chunk(DONE).complete();
    assertThat(live.isComplete()).isTrue();
    assertDrained(drained, 1, 0);
  }

  @Test
  void anEarlyDrainLeavesNoTimer() {
    streaming();
    CompletableFuture<DrainResult> drained = relay().drain(Duration.ZERO, TIMEOUT);
    forwarder.call().chunk(DONE).complete();
    assertDrained(drained, 1, 0);
    assertThat(scheduler.pendingTasks()).isZero();
  }

  @Test
  void whatFollowsADrainMayBlockAndHoldsUpNoStreamsThread() throws Exception {
    FakeClient client = streaming();
    CountDownLatch streamsThreadWentOn = new CountDownLatch(1);
    CompletableFuture<Void> closed =
        relay().drain(Duration.ZERO, TIMEOUT).thenRun(() -> closeAfter(streamsThreadWentOn));
    forwarder.call().chunk(DONE).complete();
    streamsThreadWentOn.countDown();
    assertThat(closed).succeedsWithin(Duration.ofSeconds(30));
    assertThat(forwarder.isClosed()).isTrue();
    assertThat(client.isComplete()).isTrue();
  }

  @Test
  void norDoesItHoldUpTheTimersThatCutWhatIsLeft() throws Exception {
    streaming();
    CountDownLatch timersWentOn = new CountDownLatch(1);
    CompletableFuture<Void> closed =
        relay().drain(PRE_STOP, Duration.ZERO).thenRun(() -> closeAfter(timersWentOn));
    ticker.advance(PRE_STOP);
    timersWentOn.countDown();
    assertThat(closed).succeedsWithin(Duration.ofSeconds(30));
    assertThat(forwarder.isClosed()).isTrue();
  }

  /** As a forwarder's own close waits for the thread that carries its streams. */
  private void closeAfter(CountDownLatch latch) {
    try {
      assertThat(latch.await(10, TimeUnit.SECONDS)).as("the other thread goes on").isTrue();
    } catch (InterruptedException e) {
      throw new AssertionError("interrupted", e);
    }
    relay().close();
  }
}
