package io.streamrelay.config;

import io.streamrelay.route.ClientGonePolicy;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Reads the key {@code on_client_gone}: one word, or the bounds of a drain. */
final class ClientGoneReader {
  static final String KEY = "on_client_gone";

  private static final String EXPECTED =
      "cancel, drain, or drain: with at least one of time, tokens and bytes";

  private ClientGoneReader() {}

  /**
   * Reads the key of a route or of an API key.
   *
   * @param hidden whether no problem may show what stands there
   * @return null if it is absent or wrong
   */
  static @Nullable ClientGonePolicy read(Section section, boolean hidden) {
    Value value = hidden ? section.findHidden(KEY) : section.find(KEY);
    if (value == null) {
      return null;
    }
    if (!value.isMap()) {
      return value.parse(ClientGoneReader::word);
    }
    int before = section.context().found();
    Section map = value.asSection(List.of("drain"), hidden);
    if (map == null) {
      return null;
    }
    Value drain = map.find("drain");
    if (drain == null) {
      if (section.context().found() == before) {
        map.missing("drain", "at least one of time, tokens and bytes below it");
      }
      return null;
    }
    return bounds(drain, hidden);
  }

  private static ClientGonePolicy word(String text) throws BadValueException {
    return switch (text) {
      case "cancel" -> ClientGonePolicy.cancel();
      case "drain" -> ClientGonePolicy.drain();
      default -> throw BadValueException.expected(EXPECTED);
    };
  }

  private static @Nullable ClientGonePolicy bounds(Value value, boolean hidden) {
    Section drain = value.asSection(List.of("time", "tokens", "bytes"), hidden);
    if (drain == null) {
      return null;
    }
    int before = drain.context().found();
    Duration time = read(drain, hidden, "time", ClientGoneReader::time);
    Integer tokens = read(drain, hidden, "tokens", Parsers.integer(1, Integer.MAX_VALUE));
    Long bytes = read(drain, hidden, "bytes", Parsers.size(1));
    if (drain.context().found() > before) {
      return null;
    }
    if (time == null && tokens == null && bytes == null) {
      value.problem("has no bound", "at least one of time, tokens and bytes, or a plain drain");
      return null;
    }
    return ClientGonePolicy.drain(time, tokens == null ? null : tokens.longValue(), bytes);
  }

  private static <T> @Nullable T read(
      Section section, boolean hidden, String key, Value.Parser<T> parser) {
    Value value = hidden ? section.findHidden(key) : section.find(key);
    return value == null ? null : value.parse(parser);
  }

  private static Duration time(String text) throws BadValueException {
    Duration time = Parsers.duration(text);
    if (time.isZero()) {
      throw BadValueException.because(
          "that is to cancel", "more than 0, such as 30s, or on_client_gone: cancel");
    }
    return time;
  }
}
