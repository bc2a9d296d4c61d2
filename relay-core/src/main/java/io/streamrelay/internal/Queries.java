package io.streamrelay.internal;

import io.streamrelay.route.Dialect;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Takes credentials out of query strings; the rest stays as it came, byte for byte. */
final class Queries {
  /** Parameters that some provider reads a key from. */
  private static final Set<String> CREDENTIALS =
      Set.of(
          "api-key",
          "api_key",
          "x-api-key",
          "xi-api-key",
          "x-goog-api-key",
          "ocp-apim-subscription-key",
          "subscription-key",
          "access_token");

  private Queries() {}

  /**
   * A client's key must not reach an upstream, nor override the route's own.
   *
   * @param rawQuery as it came; null for none
   * @param dialect Gemini reads a key from {@code key} too
   * @return null if nothing is left
   */
  static @Nullable String withoutCredentials(@Nullable String rawQuery, Dialect dialect) {
    if (rawQuery == null) {
      return null;
    }
    StringBuilder kept = new StringBuilder(rawQuery.length());
    boolean first = true;
    for (String pair : rawQuery.split("&", -1)) {
      int equals = pair.indexOf('=');
      String name = decodeName(equals < 0 ? pair : pair.substring(0, equals));
      if (CREDENTIALS.contains(name) || (dialect == Dialect.GEMINI && name.equals("key"))) {
        continue;
      }
      if (!first) {
        kept.append('&');
      }
      kept.append(pair);
      first = false;
    }
    return first ? null : kept.toString();
  }

  private static String decodeName(String raw) {
    if (raw.indexOf('%') < 0) {
      return raw.toLowerCase(Locale.ROOT);
    }
    StringBuilder name = new StringBuilder(raw.length());
    for (int i = 0; i < raw.length(); i++) {
      char c = raw.charAt(i);
      int high = i + 2 < raw.length() ? Character.digit(raw.charAt(i + 1), 16) : -1;
      int low = high < 0 ? -1 : Character.digit(raw.charAt(i + 2), 16);
      if (c == '%' && low >= 0) {
        name.append((char) (high * 16 + low));
        i += 2;
      } else {
        name.append(c);
      }
    }
    return name.toString().toLowerCase(Locale.ROOT);
  }
}
