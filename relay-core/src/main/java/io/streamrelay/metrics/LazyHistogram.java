package io.streamrelay.metrics;

import io.prometheus.metrics.core.datapoints.DistributionDataPoint;
import io.prometheus.metrics.core.metrics.Histogram;
import io.prometheus.metrics.model.snapshots.Labels;
import org.jspecify.annotations.Nullable;

/** A series of a histogram that begins with the first value that is known. Thread-safe. */
final class LazyHistogram {
  private final Histogram histogram;
  private final String[] labels;
  private volatile @Nullable DistributionDataPoint point;

  LazyHistogram(Histogram histogram, String... labels) {
    this.histogram = histogram;
    this.labels = labels;
  }

  /** Adds a value; does nothing with a negative one, which stands for not known. */
  void observe(double value) {
    observe(value, null);
  }

  /** As above, with what leads to the trace behind it. */
  void observe(double value, @Nullable Labels exemplar) {
    if (value < 0) {
      return;
    }
    DistributionDataPoint known = point;
    if (known == null) {
      known = histogram.labelValues(labels);
      point = known;
    }
    Instruments.observe(known, value, exemplar);
  }
}
