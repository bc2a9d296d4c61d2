package io.streamrelay.config;

/** Says why a text is not the value its key wants; {@link Value} adds the text and the place. */
final class BadValueException extends Exception {
  private static final long serialVersionUID = 1L;

  private final String detail;
  private final String expected;
  private final boolean hide;

  private BadValueException(String detail, String expected, boolean hide) {
    super(detail.isEmpty() ? "expected: " + expected : detail, null, false, false);
    this.detail = detail;
    this.expected = expected;
    this.hide = hide;
  }

  static BadValueException expected(String expected) {
    return new BadValueException("", expected, false);
  }

  static BadValueException because(String detail, String expected) {
    return new BadValueException(detail, expected, false);
  }

  /** For a text that may be a key in the wrong place. */
  static BadValueException hidden(String detail, String expected) {
    return new BadValueException(detail, expected, true);
  }

  String detail() {
    return detail;
  }

  String expected() {
    return expected;
  }

  boolean hide() {
    return hide;
  }
}
