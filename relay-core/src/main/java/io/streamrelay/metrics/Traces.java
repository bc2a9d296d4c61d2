package io.streamrelay.metrics;

import io.prometheus.metrics.model.snapshots.Labels;
import io.streamrelay.ExchangeRecord;
import io.streamrelay.trace.TraceContext;
import org.jspecify.annotations.Nullable;

/** What leads from a number to the trace behind it. */
final class Traces {
  private Traces() {}

  /** The exemplar's labels, as OpenMetrics suggests them; null if the trace is not sampled. */
  static @Nullable Labels exemplar(ExchangeRecord record) {
    TraceContext trace = record.trace();
    return trace == null || !trace.sampled()
        ? null
        : Labels.of("trace_id", trace.traceId(), "span_id", trace.spanId());
  }
}
