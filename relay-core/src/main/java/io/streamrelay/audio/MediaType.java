package io.streamrelay.audio;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * A {@code Content-Type} (RFC 9110 §8.3.1), read leniently.
 *
 * @param name type and subtype in lower case; empty if there was none
 * @param parameters all that follows, in lower case
 */
record MediaType(String name, String parameters) {
  static MediaType of(@Nullable String field) {
    if (field == null) {
      return new MediaType("", "");
    }
    String lower = field.toLowerCase(Locale.ROOT);
    int semicolon = lower.indexOf(';');
    return semicolon < 0
        ? new MediaType(lower.strip(), "")
        : new MediaType(lower.substring(0, semicolon).strip(), lower.substring(semicolon));
  }

  /** The value without quotes; null if the parameter is not there. */
  @Nullable String parameter(String key) {
    for (String pair : parameters.split(";", -1)) {
      int equals = pair.indexOf('=');
      if (equals > 0 && pair.substring(0, equals).strip().equals(key)) {
        return pair.substring(equals + 1).strip().replace("\"", "");
      }
    }
    return null;
  }

  /** The number; the given one if the parameter is not there, -1 if it is no number. */
  long number(String key, long otherwise) {
    String value = parameter(key);
    return value == null ? otherwise : number(value);
  }

  /** A plain decimal number; -1 if it is none. */
  static long number(String text) {
    return text.matches("[0-9]{1,9}") ? Long.parseLong(text) : -1;
  }
}
