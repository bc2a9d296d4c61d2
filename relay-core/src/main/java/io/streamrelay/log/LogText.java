package io.streamrelay.log;

/** Makes text that others chose safe to stand in a log line. */
public final class LogText {
  private LogText() {}

  /**
   * Escapes what could end a line, move a terminal's cursor or turn the reading direction, and cuts
   * what is too long.
   *
   * @param text any text
   * @param maxChars characters of the result, without the ellipsis that marks a cut
   * @return one line; control, format and separator characters and lone surrogates stand as {@code
   *     \}{@code u000a}
   */
  public static String clean(String text, int maxChars) {
    if (text.length() <= maxChars && text.codePoints().allMatch(LogText::isPlain)) {
      return text;
    }
    StringBuilder out = new StringBuilder(Math.min(text.length(), maxChars) + 8);
    for (int i = 0; i < text.length(); ) {
      int codePoint = text.codePointAt(i);
      String piece = isPlain(codePoint) ? Character.toString(codePoint) : escaped(codePoint);
      if (out.length() + piece.length() > maxChars) {
        return out.append('…').toString();
      }
      out.append(piece);
      i += Character.charCount(codePoint);
    }
    return out.toString();
  }

  /**
   * Escapes as {@link #clean} does, but cuts nothing, and writes line ends and tabs in their short
   * form: for bodies.
   *
   * @param text any text
   * @return one line; {@code \n}, {@code \r} and {@code \t} stand for what they stand for in JSON
   */
  public static String oneLine(String text) {
    StringBuilder out = new StringBuilder(text.length() + text.length() / 16);
    for (int i = 0; i < text.length(); ) {
      int codePoint = text.codePointAt(i);
      switch (codePoint) {
        case '\n' -> out.append("\\n");
        case '\r' -> out.append("\\r");
        case '\t' -> out.append("\\t");
        default -> {
          if (isPlain(codePoint)) {
            out.appendCodePoint(codePoint);
          } else {
            out.append(escaped(codePoint));
          }
        }
      }
      i += Character.charCount(codePoint);
    }
    return out.toString();
  }

  private static boolean isPlain(int codePoint) {
    return switch (Character.getType(codePoint)) {
      case Character.CONTROL,
          Character.FORMAT,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR,
          Character.SURROGATE ->
          false;
      default -> true;
    };
  }

  private static String escaped(int codePoint) {
    return String.format("\\u%04x", codePoint);
  }
}
