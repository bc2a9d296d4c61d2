package io.streamrelay.metrics;

import io.prometheus.metrics.core.datapoints.CounterDataPoint;
import io.prometheus.metrics.core.metrics.Counter;
import org.jspecify.annotations.Nullable;

/** A series that begins with the first number that is known. Thread-safe. */
final class LazyCounter {
  private final Counter counter;
  private final String[] labels;
  private volatile @Nullable CounterDataPoint point;

  LazyCounter(Counter counter, String... labels) {
    this.counter = counter;
    this.labels = labels;
  }

  /** Adds a whole number; does nothing with a negative one, which stands for not known. */
  void add(long amount) {
    add((double) amount);
  }

  /** Adds a number; does nothing with a negative one, which stands for not known. */
  void add(double amount) {
    if (amount >= 0) {
      CounterDataPoint known = point;
      if (known == null) {
        known = counter.labelValues(labels);
        point = known;
      }
      known.inc(amount);
    }
  }
}
