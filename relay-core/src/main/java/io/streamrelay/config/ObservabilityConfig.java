package io.streamrelay.config;

import org.jspecify.annotations.Nullable;

/**
 * Metrics, logs and traces.
 *
 * @param prometheus what is measured, and where the launcher serves it
 * @param logging what the launcher logs, and how; a host has its own
 * @param detailedLogs accepted from the original's files; not used yet
 * @param tracing whether the launcher makes spans
 */
public record ObservabilityConfig(
    PrometheusConfig prometheus, Logging logging, boolean detailedLogs, TracingConfig tracing) {
  /** Metrics at {@code /metrics}, JSON logs from level info. */
  public static final ObservabilityConfig DEFAULT =
      new ObservabilityConfig(
          PrometheusConfig.DEFAULT, Logging.DEFAULT, false, TracingConfig.DEFAULT);

  /**
   * The launcher's log.
   *
   * @param level from which on: error, warn, info, debug or trace
   * @param format JSON lines or plain text
   * @param file a further copy in a rotating file; null for none
   */
  public record Logging(Level level, Format format, @Nullable LogFile file) {
    /** JSON from level info, no file. */
    public static final Logging DEFAULT = new Logging(Level.INFO, Format.JSON, null);
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
   */
  public record LogFile(String path, long maxSize, int maxFiles) {
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
  }
}
