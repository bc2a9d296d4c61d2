package io.streamrelay.internal;

import java.util.HexFormat;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;

/** What is checked of every request before it has an exchange. */
final class Requests {
  private static final Set<String> METHODS =
      Set.of("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS");

  /** As the {@code Allow} header of a 405 lists them. */
  static final String ALLOWED_METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

  private static final int MAX_ID_LENGTH = 128;

  private Requests() {}

  static boolean isAllowed(String method) {
    return METHODS.contains(method);
  }

  /**
   * The client's own id if it can stand in a log, a header and a query, otherwise a new one. Ids
   * tell requests apart; they guard nothing, so they need not be unguessable.
   */
  static String id(@Nullable String clients) {
    if (clients != null && isSane(clients)) {
      return clients;
    }
    ThreadLocalRandom random = ThreadLocalRandom.current();
    HexFormat hex = HexFormat.of();
    return "req-" + hex.toHexDigits(random.nextLong()) + hex.toHexDigits(random.nextLong());
  }

  private static boolean isSane(String id) {
    if (id.isEmpty() || id.length() > MAX_ID_LENGTH) {
      return false;
    }
    for (int i = 0; i < id.length(); i++) {
      char c = id.charAt(i);
      boolean letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
      if (!letter && "._:-".indexOf(c) < 0) {
        return false;
      }
    }
    return true;
  }
}
