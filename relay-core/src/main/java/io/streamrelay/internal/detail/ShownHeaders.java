package io.streamrelay.internal.detail;

import io.streamrelay.http.Headers;
import io.streamrelay.log.LogText;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Header fields as the detailed log shows them: the value of a field that is known to hold nothing
 * of anybody's, and looks as it should; of all others only how long it is.
 */
final class ShownHeaders {
  private static final int MAX_FIELDS = 64;
  private static final int MAX_NAME_CHARS = 64;
  private static final int MAX_JOINED_CHARS = 256;

  private static final Pattern NUMBER = Pattern.compile("[0-9]{1,19}");

  /** Tokens, weights and dates. */
  private static final Pattern LIST = Pattern.compile("[A-Za-z0-9 ,;:=.*/+_()\"-]{1,128}");

  private static final Pattern MEDIA_TYPE =
      Pattern.compile(
          "[A-Za-z0-9!#$&^_.+-]{1,64}/[A-Za-z0-9!#$&^_.+-]{1,64}"
              + "(?: ?; ?charset=\"?[A-Za-z0-9._-]{1,32}\"?)?");

  private static final Map<String, Pattern> SHOWN =
      Map.ofEntries(
          Map.entry("accept", LIST),
          Map.entry("accept-charset", LIST),
          Map.entry("accept-encoding", LIST),
          Map.entry("accept-language", LIST),
          Map.entry("anthropic-beta", LIST),
          Map.entry("anthropic-version", LIST),
          Map.entry("cache-control", LIST),
          Map.entry("connection", LIST),
          Map.entry("content-encoding", LIST),
          Map.entry("content-length", NUMBER),
          Map.entry("content-type", MEDIA_TYPE),
          Map.entry("date", LIST),
          Map.entry("expect", Pattern.compile("100-continue", Pattern.CASE_INSENSITIVE)),
          Map.entry("openai-beta", LIST),
          Map.entry("openai-processing-ms", NUMBER),
          Map.entry("openai-version", LIST),
          Map.entry("retry-after", LIST),
          Map.entry("retry-after-ms", NUMBER),
          Map.entry("server", LIST),
          Map.entry("transfer-encoding", Pattern.compile("chunked", Pattern.CASE_INSENSITIVE)),
          Map.entry("user-agent", LIST),
          Map.entry("vary", LIST),
          Map.entry("x-microsoft-outputformat", LIST));

  /** Of whole families: SDKs tell of themselves, providers of their limits. */
  private static final String[] SHOWN_PREFIXES = {
    "anthropic-ratelimit-", "x-ratelimit-", "x-stainless-"
  };

  private ShownHeaders() {}

  /**
   * Renders the fields of one head.
   *
   * @param headers as they came or go, credentials included
   * @return names in lower case, values or {@code <n bytes>}; the first 64 fields
   */
  static Map<String, String> of(Headers headers) {
    Map<String, String> shown = new LinkedHashMap<>();
    headers.forEach(
        (name, value) -> {
          String lower = LogText.clean(name.toLowerCase(Locale.ROOT), MAX_NAME_CHARS);
          String before = shown.get(lower);
          if (before != null && before.length() < MAX_JOINED_CHARS) {
            shown.put(lower, before + ", " + shown(lower, value));
          } else if (before == null && shown.size() < MAX_FIELDS) {
            shown.put(lower, shown(lower, value));
          }
        });
    if (headers.size() > MAX_FIELDS) {
      shown.put("...", headers.size() + " fields");
    }
    return Collections.unmodifiableMap(shown);
  }

  private static String shown(String name, String value) {
    Pattern shape = shape(name);
    return shape != null && shape.matcher(value).matches()
        ? value
        : "<" + value.length() + " bytes>";
  }

  private static @Nullable Pattern shape(String name) {
    Pattern shape = SHOWN.get(name);
    if (shape == null) {
      for (String prefix : SHOWN_PREFIXES) {
        if (name.startsWith(prefix)) {
          return LIST;
        }
      }
    }
    return shape;
  }
}
