package io.streamrelay.metrics;

import io.prometheus.metrics.core.datapoints.CounterDataPoint;
import io.prometheus.metrics.core.datapoints.DistributionDataPoint;
import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.Gauge;
import io.prometheus.metrics.core.metrics.Histogram;
import io.streamrelay.EndReason;
import io.streamrelay.ExchangeRecord;
import io.streamrelay.error.ErrorCode;

/** The original's five metrics, with its names, labels and buckets. */
final class CompatMetrics {
  private static final double NANOS_PER_MILLI = 1e6;

  private final Counter requests;
  private final Histogram duration;
  private final Counter errors;
  private final Gauge active;

  CompatMetrics(Instruments make) {
    requests =
        make.counter(
            "relay_requests_total",
            "Requests by route and class of the status the client got.",
            "route",
            "status");
    duration =
        make.classic(
            "relay_duration_ms",
            "Milliseconds from a request to the end of its exchange.",
            new double[] {100, 500, 1000, 2000, 5000, 10000, 30000, 60000},
            "route");
    errors =
        make.counter(
            "relay_errors_total",
            "Exchanges that did not end well, by the relay's error code or the end reason.",
            "route",
            "type");
    active = make.gauge("relay_active_connections", "Exchanges that are running now.", "route");
    Histogram storageWrite =
        make.classic(
            "relay_storage_write_ms",
            "Milliseconds for one write to a store. This version writes to none, so it stays at 0.",
            new double[] {1, 5, 10, 50, 100, 500, 1000});
    // Without labels it would not show before its first write.
    storageWrite.initLabelValues();
  }

  void started(String route) {
    active.labelValues(route).inc();
  }

  Tally forRoute(String route) {
    return new PerRoute(route);
  }

  private final class PerRoute implements Tally {
    private final String route;
    private final CounterDataPoint[] byClass = new CounterDataPoint[StatusClass.COUNT];
    private final DistributionDataPoint millis;

    PerRoute(String route) {
      this.route = route;
      for (int i = 0; i < byClass.length; i++) {
        byClass[i] = requests.labelValues(route, StatusClass.label(i));
      }
      millis = duration.labelValues(route);
      active.labelValues(route);
    }

    @Override
    public void add(ExchangeRecord record) {
      if (!route.equals(ExchangeRecord.NO_ROUTE)) {
        active.labelValues(route).dec();
      }
      byClass[StatusClass.of(record.status())].inc();
      millis.observe(record.durationNanos() / NANOS_PER_MILLI);
      if (record.end() != EndReason.COMPLETE) {
        ErrorCode code = record.error();
        errors.labelValues(route, code == null ? record.end().label() : code.code()).inc();
      }
    }
  }
}
