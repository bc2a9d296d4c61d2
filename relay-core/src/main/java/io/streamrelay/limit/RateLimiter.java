package io.streamrelay.limit;

/**
 * Decides whether a key (a tenant's name, an API key's name) may send one more request now.
 *
 * <p>Called by the rate limit policy once per exchange, on an I/O thread, so it never blocks.
 * Thread-safe. Memory is bounded however many keys appear, and no flood of new keys resets or
 * starves a known one.
 */
public interface RateLimiter {
  /**
   * Takes one permit if there is one.
   *
   * @param key who asks; not null
   * @return 0 if the permit was taken; otherwise nanoseconds, at least 1, until one is free
   */
  long tryAcquireNanos(String key);

  /**
   * Looks whether there is a permit, without taking it and without keeping anything about the key.
   *
   * <p>For a request that needs permits of two limiters: a look at one before the other is charged
   * keeps a refused request from costing anything. Another request may come in between, so only
   * {@link #tryAcquireNanos} admits.
   *
   * @param key who asks; not null
   * @return 0 if there is one, or if the engine cannot tell; otherwise nanoseconds, at least 1,
   *     until one is free
   */
  default long peekNanos(String key) {
    return 0;
  }

  /**
   * Says the limit in words, for the message of a 429.
   *
   * @return such as {@code 100 requests a minute, 20 at once}; empty if the engine has no words for
   *     it
   */
  default String describe() {
    return "";
  }

  /**
   * Returns how many keys have state now, for a gauge.
   *
   * @return zero or more; never above the engine's bound
   */
  int trackedKeys();
}
