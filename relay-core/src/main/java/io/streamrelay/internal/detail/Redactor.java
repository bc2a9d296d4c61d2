package io.streamrelay.internal.detail;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Takes what looks like a credential, and what the operator's own patterns match, out of text.
 *
 * <p>A pattern may be one whose time grows without bounds on some text. So each text has a budget
 * of steps, a step being one look at one character; when it is spent, or the pattern needs more
 * stack than there is, nothing of the text is shown. Thread-safe; to be called where a tenth of a
 * second does not matter.
 */
final class Redactor {
  /** What stands in the place of what was taken out. */
  static final String MARK = "[redacted]";

  /** What stands in the place of a text that could not be searched to its end. */
  static final String GIVEN_UP = "[not shown: redaction took too long]";

  /** Budget of a text, beside what its length adds: some hundredths of a second. */
  static final long STEPS_PER_TEXT = 5_000_000;

  /** What is built in takes a tenth of it on the worst text. */
  private static final long STEPS_PER_CHARACTER = 256;

  /** Where a name begins, so that "risk-free" holds no key. */
  private static final String START = "(?<![A-Za-z0-9_-])";

  private static final String NAMES =
      "(?:[A-Za-z0-9]{1,32}[_-]){0,3}(?:api[_-]?key|key|(?:access|refresh|id|auth|session)?[_-]?token"
          + "|secret|password|passwd|passphrase|authorization|credentials?|cookie)";

  /** Each is linear in the text's length, or nearly. */
  private static final List<Pattern> BUILT_IN =
      List.of(
          // A private key in PEM, to its end or the end of the text.
          Pattern.compile(
              "-----BEGIN [A-Z ]{0,32}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,32}-----|\\z)",
              Pattern.DOTALL),
          // Schemes of RFC 9110 §11.
          Pattern.compile(
              START + "(?:bearer|basic|token) {1,4}[A-Za-z0-9._~+/=-]{12,}+",
              Pattern.CASE_INSENSITIVE),
          // A header line, such as in a command that somebody pasted.
          Pattern.compile(
              START
                  + "(?:proxy-)?(?:authorization|(?:x-|xi-|x-goog-)?api-key"
                  + "|ocp-apim-subscription-key|(?:set-)?cookie2?) {0,4}: {0,4}[^\r\n\"'\\\\]{1,4096}+",
              Pattern.CASE_INSENSITIVE),
          // JSON members, also within a JSON text that stands in a string: as many backslashes
          // before each quote. The end may be cut off.
          Pattern.compile(
              "\"" + NAMES + "\"\\s{0,16}:\\s{0,16}\"[^\"\\\\]*+(?:\\\\.[^\"\\\\]*+)*+\"?",
              Pattern.CASE_INSENSITIVE | Pattern.DOTALL),
          Pattern.compile(
              "\\\\\"" + NAMES + "(\\\\{1,8})\"\\s{0,16}:\\s{0,16}\\1\"[^\"]*+\"?",
              Pattern.CASE_INSENSITIVE),
          // Form fields and queries.
          Pattern.compile(START + NAMES + "=[^&\\s\"'\\\\]{1,}+", Pattern.CASE_INSENSITIVE),
          // What keys look like: OpenAI, Anthropic and others; Groq; xAI; Hugging Face; Google;
          // AWS; GitHub; Slack; JSON Web Tokens (RFC 7519).
          Pattern.compile(
              START
                  + "(?:sk-[A-Za-z0-9_-]{6,}+|gsk_[A-Za-z0-9]{16,}+|xai-[A-Za-z0-9]{16,}+"
                  + "|hf_[A-Za-z0-9]{16,}+|AIza[A-Za-z0-9_-]{30,}+|AKIA[A-Z0-9]{12,}+"
                  + "|gh[a-z]_[A-Za-z0-9]{20,}+|xox[a-z]-[A-Za-z0-9-]{10,}+"
                  + "|eyJ[A-Za-z0-9_-]{8,}+\\.[A-Za-z0-9_-]{4,}+(?:\\.[A-Za-z0-9_-]*+)?)"));

  /** Audio, images and vectors travel in JSON so; no prose has a word of this length. */
  private static final Pattern BASE64 =
      Pattern.compile("(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{256,}+={0,2}");

  private final List<Pattern> own;
  private final long steps;

  /**
   * @param own the operator's patterns, beside those built in
   * @param steps budget of one text, beside what its length adds
   */
  Redactor(List<Pattern> own, long steps) {
    this.own = List.copyOf(own);
    this.steps = steps;
  }

  /**
   * Redacts a text.
   *
   * @param text any
   * @param secrets that are known by their value, whatever they look like
   * @return the text without what was found, or {@link #GIVEN_UP} instead of all of it
   */
  String redact(String text, List<String> secrets) {
    String known = text;
    for (String secret : secrets) {
      known = known.replace(secret, MARK);
    }
    Budget budget = new Budget(steps + STEPS_PER_CHARACTER * text.length());
    try {
      String shown = replace(BASE64, known, budget, true);
      for (Pattern pattern : BUILT_IN) {
        shown = replace(pattern, shown, budget, false);
      }
      for (Pattern pattern : own) {
        shown = replace(pattern, shown, budget, false);
      }
      return shown;
    } catch (TooLong | StackOverflowError e) {
      return GIVEN_UP;
    }
  }

  private static String replace(Pattern pattern, String text, Budget budget, boolean counted) {
    Matcher matcher = pattern.matcher(new Counted(text, budget));
    StringBuilder out = null;
    int copied = 0;
    while (matcher.find()) {
      if (matcher.end() == matcher.start()) {
        continue;
      }
      if (out == null) {
        out = new StringBuilder(text.length());
      }
      out.append(text, copied, matcher.start());
      out.append(counted ? "[" + (matcher.end() - matcher.start()) + " of base64]" : MARK);
      copied = matcher.end();
    }
    return out == null ? text : out.append(text, copied, text.length()).toString();
  }

  /** How often characters may still be looked at. */
  private static final class Budget {
    private long left;

    Budget(long steps) {
      this.left = steps;
    }

    void spend() {
      if (--left < 0) {
        throw new TooLong();
      }
    }
  }

  /** A text that counts every look at it: how a regular expression is stopped. */
  private record Counted(String text, Budget budget) implements CharSequence {
    @Override
    public int length() {
      return text.length();
    }

    @Override
    public char charAt(int index) {
      budget.spend();
      return text.charAt(index);
    }

    @Override
    public CharSequence subSequence(int start, int end) {
      return new Counted(text.substring(start, end), budget);
    }

    @Override
    public String toString() {
      return text;
    }
  }

  private static final class TooLong extends RuntimeException {
    private static final long serialVersionUID = 1L;

    TooLong() {
      super(null, null, false, false);
    }
  }

  /** Credentials of a header's value: the whole, and what follows a scheme. */
  static List<String> secretsOf(Iterable<@Nullable String> headerValues) {
    List<String> found = new ArrayList<>();
    for (String value : headerValues) {
      if (value == null) {
        continue;
      }
      String stripped = value.strip();
      String bare = stripped.substring(stripped.lastIndexOf(' ') + 1);
      for (String each : List.of(stripped, bare)) {
        // A shorter one would take half of the text along, and guards nothing.
        if (each.length() >= 6 && !found.contains(each)) {
          found.add(each);
        }
      }
    }
    return found;
  }
}
