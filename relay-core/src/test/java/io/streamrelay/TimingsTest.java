package io.streamrelay;

import static org.assertj.core.api.Assertions.assertThat;

import io.streamrelay.policy.Decision;
import io.streamrelay.testkit.FakeBody;
import io.streamrelay.testkit.FakeClient;
import io.streamrelay.testkit.FakeRequest;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** When what a user waits for came, and whose doing the waiting was. */
class TimingsTest extends ExchangeFixture {
  private static final String ROLE =
      "data: {\"object\":\"chat.completion.chunk\",\"choices\":[{\"delta\":{\"role\":\"assistant\"}}]}\n\n";

  private void wait(int millis) {
    ticker.advance(Duration.ofMillis(millis));
  }

  private Timings timings() {
    return record().timings();
  }

  private static long millis(long millis) {
    return Duration.ofMillis(millis).toNanos();
  }

  @Test
  void theFirstTokenIsTheFirstEventWithContentNotTheFirstByte() {
    chat();
    forwarder.call().connected().head(200, SSE);
    wait(100);
    forwarder.call().chunk(ROLE);
    wait(50);
    forwarder.call().chunk(EVENT);
    wait(25);
    forwarder.call().chunk(FINISH).chunk(DONE).complete();
    assertThat(record().timeToFirstByteNanos()).isEqualTo(millis(100));
    assertThat(timings().timeToFirstTokenNanos()).isEqualTo(millis(150));
  }

  @Test
  void anEventInTwoChunksCountsWithItsSecond() {
    chat();
    forwarder.call().connected().head(200, SSE).chunk(EVENT.substring(0, 30));
    wait(40);
    forwarder.call().chunk(EVENT.substring(30)).chunk(DONE).complete();
    assertThat(record().timeToFirstByteNanos()).isZero();
    assertThat(timings().timeToFirstTokenNanos()).isEqualTo(millis(40));
  }

  @Test
  void theOutputLastsFromTheFirstContentToTheLast() {
    streaming();
    wait(10);
    forwarder.call().chunk(EVENT);
    wait(20);
    forwarder.call().chunk(EVENT);
    wait(40);
    forwarder.call().chunk(FINISH).chunk(DONE).complete();
    assertThat(timings().outputNanos()).isEqualTo(millis(30));
  }

  @Test
  void theLongestStallIsTheLongestTimeBetweenTwoChunks() {
    streaming();
    wait(10);
    forwarder.call().chunk(EVENT);
    wait(300);
    forwarder.call().chunk(EVENT);
    wait(20);
    forwarder.call().chunk(DONE).complete();
    assertThat(timings().longestStallNanos()).isEqualTo(millis(300));
  }

  @Test
  void oneChunkHasNoStallAndAnAnswerThatIsNoStreamOfEventsNoToken() {
    chat();
    forwarder.call().connected().head(200, "Content-Type", "application/json");
    wait(10);
    forwarder.call().chunk("{}").complete();
    assertThat(timings().longestStallNanos()).isEqualTo(-1);
    assertThat(timings().timeToFirstTokenNanos()).isEqualTo(-1);
    assertThat(timings().outputNanos()).isEqualTo(-1);
  }

  @Test
  void waitingForTheBodyAndTheUpstreamIsNoOverhead() {
    FakeBody body = FakeBody.declared(10);
    send(FakeRequest.post(CHAT).body(body));
    wait(500);
    body.feed(new byte[5]);
    wait(500);
    body.feed(new byte[5]).end();
    wait(700);
    forwarder.call().connected();
    wait(800);
    forwarder.call().head(200, SSE);
    wait(900);
    forwarder.call().chunk(EVENT).chunk(DONE).complete();
    assertThat(timings().overheadNanos()).isZero();
  }

  @Test
  void whatAPolicyTakesIsOverhead() {
    CompletableFuture<Decision> stage = new CompletableFuture<>();
    policies.add(onRequest(exchange -> Decision.later(stage)));
    chat();
    wait(30);
    stage.complete(Decision.admit());
    wait(100);
    forwarder.call().connected().head(200, SSE).chunk(EVENT).chunk(DONE).complete();
    assertThat(timings().overheadNanos()).isEqualTo(millis(30));
  }

  @Test
  void whatTheFirstWriteTakesIsOverhead() {
    FakeClient client = new FakeClient();
    clients.add(client);
    relay()
        .handle(
            FakeRequest.post(CHAT).json("{}").build(),
            new QuirkyResponse(client, chunk -> wait(3)));
    forwarder.call().connected().head(200, SSE).chunk(EVENT).chunk(DONE).complete();
    assertThat(timings().overheadNanos()).isEqualTo(millis(3));
  }

  @Test
  void whatIsNeverSentUpstreamHasNoOverhead() {
    send(FakeRequest.post("/nowhere").json("{}"));
    assertThat(timings()).isEqualTo(Timings.NONE);
    assertThat(record().attempts()).isZero();
  }

  @Test
  void aClientThatLeavesBeforeTheRequestWasSentLeavesInTheRequest() {
    policies.add(onRequest(exchange -> Decision.later(new CompletableFuture<>())));
    chat().leave();
    assertThat(record().disconnect()).isEqualTo(DisconnectPhase.REQUEST);
    assertThat(record().attempts()).isZero();
  }

  @Test
  void aClientThatLeavesBeforeTheFirstByteWasWaiting() {
    FakeClient client = chat();
    forwarder.call().connected().head(200, SSE);
    client.leave();
    assertThat(record().disconnect()).isEqualTo(DisconnectPhase.WAITING);
    assertThat(record().attempts()).isEqualTo(1);
  }

  @Test
  void aClientThatLeavesLaterWasStreaming() {
    streaming().leave();
    assertThat(record().disconnect()).isEqualTo(DisconnectPhase.STREAMING);
  }

  @Test
  void whoStaysDisconnectsInNoPhase() {
    streaming();
    forwarder.call().chunk(DONE).complete();
    assertThat(record().disconnect()).isNull();
    assertThat(record().upstreamStatus()).isEqualTo(200);
    assertThat(record().upstream()).isEqualTo("upstream.test:443");
    assertThat(record().provider()).isEqualTo("openai");
    assertThat(record().isStream()).isTrue();
  }
}
