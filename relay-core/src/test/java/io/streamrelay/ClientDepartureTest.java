package io.streamrelay;

import static org.assertj.core.api.Assertions.assertThat;

import io.streamrelay.error.ErrorCode;
import io.streamrelay.forward.ForwardResult.Phase;
import io.streamrelay.observe.Usage;
import io.streamrelay.policy.ApiKey;
import io.streamrelay.policy.ApiKeyPolicy;
import io.streamrelay.policy.Decision;
import io.streamrelay.route.ClientGonePolicy;
import io.streamrelay.route.Timeouts;
import io.streamrelay.testkit.Counts;
import io.streamrelay.testkit.FakeBody;
import io.streamrelay.testkit.FakeClient;
import io.streamrelay.testkit.FakeRequest;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What becomes of an upstream whose client leaves, under each policy, and what it cost. */
class ClientDepartureTest extends ExchangeFixture {
  private static final ClientGonePolicy DRAIN = ClientGonePolicy.drain();
  private static final String USAGE =
      "data: {\"object\":\"chat.completion.chunk\",\"choices\":[],"
          + "\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":9}}\n\n";
  private static final Usage REPORTED = Counts.of(5, 9, -1, -1, -1, Usage.Source.REPORTED);

  private static Usage estimate(long tokens) {
    return Counts.of(-1, tokens, -1, -1, -1, Usage.Source.ESTIMATED);
  }

  private void onClientGone(ClientGonePolicy policy) {
    serve(route().onClientGone(policy));
  }

  /** That the client's side is let go of and everything else runs on. */
  private void assertReadOn(FakeClient client) {
    assertThat(client.isCut()).as("%s", client).isTrue();
    assertThat(records).isEmpty();
    assertThat(relay().activeExchanges()).isEqualTo(1);
    assertThat(forwarder.call().cancels()).isZero();
    assertThat(ledger).containsExactly("took");
  }

  /** That the only exchange ended once as abandoned, and was counted so. */
  private ExchangeRecord assertAbandoned(
      FakeClient client, int status, Abandonment how, Usage usage, int wasted) {
    ExchangeRecord ended = assertEnded(client, status, EndReason.CLIENT_GONE, null);
    assertThat(client.isCut()).isTrue();
    assertThat(ended.abandonment()).isEqualTo(how);
    assertThat(ended.usage()).isEqualTo(usage);
    assertThat(ended.wastedOutputTokens()).isEqualTo(wasted);
    assertThat(forwarder.call().cancels()).isEqualTo(how == Abandonment.DRAIN ? 0 : 1);
    assertThat(metric("relay_abandoned_streams")).isEqualTo(1);
    assertThat(metric("relay_abandoned_streams", "route", "chat", "policy", how.label()))
        .isEqualTo(1);
    assertThat(metric("relay_wasted_output_tokens")).isEqualTo(Math.max(0, wasted));
    if (usage.source() != Usage.Source.NONE) {
      assertThat(
              metric(
                  "relay_wasted_output_tokens",
                  "policy",
                  how.label(),
                  "source",
                  usage.source().label()))
          .isEqualTo(wasted);
    }
    return ended;
  }

  private void assertNothingAbandoned() {
    assertThat(record().abandonment()).isNull();
    assertThat(record().abandonedNanos()).isEqualTo(-1);
    assertThat(record().wastedOutputTokens()).isEqualTo(-1);
    assertThat(metric("relay_abandoned_streams")).isZero();
    assertThat(metric("relay_wasted_output_tokens")).isZero();
  }

  // ---- when there is nothing to read on

  @Test
  void whileAPolicyDecidesThereIsNothingToAbandon() {
    onClientGone(DRAIN);
    CompletableFuture<Decision> stage = new CompletableFuture<>();
    policies.add(onRequest(exchange -> Decision.later(stage)));
    FakeClient client = chat();
    client.leave();
    assertEnded(client, 499, EndReason.CLIENT_GONE, null);
    assertNothingAbandoned();
    stage.complete(Decision.admit());
    assertThat(forwarder.calls()).isEmpty();
  }

  @Test
  void beforeThereIsAConnectionTheCallIsCancelled() {
    onClientGone(DRAIN);
    FakeClient client = chat();
    client.leave();
    assertAbandoned(client, 499, Abandonment.CANCEL, Usage.NONE, -1);
  }

  @Test
  void inMidUploadTheCallIsCancelled() {
    onClientGone(DRAIN);
    FakeBody body = FakeBody.declared(200_000).feed(new byte[100_000]);
    FakeClient client = send(FakeRequest.post(CHAT).body(body));
    forwarder.call().connected().readBody();
    client.leave();
    assertAbandoned(client, 499, Abandonment.CANCEL, Usage.NONE, -1);
  }

  @Test
  void withTheLastEventInHandNothingIsAbandoned() {
    onClientGone(DRAIN);
    FakeClient client = streaming();
    forwarder.call().chunk(DONE);
    client.leave();
    assertComplete(client, EVENT + DONE);
    assertThat(forwarder.call().cancels()).isEqualTo(1);
    assertNothingAbandoned();
  }

  @Test
  void whileTheLastEventIsPendingTheCallIsCancelledAsNothingFollows() {
    onClientGone(DRAIN);
    FakeClient client = streaming();
    client.stall();
    forwarder.call().chunk(DONE);
    client.breakOff();
    assertAbandoned(client, 200, Abandonment.CANCEL, estimate(1), 0);
  }

  // ---- cancel

  @Test
  void cancelCountsWhatCameAfterTheDeparture() {
    forwarder.slowToCancel();
    FakeClient client = streaming();
    client.leave();
    forwarder.call().chunk(EVENT + EVENT);
    forwarder.call().finishCancel();
    ExchangeRecord record = assertAbandoned(client, 200, Abandonment.CANCEL, estimate(3), 2);
    assertThat(record.deliveredOutputTokens()).isEqualTo(1);
    assertThat(record.responseBytes()).isEqualTo(EVENT.length());
    assertThat(record.abandonedBytes()).isEqualTo(2L * EVENT.length());
    assertThat(client.text()).isEqualTo(EVENT);
  }

  @Test
  void cancelWastesNothingThatWasDelivered() {
    FakeClient client = streaming();
    client.leave();
    assertAbandoned(client, 200, Abandonment.CANCEL, estimate(1), 0);
  }

  @Test
  void aWriteThatFailsDeliveredNothing() {
    FakeClient client = streaming();
    client.failNextWrite();
    forwarder.call().chunk(EVENT);
    ExchangeRecord record = assertAbandoned(client, 200, Abandonment.CANCEL, estimate(2), 1);
    assertThat(record.deliveredOutputTokens()).isEqualTo(1);
  }

  // ---- drain

  @Test
  void drainReadsOnToTheUpstreamsEnd() {
    onClientGone(DRAIN);
    FakeClient client = streaming();
    client.leave();
    assertReadOn(client);
    ticker.advance(Duration.ofSeconds(7));
    forwarder.call().chunk(EVENT).chunk(FINISH).chunk(USAGE).chunk(DONE);
    assertReadOn(client);
    forwarder.call().complete();
    ExchangeRecord record = assertAbandoned(client, 200, Abandonment.DRAIN, REPORTED, 8);
    assertThat(record.abandonedNanos()).isEqualTo(Duration.ofSeconds(7).toNanos());
    assertThat(record.abandonedBytes()).isEqualTo((EVENT + FINISH + USAGE + DONE).length());
    assertThat(record.responseBytes()).isEqualTo(EVENT.length());
    assertThat(client.text()).isEqualTo(EVENT);
  }

  @Test
  void drainWaitsForTheHeadToo() {
    onClientGone(DRAIN);
    FakeClient client = chat();
    forwarder.call().connected();
    client.leave();
    assertReadOn(client);
    forwarder.call().head(200, SSE).flush().chunk(EVENT).chunk(USAGE).chunk(DONE).complete();
    assertAbandoned(client, 499, Abandonment.DRAIN, REPORTED, 9);
    assertThat(client.sent()).isFalse();
  }

  @Test
  void drainBetweenTheHeadAndItsFirstChunk() {
    onClientGone(DRAIN);
    FakeClient client = chat();
    forwarder.call().connected().head(200, SSE);
    client.leave();
    assertReadOn(client);
    forwarder.call().chunk(EVENT).complete();
    assertAbandoned(client, 499, Abandonment.DRAIN, estimate(1), 1);
  }

  @Test
  void drainInTheMiddleOfAnEvent() {
    onClientGone(DRAIN);
    FakeClient client = streaming();
    forwarder.call().chunk(EVENT.substring(0, 20));
    client.leave();
    assertReadOn(client);
    forwarder.call().chunk(EVENT.substring(20)).chunk(USAGE + DONE).complete();
    assertAbandoned(client, 200, Abandonment.DRAIN, REPORTED, 8);
  }

  @Test
  void drainLeavesABufferThatIsBeingWrittenToTheContainer() {
    onClientGone(DRAIN);
    FakeClient client = streaming();
    client.stall();
    forwarder.call().chunk(EVENT).chunk(EVENT).chunk(USAGE);
    client.leave();
    assertReadOn(client);
    // The container had not let go of it yet.
    client.take();
    assertThat(client.text()).isEqualTo(EVENT + EVENT);
    forwarder.call().chunk(DONE).complete();
    assertAbandoned(client, 200, Abandonment.DRAIN, REPORTED, 7);
  }

  @Test
  void drainAfterAPendingWriteThatFailed() {
    onClientGone(DRAIN);
    FakeClient client = streaming(new FakeClient().stall());
    forwarder.call().chunk(EVENT);
    client.breakOff();
    assertReadOn(client);
    forwarder.call().complete();
    assertAbandoned(client, 200, Abandonment.DRAIN, estimate(2), 1);
  }

  @Test
  void drainAfterAWriteThatFailsAtOnce() {
    onClientGone(DRAIN);
    FakeClient client = streaming(new FakeClient().failNextWrite());
    assertReadOn(client);
    forwarder.call().chunk(EVENT).complete();
    assertAbandoned(client, 200, Abandonment.DRAIN, estimate(2), 2);
  }

  @Test
  void drainWithTheModelsLastWordInHandOnlyLearnsTheUsage() {
    onClientGone(DRAIN);
    FakeClient client = streaming();
    forwarder.call().chunk(FINISH);
    client.leave();
    assertReadOn(client);
    forwarder.call().chunk(USAGE + DONE).complete();
    assertEnded(client, 200, EndReason.COMPLETE, null);
    assertThat(record().usage()).isEqualTo(REPORTED);
    assertNothingAbandoned();
  }

  @Test
  void noticedMoreThanOnceIsOneDeparture() {
    onClientGone(DRAIN);
    FakeClient client = streaming();
    client.leave();
    client.leave();
    client.breakOff();
    assertReadOn(client);
    forwarder.call().chunk(USAGE + DONE).complete();
    assertAbandoned(client, 200, Abandonment.DRAIN, REPORTED, 8);
    client.leave();
    assertThat(records).hasSize(1);
  }

  @Test
  void anUpstreamThatBreaksWhileItIsReadOnIsStillAnAbandonedOne() {
    onClientGone(DRAIN);
    FakeClient client = streaming();
    client.leave();
    forwarder.call().chunk(EVENT).fail(Phase.BODY);
    assertAbandoned(client, 200, Abandonment.DRAIN, estimate(2), 1);
  }

  @ParameterizedTest
  @ValueSource(strings = {"application/json", "audio/mpeg"})
  void answersThatAreNoEventsAreReadOnAndHaveNoUsage(String type) {
    onClientGone(DRAIN);
    FakeClient client = chat();
    forwarder.call().connected().head(200, "Content-Type", type).chunk("{");
    client.leave();
    assertReadOn(client);
    forwarder.call().chunk("}").complete();
    ExchangeRecord record = assertAbandoned(client, 200, Abandonment.DRAIN, Usage.NONE, -1);
    assertThat(record.abandonedBytes()).isEqualTo(1);
  }

  // ---- bounds

  @Test
  void theTimeBoundIsExact() {
    onClientGone(ClientGonePolicy.drain(Duration.ofSeconds(3), null, null));
    FakeClient client = streaming();
    ticker.advance(Duration.ofSeconds(20));
    client.leave();
    ticker.advanceNanos(Duration.ofSeconds(3).toNanos() - 1);
    forwarder.call().chunk(EVENT);
    assertReadOn(client);
    ticker.advanceNanos(1);
    ExchangeRecord record = assertAbandoned(client, 200, Abandonment.DRAIN_BOUNDED, estimate(2), 1);
    assertThat(record.abandonedNanos()).isEqualTo(Duration.ofSeconds(3).toNanos());
  }

  @Test
  void theTokenBoundIsExactAndCountsFromTheDeparture() {
    onClientGone(ClientGonePolicy.drain(null, 3L, null));
    FakeClient client = streaming();
    forwarder.call().chunk(EVENT.repeat(10));
    client.leave();
    forwarder.call().chunk(EVENT).chunk(EVENT);
    assertReadOn(client);
    forwarder.call().chunk(EVENT);
    assertAbandoned(client, 200, Abandonment.DRAIN_BOUNDED, estimate(14), 3);
  }

  @Test
  void theByteBoundIsExactAndCountsFromTheDeparture() {
    onClientGone(ClientGonePolicy.drain(null, null, 10L));
    FakeClient client = chat();
    forwarder.call().connected().head(200, "Content-Type", "audio/mpeg").chunk("x".repeat(99));
    client.leave();
    forwarder.call().chunk("123456789");
    assertReadOn(client);
    forwarder.call().chunk("0");
    ExchangeRecord record = assertAbandoned(client, 200, Abandonment.DRAIN_BOUNDED, Usage.NONE, -1);
    assertThat(record.abandonedBytes()).isEqualTo(10);
  }

  @Test
  void anEndBeforeTheBoundsIsAnEnd() {
    onClientGone(ClientGonePolicy.drain(Duration.ofSeconds(3), 100L, 100_000L));
    FakeClient client = streaming();
    client.leave();
    forwarder.call().chunk(USAGE + DONE).complete();
    assertAbandoned(client, 200, Abandonment.DRAIN, REPORTED, 8);
  }

  @Test
  void theIdleClockBoundsADrain() {
    onClientGone(DRAIN);
    FakeClient client = streaming();
    client.leave();
    ticker.advance(IDLE.minusNanos(1));
    forwarder.call().chunk(EVENT);
    ticker.advance(IDLE.minusNanos(1));
    assertReadOn(client);
    ticker.advanceNanos(1);
    assertAbandoned(client, 200, Abandonment.DRAIN_BOUNDED, estimate(2), 1);
  }

  @Test
  void theFirstByteClockBoundsADrain() {
    onClientGone(DRAIN);
    FakeClient client = chat();
    forwarder.call().connected();
    client.leave();
    ticker.advance(FIRST_BYTE.minusNanos(1));
    assertReadOn(client);
    ticker.advanceNanos(1);
    assertAbandoned(client, 499, Abandonment.DRAIN_BOUNDED, Usage.NONE, -1);
  }

  @Test
  void theTotalClockBoundsADrain() {
    serve(route().timeouts(new Timeouts(CONNECT, FIRST_BYTE, IDLE, IDLE)).onClientGone(DRAIN));
    FakeClient client = streaming();
    client.leave();
    ticker.advance(IDLE.minusSeconds(1));
    forwarder.call().chunk(EVENT);
    assertReadOn(client);
    ticker.advance(Duration.ofSeconds(1));
    assertAbandoned(client, 200, Abandonment.DRAIN_BOUNDED, estimate(2), 1);
  }

  @Test
  void aRelayThatStopsWaitsForItNoLongerThanItsDrainTime() {
    onClientGone(DRAIN);
    FakeClient client = streaming();
    client.leave();
    CompletableFuture<DrainResult> drained = relay().drain();
    assertDraining(drained);
    assertReadOn(client);
    ticker.advance(Duration.ofSeconds(29));
    forwarder.call().chunk(EVENT);
    assertReadOn(client);
    ticker.advance(Duration.ofSeconds(1));
    assertAbandoned(client, 200, Abandonment.DRAIN_BOUNDED, estimate(2), 1);
    assertDrained(drained, 1, 0);
  }

  @Test
  void aRelayThatClosesEndsIt() {
    onClientGone(DRAIN);
    FakeClient client = streaming();
    client.leave();
    relay().close();
    assertAbandoned(client, 200, Abandonment.DRAIN_BOUNDED, estimate(1), 0);
  }

  // ---- whose policy

  @Test
  void aKeysOwnPolicyWinsOverTheRoutes() {
    policies.add(new ApiKeyPolicy(List.of(ApiKey.bound("k", "sk-1", "t").withOnClientGone(DRAIN))));
    FakeClient client =
        send(
            FakeRequest.post(CHAT)
                .json("{\"stream\":true}")
                .header("Authorization", "Bearer sk-1"));
    forwarder.call().connected().head(200, SSE).chunk(EVENT);
    client.leave();
    assertReadOn(client);
    forwarder.call().chunk(USAGE + DONE).complete();
    assertAbandoned(client, 200, Abandonment.DRAIN, REPORTED, 8);
  }

  @Test
  void aClientThatStaysIsNotTouchedByAnyOfThis() {
    onClientGone(ClientGonePolicy.drain(Duration.ofSeconds(1), 1L, 1L));
    FakeClient client = streaming();
    ticker.advance(Duration.ofSeconds(20));
    forwarder.call().chunk(EVENT).chunk(FINISH).chunk(USAGE).chunk(DONE).complete();
    assertComplete(client, EVENT + EVENT + FINISH + USAGE + DONE);
    assertThat(record().usage()).isEqualTo(REPORTED);
    assertThat(record().deliveredOutputTokens()).isEqualTo(9);
    assertNothingAbandoned();
  }

  @Test
  void aClockThatRanOutBeforeTheDepartureIsNoReasonToReadOn() {
    forwarder.slowToCancel();
    onClientGone(DRAIN);
    FakeClient client = streaming();
    ticker.advance(IDLE);
    client.leave();
    assertThat(forwarder.call().cancels()).isEqualTo(1);
    forwarder.call().finishCancel();
    assertAbandoned(client, 200, Abandonment.CANCEL, estimate(1), 0);
  }

  @Test
  void anErrorThatIsOnItsWayIsNothingToReadOn() {
    onClientGone(DRAIN);
    FakeClient client = streaming();
    client.stall();
    forwarder.call().fail(Phase.BODY);
    client.breakOff();
    assertCut(client, EVENT, EndReason.UPSTREAM_ERROR, ErrorCode.UPSTREAM_FAILED);
    assertNothingAbandoned();
  }
}
