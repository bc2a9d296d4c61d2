package io.streamrelay.route;

import java.util.Optional;

/**
 * Refuses request paths that servers, containers and upstreams read differently.
 *
 * <p>Called with the raw path, before routing and on the request's own thread. Containers disagree
 * on dot segments, encoded slashes, double encoding, malformed UTF-8, {@code ;} parameters and
 * {@code //}, so a prefix match on a path with any of them could send a provider's key to a place
 * no route names. What passes is its own canonical form: it is matched and sent on as the same
 * string. Grammar: RFC 3986 §3.3; the rules here are narrower.
 */
public final class PathGuard {
  /** Longest path accepted, in characters. */
  public static final int MAX_LENGTH = 2048;

  /** Longest query accepted, in characters. */
  public static final int MAX_QUERY_LENGTH = 8192;

  private PathGuard() {}

  /**
   * Checks a raw path.
   *
   * @param rawPath as it stood in the request line, without the query
   * @return what is wrong with it, in words fit for the client; empty if it is fine
   */
  public static Optional<String> check(String rawPath) {
    int length = rawPath.length();
    if (length == 0 || rawPath.charAt(0) != '/') {
      return Optional.of("the path must start with '/'");
    }
    if (length > MAX_LENGTH) {
      return Optional.of("the path is longer than " + MAX_LENGTH + " characters");
    }
    int segmentStart = 1;
    for (int i = 0; i <= length; i++) {
      char c = i == length ? '/' : rawPath.charAt(i);
      if (c == '/' && i > 0) {
        if (i < length && i == segmentStart) {
          return Optional.of("the path holds '//'");
        }
        if (isDotSegment(rawPath, segmentStart, i)) {
          return Optional.of("the path holds a '.' or '..' segment");
        }
        segmentStart = i + 1;
      } else if (c <= ' ' || c > '~') {
        return Optional.of("the path holds a control, blank or non-ASCII character");
      } else if (c == '\\' || c == ';' || c == '#' || c == '?') {
        return Optional.of("the path holds '" + c + "'");
      } else if (c == '%') {
        int value = i + 2 < length ? hexPair(rawPath, i + 1) : -1;
        if (value < 0) {
          return Optional.of("the path holds a '%' that is not followed by two hex digits");
        }
        if (value < 0x20 || value == 0x7f) {
          return Optional.of("the path holds an encoded control character");
        }
        if (value == '/' || value == '\\') {
          return Optional.of("the path holds an encoded slash");
        }
        if (value == '%' && isEncodedAgain(rawPath, i + 3)) {
          return Optional.of("the path is encoded twice");
        }
        if (value >= 0x80) {
          int next = endOfCharacter(rawPath, i);
          if (next < 0) {
            return Optional.of("the path holds encoded bytes that are not UTF-8");
          }
          i = next - 1;
          continue;
        }
        if (value == ';') {
          return Optional.of("the path holds an encoded ';'");
        }
      }
    }
    return Optional.empty();
  }

  /**
   * Checks a raw query.
   *
   * @param rawQuery what followed the {@code ?}
   * @return what is wrong with it; empty if it can stand in a request line
   */
  public static Optional<String> checkQuery(String rawQuery) {
    if (rawQuery.length() > MAX_QUERY_LENGTH) {
      return Optional.of("the query is longer than " + MAX_QUERY_LENGTH + " characters");
    }
    for (int i = 0; i < rawQuery.length(); i++) {
      char c = rawQuery.charAt(i);
      if (c <= ' ' || c > '~' || c == '#') {
        return Optional.of("the query holds a control, blank, '#' or non-ASCII character");
      }
      if (c == '%' && hexPair(rawQuery, i + 1) < 0) {
        return Optional.of("the query holds a '%' that is not followed by two hex digits");
      }
    }
    return Optional.empty();
  }

  /**
   * Whether the segment decodes to "." or "..", or to what Windows takes for one: it drops dots and
   * blanks at a name's end.
   */
  private static boolean isDotSegment(String path, int start, int end) {
    boolean dots = false;
    int i = start;
    while (i < end) {
      int c = path.charAt(i);
      i++;
      if (c == '%') {
        c = hexPair(path, i);
        i += 2;
      }
      if (c != '.' && c != ' ') {
        return false;
      }
      dots |= c == '.';
    }
    return dots;
  }

  /**
   * Where the encoded character ends whose first byte is encoded at {@code at}; -1 if its bytes are
   * not UTF-8 (RFC 3629 §4). Lax decoders read a slash or a dot out of forms that are too long.
   */
  private static int endOfCharacter(String path, int at) {
    int first = hexPair(path, at + 1);
    int further = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
    if (first < 0xc2 || first > 0xf4) {
      return -1;
    }
    int next = at + 3;
    for (int i = 0; i < further; i++) {
      int value = next < path.length() && path.charAt(next) == '%' ? hexPair(path, next + 1) : -1;
      int least = i > 0 ? 0x80 : first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
      int most = i > 0 ? 0xbf : first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
      if (value < least || value > most) {
        return -1;
      }
      next += 3;
    }
    return next;
  }

  /** Whether what follows a "%25" makes it a '%' again: two hex digits, plain or encoded. */
  private static boolean isEncodedAgain(String path, int at) {
    return at < path.length()
        && (path.charAt(at) == '%' || Character.digit(path.charAt(at), 16) >= 0);
  }

  private static int hexPair(String s, int at) {
    if (at + 1 >= s.length()) {
      return -1;
    }
    int high = Character.digit(s.charAt(at), 16);
    int low = Character.digit(s.charAt(at + 1), 16);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
  }
}
