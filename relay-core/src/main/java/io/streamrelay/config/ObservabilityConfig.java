package io.streamrelay.config;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Metrics, logs and traces.
 *
 * @param prometheus what is measured, and where the launcher serves it
 * @param logging what the launcher logs, and how; a host has its own
 * @param detailedLogs what else is logged of each exchange, also in a host
 * @param tracing whether the launcher makes spans
 */
public record ObservabilityConfig(
    PrometheusConfig prometheus,
    Logging logging,
    DetailedLogsConfig detailedLogs,
    TracingConfig tracing) {
  /** Metrics at {@code /metrics}, JSON logs from level info. */
  public static final ObservabilityConfig DEFAULT =
      new ObservabilityConfig(
          PrometheusConfig.DEFAULT,
          Logging.DEFAULT,
          DetailedLogsConfig.DISABLED,
          TracingConfig.DEFAULT);

  /**
   * The launcher's log.
   *
   * @param level from which on: error, warn, info, debug or trace
   * @param levels of single loggers of the relay and all below them, such as {@code
   *     io.streamrelay.access}; no other library's, which may print keys and bodies
   * @param format JSON lines or plain text
   * @param file a further copy in a rotating file; null for none
   */
  public record Logging(
      Level level, Map<String, Level> levels, Format format, @Nullable LogFile file) {
    /** JSON from level info, no file. */
    public static final Logging DEFAULT = new Logging(Level.INFO, Format.JSON, null);

    /** Refuses loggers of others. */
    public Logging {
      levels = Map.copyOf(levels);
      for (String logger : levels.keySet()) {
        if (!isOwnLogger(logger)) {
          throw new IllegalArgumentException(
              "observability.logging.levels: '"
                  + logger
                  + "' is no logger of the relay (expected: "
                  + AN_OWN_LOGGER
                  + ")");
        }
      }
    }

    /**
     * Sets one level for all loggers.
     *
     * @param level from which on
     * @param format JSON lines or plain text
     * @param file a further copy in a rotating file; null for none
     */
    public Logging(Level level, Format format, @Nullable LogFile file) {
      this(level, Map.of(), format, file);
    }

    static final String AN_OWN_LOGGER =
        "io.streamrelay or a logger below it, such as io.streamrelay.access";

    static boolean isOwnLogger(String name) {
      return name.matches("io\\.streamrelay(\\.[A-Za-z0-9_]+)*");
    }
  }

  /** Log levels. */
  public enum Level {
    /** Defects and lost work only. */
    ERROR,
    /** What an operator should look at, and above. */
    WARN,
    /** One line per exchange, and above. */
    INFO,
    /** Causes of upstream failures, and above. */
    DEBUG,
    /** All. */
    TRACE
  }

  /** Log formats. */
  public enum Format {
    /** One JSON object a line. */
    JSON,
    /** For people. */
    TEXT
  }

  /**
   * A rotating log file.
   *
   * @param path the current file; older ones get a number
   * @param maxSize bytes after which it is rotated, at least 1024
   * @param maxFiles older files kept, at least 1
   * @param format of this copy; null for that of the whole log
   */
  public record LogFile(String path, long maxSize, int maxFiles, @Nullable Format format) {
    /** Refuses values out of range. */
    public LogFile {
      if (maxSize < 1024 || maxFiles < 1) {
        throw new IllegalArgumentException(
            "observability.logging.file: max_size is "
                + maxSize
                + ", max_files is "
                + maxFiles
                + " (expected: at least 1024 bytes and at least 1 file)");
      }
    }

    /**
     * Sets a file in the format of the whole log.
     *
     * @param path the current file; older ones get a number
     * @param maxSize bytes after which it is rotated, at least 1024
     * @param maxFiles older files kept, at least 1
     */
    public LogFile(String path, long maxSize, int maxFiles) {
      this(path, maxSize, maxFiles, null);
    }
  }

  /**
   * Starts with every option at its default.
   *
   * @return a builder
   */
  public static Builder builder() {
    return new Builder();
  }

  /** Collects the options; not thread-safe. */
  public static final class Builder {
    private PrometheusConfig prometheus = PrometheusConfig.DEFAULT;
    private Logging logging = Logging.DEFAULT;
    private DetailedLogsConfig detailedLogs = DetailedLogsConfig.DISABLED;
    private TracingConfig tracing = TracingConfig.DEFAULT;

    private Builder() {}

    /**
     * Sets what is measured.
     *
     * @param prometheus default {@link PrometheusConfig#DEFAULT}
     * @return this
     */
    public Builder prometheus(PrometheusConfig prometheus) {
      this.prometheus = prometheus;
      return this;
    }

    /**
     * Sets what the launcher logs.
     *
     * @param logging default {@link Logging#DEFAULT}
     * @return this
     */
    public Builder logging(Logging logging) {
      this.logging = logging;
      return this;
    }

    /**
     * Sets what else is logged of each exchange.
     *
     * @param detailedLogs default {@link DetailedLogsConfig#DISABLED}
     * @return this
     */
    public Builder detailedLogs(DetailedLogsConfig detailedLogs) {
      this.detailedLogs = detailedLogs;
      return this;
    }

    /**
     * Sets whether the launcher makes spans.
     *
     * @param tracing default {@link TracingConfig#DEFAULT}
     * @return this
     */
    public Builder tracing(TracingConfig tracing) {
      this.tracing = tracing;
      return this;
    }

    /**
     * Freezes the options.
     *
     * @return the configuration
     */
    public ObservabilityConfig build() {
      return new ObservabilityConfig(prometheus, logging, detailedLogs, tracing);
    }
  }
}
