package io.streamrelay.config;

import io.streamrelay.config.ObservabilityConfig.Format;
import io.streamrelay.config.ObservabilityConfig.Level;
import io.streamrelay.config.ObservabilityConfig.LogFile;
import io.streamrelay.config.ObservabilityConfig.Logging;
import io.streamrelay.route.Route;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import org.jspecify.annotations.Nullable;

/** Reads {@code observability.logging} and {@code observability.detailed_logs}. */
final class LoggingReader {
  private static final String DETAILED_LOGS = "detailed_logs";

  private final LoadContext context;

  LoggingReader(LoadContext context) {
    this.context = context;
  }

  Logging logging(Section observability) {
    Section logging = observability.section("logging", "level", "levels", "format", "file");
    Level level = logging.read("level", Level.INFO, Parsers.oneOf(Level.class));
    Map<String, Level> levels = levels(logging);
    Format format = logging.read("format", Format.JSON, Parsers.oneOf(Format.class));
    return new Logging(level, levels, format, file(logging));
  }

  private static Map<String, Level> levels(Section logging) {
    Section section = logging.openSection("levels");
    Map<String, Level> levels = new LinkedHashMap<>();
    for (String logger : section.keys()) {
      Value value = section.find(logger);
      if (value == null) {
        section.missing(logger, "a level, such as warn");
      } else if (!Logging.isOwnLogger(logger)) {
        value.problem("is of no logger of the relay", Logging.AN_OWN_LOGGER);
      } else {
        Level level = value.parse(Parsers.oneOf(Level.class));
        if (level != null) {
          levels.put(logger, level);
        }
      }
    }
    return levels;
  }

  private static @Nullable LogFile file(Section logging) {
    Value value = logging.find("file");
    if (value == null) {
      return null;
    }
    if (value.isScalar()) {
      String path = value.parse(Parsers::text);
      return path == null ? null : new LogFile(path, 100L << 20, 5);
    }
    Section file = logging.section("file", "path", "format", "max_size", "max_files");
    Format format = file.read("format", Parsers.oneOf(Format.class));
    long maxSize = file.read("max_size", 100L << 20, Parsers.size(1024));
    int maxFiles = file.read("max_files", 5, Parsers.integer(1, Integer.MAX_VALUE));
    if (!file.isPresent()) {
      return null;
    }
    String path = file.require("path", "a file's path, such as logs/relay.log", Parsers::text);
    return path == null ? null : new LogFile(path, maxSize, maxFiles, format);
  }

  /** Either true or false, as in the original's files, or a map. */
  DetailedLogsConfig detailedLogs(Section observability, List<Route> routes) {
    DetailedLogsConfig.Builder config = DetailedLogsConfig.builder();
    Value value = observability.find(DETAILED_LOGS);
    if (value == null) {
      return config.build();
    }
    if (value.isScalar()) {
      Boolean enabled = value.parse(Parsers::bool);
      return config.enabled(enabled != null && enabled).build();
    }
    Section section =
        observability.section(
            DETAILED_LOGS, "enabled", "bodies", "max_bytes", "max_memory", "redact", "routes");
    DetailedLogsConfig fallback = DetailedLogsConfig.DISABLED;
    config
        .enabled(section.read("enabled", section.isPresent(), Parsers::bool))
        .bodies(section.read("bodies", false, Parsers::bool))
        .maxBytes(section.read("max_bytes", fallback.maxBytes(), LoggingReader::maxBytes))
        .maxMemory(section.read("max_memory", fallback.maxMemory(), Parsers.size(1)));
    for (Value each : list(section, "redact")) {
      String pattern = each.parse(LoggingReader::pattern);
      if (pattern != null) {
        config.redact(pattern);
      }
    }
    // A route that could not be read is told of already.
    boolean allRead = context.found() == 0;
    for (Value each : list(section, "routes")) {
      String name = each.parse(Parsers::name);
      if (name != null && allRead && routes.stream().noneMatch(r -> r.name().equals(name))) {
        each.wrong(BadValueException.expected("the name of a route"));
      } else if (name != null) {
        config.route(name);
      }
    }
    return config.build();
  }

  private static List<Value> list(Section section, String key) {
    Value value = section.find(key);
    return value == null ? List.of() : value.asList();
  }

  private static int maxBytes(String text) throws BadValueException {
    long bytes = Parsers.size(1).parse(text);
    if (bytes > DetailedLogsConfig.MOST_BYTES) {
      throw BadValueException.expected("at most " + DetailedLogsConfig.MOST_BYTES + " bytes");
    }
    return (int) bytes;
  }

  private static String pattern(String text) throws BadValueException {
    try {
      return Pattern.compile(text).pattern();
    } catch (PatternSyntaxException e) {
      throw BadValueException.because(e.getDescription(), "a regular expression of Java");
    }
  }
}
