package io.streamrelay.config;

import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Puts variables into a value: {@code ${NAME}} and {@code ${NAME:-default}}. */
final class Expansion {
  static final Pattern VARIABLE_NAME = Pattern.compile("[A-Za-z_][A-Za-z0-9_]*");

  private static final String FORMS =
      "${NAME} or ${NAME:-default}, and $${ where a plain ${ is meant";

  private Expansion() {}

  /** What a variable brings in is not looked at again. */
  static String expand(String text, Environment environment) throws BadValueException {
    int open = text.indexOf("${");
    if (open < 0) {
      return text;
    }
    StringBuilder out = new StringBuilder();
    int from = 0;
    while (open >= 0) {
      if (open > from && text.charAt(open - 1) == '$') {
        out.append(text, from, open).append('{');
        from = open + 2;
      } else {
        int close = text.indexOf('}', open);
        if (close < 0) {
          throw BadValueException.because("a '${' is not closed", FORMS);
        }
        out.append(text, from, open).append(valueOf(text.substring(open + 2, close), environment));
        from = close + 1;
      }
      open = text.indexOf("${", from);
    }
    return out.append(text, from, text.length()).toString();
  }

  private static String valueOf(String reference, Environment environment)
      throws BadValueException {
    int colon = reference.indexOf(":-");
    String name = colon < 0 ? reference : reference.substring(0, colon);
    if (!VARIABLE_NAME.matcher(name).matches()) {
      throw BadValueException.hidden(
          "between '${' and '}' stands no name of a variable",
          FORMS + "; a name has letters, digits and '_'");
    }
    @Nullable String value = environment.get(name);
    if (colon >= 0) {
      String fallback = reference.substring(colon + 2);
      if (fallback.contains("${")) {
        throw BadValueException.because("a default holds '${'", FORMS + "; a default is plain");
      }
      return value == null || value.isEmpty() ? fallback : value;
    }
    if (value == null) {
      throw BadValueException.because(
          "the variable " + name + " is not set",
          name + " in the environment or in .env, or a default: ${" + name + ":-...}");
    }
    return value;
  }
}
