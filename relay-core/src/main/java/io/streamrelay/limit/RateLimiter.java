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
   * Returns how many keys have state now, for a gauge.
   *
   * @return zero or more; never above the engine's bound
   */
  int trackedKeys();
}
