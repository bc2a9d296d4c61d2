package io.streamrelay.internal;

import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Takes credentials out of query strings; the rest stays as it came, byte for byte. */
final class Queries {
  /** Parameters that some provider reads a key from. */
  private static final Set<String> CREDENTIALS =
      Set.of(
          "key",
          "api-key",
          "api_key",
          "x-api-key",
          "xi-api-key",
          "x-goog-api-key",
          "ocp-apim-subscription-key",
          "subscription-key",
          "apikey",
          "authorization",
          "auth_token",
          "oauth_token",
          "access_token");

  private Queries() {}

  /**
   * A client's key must not reach an upstream, nor override the route's own.
   *
   * @param rawQuery as it came; null for none
   * @return null if nothing is left
   */
  static @Nullable String withoutCredentials(@Nullable String rawQuery) {
    if (rawQuery == null) {
      return null;
    }
    StringBuilder kept = new StringBuilder(rawQuery.length());
    boolean found = false;
    int start = 0;
    while (start <= rawQuery.length()) {
      // Some servers take ';' for a separator too (HTML 4.01 §B.2.2), so a key behind one is a key.
      int end = start;
      while (end < rawQuery.length() && "&;".indexOf(rawQuery.charAt(end)) < 0) {
        end++;
      }
      if (isCredential(rawQuery.substring(start, end))) {
        found = true;
      } else {
        // With the separator before it, unless it turned out to be the first.
        kept.append(rawQuery, kept.length() == 0 ? start : start - 1, end);
      }
      start = end + 1;
    }
    if (!found) {
      return rawQuery;
    }
    return kept.length() == 0 ? null : kept.toString();
  }

  private static boolean isCredential(String pair) {
    int equals = pair.indexOf('=');
    String name = decodeName(equals < 0 ? pair : pair.substring(0, equals));
    return CREDENTIALS.contains(name);
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
