package io.streamrelay.metrics;

import io.prometheus.metrics.model.registry.Collector;
import io.prometheus.metrics.model.snapshots.ClassicHistogramBuckets;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot.HistogramDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.Labels;
import io.prometheus.metrics.model.snapshots.MetricFamilyDescriptor;
import io.prometheus.metrics.model.snapshots.MetricSnapshot;
import io.prometheus.metrics.model.snapshots.Unit;
import io.streamrelay.observe.ChunkGaps;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;

/**
 * A histogram that takes an exchange's gaps all at once, already counted by length: the library's
 * own takes one observation at a time. Never native, since the single gaps are not kept.
 */
final class GapHistogram implements Collector {
  private final MetricFamilyDescriptor descriptor;
  private final String[] labelNames;

  /** As bounded as the labels of whoever asks for a point. */
  private final Map<Labels, Point> points = new ConcurrentHashMap<>();

  GapHistogram(String name, String help, String... labelNames) {
    this.descriptor =
        MetricFamilyDescriptor.histogram(name)
            .help(help)
            .unit(Unit.SECONDS)
            .labelNames(labelNames)
            .build();
    this.labelNames = labelNames.clone();
  }

  Point labelValues(String... values) {
    return points.computeIfAbsent(Labels.of(labelNames, values), labels -> new Point());
  }

  @Override
  public MetricSnapshot collect() {
    List<HistogramDataPointSnapshot> snapshots = new ArrayList<>();
    points.forEach((labels, point) -> snapshots.add(point.snapshot(labels)));
    return new HistogramSnapshot(descriptor.getMetadata(), snapshots);
  }

  @Override
  public MetricFamilyDescriptor getMetricFamilyDescriptor() {
    return descriptor;
  }

  /** One series. Thread-safe. */
  static final class Point {
    private final LongAdder[] counts = new LongAdder[ChunkGaps.kinds()];
    private final LongAdder sumNanos = new LongAdder();

    private Point() {
      for (int i = 0; i < counts.length; i++) {
        counts[i] = new LongAdder();
      }
    }

    void add(ChunkGaps gaps) {
      for (int i = 0; i < counts.length; i++) {
        if (gaps.count(i) > 0) {
          counts[i].add(gaps.count(i));
        }
      }
      sumNanos.add(gaps.sumNanos());
    }

    private HistogramDataPointSnapshot snapshot(Labels labels) {
      ClassicHistogramBuckets.Builder buckets = ClassicHistogramBuckets.builder();
      for (int i = 0; i < counts.length; i++) {
        long bound = ChunkGaps.boundNanos(i);
        buckets.bucket(
            bound == Long.MAX_VALUE ? Double.POSITIVE_INFINITY : Instruments.seconds(bound),
            counts[i].sum());
      }
      return HistogramDataPointSnapshot.builder()
          .labels(labels)
          .classicHistogramBuckets(buckets.build())
          .sum(Instruments.seconds(sumNanos.sum()))
          .build();
    }
  }
}
