package io.streamrelay.internal;

import io.streamrelay.Exchange;
import io.streamrelay.trace.TraceContext;
import org.slf4j.spi.LoggingEventBuilder;

/** Says in a log line which exchange it is about. */
final class ExchangeLog {
  private ExchangeLog() {}

  /** Adds the ids by which the exchange's other lines, and what others log of it, are found. */
  static LoggingEventBuilder about(Exchange exchange, LoggingEventBuilder line) {
    TraceContext trace = exchange.trace();
    return line.addKeyValue("request_id", exchange.id())
        .addKeyValue("trace_id", trace.traceId())
        .addKeyValue("span_id", trace.spanId());
  }
}
