package io.streamrelay.route;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * What becomes of an upstream request whose client leaves before its answer is whole.
 *
 * <p>Cancelling saves tokens; reading on learns the exact usage, and lets a provider that counts
 * only finished answers, or an answer that something else needs, come to its end. Set for a {@link
 * Route}, and for an API key, whose own setting wins.
 */
public sealed interface ClientGonePolicy {
  /** Cancels the upstream request at once: the default. */
  record Cancel() implements ClientGonePolicy {}

  /**
   * Reads the answer to its end and drops it, or cancels at the first bound that is reached. The
   * route's clocks go on running, and a relay that stops waits no longer than its drain time. All
   * that policies took for the exchange stays taken until then.
   *
   * <p>Bounds count from the departure. Where neither time nor bytes are bounded, an answer that is
   * no observable stream, of which no tokens are known, is read as long as the clocks allow.
   *
   * @param time how long to read on; null for no such bound
   * @param tokens output tokens, as {@link io.streamrelay.observe.StreamObserver#outputTokens()}
   *     tells them; null for no such bound
   * @param bytes body bytes; null for no such bound
   */
  record Drain(@Nullable Duration time, @Nullable Long tokens, @Nullable Long bytes)
      implements ClientGonePolicy {
    /** Refuses bounds below one. */
    public Drain {
      if (time != null && (time.isZero() || time.isNegative())) {
        throw wrong("time", time, "more than 0, e.g. PT30S");
      }
      if (tokens != null && tokens < 1) {
        throw wrong("tokens", tokens, "at least 1");
      }
      if (bytes != null && bytes < 1) {
        throw wrong("bytes", bytes, "at least 1");
      }
    }

    private static IllegalArgumentException wrong(String name, Object value, String expected) {
      return new IllegalArgumentException(
          "on_client_gone: drain: " + name + " is " + value + " (expected: " + expected + ")");
    }
  }

  /**
   * Cancels at once.
   *
   * @return the default
   */
  static ClientGonePolicy cancel() {
    return new Cancel();
  }

  /**
   * Reads on to the end.
   *
   * @return without bounds
   */
  static ClientGonePolicy drain() {
    return new Drain(null, null, null);
  }

  /**
   * Reads on up to the first bound that is reached.
   *
   * @param time from the departure; null for no such bound
   * @param tokens output tokens after the departure; null for no such bound
   * @param bytes body bytes after the departure; null for no such bound
   * @return with these bounds
   */
  static ClientGonePolicy drain(
      @Nullable Duration time, @Nullable Long tokens, @Nullable Long bytes) {
    return new Drain(time, tokens, bytes);
  }
}
