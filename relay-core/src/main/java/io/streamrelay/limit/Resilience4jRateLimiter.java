package io.streamrelay.limit;

import io.github.resilience4j.ratelimiter.RateLimiterConfig;
import io.github.resilience4j.ratelimiter.RateLimiterRegistry;
import io.github.resilience4j.ratelimiter.internal.AtomicRateLimiter;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Limits by the Resilience4j registry that a host already owns, with its metrics and events.
 *
 * <p>Not the default, for two reasons. Resilience4j counts in fixed cycles: the last moment of one
 * and the first of the next admit up to twice the limit at once, and there is no burst apart from
 * the rate (measured: 100 a minute admitted 200 within 200 ms). And its limiters cannot be dropped
 * without a new cycle, so keys stay until the process ends: once {@code maxKeys} are known, further
 * keys share one limiter for good. {@link GcraRateLimiter} has neither flaw.
 *
 * <p><b>Waiting.</b> Never: the registry's default configuration is taken with a timeout of zero,
 * whatever it says (Resilience4j's own default parks the thread for up to 5 s). A limiter that the
 * host made under the same name with another timeout, or changed later, does not park either; a
 * permit that it could only give later counts as refused.
 *
 * <p><b>Wait told.</b> From the engine's detailed metrics; for an engine without them, one whole
 * cycle, which is never too short.
 *
 * <p><b>Threads.</b> Thread-safe. The first request of a key takes a short lock.
 */
public final class Resilience4jRateLimiter implements RateLimiter {
  /** What the limiter of all keys beyond the bound is called after the prefix; no key can be. */
  private static final String SHARED = "(others)";

  private final Function<String, io.github.resilience4j.ratelimiter.RateLimiter> engines;
  private final int maxKeys;
  private final ConcurrentHashMap<String, io.github.resilience4j.ratelimiter.RateLimiter> byKey =
      new ConcurrentHashMap<>();
  private final Object newKey = new Object();
  private volatile io.github.resilience4j.ratelimiter.@Nullable RateLimiter shared;

  /**
   * Makes an adapter.
   *
   * @param registry the host's; its default configuration is every key's limit
   * @param namePrefix put before each key to name its limiter, so that no tenant is called like a
   *     limiter of the host's own; for example {@code relay-tenant-}
   * @param maxKeys keys that have a limiter of their own, at least 1
   */
  public Resilience4jRateLimiter(RateLimiterRegistry registry, String namePrefix, int maxKeys) {
    this(fromRegistry(registry, namePrefix), maxKeys);
  }

  /** For engines with a clock of the test's own. */
  Resilience4jRateLimiter(
      Function<String, io.github.resilience4j.ratelimiter.RateLimiter> engines, int maxKeys) {
    if (maxKeys < 1) {
      throw new IllegalArgumentException("maxKeys is " + maxKeys + " (expected: at least 1)");
    }
    this.engines = engines;
    this.maxKeys = maxKeys;
  }

  private static Function<String, io.github.resilience4j.ratelimiter.RateLimiter> fromRegistry(
      RateLimiterRegistry registry, String namePrefix) {
    Objects.requireNonNull(namePrefix, "namePrefix");
    RateLimiterConfig withoutWait =
        RateLimiterConfig.from(registry.getDefaultConfig()).timeoutDuration(Duration.ZERO).build();
    return key -> registry.rateLimiter(namePrefix + key, withoutWait);
  }

  @Override
  public long tryAcquireNanos(String key) {
    io.github.resilience4j.ratelimiter.RateLimiter engine = engine(key);
    // Not acquirePermission: that one parks if the host has changed the timeout.
    return engine.reservePermission() == 0 ? 0 : Math.max(1, waitNanos(engine));
  }

  @Override
  public long peekNanos(String key) {
    io.github.resilience4j.ratelimiter.RateLimiter engine = byKey.get(key);
    if (engine == null) {
      engine = byKey.size() < maxKeys ? null : shared;
    }
    return engine == null || engine.getMetrics().getAvailablePermissions() > 0
        ? 0
        : Math.max(1, waitNanos(engine));
  }

  @Override
  public int trackedKeys() {
    return byKey.size();
  }

  /** Says how many keys are known. */
  @Override
  public String toString() {
    return "Resilience4jRateLimiter(" + trackedKeys() + " of " + maxKeys + " keys)";
  }

  private io.github.resilience4j.ratelimiter.RateLimiter engine(String key) {
    io.github.resilience4j.ratelimiter.RateLimiter known = byKey.get(key);
    if (known != null) {
      return known;
    }
    io.github.resilience4j.ratelimiter.RateLimiter others = shared;
    if (others != null) {
      return others;
    }
    synchronized (newKey) {
      known = byKey.get(key);
      if (known != null) {
        return known;
      }
      if (byKey.size() < maxKeys) {
        io.github.resilience4j.ratelimiter.RateLimiter made = engines.apply(key);
        byKey.put(key, made);
        return made;
      }
      others = shared;
      if (others == null) {
        others = engines.apply(SHARED);
        shared = others;
      }
      return others;
    }
  }

  private static long waitNanos(io.github.resilience4j.ratelimiter.RateLimiter engine) {
    return engine instanceof AtomicRateLimiter atomic
        ? atomic.getDetailedMetrics().getNanosToWait()
        : engine.getRateLimiterConfig().getLimitRefreshPeriod().toNanos();
  }
}
