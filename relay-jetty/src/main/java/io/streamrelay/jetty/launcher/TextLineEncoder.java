package io.streamrelay.jetty.launcher;

import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.ThrowableProxyUtil;
import ch.qos.logback.core.encoder.EncoderBase;
import io.streamrelay.log.LogText;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import org.slf4j.event.KeyValuePair;

/**
 * Renders a log event for people: time, level, logger's last name, message, {@code key=value}s; a
 * stack trace below, indented so that its text cannot pass for a line of its own.
 */
final class TextLineEncoder extends EncoderBase<ILoggingEvent> {
  private static final byte[] NOTHING = {};

  private final DateTimeFormatter time;

  /**
   * Makes an encoder.
   *
   * @param zone whose clock the reader looks at
   */
  TextLineEncoder(ZoneId zone) {
    this.time = DateTimeFormatter.ofPattern("uuuu-MM-dd HH:mm:ss.SSS", Locale.ROOT).withZone(zone);
  }

  @Override
  public byte[] headerBytes() {
    return NOTHING;
  }

  @Override
  public byte[] footerBytes() {
    return NOTHING;
  }

  @Override
  public byte[] encode(ILoggingEvent event) {
    StringBuilder line = new StringBuilder(256);
    time.formatTo(Instant.ofEpochMilli(event.getTimeStamp()), line);
    String level = event.getLevel().toString();
    line.append(' ').append(level).append(" ".repeat(Math.max(0, 5 - level.length())));
    String logger = event.getLoggerName();
    line.append(' ').append(clean(logger.substring(logger.lastIndexOf('.') + 1)));
    line.append("  ").append(clean(event.getFormattedMessage()));
    List<KeyValuePair> pairs = event.getKeyValuePairs();
    if (pairs != null) {
      for (KeyValuePair pair : pairs) {
        line.append(' ').append(clean(pair.key)).append('=');
        line.append(clean(quoted(text(pair.value))));
      }
    }
    line.append('\n');
    if (event.getThrowableProxy() != null) {
      ThrowableProxyUtil.asString(event.getThrowableProxy())
          .replace("\t", "    ")
          .lines()
          .forEach(row -> line.append("    ").append(clean(row)).append('\n'));
    }
    return line.toString().getBytes(StandardCharsets.UTF_8);
  }

  private static String text(@Nullable Object value) {
    return value instanceof BigDecimal decimal ? decimal.toPlainString() : String.valueOf(value);
  }

  private static String clean(String text) {
    return LogText.clean(text, Integer.MAX_VALUE);
  }

  private static String quoted(String value) {
    boolean plain = !value.isEmpty() && value.chars().noneMatch(c -> " \"=".indexOf(c) >= 0);
    return plain ? value : '"' + value.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
  }
}
