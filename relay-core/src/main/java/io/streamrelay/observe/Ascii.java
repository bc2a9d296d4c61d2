package io.streamrelay.observe;

/** Compares bytes with ASCII text without making objects. */
final class Ascii {
  private Ascii() {}

  /** Whether {@code bytes[from, from + text.length())} is the text; the caller checks the room. */
  static boolean matches(byte[] bytes, int from, String text) {
    for (int i = 0; i < text.length(); i++) {
      // A byte above 0x7f is negative and so equals no char.
      if (bytes[from + i] != text.charAt(i)) {
        return false;
      }
    }
    return true;
  }

  static boolean equals(byte[] bytes, int length, String text) {
    return length == text.length() && matches(bytes, 0, text);
  }

  static boolean startsWith(byte[] bytes, int length, String text) {
    return length >= text.length() && matches(bytes, 0, text);
  }

  static boolean endsWith(byte[] bytes, int length, String text) {
    return length >= text.length() && matches(bytes, length - text.length(), text);
  }
}
