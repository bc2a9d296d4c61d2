package io.streamrelay.internal.detail;

import io.streamrelay.ExchangeRecord;
import io.streamrelay.Ticker;
import io.streamrelay.config.DetailedLogsConfig;
import io.streamrelay.http.Headers;
import io.streamrelay.log.AccessLog;
import io.streamrelay.log.LogText;
import io.streamrelay.log.RecordFields;
import io.streamrelay.route.Route;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.spi.LoggingEventBuilder;

/**
 * Writes one more line per exchange, at its end, to the logger {@value #LOGGER}: both heads, what
 * happened when, and the bodies if the operator asked for them.
 *
 * <p>Redaction and writing take a thread of their own, so that neither a pattern nor a backend can
 * hold a stream up. Where that thread is behind, lines are dropped and counted.
 *
 * <p>Thread-safe.
 */
public final class DetailedLog implements AutoCloseable {
  /** The logger's name. */
  public static final String LOGGER = "io.streamrelay.detail";

  private static final int QUEUED_LINES = 256;
  private static final long REPORT_NANOS = TimeUnit.MINUTES.toNanos(1);
  private static final Duration DRAIN_TIME = Duration.ofSeconds(2);

  /** What says which exchange it was; the access log says the rest. */
  private static final List<String> IDENTITY =
      List.of(
          "request_id",
          "trace_id",
          "span_id",
          "tenant_id",
          "route",
          "upstream",
          "model",
          "method",
          "path",
          "status_code",
          "upstream_status",
          "outcome",
          "error_type");

  private sealed interface Queued permits Ended, Wake {}

  private record Ended(ExchangeDetail detail, ExchangeRecord record) implements Queued {}

  /** Wakes the writer when it should end; not a line. */
  private record Wake() implements Queued {}

  private final Logger logger = LoggerFactory.getLogger(LOGGER);
  private final DetailedLogsConfig config;
  private final CaptureBudget budget;
  private final Redactor redactor;
  private final Ticker ticker;
  private final BlockingQueue<Queued> queue = new ArrayBlockingQueue<>(QUEUED_LINES);
  private final LongAdder dropped = new LongAdder();
  private final Thread writer;
  private volatile boolean closing;
  private volatile boolean over;

  // Of the writer alone.
  private long reportedLines;
  private long reportedAtNanos;

  /**
   * Starts the log.
   *
   * @param config what to show; enabled
   * @param ticker the relay's
   */
  public DetailedLog(DetailedLogsConfig config, Ticker ticker) {
    this(config, ticker, Redactor.STEPS_PER_TEXT);
  }

  DetailedLog(DetailedLogsConfig config, Ticker ticker, long stepsPerText) {
    this.config = config;
    this.ticker = ticker;
    this.budget = new CaptureBudget(config.maxMemory());
    this.redactor =
        new Redactor(config.redact().stream().map(Pattern::compile).toList(), stepsPerText);
    if (config.bodies()) {
      logger.warn(
          "observability.detailed_logs.bodies is true: prompts and answers will be in the log");
    }
    this.writer = new Thread(this::write, "relay-detail-log");
    writer.setDaemon(true);
    // Started by some host's thread, it must not hold that one's web application.
    writer.setContextClassLoader(DetailedLog.class.getClassLoader());
    writer.start();
  }

  /**
   * Opens the detail of one exchange.
   *
   * @param route where it goes; null if no route serves it
   * @param clientRequest the client's header fields
   * @param startNanos when it began
   * @return null if its detail is not wanted
   */
  public @Nullable ExchangeDetail open(
      @Nullable Route route, Headers clientRequest, long startNanos) {
    boolean wanted =
        config.routes().isEmpty() || (route != null && config.routes().contains(route.name()));
    return wanted && logger.isInfoEnabled()
        ? new ExchangeDetail(
            this, budget, route, clientRequest, startNanos, config.bodies(), config.maxBytes())
        : null;
  }

  void submit(ExchangeDetail detail, ExchangeRecord record) {
    if (over || !queue.offer(new Ended(detail, record))) {
      dropped.increment();
      detail.release();
    } else if (over) {
      // The writer may have looked into the queue for the last time before this was in it.
      dropQueued();
    }
  }

  private void dropQueued() {
    for (Queued each = queue.poll(); each != null; each = queue.poll()) {
      if (each instanceof Ended ended) {
        dropped.increment();
        ended.detail().release();
      }
    }
  }

  /** Bytes that captures may still take. */
  long memoryLeft() {
    return budget.left();
  }

  /** Lines lost so far. */
  long dropped() {
    return dropped.sum();
  }

  private void write() {
    while (!over) {
      boolean last = closing;
      Queued next = last ? queue.poll() : await();
      if (next == null && last) {
        break;
      }
      if (next instanceof Ended ended) {
        writeOne(ended);
      }
      report();
    }
  }

  private @Nullable Queued await() {
    try {
      return queue.poll(REPORT_NANOS, TimeUnit.NANOSECONDS);
    } catch (InterruptedException e) {
      // Nobody has a reason to interrupt this thread; it ends by close() only.
      return null;
    }
  }

  private void writeOne(Ended ended) {
    try {
      line(ended.detail(), ended.record());
    } catch (RuntimeException | Error e) {
      // A backend that fails must not end the log. What it was to write may hold a prompt.
      logger.atError().addKeyValue("failure", e.getClass().getName()).log("a detail line failed");
    } finally {
      ended.detail().release();
    }
  }

  private void line(ExchangeDetail detail, ExchangeRecord record) {
    List<String> secrets = Redactor.secretsOf(detail.credentials());
    LoggingEventBuilder line = logger.atInfo().setMessage("detail of " + record.requestId());
    for (RecordFields.Field field : RecordFields.ALL) {
      Object value = IDENTITY.contains(field.name()) ? field.valueOf(record) : null;
      if (value != null) {
        line = line.addKeyValue(field.name(), AccessLog.shown(value));
      }
    }
    line = millis(line, "policy_ms", detail.policyNanos());
    line = millis(line, "upstream_request_ms", detail.upstreamRequestNanos());
    line = millis(line, "upstream_head_ms", record.timeToHeadNanos());
    line = millis(line, "ttfb_ms", record.timeToFirstByteNanos());
    line = millis(line, "ttft_ms", record.timings().timeToFirstTokenNanos());
    line = millis(line, "last_byte_ms", detail.lastByteNanos());
    line = millis(line, "duration_ms", record.durationNanos());
    line = head(line, "request_headers", detail.requestHeaders(), secrets);
    line = head(line, "upstream_request_headers", detail.upstreamHeaders(), secrets);
    line = head(line, "response_headers", detail.responseHeaders(), secrets);
    line = body(line, "request", detail.request(), secrets);
    line = body(line, "response", detail.response(), secrets);
    line.log();
  }

  private static LoggingEventBuilder millis(LoggingEventBuilder line, String key, long nanos) {
    return nanos < 0 ? line : line.addKeyValue(key, TimeUnit.NANOSECONDS.toMillis(nanos));
  }

  /** Names and values pass the redaction too: a client may put its key wherever it likes. */
  private LoggingEventBuilder head(
      LoggingEventBuilder line,
      String key,
      @Nullable Map<String, String> fields,
      List<String> secrets) {
    if (fields == null) {
      return line;
    }
    Map<String, String> shown = new LinkedHashMap<>();
    fields.forEach(
        (name, value) ->
            shown.put(redactor.redact(name, secrets), redactor.redact(value, secrets)));
    return line.addKeyValue(key, shown);
  }

  private LoggingEventBuilder body(
      LoggingEventBuilder line, String which, @Nullable BodyCapture body, List<String> secrets) {
    if (body == null) {
      return line;
    }
    LoggingEventBuilder out = line.addKeyValue(which + "_bytes", body.seen());
    String text = body.text();
    if (!text.isEmpty()) {
      out = out.addKeyValue(which + "_body", LogText.oneLine(redactor.redact(text, secrets)));
    }
    return body.isTruncated() ? out.addKeyValue(which + "_body_truncated", true) : out;
  }

  private void report() {
    long total = dropped.sum();
    long now = ticker.nanos();
    if (total == reportedLines || (reportedLines > 0 && now - reportedAtNanos < REPORT_NANOS)) {
      return;
    }
    logger
        .atWarn()
        .addKeyValue("dropped", total - reportedLines)
        .addKeyValue("dropped_total", total)
        .log("detail lines dropped: too many exchanges ended at once");
    reportedLines = total;
    reportedAtNanos = now;
  }

  /** Writes what is queued, for 2 s at most; what comes later is dropped. Idempotent. */
  @Override
  public void close() {
    closing = true;
    // Wakes the writer; if there is no room for it, then it is not asleep.
    queue.offer(new Wake());
    boolean interrupted = false;
    try {
      TimeUnit.NANOSECONDS.timedJoin(writer, DRAIN_TIME.toNanos());
    } catch (InterruptedException e) {
      interrupted = true;
    }
    over = true;
    dropQueued();
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
