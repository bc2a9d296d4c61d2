package io.streamrelay.metrics;

import io.prometheus.metrics.core.datapoints.CounterDataPoint;
import io.prometheus.metrics.core.datapoints.DistributionDataPoint;
import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.Histogram;
import io.streamrelay.Abandonment;
import io.streamrelay.DisconnectPhase;
import io.streamrelay.EndReason;
import io.streamrelay.ExchangeRecord;
import io.streamrelay.UsageRequest;
import io.streamrelay.error.ErrorCode;
import io.streamrelay.observe.Usage;
import io.streamrelay.policy.RateLimitPolicy;
import java.util.Locale;

/** What is told by route alone: ends, durations, bytes, waits, who left, who was refused. */
final class RouteMetrics {
  private static final double[] FIRST_BYTE_BOUNDS = {
    .01, .025, .05, .1, .2, .3, .5, .75, 1, 1.5, 2.5, 5, 10, 20, 40, 60
  };
  private static final double[] WAIT_BOUNDS = {.01, .1, .5, 1, 2.5, 5, 10, 30, 60, 300};
  private static final double[] DURATION_BOUNDS = {
    .05, .1, .25, .5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600
  };
  private static final double[] OVERHEAD_BOUNDS = {
    .00005, .0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25
  };
  private static final double[] STALL_BOUNDS = {
    .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 20, 30, 60, 120
  };

  private final Counter ends;
  private final Histogram duration;
  private final Histogram timeToFirstByte;
  private final Counter bytes;
  private final Histogram clientBlocked;
  private final Histogram upstreamWait;
  private final Histogram stall;
  private final Histogram overhead;
  private final Counter abandoned;
  private final Counter wasted;
  private final Counter disconnects;
  private final Counter limited;
  private final Counter usage;
  private final Counter includeUsage;

  RouteMetrics(Instruments make) {
    ends =
        make.counter("relay_exchanges_total", "Ended exchanges by how they ended.", "route", "end");
    duration =
        make.traced(
            "relay_request_duration_seconds",
            "Seconds from a request to the end of its exchange, by class of the status the client"
                + " got.",
            DURATION_BOUNDS,
            "route",
            "status");
    timeToFirstByte =
        make.histogram(
            "relay_time_to_first_byte_seconds",
            "Seconds from a request to the first body byte handed to the client.",
            FIRST_BYTE_BOUNDS,
            "route");
    bytes =
        make.counter(
            "relay_bytes_total",
            "Body bytes, in from clients and out to them.",
            "route",
            "direction");
    clientBlocked =
        make.histogram(
            "relay_client_blocked_seconds",
            "Seconds of an exchange in which a write waited for its client.",
            WAIT_BOUNDS,
            "route");
    upstreamWait =
        make.histogram(
            "relay_upstream_wait_seconds",
            "Seconds of an exchange in which its upstream was waited for.",
            WAIT_BOUNDS,
            "route");
    stall =
        make.histogram(
            "relay_stream_stall_seconds",
            "Longest time in seconds between two chunks of a stream, or of audio, as handed to its"
                + " client: one for each of two chunks or more.",
            STALL_BOUNDS,
            "route");
    overhead =
        make.histogram(
            "relay_overhead_seconds",
            "Seconds of the time to the first byte that the relay itself took: neither the client's"
                + " request body nor the upstream was waited for.",
            OVERHEAD_BOUNDS,
            "route");
    abandoned =
        make.counter(
            "relay_abandoned_streams_total",
            "Upstream calls whose client left before the end, by what became of them.",
            "route",
            "policy");
    wasted =
        make.counter(
            "relay_wasted_output_tokens_total",
            "Output tokens that upstreams made for clients that had left.",
            "route",
            "policy",
            "source");
    disconnects =
        make.counter(
            "relay_client_disconnects_total",
            "Clients that left before the end, by how far the exchange had come: within the"
                + " request, while the answer was waited for, or in the middle of it.",
            "route",
            "phase");
    limited =
        make.counter(
            "relay_rate_limited_total",
            "Requests refused by a limit: the tenant's rate, the API key's rate, or max_streams.",
            "route",
            "limit");
    usage =
        make.counter(
            "relay_usage_total",
            "Answers with a 2xx to requests to a model, by how well their usage is known.",
            "route",
            "source");
    includeUsage =
        make.counter(
            "relay_include_usage_total",
            "The relay's own requests for a stream's usage, by what became of them.",
            "route",
            "result");
  }

  void refused(String route, RateLimitPolicy.Limit limit) {
    limited.labelValues(route, limitLabel(limit)).inc();
  }

  private static String limitLabel(RateLimitPolicy.Limit limit) {
    return limit.name().toLowerCase(Locale.ROOT);
  }

  Tally forRoute(String route) {
    return new PerRoute(route);
  }

  /** Whether an exchange used a model, as far as can be told, and got a 2xx for it. */
  static boolean isServed(ExchangeRecord record) {
    return isOk(record)
        && (record.operation() != null || record.usage().source() != Usage.Source.NONE);
  }

  static boolean isOk(ExchangeRecord record) {
    return record.upstreamStatus() / 100 == 2;
  }

  private final class PerRoute implements Tally {
    private final PerValue<EndReason, CounterDataPoint> byEnd;
    private final DistributionDataPoint[] durations = new DistributionDataPoint[StatusClass.COUNT];
    private final DistributionDataPoint firstByte;
    private final DistributionDataPoint blocked;
    private final DistributionDataPoint waited;
    private final DistributionDataPoint stalls;
    private final DistributionDataPoint overheads;
    private final CounterDataPoint bytesIn;
    private final CounterDataPoint bytesOut;
    private final PerValue<Abandonment, Abandoned> byAbandonment;
    private final PerValue<DisconnectPhase, CounterDataPoint> byPhase;
    private final PerValue<Usage.Source, CounterDataPoint> bySource;
    private final PerValue<UsageRequest, CounterDataPoint> byUsageRequest;
    private final CounterDataPoint busy;

    PerRoute(String route) {
      RouteMetrics all = RouteMetrics.this;
      byEnd = new PerValue<>(EndReason.class, reason -> ends.labelValues(route, reason.label()));
      for (int i = 0; i < durations.length; i++) {
        durations[i] = duration.labelValues(route, StatusClass.label(i));
      }
      firstByte = timeToFirstByte.labelValues(route);
      blocked = clientBlocked.labelValues(route);
      waited = upstreamWait.labelValues(route);
      stalls = stall.labelValues(route);
      overheads = overhead.labelValues(route);
      bytesIn = bytes.labelValues(route, "in");
      bytesOut = bytes.labelValues(route, "out");
      byAbandonment = new PerValue<>(Abandonment.class, what -> new Abandoned(route, what));
      byPhase =
          new PerValue<>(
              DisconnectPhase.class, phase -> disconnects.labelValues(route, phase.label()));
      bySource =
          new PerValue<>(
              Usage.Source.class, source -> all.usage.labelValues(route, source.label()));
      byUsageRequest =
          new PerValue<>(
              UsageRequest.class, result -> includeUsage.labelValues(route, result.label()));
      for (RateLimitPolicy.Limit limit : RateLimitPolicy.Limit.values()) {
        limited.initLabelValues(route, limitLabel(limit));
      }
      busy = limited.labelValues(route, "streams");
    }

    @Override
    public void add(ExchangeRecord record) {
      byEnd.of(record.end()).inc();
      Instruments.observe(
          durations[StatusClass.of(record.status())],
          Instruments.seconds(record.durationNanos()),
          Traces.exemplar(record));
      observe(firstByte, record.timeToFirstByteNanos());
      if (record.upstreamWaitNanos() >= 0) {
        observe(blocked, record.clientBlockedNanos());
        observe(waited, record.upstreamWaitNanos());
      }
      if (record.isStream() || record.timings().timeToFirstAudioNanos() >= 0) {
        observe(stalls, record.timings().longestStallNanos());
      }
      observe(overheads, record.timings().overheadNanos());
      bytesIn.inc(record.requestBytes());
      bytesOut.inc(record.responseBytes());
      count(record);
    }

    private void count(ExchangeRecord record) {
      Abandonment abandonment = record.abandonment();
      if (abandonment != null) {
        byAbandonment.of(abandonment).add(record);
      }
      DisconnectPhase phase = record.disconnect();
      if (phase != null) {
        byPhase.of(phase).inc();
      }
      if (isServed(record)) {
        bySource.of(record.usage().source()).inc();
      }
      UsageRequest usageRequest = record.usageRequest();
      if (usageRequest != null) {
        byUsageRequest.of(usageRequest).inc();
      }
      if (record.error() == ErrorCode.RELAY_BUSY) {
        busy.inc();
      }
    }

    private static void observe(DistributionDataPoint point, long nanos) {
      if (nanos >= 0) {
        point.observe(Instruments.seconds(nanos));
      }
    }
  }

  /** What clients of one route that left cost, under one policy. */
  private final class Abandoned implements Tally {
    private final CounterDataPoint streams;
    private final CounterDataPoint reported;
    private final CounterDataPoint estimated;

    Abandoned(String route, Abandonment what) {
      streams = abandoned.labelValues(route, what.label());
      reported = wasted.labelValues(route, what.label(), Usage.Source.REPORTED.label());
      estimated = wasted.labelValues(route, what.label(), Usage.Source.ESTIMATED.label());
    }

    @Override
    public void add(ExchangeRecord record) {
      streams.inc();
      if (record.wastedOutputTokens() > 0) {
        (record.usage().source() == Usage.Source.REPORTED ? reported : estimated)
            .inc(record.wastedOutputTokens());
      }
    }
  }
}
