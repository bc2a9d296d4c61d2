package io.streamrelay.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import io.streamrelay.limit.RateLimiter;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/**
 * The rules of {@link RateLimiter}: extend once per engine.
 *
 * <p>What an engine promises beyond them, such as an exact rate in every window, is tested with it.
 */
public abstract class RateLimiterContract {
  private static final int THREADS = 8;

  /** Time for all engines of one test. */
  protected final FakeTicker ticker = new FakeTicker();

  /** Only for subclasses. */
  protected RateLimiterContract() {}

  /**
   * Makes the engine under test.
   *
   * @param permits how many it gives at once; for any rate slow enough that none comes back within
   *     one second
   * @param maxKeys its bound
   * @return the engine, on {@link #ticker}
   */
  protected abstract RateLimiter limiter(int permits, int maxKeys);

  @Test
  void r1_aKeyHasItsPermitsAndNotOneMore() {
    RateLimiter limiter = limiter(3, 100);
    assertThat(admitted(limiter, "a", 10)).isEqualTo(3);
  }

  @Test
  void r2_keysDoNotShare() {
    RateLimiter limiter = limiter(2, 100);
    assertThat(admitted(limiter, "a", 10)).isEqualTo(2);
    assertThat(admitted(limiter, "b", 10)).isEqualTo(2);
  }

  @Test
  void r3_whoWaitsAsToldIsAdmitted() {
    RateLimiter limiter = limiter(2, 100);
    admitted(limiter, "a", 2);
    long wait = limiter.tryAcquireNanos("a");
    assertThat(wait).isPositive();
    ticker.advanceNanos(wait);
    assertThat(limiter.tryAcquireNanos("a")).isZero();
  }

  @Test
  void r4_aRefusalCostsNothing() {
    RateLimiter limiter = limiter(1, 100);
    admitted(limiter, "a", 1);
    long wait = limiter.tryAcquireNanos("a");
    admitted(limiter, "a", 50);
    assertThat(limiter.tryAcquireNanos("a")).isEqualTo(wait);
  }

  @Test
  void r5_aLookTakesNothingAndKeepsNothing() {
    RateLimiter limiter = limiter(2, 100);
    assertThat(limiter.peekNanos("a")).isZero();
    assertThat(limiter.trackedKeys()).isZero();
    admitted(limiter, "a", 1);
    for (int i = 0; i < 10; i++) {
      assertThat(limiter.peekNanos("a")).isZero();
    }
    assertThat(admitted(limiter, "a", 10)).isEqualTo(1);
    long wait = limiter.peekNanos("a");
    assertThat(wait).isIn(0L, limiter.tryAcquireNanos("a"));
  }

  @Test
  void r6_aFloodOfNewKeysStaysWithinTheBoundAndIsLimited() {
    RateLimiter limiter = limiter(2, 50);
    int admitted = 0;
    for (int i = 0; i < 20_000; i++) {
      admitted += limiter.tryAcquireNanos("made-up-" + i) == 0 ? 1 : 0;
      assertThat(limiter.trackedKeys()).isLessThanOrEqualTo(50);
    }
    // Those with state, and at most 256 shared buckets of two permits.
    assertThat(admitted).isLessThanOrEqualTo(50 + 2 * 256);
  }

  @Test
  void r7_aFloodNeitherResetsNorStarvesAKnownKey() {
    RateLimiter limiter = limiter(3, 50);
    admitted(limiter, "spent", 3);
    admitted(limiter, "honest", 1);
    for (int i = 0; i < 20_000; i++) {
      limiter.tryAcquireNanos("made-up-" + i);
    }
    assertThat(limiter.tryAcquireNanos("spent")).isPositive();
    assertThat(admitted(limiter, "honest", 10)).isEqualTo(2);
  }

  @Test
  void r8_manyThreadsGetExactlyThePermitsOfOneKey() throws Exception {
    for (int round = 0; round < 20; round++) {
      RateLimiter limiter = limiter(1000, 100);
      assertThat(inParallel(() -> admitted(limiter, "a", 500))).isEqualTo(1000);
    }
  }

  @Test
  void r9_threadsThatMeetAtNewKeysGetExactlyTheirPermits() throws Exception {
    RateLimiter limiter = limiter(3, 2000);
    int admitted =
        inParallel(
            () -> {
              int mine = 0;
              for (int i = 0; i < 1000; i++) {
                mine += admitted(limiter, "key-" + i, 1);
              }
              return mine;
            });
    assertThat(admitted).isEqualTo(3 * 1000);
    assertThat(limiter.trackedKeys()).isEqualTo(1000);
  }

  /** Counts admissions among a number of tries. */
  private static int admitted(RateLimiter limiter, String key, int tries) {
    int admitted = 0;
    for (int i = 0; i < tries; i++) {
      admitted += limiter.tryAcquireNanos(key) == 0 ? 1 : 0;
    }
    return admitted;
  }

  /** Sums what threads that start together count. */
  private static int inParallel(java.util.concurrent.Callable<Integer> work) throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(THREADS);
    try {
      CountDownLatch ready = new CountDownLatch(THREADS);
      List<Future<Integer>> counts = new ArrayList<>();
      for (int i = 0; i < THREADS; i++) {
        counts.add(
            threads.submit(
                () -> {
                  ready.countDown();
                  assertThat(ready.await(30, TimeUnit.SECONDS)).isTrue();
                  return work.call();
                }));
      }
      int sum = 0;
      for (Future<Integer> each : counts) {
        sum += each.get(60, TimeUnit.SECONDS);
      }
      return sum;
    } finally {
      threads.shutdownNow();
    }
  }
}
