package io.streamrelay.config;

import io.streamrelay.Secret;
import io.streamrelay.config.Value.Parser;
import io.streamrelay.policy.TenantPolicy;
import io.streamrelay.route.PathGuard;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.DateTimeException;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Reads the texts of values, one method per type that a key can have. */
final class Parsers {
  static final String A_NAME =
      "a letter or digit, then at most 63 letters, digits, '.', '_' or '-'";
  static final String A_PATH = "a path such as /v1/messages or /openai";
  static final String AN_UPSTREAM =
      "an http or https origin with an optional path, such as https://api.openai.com;"
          + " no user, query or fragment";
  static final String A_DURATION =
      "a number with a unit, such as 300s, 5m, 500ms or 1h, or ISO such as PT30S, or 0";
  static final String A_KEY = "a key of printable ASCII characters";

  /** Keeps every time within what a timer can count in nanoseconds. */
  private static final Duration LONGEST = Duration.ofDays(365);

  private static final Pattern NUMBER = Pattern.compile("-?(?:0|[1-9][0-9]*)");
  private static final Pattern DURATION = Pattern.compile("(-?)([0-9]+)(ms|s|m|h)");
  private static final Pattern SIZE = Pattern.compile("(-?)([0-9]+)([KMG]i?B)?");
  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,63}");
  private static final Pattern TOKEN = Pattern.compile("[!#$%&'*+.^_`|~0-9A-Za-z-]+");
  private static final Map<String, Long> MILLIS_OF =
      Map.of("ms", 1L, "s", 1_000L, "m", 60_000L, "h", 3_600_000L);

  private Parsers() {}

  static String text(String text) throws BadValueException {
    if (text.isBlank() || text.chars().anyMatch(Character::isISOControl)) {
      throw BadValueException.expected("one line of text, not blank");
    }
    return text;
  }

  static Path file(String text) throws BadValueException {
    try {
      return Path.of(text(text));
    } catch (InvalidPathException e) {
      throw BadValueException.expected("a file's path");
    }
  }

  /** For storage.*, where an empty text is a value like any other. */
  static String anyText(String text) {
    return text;
  }

  /** The name of a route or of an API key. */
  static String name(String text) throws BadValueException {
    if (!NAME.matcher(text).matches()) {
      throw BadValueException.expected(A_NAME);
    }
    return text;
  }

  static String tenant(String text) throws BadValueException {
    if (!TenantPolicy.isTenantName(text)) {
      throw BadValueException.expected("1 to 128 letters, digits, '.', '_', ':' or '-'");
    }
    return text;
  }

  static boolean bool(String text) throws BadValueException {
    return switch (text.toLowerCase(Locale.ROOT)) {
      case "true" -> true;
      case "false" -> false;
      default -> throw BadValueException.expected("true or false");
    };
  }

  static Parser<Integer> integer(int min, int max) {
    String expected =
        max == Integer.MAX_VALUE
            ? "a whole number, at least " + min
            : "a whole number from " + min + " to " + max;
    return text -> {
      if (!NUMBER.matcher(text).matches()) {
        throw BadValueException.expected(expected);
      }
      try {
        int value = Integer.parseInt(text);
        if (value >= min && value <= max) {
          return value;
        }
      } catch (NumberFormatException e) {
        throw BadValueException.because("the number is too large", expected);
      }
      throw BadValueException.expected(expected);
    };
  }

  static <E extends Enum<E>> Parser<E> oneOf(Class<E> type) {
    List<E> all = Arrays.asList(type.getEnumConstants());
    return text -> {
      for (E each : all) {
        if (each.name().equalsIgnoreCase(text)) {
          return each;
        }
      }
      throw BadValueException.expected(
          all.stream()
              .map(each -> each.name().toLowerCase(Locale.ROOT))
              .collect(Collectors.joining(", ", "one of ", "")));
    };
  }

  static Duration duration(String text) throws BadValueException {
    if (text.equals("0")) {
      return Duration.ZERO;
    }
    if (text.startsWith("P")) {
      return isoDuration(text);
    }
    Matcher matcher = DURATION.matcher(text);
    if (!matcher.matches()) {
      throw NUMBER.matcher(text).matches()
          ? BadValueException.because("the unit is missing", A_DURATION)
          : BadValueException.expected(A_DURATION);
    }
    if (!matcher.group(1).isEmpty()) {
      throw BadValueException.because("the time is negative", A_DURATION);
    }
    try {
      long millis =
          Math.multiplyExact(
              Long.parseLong(matcher.group(2)), MILLIS_OF.getOrDefault(matcher.group(3), 1L));
      return notTooLong(Duration.ofMillis(millis));
    } catch (NumberFormatException | ArithmeticException e) {
      throw tooLong();
    }
  }

  private static Duration isoDuration(String text) throws BadValueException {
    Duration value;
    try {
      value = Duration.parse(text);
    } catch (DateTimeException | ArithmeticException e) {
      throw BadValueException.expected(A_DURATION);
    }
    if (value.isNegative()) {
      throw BadValueException.because("the time is negative", A_DURATION);
    }
    return notTooLong(value);
  }

  private static Duration notTooLong(Duration value) throws BadValueException {
    if (value.compareTo(LONGEST) > 0) {
      throw tooLong();
    }
    return value;
  }

  private static BadValueException tooLong() {
    return BadValueException.because("the time is too long", "at most " + LONGEST.toHours() + "h");
  }

  /** For {@code ttl}, which the original counts in seconds. */
  static Duration secondsOrDuration(String text) throws BadValueException {
    return duration(NUMBER.matcher(text).matches() && !text.equals("0") ? text + "s" : text);
  }

  static Parser<Long> size(long min) {
    String expected =
        (min == 1 ? "at least 1 byte" : "at least " + min + " bytes")
            + ", as a whole number or with a unit: 64KB, 10MB, 1GB (or KiB, MiB, GiB)";
    return text -> {
      Matcher matcher = SIZE.matcher(text);
      if (!matcher.matches()) {
        throw BadValueException.expected(expected);
      }
      if (!matcher.group(1).isEmpty()) {
        throw BadValueException.because("the size is negative", expected);
      }
      long bytes;
      try {
        bytes = Math.multiplyExact(Long.parseLong(matcher.group(2)), unit(matcher.group(3)));
      } catch (NumberFormatException | ArithmeticException e) {
        throw BadValueException.because("the size is too large", expected);
      }
      if (bytes < min) {
        throw BadValueException.expected(expected);
      }
      return bytes;
    };
  }

  /** KB and KiB are both 1024 bytes, as in the original, whose 10MB are 10485760 bytes. */
  private static long unit(@Nullable String unit) {
    if (unit == null) {
      return 1;
    }
    return switch (unit.charAt(0)) {
      case 'K' -> 1L << 10;
      case 'M' -> 1L << 20;
      default -> 1L << 30;
    };
  }

  /** A host to listen on; {@code host:port} is a frequent mistake. */
  static String host(String text) throws BadValueException {
    boolean portAppended = text.indexOf(':') >= 0 && text.indexOf(':') == text.lastIndexOf(':');
    if (portAppended || !text.matches("[A-Za-z0-9._:%-]+|\\[[A-Fa-f0-9:.]+]")) {
      throw BadValueException.expected(
          "a host name or address without a port, such as 0.0.0.0, localhost or ::1");
    }
    return text;
  }

  static String hostAndPort(String text) throws BadValueException {
    String expected = "a host and a port from 1 to 65535, such as localhost:6379";
    Matcher matcher =
        Pattern.compile("(?:[A-Za-z0-9._-]+|\\[[A-Fa-f0-9:.]+]):([0-9]{1,5})").matcher(text);
    if (!matcher.matches()) {
      throw BadValueException.hidden("it is not host:port", expected);
    }
    int port = Integer.parseInt(matcher.group(1));
    if (port < 1 || port > 65535) {
      throw BadValueException.expected(expected);
    }
    return text;
  }

  /** Returns the path without a slash at its end, as {@code Route} keeps it. */
  static String path(String text) throws BadValueException {
    Optional<String> wrong = PathGuard.check(text);
    if (wrong.isPresent()) {
      throw BadValueException.because(wrong.get(), A_PATH);
    }
    return text.length() > 1 && text.endsWith("/") ? text.substring(0, text.length() - 1) : text;
  }

  static URI upstream(String text) throws BadValueException {
    // A user part or a query may hold a key: neither is repeated.
    if (text.indexOf('@') >= 0) {
      throw BadValueException.hidden("it has a user part", AN_UPSTREAM);
    }
    if (text.indexOf('?') >= 0 || text.indexOf('#') >= 0) {
      throw BadValueException.hidden("it has a query or fragment", AN_UPSTREAM);
    }
    URI uri;
    try {
      uri = new URI(text);
    } catch (URISyntaxException e) {
      throw BadValueException.because("it is no URI", AN_UPSTREAM);
    }
    String scheme = String.valueOf(uri.getScheme()).toLowerCase(Locale.ROOT);
    if (!scheme.equals("http") && !scheme.equals("https")) {
      throw BadValueException.expected(AN_UPSTREAM);
    }
    if (uri.getHost() == null) {
      throw uri.getRawAuthority() == null
          ? BadValueException.because("it has no host", AN_UPSTREAM)
          : BadValueException.because(
              "its host is none that a URI allows",
              "a host of letters, digits, '-' and '.', without '_', and a port up to 65535");
    }
    if (uri.getPort() == 0 || uri.getPort() > 65535) {
      throw BadValueException.because("its port is " + uri.getPort(), "a port from 1 to 65535");
    }
    String rawPath = uri.getRawPath();
    Optional<String> wrong = rawPath.isEmpty() ? Optional.empty() : PathGuard.check(rawPath);
    if (wrong.isPresent()) {
      throw BadValueException.because(wrong.get(), AN_UPSTREAM);
    }
    return uri;
  }

  static boolean isToken(String text) {
    return TOKEN.matcher(text).matches();
  }

  /** A key may come from a file or a variable that ends its line. */
  static Secret secret(String text) throws BadValueException {
    String stripped = text.strip();
    if (stripped.isEmpty()) {
      throw BadValueException.hidden("it is blank", A_KEY);
    }
    try {
      return Secret.of(stripped);
    } catch (IllegalArgumentException e) {
      throw BadValueException.hidden("it holds a control or non-ASCII character", A_KEY);
    }
  }
}
