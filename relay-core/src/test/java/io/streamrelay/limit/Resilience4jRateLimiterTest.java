package io.streamrelay.limit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.resilience4j.ratelimiter.RateLimiterConfig;
import io.github.resilience4j.ratelimiter.RateLimiterRegistry;
import io.streamrelay.testkit.RateLimiterContract;
import java.time.Duration;
import org.junit.jupiter.api.Test;

class Resilience4jRateLimiterTest extends RateLimiterContract {
  private static RateLimiterConfig config(int permits, Duration cycle, Duration timeout) {
    return RateLimiterConfig.custom()
        .limitForPeriod(permits)
        .limitRefreshPeriod(cycle)
        .timeoutDuration(timeout)
        .build();
  }

  @Override
  protected RateLimiter limiter(int permits, int maxKeys) {
    RateLimiterConfig config = config(permits, Duration.ofMinutes(1), Duration.ZERO);
    return new Resilience4jRateLimiter(
        key -> io.github.resilience4j.ratelimiter.RateLimiter.of(key, config, ticker::nanos),
        maxKeys);
  }

  /**
   * Why this engine is not the default: its cycles break the rule that {@link GcraRateLimiter}
   * keeps.
   */
  @Test
  void aCycleEdgeAdmitsTwiceTheLimit() {
    RateLimiter cycles = limiter(100, 10);
    RateLimiter exact = new GcraRateLimiter(100, 100, 10, ticker);
    WindowRule ofCycles = new WindowRule(100, 100);
    WindowRule ofExact = new WindowRule(100, 100);
    cycles.tryAcquireNanos("a");
    ofCycles.admittedAt(ticker.nanos());
    exact.tryAcquireNanos("a");
    ofExact.admittedAt(ticker.nanos());
    ticker.advance(Duration.ofMillis(59_900));
    for (int i = 0; i < 2; i++) {
      for (int request = 0; request < 200; request++) {
        if (cycles.tryAcquireNanos("a") == 0) {
          ofCycles.admittedAt(ticker.nanos());
        }
        if (exact.tryAcquireNanos("a") == 0) {
          ofExact.admittedAt(ticker.nanos());
        }
      }
      ticker.advance(Duration.ofMillis(200));
    }
    assertThat(ofCycles.admitted()).isEqualTo(200);
    assertThat(ofCycles.broken()).isPresent();
    assertThat(ofExact.admitted()).isEqualTo(101);
    assertThat(ofExact.broken()).isEmpty();
  }

  @Test
  void theRegistrysOwnTimeoutNeverParks() {
    RateLimiterRegistry registry =
        RateLimiterRegistry.of(config(1, Duration.ofHours(1), Duration.ofSeconds(30)));
    RateLimiter limiter = new Resilience4jRateLimiter(registry, "relay-", 10);
    assertThat(limiter.tryAcquireNanos("a")).isZero();
    long before = System.nanoTime();
    assertThat(limiter.tryAcquireNanos("a")).isBetween(1L, Duration.ofHours(1).toNanos());
    assertThat(System.nanoTime() - before).isLessThan(Duration.ofSeconds(20).toNanos());
    assertThat(registry.rateLimiter("relay-a").getRateLimiterConfig().getTimeoutDuration())
        .isZero();
  }

  @Test
  void aLimiterTheHostMadeWithATimeoutNeitherParksNorAdmitsEarly() {
    RateLimiterRegistry registry = RateLimiterRegistry.ofDefaults();
    registry.rateLimiter("relay-a", config(1, Duration.ofMinutes(10), Duration.ofMinutes(30)));
    RateLimiter limiter = new Resilience4jRateLimiter(registry, "relay-", 10);
    assertThat(limiter.tryAcquireNanos("a")).isZero();
    long before = System.nanoTime();
    assertThat(limiter.tryAcquireNanos("a")).isPositive();
    assertThat(System.nanoTime() - before).isLessThan(Duration.ofMinutes(5).toNanos());
  }

  @Test
  void aTenantCalledLikeALimiterOfTheHostsDoesNotChargeIt() {
    RateLimiterRegistry registry =
        RateLimiterRegistry.of(config(5, Duration.ofHours(1), Duration.ZERO));
    io.github.resilience4j.ratelimiter.RateLimiter hosts = registry.rateLimiter("backend");
    new Resilience4jRateLimiter(registry, "relay-", 10).tryAcquireNanos("backend");
    assertThat(hosts.getMetrics().getAvailablePermissions()).isEqualTo(5);
  }

  @Test
  void theRegistryIsBoundedToo() {
    RateLimiterRegistry registry =
        RateLimiterRegistry.of(config(5, Duration.ofHours(1), Duration.ZERO));
    RateLimiter limiter = new Resilience4jRateLimiter(registry, "relay-", 3);
    for (int i = 0; i < 100; i++) {
      limiter.tryAcquireNanos("made-up-" + i);
    }
    assertThat(limiter.trackedKeys()).isEqualTo(3);
    assertThat(registry.getAllRateLimiters()).hasSize(4);
    assertThat(limiter.tryAcquireNanos("another")).isPositive();
    assertThat(limiter.peekNanos("another")).isPositive();
  }

  @Test
  void aBoundBelowOneIsRefused() {
    assertThatThrownBy(
            () -> new Resilience4jRateLimiter(RateLimiterRegistry.ofDefaults(), "relay-", 0))
        .hasMessage("maxKeys is 0 (expected: at least 1)");
  }
}
