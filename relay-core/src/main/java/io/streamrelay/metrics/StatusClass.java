package io.streamrelay.metrics;

/** The class of a status, as a label. */
final class StatusClass {
  /** {@code 2xx} to {@code 5xx}. */
  static final int COUNT = 4;

  private StatusClass() {}

  /**
   * Returns the index of a status's class.
   *
   * @param status 200 or more: no exchange ends below. Some upstreams answer with 600 and above,
   *     which RFC 9110 §15 has a client take for a 5xx.
   */
  static int of(int status) {
    return Math.min(5, Math.max(2, status / 100)) - 2;
  }

  static String label(int index) {
    return (index + 2) + "xx";
  }
}
