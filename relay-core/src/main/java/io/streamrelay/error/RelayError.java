package io.streamrelay.error;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * One error as the relay tells it to a client.
 *
 * @param code what kind of error, and through it the end reason and the metric label
 * @param clientCode the code the client sees; equal to {@code code.code()} but for a policy's own
 * @param status the HTTP status, used while nothing was sent yet; 400 to 599
 * @param message for the client's developer; names no upstream host, key or exception
 * @param retryAfter when to try again; null where that would not help or is not known
 */
public record RelayError(
    ErrorCode code, String clientCode, int status, String message, @Nullable Duration retryAfter) {
  /** Refuses a status that is no error. */
  public RelayError {
    if (status < 400 || status > 599) {
      throw new IllegalArgumentException("error status is " + status + " (expected: 400 to 599)");
    }
  }

  /**
   * Makes an error with its code's own status.
   *
   * @param code what kind
   * @param message for the client's developer
   * @return the error
   */
  public static RelayError of(ErrorCode code, String message) {
    return new RelayError(code, code.code(), code.status(), message, null);
  }

  /**
   * Adds when to try again.
   *
   * @param wait zero or more; sent in whole seconds, rounded up, at least 1
   * @return the error with it
   */
  public RelayError retryAfter(Duration wait) {
    return new RelayError(code, clientCode, status, message, wait);
  }

  /**
   * Returns the value of a {@code Retry-After} field (RFC 9110 §10.2.3).
   *
   * @return whole seconds, rounded up, at least 1; null without a wait
   */
  public @Nullable String retryAfterSeconds() {
    Duration wait = retryAfter;
    if (wait == null) {
      return null;
    }
    long seconds = wait.getNano() > 0 ? wait.getSeconds() + 1 : wait.getSeconds();
    return Long.toString(Math.max(1, seconds));
  }
}
