package io.streamrelay.trace;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Reads {@code tracestate} (W3C Trace Context, level 1, section 3.3). */
final class TraceState {
  private static final int MAX_MEMBERS = 32;
  private static final int MAX_KEY = 256;
  private static final int MAX_TENANT = 241;
  private static final int MAX_SYSTEM = 14;
  private static final int MAX_VALUE = 256;

  /** Members of more than these go first when the list is too long. */
  private static final int LARGE_MEMBER = 128;

  private TraceState() {}

  /**
   * Combines, checks and shortens.
   *
   * @param fields every field of that name, in order
   * @return one value of at most {@link TraceContext#MAX_STATE_CHARS}; null if nothing is to be
   *     passed on
   */
  static @Nullable String read(List<String> fields) {
    List<String> members = new ArrayList<>();
    Set<String> keys = new HashSet<>();
    for (String field : fields) {
      for (String item : field.split(",", -1)) {
        String member = trim(item);
        if (member.isEmpty()) {
          continue;
        }
        int equals = member.indexOf('=');
        if (equals < 0
            || members.size() == MAX_MEMBERS
            || !isKey(member.substring(0, equals))
            || !isValue(member.substring(equals + 1))
            || !keys.add(member.substring(0, equals))) {
          return null;
        }
        members.add(member);
      }
    }
    int chars = Math.max(0, members.size() - 1);
    for (String member : members) {
      chars += member.length();
    }
    for (int i = members.size() - 1; i >= 0 && chars > TraceContext.MAX_STATE_CHARS; i--) {
      if (members.get(i).length() > LARGE_MEMBER) {
        chars -= members.remove(i).length() + 1;
      }
    }
    while (chars > TraceContext.MAX_STATE_CHARS) {
      chars -= members.remove(members.size() - 1).length() + 1;
    }
    return members.isEmpty() ? null : String.join(",", members);
  }

  /** Takes off the white space that RFC 9110 calls optional. */
  static String trim(String text) {
    int from = 0;
    int to = text.length();
    while (from < to && isBlank(text.charAt(from))) {
      from++;
    }
    while (to > from && isBlank(text.charAt(to - 1))) {
      to--;
    }
    return text.substring(from, to);
  }

  private static boolean isBlank(char c) {
    return c == ' ' || c == '\t';
  }

  private static boolean isKey(String key) {
    int at = key.indexOf('@');
    if (at < 0) {
      return key.length() <= MAX_KEY && isPart(key, false);
    }
    String tenant = key.substring(0, at);
    String system = key.substring(at + 1);
    return tenant.length() <= MAX_TENANT
        && system.length() <= MAX_SYSTEM
        && isPart(tenant, true)
        && isPart(system, false);
  }

  private static boolean isPart(String part, boolean mayStartWithDigit) {
    for (int i = 0; i < part.length(); i++) {
      char c = part.charAt(i);
      boolean letter = c >= 'a' && c <= 'z';
      boolean digit = c >= '0' && c <= '9';
      boolean ok =
          i == 0
              ? letter || (digit && mayStartWithDigit)
              : letter || digit || c == '_' || c == '-' || c == '*' || c == '/';
      if (!ok) {
        return false;
      }
    }
    return !part.isEmpty();
  }

  private static boolean isValue(String value) {
    for (int i = 0; i < value.length(); i++) {
      char c = value.charAt(i);
      if (c < 0x20 || c > 0x7e || c == '=') {
        return false;
      }
    }
    return !value.isEmpty() && value.length() <= MAX_VALUE;
  }
}
