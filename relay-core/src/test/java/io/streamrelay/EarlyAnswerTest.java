package io.streamrelay;

import static org.assertj.core.api.Assertions.assertThat;

import io.streamrelay.testkit.FakeBody;
import io.streamrelay.testkit.FakeClient;
import io.streamrelay.testkit.FakeRequest;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** An upstream that answers before it has taken the whole request. */
class EarlyAnswerTest extends ExchangeFixture {
  private static final int SENT = 100_000;

  private final FakeBody body = FakeBody.declared(10L * SENT).feed(new byte[SENT]);

  private FakeClient answered(int status) {
    FakeClient client = send(FakeRequest.post(CHAT).body(body));
    forwarder.call().connected().readBody();
    forwarder.call().head(status, "Content-Length", "9").chunk("an answer").complete();
    return client;
  }

  private void assertAnswered(FakeClient client, int status, EndReason end) {
    assertThat(client.text()).isEqualTo("an answer");
    assertThat(client.isComplete()).isTrue();
    ExchangeRecord record = assertEnded(client, status, end, null);
    assertThat(record.requestBytes()).isEqualTo(SENT);
    assertThat(record.abandonment()).isNull();
  }

  @ParameterizedTest
  @ValueSource(ints = {200, 429})
  void theRestOfTheBodyIsReadAndDroppedBehindIt(int status) {
    FakeClient client = answered(status);
    for (int i = 0; i < 9; i++) {
      assertThat(client.text()).isEqualTo("an answer");
      assertRunning(client);
      body.feed(new byte[SENT]);
      assertThat(body.unread()).isZero();
    }
    body.end();
    assertAnswered(client, status, status == 200 ? EndReason.COMPLETE : EndReason.UPSTREAM_REFUSED);
  }

  @Test
  void aClientThatNeverStopsIsReadForFiveSeconds() {
    FakeClient client = answered(429);
    ticker.advance(FINISH_LIMIT.minusNanos(1));
    body.feed(new byte[10]);
    assertRunning(client);
    ticker.advanceNanos(1);
    assertAnswered(client, 429, EndReason.UPSTREAM_REFUSED);
  }

  /** Its client may have stopped sending, and wait for the last chunk. */
  @Test
  void anAnswerWithoutALengthEndsOnceTheClientPausesForASecond() {
    FakeClient client = send(FakeRequest.post(CHAT).body(body));
    forwarder.call().connected().readBody();
    forwarder.call().head(429).chunk("an answer").complete();
    for (int i = 0; i < 4; i++) {
      ticker.advance(Duration.ofSeconds(1).minusNanos(1));
      assertRunning(client);
      body.feed(new byte[10]);
    }
    ticker.advance(Duration.ofSeconds(1));
    assertAnswered(client, 429, EndReason.UPSTREAM_REFUSED);
  }

  @Test
  void anAnswerWithoutALengthEndsAfterFiveSecondsToo() {
    FakeClient client = send(FakeRequest.post(CHAT).body(body));
    forwarder.call().connected().readBody();
    forwarder.call().head(429).chunk("an answer").complete();
    for (int i = 0; i < 9; i++) {
      ticker.advance(Duration.ofMillis(500));
      body.feed(new byte[10]);
    }
    ticker.advance(Duration.ofMillis(500).minusNanos(1));
    assertRunning(client);
    ticker.advanceNanos(1);
    assertAnswered(client, 429, EndReason.UPSTREAM_REFUSED);
  }

  @Test
  void aClientThatLeavesWithItsAnswerHasGotIt() {
    FakeClient client = answered(429);
    body.leave();
    assertAnswered(client, 429, EndReason.UPSTREAM_REFUSED);
  }

  @Test
  void aHeadAloneLeavesAtOnceToo() {
    FakeClient client = send(FakeRequest.post(CHAT).body(body));
    forwarder.call().connected().head(401, "Content-Length", "0").complete();
    assertThat(client.status()).isEqualTo(401);
    assertThat(client.sent()).isTrue();
    assertRunning(client);
    body.end();
    assertThat(client.isComplete()).isTrue();
    assertEnded(client, 401, EndReason.UPSTREAM_REFUSED, null);
  }

  @Test
  void aRelayThatStopsDoesNotCutIt() {
    FakeClient client = answered(429);
    var drained = relay().drain(Duration.ZERO, Duration.ZERO);
    assertRunning(client);
    assertThat(drained).isNotDone();
    body.end();
    assertThat(drained).succeedsWithin(Duration.ofSeconds(10)).isEqualTo(new DrainResult(1, 0));
    assertAnswered(client, 429, EndReason.UPSTREAM_REFUSED);
  }
}
