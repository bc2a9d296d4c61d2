package io.streamrelay.metrics;

import io.prometheus.metrics.core.datapoints.DistributionDataPoint;
import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.Gauge;
import io.prometheus.metrics.core.metrics.GaugeWithCallback;
import io.prometheus.metrics.core.metrics.Histogram;
import io.prometheus.metrics.core.metrics.Info;
import io.prometheus.metrics.model.registry.Collector;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import io.prometheus.metrics.model.snapshots.Labels;
import io.prometheus.metrics.model.snapshots.MetricFamilyDescriptor;
import io.prometheus.metrics.model.snapshots.Unit;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Makes the relay's metrics, all in one way. If the registry refuses one, it takes back those that
 * it has registered. Not thread-safe.
 */
final class Instruments {
  private static final double NANOS_PER_SECOND = 1e9;

  private final PrometheusRegistry registry;
  private final boolean nativeHistograms;
  private final List<Collector> registered = new ArrayList<>();

  Instruments(PrometheusRegistry registry, boolean nativeHistograms) {
    this.registry = registry;
    this.nativeHistograms = nativeHistograms;
  }

  static double seconds(long nanos) {
    return nanos / NANOS_PER_SECOND;
  }

  /** Negative, which stands for not known, stays so. */
  static double secondsIfKnown(long nanos) {
    return nanos < 0 ? -1 : seconds(nanos);
  }

  Counter counter(String name, String help, String... labels) {
    return add(
        Counter.builder()
            .name(name)
            .help(help)
            .unit(unit(name))
            .labelNames(labels)
            .withoutExemplars()
            .build());
  }

  Gauge gauge(String name, String help, String... labels) {
    return add(Gauge.builder().name(name).help(help).labelNames(labels).withoutExemplars().build());
  }

  void gauge(
      String name, String help, Consumer<GaugeWithCallback.Callback> callback, String... labels) {
    add(
        GaugeWithCallback.builder()
            .name(name)
            .help(help)
            .labelNames(labels)
            .callback(callback)
            .build());
  }

  void info(String name, String help, String label, String value) {
    Info info = Info.builder().name(name).help(help).labelNames(label).build();
    info.addLabelValues(value);
    add(info);
  }

  Histogram histogram(String name, String help, double[] bounds, String... labels) {
    Histogram.Builder builder = histogramBuilder(name, help, bounds, labels);
    builder.withoutExemplars();
    return add(builder.build());
  }

  /** One whose observations may bring an exemplar. */
  Histogram traced(String name, String help, double[] bounds, String... labels) {
    return add(histogramBuilder(name, help, bounds, labels).build());
  }

  /** Never native: the original's, whose names say so much. */
  Histogram classic(String name, String help, double[] bounds, String... labels) {
    Histogram.Builder builder =
        Histogram.builder().name(name).help(help).labelNames(labels).classicOnly();
    builder.classicUpperBounds(bounds).withoutExemplars();
    return add(builder.build());
  }

  private Histogram.Builder histogramBuilder(
      String name, String help, double[] bounds, String... labels) {
    Histogram.Builder builder =
        Histogram.builder()
            .name(name)
            .help(help)
            .unit(unit(name))
            .labelNames(labels)
            .classicUpperBounds(bounds);
    return nativeHistograms ? builder : builder.classicOnly();
  }

  /** As OpenMetrics has it in a line of its own; the name ends with it. */
  private static @Nullable Unit unit(String name) {
    String bare = name.endsWith("_total") ? name.substring(0, name.length() - 6) : name;
    return bare.endsWith("_seconds") ? Unit.SECONDS : bare.endsWith("_bytes") ? Unit.BYTES : null;
  }

  static void observe(DistributionDataPoint point, double value, @Nullable Labels exemplar) {
    if (exemplar == null) {
      point.observe(value);
    } else {
      point.observeWithExemplar(value, exemplar);
    }
  }

  <C extends Collector> C add(C collector) {
    try {
      registry.register(collector);
    } catch (IllegalArgumentException | IllegalStateException e) {
      registered.forEach(registry::unregister);
      throw new IllegalArgumentException(
          "the registry does not take "
              + nameOf(collector)
              + ": "
              + e.getMessage()
              + " (expected: a registry without metrics of that name; each relay needs one that no"
              + " other relay uses)",
          e);
    }
    registered.add(collector);
    return collector;
  }

  private static String nameOf(Collector collector) {
    MetricFamilyDescriptor descriptor = collector.getMetricFamilyDescriptor();
    return descriptor == null ? "a metric" : descriptor.getPrometheusName();
  }
}
