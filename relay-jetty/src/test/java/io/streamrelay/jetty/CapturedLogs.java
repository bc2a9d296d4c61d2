package io.streamrelay.jetty;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.ThrowableProxyUtil;
import ch.qos.logback.core.AppenderBase;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;
import org.slf4j.LoggerFactory;

/** Keeps every log line, the relay's own from TRACE up, instead of printing it. */
final class CapturedLogs extends AppenderBase<ILoggingEvent> implements AutoCloseable {
  private final Logger relays = (Logger) LoggerFactory.getLogger("io.streamrelay");
  private final Logger root = (Logger) LoggerFactory.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);
  private final @Nullable Level levelBefore = relays.getLevel();
  private final List<ILoggingEvent> lines = new CopyOnWriteArrayList<>();

  CapturedLogs() {
    setContext(root.getLoggerContext());
    start();
    root.addAppender(this);
    relays.addAppender(this);
    relays.setAdditive(false);
    relays.setLevel(Level.TRACE);
  }

  @Override
  protected void append(ILoggingEvent line) {
    line.prepareForDeferredProcessing();
    lines.add(line);
  }

  /** Everything that a line says, with its stack trace. */
  List<String> all() {
    return lines.stream().map(CapturedLogs::text).toList();
  }

  /** What the relay logged as a defect. */
  List<String> errors() {
    return lines.stream()
        .filter(line -> line.getLevel().isGreaterOrEqual(Level.ERROR))
        .filter(line -> line.getLoggerName().startsWith("io.streamrelay"))
        .map(CapturedLogs::text)
        .toList();
  }

  private static String text(ILoggingEvent line) {
    String trace =
        line.getThrowableProxy() == null
            ? ""
            : ThrowableProxyUtil.asString(line.getThrowableProxy());
    return line.getLevel()
        + " "
        + line.getLoggerName()
        + " "
        + line.getFormattedMessage()
        + " "
        + line.getKeyValuePairs()
        + trace;
  }

  @Override
  public void close() {
    root.detachAppender(this);
    relays.detachAppender(this);
    relays.setAdditive(true);
    relays.setLevel(levelBefore);
    stop();
  }
}
