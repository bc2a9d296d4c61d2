package io.streamrelay.metrics;

import static org.assertj.core.api.Assertions.assertThat;

import io.prometheus.metrics.model.registry.PrometheusRegistry;
import io.prometheus.metrics.model.snapshots.CounterSnapshot;
import io.streamrelay.EndReason;
import io.streamrelay.ExchangeRecord;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RelayMetricsTest {
  private final PrometheusRegistry registry = new PrometheusRegistry();
  private final RelayMetrics metrics = new RelayMetrics(registry);

  @ParameterizedTest
  @CsvSource({"200, 2xx", "304, 3xx", "499, 4xx", "599, 5xx", "600, 5xx", "999, 5xx"})
  void everyStatusIsCountedInAClass(int status, String expected) {
    metrics.onEnd(ExchangeRecord.builder().status(status).end(EndReason.UPSTREAM_REFUSED).build());
    assertThat(requests(expected)).isEqualTo(1);
  }

  private double requests(String status) {
    return registry.scrape(name -> name.startsWith("relay_requests")).stream()
        .flatMap(snapshot -> ((CounterSnapshot) snapshot).getDataPoints().stream())
        .filter(point -> status.equals(point.getLabels().get("status")))
        .mapToDouble(CounterSnapshot.CounterDataPointSnapshot::getValue)
        .sum();
  }
}
