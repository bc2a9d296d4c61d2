package io.streamrelay.metrics;

import io.prometheus.metrics.core.datapoints.DistributionDataPoint;
import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.Histogram;
import io.streamrelay.ExchangeRecord;

/** What is told of upstreams: how attempts ended, and when their heads came. */
final class UpstreamMetrics {
  private static final double[] BOUNDS = {
    .01, .025, .05, .1, .2, .3, .5, .75, 1, 1.5, 2.5, 5, 10, 20, 40, 60
  };

  private final Counter attempts;
  private final Histogram timeToHeaders;

  UpstreamMetrics(Instruments make) {
    attempts =
        make.counter(
            "relay_upstream_attempts_total",
            "Requests sent to an upstream, by how that ended: the class of its whole answer's"
                + " status, or what went wrong.",
            "route",
            "upstream",
            "outcome");
    timeToHeaders =
        make.histogram(
            "relay_upstream_time_to_headers_seconds",
            "Seconds from sending a request upstream to the head of the answer.",
            BOUNDS,
            "route",
            "upstream");
  }

  /** For one of a route's upstreams, which the configuration names. */
  Tally forUpstream(String route, String upstream) {
    return new PerUpstream(route, upstream);
  }

  private final class PerUpstream implements Tally {
    private final PerValue<AttemptOutcome, LazyCounter> byOutcome;
    private final DistributionDataPoint toHeaders;

    PerUpstream(String route, String upstream) {
      byOutcome =
          new PerValue<>(
              AttemptOutcome.class,
              outcome -> new LazyCounter(attempts, route, upstream, outcome.label()));
      toHeaders = timeToHeaders.labelValues(route, upstream);
    }

    @Override
    public void add(ExchangeRecord record) {
      if (record.attempts() > 1) {
        byOutcome.of(AttemptOutcome.RETRIED).add(record.attempts() - 1);
      }
      if (record.attempts() > 0) {
        byOutcome.of(AttemptOutcome.ofLast(record)).add(1);
      }
      if (record.timeToHeadNanos() >= 0) {
        toHeaders.observe(GenAiMetrics.sinceSent(record, record.timeToHeadNanos()));
      }
    }
  }
}
