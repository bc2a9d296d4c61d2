package io.streamrelay.log;

import io.streamrelay.Abandonment;
import io.streamrelay.ExchangeRecord;
import io.streamrelay.RelayListener;
import io.streamrelay.error.ErrorCode;
import io.streamrelay.observe.Usage;
import io.streamrelay.trace.TraceContext;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;
import org.slf4j.spi.LoggingEventBuilder;

/**
 * Writes one line per exchange, at its end, to the logger {@value #LOGGER}.
 *
 * <p>The message is for people, the same facts are key-values for machines. A value that is not
 * known is left out. Text that a client or upstream chose is cleaned by {@link LogText} and cut at
 * {@value #MAX_CHARS} characters, so that it cannot forge a line.
 *
 * <p>The level tells who should look: info for what the relay, the client or the upstream meant to
 * happen, warn for an upstream that failed or was too slow, error for a defect of the relay.
 *
 * <p>Thread-safe. Blocks no longer than the logging backend does; that of the launcher does not.
 */
public final class AccessLog implements RelayListener {
  /** The logger's name. */
  public static final String LOGGER = "io.streamrelay.access";

  private static final int MAX_CHARS = 256;

  private final Logger logger = LoggerFactory.getLogger(LOGGER);

  /** Logs through whatever backend SLF4J finds. */
  public AccessLog() {}

  @Override
  public void onEnd(ExchangeRecord record) {
    Level level = levelOf(record);
    if (!logger.isEnabledForLevel(level)) {
      return;
    }
    ErrorCode error = record.error();
    LoggingEventBuilder line = logger.atLevel(level).setMessage(messageOf(record));
    line = text(line, "request_id", record.requestId());
    TraceContext trace = record.trace();
    if (trace != null) {
      line = text(line, "trace_id", trace.traceId());
      line = text(line, "span_id", trace.spanId());
      line = text(line, "parent_span_id", trace.parentSpanId());
    }
    line =
        text(line, "route", record.route().equals(ExchangeRecord.NO_ROUTE) ? null : record.route());
    line = text(line, "tenant", record.tenant());
    line = text(line, "key", record.keyName());
    line = text(line, "client", record.clientAddress());
    line = text(line, "method", record.method());
    line = text(line, "path", record.path());
    line = text(line, "model", record.model());
    line = number(line, "status", record.status() == 0 ? -1 : record.status());
    line = text(line, "outcome", record.end().label());
    line = text(line, "error_type", error == null ? null : error.code());
    line = text(line, "upstream_request_id", record.upstreamRequestId());
    line = number(line, "duration_ms", millis(record.durationNanos()));
    line = number(line, "ttfb_ms", millis(record.timeToFirstByteNanos()));
    line = number(line, "bytes_in", record.requestBytes());
    line = number(line, "bytes_out", record.responseBytes());
    line = number(line, "events", record.events());
    if (record.upstreamWaitNanos() >= 0) {
      line = number(line, "client_blocked_ms", millis(record.clientBlockedNanos()));
      line = number(line, "upstream_wait_ms", millis(record.upstreamWaitNanos()));
    }
    line = number(line, "heartbeats", record.heartbeats() == 0 ? -1 : record.heartbeats());
    line = record.earlyCommit() ? line.addKeyValue("early_commit", true) : line;
    Usage usage = record.usage();
    if (usage.source() != Usage.Source.NONE) {
      line = number(line, "input_tokens", usage.inputTokens());
      line = number(line, "output_tokens", usage.outputTokens());
      line = text(line, "usage", usage.source().label());
    }
    Abandonment abandonment = record.abandonment();
    if (abandonment != null) {
      line = text(line, "abandoned", abandonment.label());
      line = number(line, "abandoned_ms", millis(record.abandonedNanos()));
      line = number(line, "abandoned_bytes", record.abandonedBytes());
      line = number(line, "wasted_output_tokens", record.wastedOutputTokens());
    }
    line.log();
  }

  private static Level levelOf(ExchangeRecord record) {
    ErrorCode error = record.error();
    if (error == ErrorCode.CLIENT_STALLED || error == ErrorCode.REQUEST_TIMEOUT) {
      // Also idle timeouts, but of the client's doing.
      return Level.INFO;
    }
    return switch (record.end()) {
      case COMPLETE, REJECTED, UPSTREAM_REFUSED, CLIENT_GONE, BUDGET_CUT, DRAINED -> Level.INFO;
      case UPSTREAM_ERROR,
          UPSTREAM_TRUNCATED,
          CONNECT_TIMEOUT,
          FIRST_BYTE_TIMEOUT,
          IDLE_TIMEOUT,
          TOTAL_TIMEOUT ->
          Level.WARN;
      case RELAY_ERROR -> Level.ERROR;
    };
  }

  private static String messageOf(ExchangeRecord record) {
    return orDash(record.method())
        + ' '
        + orDash(record.path())
        + ' '
        + (record.status() == 0 ? "-" : record.status())
        + ' '
        + record.end().label()
        + ' '
        + millis(record.durationNanos())
        + " ms";
  }

  private static String orDash(String text) {
    return text.isEmpty() ? "-" : LogText.clean(text, MAX_CHARS);
  }

  private static long millis(long nanos) {
    return nanos < 0 ? -1 : TimeUnit.NANOSECONDS.toMillis(nanos);
  }

  private static LoggingEventBuilder text(
      LoggingEventBuilder line, String key, @Nullable String value) {
    return value == null || value.isEmpty()
        ? line
        : line.addKeyValue(key, LogText.clean(value, MAX_CHARS));
  }

  private static LoggingEventBuilder number(LoggingEventBuilder line, String key, long value) {
    return value < 0 ? line : line.addKeyValue(key, value);
  }
}
