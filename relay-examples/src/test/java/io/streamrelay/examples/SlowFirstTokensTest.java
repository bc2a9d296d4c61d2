package io.streamrelay.examples;

import static org.assertj.core.api.Assertions.assertThat;

import io.streamrelay.testkit.FakeExchange;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A listener is a plain object too. */
final class SlowFirstTokensTest {
  private final List<String> reports = new ArrayList<>();
  private final SlowFirstTokens listener = new SlowFirstTokens(Duration.ofSeconds(2), reports::add);

  private FakeExchange waited(Duration wait) {
    FakeExchange exchange = new FakeExchange();
    listener.onStart(exchange);
    exchange.ticker().advance(wait);
    listener.onFirstToken(exchange);
    return exchange;
  }

  @Test
  void aLongWaitIsReportedWithItsTrace() {
    FakeExchange exchange = waited(Duration.ofMillis(2500));
    assertThat(reports)
        .containsExactly(
            "first token of route fake after 2500 ms, trace " + exchange.trace().traceId());
  }

  @Test
  void aShortWaitIsNot() {
    waited(Duration.ofMillis(1999));
    assertThat(reports).isEmpty();
  }
}
