package io.streamrelay.metrics;

import io.prometheus.metrics.core.datapoints.CounterDataPoint;
import io.prometheus.metrics.core.datapoints.DistributionDataPoint;
import io.prometheus.metrics.core.datapoints.GaugeDataPoint;
import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.Gauge;
import io.prometheus.metrics.core.metrics.Histogram;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import io.streamrelay.Abandonment;
import io.streamrelay.EndReason;
import io.streamrelay.Exchange;
import io.streamrelay.ExchangeRecord;
import io.streamrelay.RelayListener;
import io.streamrelay.UsageRequest;
import io.streamrelay.error.ErrorCode;
import io.streamrelay.observe.Usage;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Counts exchanges.
 *
 * <p>Told by the relay at each exchange's start and end, on I/O threads; nothing is counted per
 * chunk. Labels are closed sets and route names, so the number of series is bounded. The first five
 * metrics keep the original's names, labels and buckets.
 */
public final class RelayMetrics implements RelayListener {
  private static final double NANOS_PER_MILLI = 1e6;
  private static final double NANOS_PER_SECOND = 1e9;

  /** Where statuses of 600 and above are counted. */
  private static final int OTHER = 6;

  private final Counter requests;
  private final Histogram duration;
  private final Counter errors;
  private final Gauge active;
  private final Histogram storageWrite;
  private final Counter ends;
  private final Histogram timeToFirstByte;
  private final Counter bytes;
  private final Histogram clientBlocked;
  private final Histogram upstreamWait;
  private final Counter abandoned;
  private final Counter wasted;
  private final Counter includeUsage;

  /** Bounded by the configured routes and {@link ExchangeRecord#NO_ROUTE}. */
  private final Map<String, PerRoute> routes = new ConcurrentHashMap<>();

  /**
   * Registers the relay's metrics.
   *
   * @param registry one that no other relay uses
   * @throws IllegalArgumentException if another relay's metrics are there already
   */
  public RelayMetrics(PrometheusRegistry registry) {
    requests =
        Counter.builder()
            .name("relay_requests_total")
            .help("Requests by route and class of the status the client got.")
            .labelNames("route", "status")
            .withoutExemplars()
            .register(registry);
    duration =
        Histogram.builder()
            .name("relay_duration_ms")
            .help("Milliseconds from a request to the end of its exchange.")
            .labelNames("route")
            .classicOnly()
            .classicUpperBounds(100, 500, 1000, 2000, 5000, 10000, 30000, 60000)
            .withoutExemplars()
            .register(registry);
    errors =
        Counter.builder()
            .name("relay_errors_total")
            .help("Exchanges that did not end well, by the relay's error code or the end reason.")
            .labelNames("route", "type")
            .withoutExemplars()
            .register(registry);
    active =
        Gauge.builder()
            .name("relay_active_connections")
            .help("Exchanges that are running now.")
            .labelNames("route")
            .withoutExemplars()
            .register(registry);
    storageWrite =
        Histogram.builder()
            .name("relay_storage_write_ms")
            .help("Milliseconds for one write to a store.")
            .classicOnly()
            .classicUpperBounds(1, 5, 10, 50, 100, 500, 1000)
            .withoutExemplars()
            .register(registry);
    ends =
        Counter.builder()
            .name("relay_exchanges_total")
            .help("Ended exchanges by how they ended.")
            .labelNames("route", "end")
            .withoutExemplars()
            .register(registry);
    timeToFirstByte =
        Histogram.builder()
            .name("relay_time_to_first_byte_seconds")
            .help("Seconds from a request to the first body byte handed to the client.")
            .labelNames("route")
            .classicOnly()
            .classicUpperBounds(.01, .025, .05, .1, .2, .3, .5, .75, 1, 1.5, 2.5, 5, 10, 20, 40, 60)
            .withoutExemplars()
            .register(registry);
    bytes =
        Counter.builder()
            .name("relay_bytes_total")
            .help("Body bytes, in from clients and out to them.")
            .labelNames("route", "direction")
            .withoutExemplars()
            .register(registry);
    clientBlocked =
        waits(
            registry,
            "relay_client_blocked_seconds",
            "Seconds of an exchange in which a write waited for its client.");
    upstreamWait =
        waits(
            registry,
            "relay_upstream_wait_seconds",
            "Seconds of an exchange in which its upstream was waited for.");
    abandoned =
        Counter.builder()
            .name("relay_abandoned_streams_total")
            .help("Upstream calls whose client left before the end, by what became of them.")
            .labelNames("route", "policy")
            .withoutExemplars()
            .register(registry);
    wasted =
        Counter.builder()
            .name("relay_wasted_output_tokens_total")
            .help("Output tokens that upstreams made for clients that had left.")
            .labelNames("route", "policy", "source")
            .withoutExemplars()
            .register(registry);
    includeUsage =
        Counter.builder()
            .name("relay_include_usage_total")
            .help("The relay's own requests for a stream's usage, by what became of them.")
            .labelNames("route", "result")
            .withoutExemplars()
            .register(registry);
    // Without labels it would not show before its first write.
    storageWrite.initLabelValues();
  }

  private static Histogram waits(PrometheusRegistry registry, String name, String help) {
    return Histogram.builder()
        .name(name)
        .help(help)
        .labelNames("route")
        .classicOnly()
        .classicUpperBounds(.01, .1, .5, 1, 2.5, 5, 10, 30, 60, 300)
        .withoutExemplars()
        .register(registry);
  }

  /**
   * Makes a route's series exist before its first request, so that rates start from zero.
   *
   * @param route the route's name
   */
  public void addRoute(String route) {
    of(route);
  }

  @Override
  public void onStart(Exchange exchange) {
    of(exchange.route().name()).active.inc();
  }

  @Override
  public void onEnd(ExchangeRecord record) {
    PerRoute route = of(record.route());
    if (!record.route().equals(ExchangeRecord.NO_ROUTE)) {
      route.active.dec();
    }
    route.requests[Math.min(record.status() / 100, OTHER)].inc();
    route.duration.observe(record.durationNanos() / NANOS_PER_MILLI);
    ends.labelValues(record.route(), record.end().label()).inc();
    if (record.end() != EndReason.COMPLETE) {
      errors.labelValues(record.route(), errorType(record)).inc();
    }
    if (record.timeToFirstByteNanos() >= 0) {
      route.timeToFirstByte.observe(record.timeToFirstByteNanos() / NANOS_PER_SECOND);
    }
    if (record.upstreamWaitNanos() >= 0) {
      route.clientBlocked.observe(record.clientBlockedNanos() / NANOS_PER_SECOND);
      route.upstreamWait.observe(record.upstreamWaitNanos() / NANOS_PER_SECOND);
    }
    route.bytesIn.inc(record.requestBytes());
    route.bytesOut.inc(record.responseBytes());
    UsageRequest usageRequest = record.usageRequest();
    if (usageRequest != null) {
      includeUsage.labelValues(record.route(), usageRequest.label()).inc();
    }
    Abandonment abandonment = record.abandonment();
    if (abandonment != null) {
      route.of(abandonment).count(record);
    }
  }

  private static String errorType(ExchangeRecord record) {
    ErrorCode code = record.error();
    return code == null ? record.end().label() : code.code();
  }

  private PerRoute of(String route) {
    PerRoute known = routes.get(route);
    return known != null ? known : routes.computeIfAbsent(route, PerRoute::new);
  }

  /** One route's series, looked up once. */
  private final class PerRoute {
    private final GaugeDataPoint active;
    private final CounterDataPoint[] requests = new CounterDataPoint[OTHER + 1];
    private final DistributionDataPoint duration;
    private final DistributionDataPoint timeToFirstByte;
    private final DistributionDataPoint clientBlocked;
    private final DistributionDataPoint upstreamWait;
    private final CounterDataPoint bytesIn;
    private final CounterDataPoint bytesOut;
    private final Abandoned cancelled;
    private final Abandoned drained;
    private final Abandoned bounded;

    private PerRoute(String route) {
      RelayMetrics all = RelayMetrics.this;
      active = all.active.labelValues(route);
      for (int hundreds = 0; hundreds < requests.length; hundreds++) {
        // There is no status below 200 to count; 2xx stands in for the unused places. Some
        // upstreams
        // answer with 600 and above, which RFC 9110 §15 has a client take for a 5xx.
        requests[hundreds] =
            all.requests.labelValues(route, Math.min(5, Math.max(2, hundreds)) + "xx");
      }
      for (EndReason reason : EndReason.values()) {
        all.ends.initLabelValues(route, reason.label());
      }
      duration = all.duration.labelValues(route);
      timeToFirstByte = all.timeToFirstByte.labelValues(route);
      clientBlocked = all.clientBlocked.labelValues(route);
      upstreamWait = all.upstreamWait.labelValues(route);
      bytesIn = all.bytes.labelValues(route, "in");
      bytesOut = all.bytes.labelValues(route, "out");
      cancelled = new Abandoned(route, Abandonment.CANCEL);
      drained = new Abandoned(route, Abandonment.DRAIN);
      bounded = new Abandoned(route, Abandonment.DRAIN_BOUNDED);
    }

    private Abandoned of(Abandonment what) {
      return switch (what) {
        case CANCEL -> cancelled;
        case DRAIN -> drained;
        case DRAIN_BOUNDED -> bounded;
      };
    }
  }

  /** What clients of one route that left cost, under one policy. */
  private final class Abandoned {
    private final CounterDataPoint streams;
    private final CounterDataPoint reported;
    private final CounterDataPoint estimated;

    private Abandoned(String route, Abandonment what) {
      streams = abandoned.labelValues(route, what.label());
      reported = wasted.labelValues(route, what.label(), Usage.Source.REPORTED.label());
      estimated = wasted.labelValues(route, what.label(), Usage.Source.ESTIMATED.label());
    }

    private void count(ExchangeRecord record) {
      streams.inc();
      Usage usage = record.usage();
      if (record.wastedOutputTokens() > 0) {
        (usage.source() == Usage.Source.REPORTED ? reported : estimated)
            .inc(record.wastedOutputTokens());
      }
    }
  }
}
