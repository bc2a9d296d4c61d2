package io.streamrelay.metrics;

import static org.assertj.core.api.Assertions.assertThat;

import io.prometheus.metrics.model.registry.PrometheusRegistry;
import io.streamrelay.Abandonment;
import io.streamrelay.EndReason;
import io.streamrelay.ExchangeRecord;
import io.streamrelay.error.ErrorCode;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** How an attempt at an upstream counts. */
class AttemptOutcomeTest {
  private final PrometheusRegistry registry = new PrometheusRegistry();
  private final RelayMetrics metrics = new RelayMetrics(registry);

  private static ExchangeRecord.Builder ended(
      EndReason end, @Nullable ErrorCode error, int upstreamStatus) {
    return Samples.bare().end(end).error(error).upstreamStatus(upstreamStatus);
  }

  private double counted(String outcome) {
    return Scraped.of(registry)
        .sum(
            "relay_upstream_attempts_total",
            "route",
            "chat",
            "upstream",
            "api.openai.com:443",
            "outcome",
            outcome);
  }

  @ParameterizedTest
  @CsvSource({
    "COMPLETE,, 200, 2xx",
    "COMPLETE,, 304, 3xx",
    "UPSTREAM_REFUSED,, 429, 4xx",
    "UPSTREAM_REFUSED, UPSTREAM_REFUSED, 401, 4xx",
    "UPSTREAM_REFUSED,, 503, 5xx",
    "UPSTREAM_REFUSED,, 700, 5xx",
    "UPSTREAM_ERROR, UPSTREAM_UNREACHABLE, 0, connect_failed",
    "UPSTREAM_ERROR, UPSTREAM_BUSY, 0, busy",
    "UPSTREAM_ERROR, UPSTREAM_FAILED, 0, broken",
    "UPSTREAM_ERROR, UPSTREAM_FAILED, 200, broken",
    "UPSTREAM_ERROR,, 200, error_event",
    "UPSTREAM_TRUNCATED, UPSTREAM_TRUNCATED, 200, broken",
    "CONNECT_TIMEOUT, UPSTREAM_CONNECT_TIMEOUT, 0, connect_timeout",
    "FIRST_BYTE_TIMEOUT, UPSTREAM_FIRST_BYTE_TIMEOUT, 0, timeout",
    "IDLE_TIMEOUT, UPSTREAM_IDLE_TIMEOUT, 200, timeout",
    "TOTAL_TIMEOUT, TOTAL_TIMEOUT, 200, timeout",
    "IDLE_TIMEOUT, CLIENT_STALLED, 200, cancelled",
    "IDLE_TIMEOUT, REQUEST_TIMEOUT, 0, cancelled",
    "CLIENT_GONE,, 200, cancelled",
    "BUDGET_CUT, BUDGET_SPENT, 200, cancelled",
    "DRAINED, DRAINED, 200, cancelled",
    "REJECTED, BODY_TOO_LARGE, 0, cancelled",
    "RELAY_ERROR, RELAY_ERROR, 0, cancelled",
  })
  void theLastAttemptCountsByHowItEnded(
      EndReason end, @Nullable ErrorCode error, int status, String outcome) {
    metrics.onEnd(ended(end, error, status).build());
    assertThat(counted(outcome)).isEqualTo(1);
    assertThat(Scraped.of(registry).sum("relay_upstream_attempts_total")).isEqualTo(1);
  }

  @Test
  void anAnswerThatWasReadToItsEndThoughItsClientHadLeftIsAnAnswer() {
    metrics.onEnd(ended(EndReason.CLIENT_GONE, null, 200).abandonment(Abandonment.DRAIN).build());
    metrics.onEnd(
        ended(EndReason.CLIENT_GONE, null, 200).abandonment(Abandonment.DRAIN_BOUNDED).build());
    assertThat(counted("2xx")).isEqualTo(1);
    assertThat(counted("cancelled")).isEqualTo(1);
  }

  @Test
  void earlierAttemptsCountAsRetried() {
    metrics.onEnd(Samples.bare().attempts(3).build());
    assertThat(counted("retried")).isEqualTo(2);
    assertThat(counted("2xx")).isEqualTo(1);
  }

  @Test
  void whatWasNeverSentIsNoAttempt() {
    metrics.onEnd(Samples.bare().attempts(0).upstreamStatus(0).end(EndReason.REJECTED).build());
    assertThat(Scraped.of(registry).sum("relay_upstream_attempts_total")).isEqualTo(-1);
  }
}
