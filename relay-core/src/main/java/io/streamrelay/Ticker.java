package io.streamrelay;

/**
 * Tells elapsed time, so that tests can advance it by hand.
 *
 * <p>Thread-safe. Only differences between two readings mean anything, as with {@link
 * System#nanoTime}.
 */
@FunctionalInterface
public interface Ticker {
  /**
   * Returns nanoseconds since an arbitrary origin.
   *
   * @return the reading, in nanoseconds
   */
  long nanos();

  /**
   * Returns the ticker that production uses.
   *
   * @return one that reads {@link System#nanoTime}
   */
  static Ticker system() {
    return System::nanoTime;
  }
}
