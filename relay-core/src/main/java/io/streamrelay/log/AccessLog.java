package io.streamrelay.log;

import io.streamrelay.ExchangeRecord;
import io.streamrelay.RelayListener;
import io.streamrelay.error.ErrorCode;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;
import org.slf4j.spi.LoggingEventBuilder;

/**
 * Writes one line per exchange, at its end, to the logger {@value #LOGGER}.
 *
 * <p>The message is for people; the key-values, for machines, are those of {@link RecordFields}. A
 * value that is not known is left out. Text that a client or upstream chose is cleaned by {@link
 * LogText} and cut at {@value #MAX_CHARS} characters, so that it cannot forge a line.
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

  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("uuuu-MM-dd'T'HH:mm:ss.SSS'Z'", Locale.ROOT)
          .withZone(ZoneOffset.UTC);

  private final Logger logger = LoggerFactory.getLogger(LOGGER);

  /** Logs through whatever backend SLF4J finds. */
  public AccessLog() {}

  @Override
  public void onEnd(ExchangeRecord record) {
    Level level = levelOf(record);
    if (!logger.isEnabledForLevel(level)) {
      return;
    }
    LoggingEventBuilder line = logger.atLevel(level).setMessage(messageOf(record));
    for (RecordFields.Field field : RecordFields.ALL) {
      Object value = field.valueOf(record);
      if (value != null) {
        line = line.addKeyValue(field.name(), shown(value));
      }
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

  /**
   * Makes a value safe to stand in a log line.
   *
   * @param value of a field
   * @return text that cannot forge a line or fill one, a time in ISO 8601 to the millisecond; all
   *     else as it is
   */
  public static Object shown(Object value) {
    if (value instanceof String text) {
      return LogText.clean(text, MAX_CHARS);
    }
    return value instanceof Instant time ? TIME.format(time) : value;
  }
}
