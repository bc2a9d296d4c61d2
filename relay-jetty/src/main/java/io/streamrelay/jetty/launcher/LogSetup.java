package io.streamrelay.jetty.launcher;

import static java.nio.file.StandardCopyOption.REPLACE_EXISTING;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.Appender;
import ch.qos.logback.core.ConsoleAppender;
import ch.qos.logback.core.encoder.Encoder;
import ch.qos.logback.core.rolling.RollingFileAppender;
import ch.qos.logback.core.rolling.RollingPolicyBase;
import ch.qos.logback.core.rolling.RolloverFailure;
import ch.qos.logback.core.rolling.SizeBasedTriggeringPolicy;
import ch.qos.logback.core.status.Status;
import ch.qos.logback.core.util.FileSize;
import io.streamrelay.Ticker;
import io.streamrelay.config.ObservabilityConfig.Format;
import io.streamrelay.config.ObservabilityConfig.LogFile;
import io.streamrelay.config.ObservabilityConfig.Logging;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.ILoggerFactory;
import org.slf4j.LoggerFactory;

/**
 * The launcher's log: sets Logback up from the configuration and flushes it at the end.
 *
 * <p>Lines go to stdout and, if asked for, to a rotating file, always by way of a bounded queue:
 * logging never makes an I/O thread wait. Where stdout or disk is too slow lines are dropped and
 * counted.
 *
 * <p>Thread-safe.
 */
public final class LogSetup implements AutoCloseable {
  private static final int QUEUED_LINES = 8192;
  private static final Duration DRAIN_TIME = Duration.ofSeconds(5);

  private final QueueAppender queue;

  private LogSetup(QueueAppender queue) {
    this.queue = queue;
  }

  /**
   * Replaces whatever Logback was set up with. To be called first of all, before anything logs;
   * what Logback does by itself at its first use (look for a {@code logback.xml}, else log to
   * stdout) is undone here rather than by a {@code Configurator} service, which would also take
   * hold of a host that has this library and Logback.
   *
   * @param logging what to log and where to
   * @return to be closed at the end of the process
   * @throws IllegalArgumentException if the log file cannot be written
   * @throws IllegalStateException if SLF4J is bound to something else than Logback
   */
  public static LogSetup install(Logging logging) {
    ILoggerFactory factory = LoggerFactory.getILoggerFactory();
    if (!(factory instanceof LoggerContext context)) {
      throw new IllegalStateException(
          "SLF4J is bound to " + factory.getClass().getName() + " (expected: Logback alone)");
    }
    context.reset();
    List<Appender<ILoggingEvent>> destinations = new ArrayList<>();
    destinations.add(stdout(context, logging.format()));
    LogFile file = logging.file();
    if (file != null) {
      Format own = file.format();
      destinations.add(file(context, file, own == null ? logging.format() : own));
    }
    QueueAppender queue =
        new QueueAppender(destinations, QUEUED_LINES, DRAIN_TIME, Ticker.system());
    queue.setContext(context);
    queue.setName("queue");
    queue.start();
    Level level = Level.valueOf(logging.level().name());
    Logger root = context.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);
    root.setLevel(level);
    root.addAppender(queue);
    logging
        .levels()
        .forEach((name, own) -> context.getLogger(name).setLevel(Level.valueOf(own.name())));
    context.getLogger("org.eclipse.jetty").setLevel(jettyLevel(level));
    // Its warnings of broken requests quote header values, and some client's key may stand in one.
    context.getLogger("org.eclipse.jetty.http").setLevel(Level.ERROR);
    context.getLogger("org.eclipse.jetty.util.HostPort").setLevel(Level.ERROR);
    return new LogSetup(queue);
  }

  /**
   * Returns how many lines were lost, since the start, because stdout or disk was too slow.
   *
   * @return the count
   */
  public long droppedLines() {
    return queue.dropped();
  }

  /** Writes what is queued, for 5 s at most; lines that come later are dropped. */
  @Override
  public void close() {
    queue.stop();
  }

  /** Below info Jetty prints header values and bodies: keys, prompts and answers. */
  private static Level jettyLevel(Level level) {
    if (level.isGreaterOrEqual(Level.WARN)) {
      return level;
    }
    return level.equals(Level.INFO) ? Level.WARN : Level.INFO;
  }

  private static Appender<ILoggingEvent> stdout(LoggerContext context, Format format) {
    ConsoleAppender<ILoggingEvent> appender = new ConsoleAppender<>();
    appender.setContext(context);
    appender.setName("stdout");
    appender.setEncoder(encoder(context, format));
    appender.start();
    return appender;
  }

  private static Appender<ILoggingEvent> file(LoggerContext context, LogFile file, Format format) {
    RollingFileAppender<ILoggingEvent> appender = new RollingFileAppender<>();
    appender.setContext(context);
    appender.setName("file");
    appender.setFile(file.path());
    appender.setEncoder(encoder(context, format));

    NumberedFiles numbered = new NumberedFiles(file);
    numbered.setContext(context);
    numbered.setParent(appender);
    numbered.start();
    appender.setRollingPolicy(numbered);

    SizeBasedTriggeringPolicy<ILoggingEvent> bySize = new SizeBasedTriggeringPolicy<>();
    bySize.setContext(context);
    bySize.setMaxFileSize(new FileSize(file.maxSize()));
    // Look at each line; by itself Logback looks once a minute.
    bySize.setCheckIncrement(ch.qos.logback.core.util.Duration.buildByMilliseconds(0));
    bySize.start();
    appender.setTriggeringPolicy(bySize);

    appender.start();
    if (!appender.isStarted()) {
      String why =
          context.getStatusManager().getCopyOfStatusList().stream()
              .filter(status -> status.getLevel() == Status.ERROR)
              .map(Status::getMessage)
              .findFirst()
              .orElse("");
      throw new IllegalArgumentException(
          "observability.logging.file.path: cannot write '"
              + file.path()
              + "' (expected: a file in a writable directory): "
              + why);
    }
    return appender;
  }

  private static Encoder<ILoggingEvent> encoder(LoggerContext context, Format format) {
    Encoder<ILoggingEvent> encoder =
        switch (format) {
          case JSON -> new JsonLineEncoder();
          case TEXT -> new TextLineEncoder(ZoneId.systemDefault());
        };
    encoder.setContext(context);
    encoder.start();
    return encoder;
  }

  /**
   * Renames a full file to {@code path.1}, that one to {@code path.2} and so on, up to the number
   * kept. Logback's own policy of this kind keeps 20 files at most and cannot take a path that
   * holds a percent sign.
   */
  private static final class NumberedFiles extends RollingPolicyBase {
    private final LogFile file;

    NumberedFiles(LogFile file) {
      this.file = file;
    }

    @Override
    public void rollover() {
      try {
        for (int older = file.maxFiles(); older >= 1; older--) {
          Path newer = Path.of(older == 1 ? file.path() : file.path() + '.' + (older - 1));
          if (Files.exists(newer)) {
            Files.move(newer, Path.of(file.path() + '.' + older), REPLACE_EXISTING);
          }
        }
      } catch (IOException e) {
        throw new RolloverFailure("renaming " + file.path(), e);
      }
    }

    @Override
    public String getActiveFileName() {
      return file.path();
    }
  }
}
