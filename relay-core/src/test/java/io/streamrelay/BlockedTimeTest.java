package io.streamrelay;

import static org.assertj.core.api.Assertions.assertThat;

import io.streamrelay.error.ErrorCode;
import io.streamrelay.forward.ForwardResult.Phase;
import io.streamrelay.testkit.FakeClient;
import io.streamrelay.testkit.FakeRequest;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** Who was waited for, the client or the upstream, and how long each may take. */
class BlockedTimeTest extends ExchangeFixture {
  private static Duration seconds(int seconds) {
    return Duration.ofSeconds(seconds);
  }

  private void assertWaited(int client, int upstream) {
    assertThat(record().clientBlockedNanos()).isEqualTo(seconds(client).toNanos());
    assertThat(record().upstreamWaitNanos()).isEqualTo(seconds(upstream).toNanos());
  }

  // ---- stall_limit

  @Test
  void aClientThatTakesNothingForTheStallLimitIsCut() {
    serve(route().stallLimit(seconds(12)));
    FakeClient client = streaming();
    client.stall();
    forwarder.call().chunk(EVENT);
    ticker.advance(seconds(12).minusNanos(1));
    assertRunning(client);
    assertThat(scheduler.pendingTasks()).isEqualTo(1);
    ticker.advanceNanos(1);
    ticker.advance(FINISH_LIMIT);
    assertCut(client, EVENT, EndReason.IDLE_TIMEOUT, ErrorCode.CLIENT_STALLED);
  }

  @Test
  void unlessItIsSetTheStallLimitIsTheIdleTime() {
    FakeClient client = streaming(new FakeClient().stall());
    ticker.advance(IDLE.minusNanos(1));
    assertRunning(client);
    ticker.advanceNanos(1);
    ticker.advance(FINISH_LIMIT);
    assertCut(client, "", EndReason.IDLE_TIMEOUT, ErrorCode.CLIENT_STALLED);
  }

  @Test
  void aStallLimitOfZeroIsOffAndTheIdleClockStandsStillMeanwhile() {
    serve(route().stallLimit(Duration.ZERO));
    FakeClient client = streaming(new FakeClient().stall());
    ticker.advance(Duration.ofDays(2));
    assertRunning(client);
    client.takeAll();
    ticker.advance(IDLE.minusNanos(1));
    assertRunning(client);
    ticker.advanceNanos(1);
    assertCutWithEvent(client, EVENT, ErrorCode.UPSTREAM_IDLE_TIMEOUT);
  }

  @Test
  void aStallLimitMayBeLongerThanTheIdleTime() {
    serve(route().stallLimit(seconds(100)));
    FakeClient client = streaming(new FakeClient().stall());
    ticker.advance(seconds(100).minusNanos(1));
    assertRunning(client);
    ticker.advanceNanos(1);
    assertThat(forwarder.call().cancels()).isEqualTo(1);
    ticker.advance(FINISH_LIMIT);
    assertCut(client, "", EndReason.IDLE_TIMEOUT, ErrorCode.CLIENT_STALLED);
  }

  @Test
  void eachWriteHasTheWholeStallLimit() {
    serve(route().stallLimit(seconds(12)));
    FakeClient client = streaming(new FakeClient().stall());
    forwarder.call().chunk(EVENT).chunk(EVENT).chunk(DONE).complete();
    for (int i = 0; i < 4; i++) {
      ticker.advance(seconds(12).minusNanos(1));
      assertRunning(client);
      client.take();
    }
    assertComplete(client, EVENT.repeat(3) + DONE);
  }

  @Test
  void theLastWriteHasItToo() {
    serve(route().stallLimit(seconds(12)));
    FakeClient client = streaming(new FakeClient().stall());
    forwarder.call().completeAtOnce();
    ticker.advance(seconds(12));
    ticker.advance(FINISH_LIMIT);
    assertCut(client, "", EndReason.IDLE_TIMEOUT, ErrorCode.CLIENT_STALLED);
  }

  @Test
  void theTotalTimeoutRunsWhileTheClientIsWaitedFor() {
    serve(route().timeouts(timeouts(10, 20, 30, 15)).stallLimit(seconds(100)));
    FakeClient client = streaming(new FakeClient().stall());
    ticker.advance(seconds(15));
    client.takeAll();
    assertCutWithEvent(client, EVENT, ErrorCode.TOTAL_TIMEOUT);
  }

  // ---- time apart

  @Test
  void eachIsCountedForItself() {
    FakeClient client = chat();
    ticker.advance(seconds(1));
    forwarder.call().connected();
    ticker.advance(seconds(2));
    forwarder.call().head(200, SSE).chunk(EVENT);
    ticker.advance(seconds(3));
    client.stall();
    forwarder.call().chunk(EVENT);
    ticker.advance(seconds(10));
    client.takeAll();
    ticker.advance(seconds(4));
    forwarder.call().chunk(DONE).complete();
    assertComplete(client, EVENT + EVENT + DONE);
    assertWaited(10, 1 + 2 + 3 + 4);
    assertThat(record().durationNanos()).isEqualTo(seconds(20).toNanos());
    assertThat(metric("relay_client_blocked_seconds", "route", "chat")).isEqualTo(1);
    assertThat(metric("relay_upstream_wait_seconds", "route", "chat")).isEqualTo(1);
  }

  @Test
  void aClientThatIsNotReadyForItsFirstByteHasNoWritePending() {
    FakeClient client = chat(new FakeClient().notReady());
    forwarder.call().connected().head(200, SSE).chunk(DONE);
    ticker.advance(seconds(3));
    client.takeAll();
    forwarder.call().complete();
    assertComplete(client, DONE);
    assertWaited(0, 3);
  }

  @Test
  void theLastWritesTimeIsTheClientsAloneOnceTheUpstreamIsDone() {
    FakeClient client = streaming();
    ticker.advance(seconds(2));
    client.stall();
    forwarder.call().chunk(DONE).completeAtOnce();
    ticker.advance(seconds(5));
    client.takeAll();
    assertComplete(client, EVENT + DONE);
    assertWaited(5, 2);
  }

  @Test
  void aWriteThatIsStillPendingAtTheEndCounts() {
    FakeClient client = streaming();
    client.stall();
    ticker.advance(seconds(1));
    forwarder.call().chunk(EVENT);
    ticker.advance(seconds(6));
    client.breakOff();
    assertThat(record().end()).isEqualTo(EndReason.CLIENT_GONE);
    assertWaited(6, 1);
  }

  @Test
  void whatWasNeverSentUpstreamWaitedForNone() {
    send(FakeRequest.get("/nowhere"));
    assertThat(record().upstreamWaitNanos()).isEqualTo(-1);
    assertThat(record().clientBlockedNanos()).isZero();
    assertThat(metric("relay_upstream_wait_seconds")).isZero();
  }

  @Test
  void anErrorAnswerThatWaitsCountsAsTheClients() {
    FakeClient client = chat(new FakeClient().stall());
    ticker.advance(seconds(3));
    forwarder.call().fail(Phase.CONNECT);
    ticker.advance(seconds(2));
    client.takeAll();
    assertRefused(client, ErrorCode.UPSTREAM_UNREACHABLE);
    assertWaited(2, 3);
  }
}
