package io.streamrelay;

import static org.assertj.core.api.Assertions.assertThat;

import io.streamrelay.config.ServerConfig;
import io.streamrelay.error.ErrorCode;
import io.streamrelay.testkit.FakeBody;
import io.streamrelay.testkit.FakeClient;
import io.streamrelay.testkit.FakeRequest;
import java.time.Duration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** How slowly a request body may come, to the nanosecond; the rate is 100 bytes a second. */
class SlowUploadTest extends ExchangeFixture {
  private static final Duration GRACE = Duration.ofSeconds(30);

  /** Above it a body streams through. */
  private static final int KEEP = 64 * 1024 + 1;

  private final FakeBody body = FakeBody.declared(-1);

  @BeforeEach
  void rate() {
    config.server(ServerConfig.DEFAULT.withMinUploadRate(100));
    serve(route().timeouts(timeouts(10, 20, 300, 0)));
  }

  /** Uploads; if streamed, an upstream takes all that comes. */
  private FakeClient upload(boolean streamed) {
    if (streamed) {
      body.feed(new byte[KEEP]);
    }
    FakeClient client = send(FakeRequest.post(CHAT).body(body));
    if (streamed) {
      forwarder.call().connected().readBodyOnDemand();
    }
    return client;
  }

  private void assertTooSlow(FakeClient client) {
    assertThat(client.status()).as("%s", client).isEqualTo(408);
    body.end();
    assertRefused(client, ErrorCode.REQUEST_TIMEOUT);
    assertThat(forwarder.calls()).allMatch(call -> call.cancels() == 1 && !call.bodyEnded());
  }

  @Test
  void anUploadThatDripsRunsOutAfterTheGrace() {
    FakeClient client = upload(false);
    // They buy two seconds.
    for (int i = 0; i < 200; i++) {
      ticker.advance(Duration.ofMillis(100));
      body.feed(new byte[1]);
    }
    ticker.advance(Duration.ofSeconds(12).minusNanos(1));
    assertRunning(client);
    assertThat(scheduler.pendingTasks()).isEqualTo(1);
    ticker.advanceNanos(1);
    assertTooSlow(client);
  }

  /** What it sent at once is ahead for as long as the idle clock, and not for ten minutes. */
  @Test
  void whatAnUploadIsAheadCountsForNoMoreThanIdle() {
    FakeClient client = upload(true);
    for (int i = 0; i < 100; i++) {
      ticker.advance(Duration.ofSeconds(3));
      assertRunning(client);
      body.feed(new byte[3]);
    }
    // What these bought.
    ticker.advance(Duration.ofSeconds(3).minusNanos(1));
    assertRunning(client);
    ticker.advanceNanos(1);
    assertTooSlow(client);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void anUploadThatKeepsTheRateMayTakeAnyTime(boolean streamed) {
    FakeClient client = upload(streamed);
    for (int i = 0; i < 60; i++) {
      ticker.advance(Duration.ofSeconds(10));
      assertRunning(client);
      body.feed(new byte[1000]);
    }
    body.end();
    if (!streamed) {
      forwarder.call().connected().readBody();
    }
    forwarder.call().head(200).chunk("ok").complete();
    assertComplete(client, "ok");
    assertThat(record().durationNanos()).isEqualTo(Duration.ofMinutes(10).toNanos());
  }

  @Test
  void timeInWhichTheUpstreamTakesNothingIsNotTheClients() {
    body.feed(new byte[KEEP]);
    FakeClient client = send(FakeRequest.post(CHAT).body(body));
    forwarder.call().connected().readBody(KEEP);
    body.feed(new byte[100_000]);
    for (int i = 0; i < 10; i++) {
      // Never idle, never out of bytes.
      forwarder.call().readBody(10);
      ticker.advance(Duration.ofSeconds(200));
      assertRunning(client);
    }
    forwarder.call().readBodyOnDemand();
    body.end();
    forwarder.call().head(200).chunk("ok").complete();
    assertComplete(client, "ok");
  }

  @Test
  void anAnswerThatHasBegunIsNotCutForASlowUpload() {
    FakeClient client = upload(true);
    forwarder.call().head(200, SSE).chunk(EVENT);
    for (int i = 0; i < 100; i++) {
      ticker.advance(Duration.ofSeconds(20));
      assertRunning(client);
      body.feed(new byte[1]);
      forwarder.call().chunk(EVENT);
    }
    body.end();
    forwarder.call().chunk(DONE).complete();
    assertComplete(client, EVENT.repeat(101) + DONE);
  }

  @Test
  void aRateOfZeroLetsItTakeAnyTime() {
    config.server(ServerConfig.DEFAULT.withMinUploadRate(0));
    FakeClient client = upload(true);
    for (int i = 0; i < 100; i++) {
      ticker.advance(Duration.ofSeconds(299));
      assertRunning(client);
      body.feed(new byte[1]);
    }
    ticker.advance(Duration.ofMinutes(5));
    assertTooSlow(client);
  }

  /** The timer looks once a second at the most, however close to the limit it is. */
  @Test
  void anUploadThatIsJustFastEnoughIsNotLookedAtAllTheTime() {
    int[] scheduled = {0};
    Scheduler counting =
        new Scheduler() {
          @Override
          public Cancellable schedule(long delayNanos, Runnable task) {
            scheduled[0]++;
            return scheduler.schedule(delayNanos, task);
          }

          @Override
          public void close() {}
        };
    try (Relay own =
        Relay.builder(config.build(), forwarder).ticker(ticker).scheduler(counting).build()) {
      FakeClient client = new FakeClient();
      own.handle(FakeRequest.post(CHAT).body(body).build(), client);
      ticker.advance(GRACE.minusMillis(200));
      for (int i = 0; i < 2000; i++) {
        body.feed(new byte[1]);
        ticker.advance(Duration.ofMillis(10));
      }
      assertThat(client.ends()).isZero();
      assertThat(scheduled[0]).isBetween(10, 30);
      ticker.advance(Duration.ofMillis(1200));
      assertThat(client.status()).isEqualTo(408);
    }
  }
}
