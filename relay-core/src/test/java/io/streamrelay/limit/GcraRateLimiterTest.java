package io.streamrelay.limit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.streamrelay.Ticker;
import io.streamrelay.testkit.FakeTicker;
import io.streamrelay.testkit.RateLimiterContract;
import java.math.BigInteger;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GcraRateLimiterTest extends RateLimiterContract {
  private static final String RATES =
      """
      1, 1
      1, 5
      7, 1
      7, 3
      100, 20
      101, 20
      999983, 1
      999983, 50
      700000000, 1
      700000000, 9
      60000000, 2147483647
      2147483647, 3
      """;

  @Override
  protected RateLimiter limiter(int permits, int maxKeys) {
    return new GcraRateLimiter(1, permits, maxKeys, ticker);
  }

  @ParameterizedTest
  @CsvSource(textBlock = RATES)
  void g1_randomArrivalsNeverGetMoreThanRateTimesTimePlusBurst(int perMinute, int burst) {
    GcraRateLimiter limiter = new GcraRateLimiter(perMinute, burst, 10, ticker);
    WindowRule rule = new WindowRule(perMinute, burst);
    Random random = new Random(perMinute * 31L + burst);
    double interval = 60e9 / perMinute;
    long refused = 0;
    for (int i = 0; i < 50_000; i++) {
      // Crowds, gaps and steady streams around the rate.
      double factor =
          switch (random.nextInt(20)) {
            case 0 -> 3.0 * Math.min(burst, 100);
            case 1, 2, 3 -> 2.0;
            case 4, 5, 6, 7, 8 -> 0.5;
            default -> 0.0;
          };
      ticker.advanceNanos((long) (random.nextDouble() * interval * factor));
      if (limiter.tryAcquireNanos("a") == 0) {
        rule.admittedAt(ticker.nanos());
      } else {
        refused++;
      }
    }
    assertThat(rule.broken()).isEmpty();
    if (burst < 100) {
      assertThat(refused).as("the run must have met the limit").isPositive();
    }
  }

  @ParameterizedTest
  @CsvSource(textBlock = RATES)
  void g2_whoWaitsAsToldIsNeverMoreThanOneBehindTheRate(int perMinute, int burst) {
    int limit = Math.min(burst, 1_000_000);
    GcraRateLimiter limiter = new GcraRateLimiter(perMinute, limit, 10, ticker);
    WindowRule rule = new WindowRule(perMinute, limit);
    while (rule.admitted() < limit + 200_000L) {
      long wait = limiter.tryAcquireNanos("a");
      if (wait == 0) {
        rule.admittedAt(ticker.nanos());
      } else {
        assertBehindByAtMostOne(rule, perMinute, limit);
        ticker.advanceNanos(wait);
      }
    }
    assertThat(rule.broken()).isEmpty();
  }

  private void assertBehindByAtMostOne(WindowRule rule, int perMinute, int burst) {
    BigInteger behind =
        rule.allowed(ticker.nanos(), burst).subtract(BigInteger.valueOf(rule.admitted()));
    // With a burst of 1 each wait is rounded up to the nanosecond, which G1 needs: see the javadoc.
    BigInteger roundedUp =
        burst > 1
            ? BigInteger.ZERO
            : BigInteger.valueOf(rule.admitted())
                .multiply(BigInteger.valueOf(perMinute))
                .divide(BigInteger.valueOf(60_000_000_000L));
    assertThat(behind).isBetween(BigInteger.ZERO, BigInteger.ONE.add(roundedUp));
  }

  @Test
  void g2_theRateHoldsOverYears() {
    GcraRateLimiter limiter = new GcraRateLimiter(7, 2, 10, ticker);
    WindowRule rule = new WindowRule(7, 2);
    long start = ticker.nanos();
    while (ticker.nanos() - start < Duration.ofDays(365).toNanos()) {
      long wait = limiter.tryAcquireNanos("a");
      if (wait == 0) {
        rule.admittedAt(ticker.nanos());
      } else {
        ticker.advanceNanos(wait);
      }
    }
    BigInteger behind =
        rule.allowed(ticker.nanos(), 2).subtract(BigInteger.valueOf(rule.admitted()));
    assertThat(behind).isBetween(BigInteger.ZERO, BigInteger.ONE);
    assertThat(rule.broken()).isEmpty();
  }

  @ParameterizedTest
  @CsvSource(textBlock = RATES)
  void g3_aNanosecondLessThanToldIsRefused(int perMinute, int burst) {
    GcraRateLimiter limiter = new GcraRateLimiter(perMinute, Math.min(burst, 1000), 10, ticker);
    long wait = limiter.tryAcquireNanos("a");
    while (wait == 0) {
      wait = limiter.tryAcquireNanos("a");
    }
    ticker.advanceNanos(wait - 1);
    assertThat(limiter.peekNanos("a")).isEqualTo(1);
    assertThat(limiter.tryAcquireNanos("a")).isEqualTo(1);
    ticker.advanceNanos(1);
    assertThat(limiter.peekNanos("a")).isZero();
    assertThat(limiter.tryAcquireNanos("a")).isZero();
  }

  @Test
  void g3_theWaitIsTheTimeToTheNextPermit() {
    GcraRateLimiter limiter = new GcraRateLimiter(100, 20, 10, ticker);
    for (int i = 0; i < 20; i++) {
      assertThat(limiter.tryAcquireNanos("a")).isZero();
    }
    assertThat(limiter.tryAcquireNanos("a")).isEqualTo(600_000_000L);
    ticker.advance(Duration.ofMillis(250));
    assertThat(limiter.tryAcquireNanos("a")).isEqualTo(350_000_000L);
  }

  @Test
  void g3_theTickersOriginDoesNotMatter() {
    for (long origin : new long[] {Long.MIN_VALUE, -1, Long.MAX_VALUE - 5}) {
      FakeTicker odd = new FakeTicker(origin);
      GcraRateLimiter limiter = new GcraRateLimiter(60, 1, 10, odd);
      assertThat(limiter.tryAcquireNanos("a")).isZero();
      odd.advanceNanos(10);
      assertThat(limiter.tryAcquireNanos("a")).isEqualTo(999_999_990L);
    }
  }

  @Test
  void g3_theLargestBurstAtTheSlowestRateDoesNotOverflow() {
    GcraRateLimiter limiter = new GcraRateLimiter(1, Integer.MAX_VALUE, 10, ticker);
    for (int i = 0; i < 10_000; i++) {
      assertThat(limiter.tryAcquireNanos("a")).isZero();
    }
    ticker.advanceNanos(Long.MAX_VALUE / 2);
    assertThat(limiter.tryAcquireNanos("a")).isZero();
    ticker.advanceNanos(Long.MAX_VALUE / 2);
    assertThat(limiter.tryAcquireNanos("a")).isZero();
  }

  @Test
  void g4_aFloodOfNamesIsBoundedAndLimited() {
    GcraRateLimiter limiter = new GcraRateLimiter(100, 20, 10_000, ticker);
    for (int i = 0; i < 15; i++) {
      assertThat(limiter.tryAcquireNanos("honest")).isZero();
    }
    long admitted = 0;
    for (int i = 0; i < 200_000; i++) {
      admitted += limiter.tryAcquireNanos("made-up-" + i) == 0 ? 1 : 0;
      assertThat(limiter.trackedKeys()).isLessThanOrEqualTo(10_000);
    }
    assertThat(admitted).isLessThanOrEqualTo(10_000 + 256 * 20);
    for (int i = 0; i < 5; i++) {
      assertThat(limiter.tryAcquireNanos("honest")).isZero();
    }
    assertThat(limiter.tryAcquireNanos("honest")).isEqualTo(600_000_000L);
  }

  @Test
  void g5_roomIsGivenBackOnceBucketsAreFull() {
    GcraRateLimiter limiter = new GcraRateLimiter(60, 2, 10, ticker);
    for (int i = 0; i < 50; i++) {
      limiter.tryAcquireNanos("made-up-" + i);
    }
    assertThat(limiter.trackedKeys()).isEqualTo(10);
    ticker.advance(Duration.ofMinutes(5));
    limiter.tryAcquireNanos("late");
    assertThat(limiter.trackedKeys()).as("five kept for an hour, and the new one").isEqualTo(6);
    ticker.advance(Duration.ofMinutes(60));
    limiter.tryAcquireNanos("later");
    limiter.tryAcquireNanos("latest");
    assertThat(limiter.trackedKeys()).isEqualTo(2);
  }

  @Test
  void g5_aKeyThatMovesToASharedBucketAndBackKeepsWhatItOwes() {
    GcraRateLimiter limiter = new GcraRateLimiter(60, 3, 2, ticker);
    limiter.tryAcquireNanos("x");
    limiter.tryAcquireNanos("y");
    WindowRule rule = new WindowRule(60, 3);
    // No room: a shared bucket.
    for (int i = 0; i < 3; i++) {
      assertThat(limiter.tryAcquireNanos("a")).isZero();
      rule.admittedAt(ticker.nanos());
    }
    assertThat(limiter.trackedKeys()).isEqualTo(2);
    ticker.advance(Duration.ofMillis(1500));
    // Now there is room, since x or y is full again, but not for a fresh burst.
    for (int i = 0; i < 10; i++) {
      if (limiter.tryAcquireNanos("a") == 0) {
        rule.admittedAt(ticker.nanos());
      }
    }
    assertThat(rule.broken()).isEmpty();
    assertThat(rule.admitted()).isEqualTo(4);
  }

  @Test
  void g5_oneBucketPerKeyWhenItIsDroppedUnderARequestsHands() {
    InterruptingTicker interrupting = new InterruptingTicker();
    GcraRateLimiter limiter = new GcraRateLimiter(60, 2, 1, interrupting);
    assertThat(limiter.tryAcquireNanos("a")).isZero();
    AtomicInteger admitted = new AtomicInteger();
    // The next request of "a" holds its bucket; then time passes, and others come in between.
    interrupting.whenReadNext(
        () -> {
          interrupting.now += Duration.ofSeconds(10).toNanos();
          // Takes the single place, as a's bucket is full again.
          limiter.tryAcquireNanos("b");
          interrupting.now += Duration.ofSeconds(10).toNanos();
          for (int i = 0; i < 5; i++) {
            admitted.addAndGet(limiter.tryAcquireNanos("a") == 0 ? 1 : 0);
          }
        });
    boolean heldRequest = limiter.tryAcquireNanos("a") == 0;
    assertThat(heldRequest).isFalse();
    assertThat(admitted).hasValue(2);
  }

  @Test
  void g5_noPermitIsInventedWhileKeysComeAndGo() throws Exception {
    // One microsecond between permits, one nanosecond per reading: buckets fill and drop
    // throughout.
    int burst = 2;
    AtomicLong clock = new AtomicLong();
    Ticker moving = () -> clock.addAndGet(7);
    GcraRateLimiter limiter = new GcraRateLimiter(60_000_000, burst, 8, moving);
    int keys = 40;
    AtomicIntegerArray admitted = new AtomicIntegerArray(keys);
    inParallel(
        8,
        thread -> {
          Random random = new Random(thread);
          for (int i = 0; i < 100_000; i++) {
            int key = (int) Math.min(keys - 1, Math.abs(random.nextGaussian()) * 8);
            if (limiter.tryAcquireNanos("key-" + key) == 0) {
              admitted.incrementAndGet(key);
            }
            if (limiter.trackedKeys() > 8) {
              throw new AssertionError(limiter.toString());
            }
          }
        });
    long allowed = clock.get() / 1000 + burst;
    Map<Integer, Integer> over = new HashMap<>();
    for (int key = 0; key < keys; key++) {
      if (admitted.get(key) > allowed) {
        over.put(key, admitted.get(key));
      }
    }
    assertThat(over).as("allowed: " + allowed).isEmpty();
    assertThat(admitted.get(0)).isPositive();
  }

  @Test
  void g6_aKnownKeyThatPausedIsNotPushedOutByAFlood() {
    GcraRateLimiter limiter = new GcraRateLimiter(1, 2, 100, ticker);
    limiter.tryAcquireNanos("honest");
    // Full again long since, so it could be dropped; the flood would take its place and the rest.
    ticker.advance(Duration.ofMinutes(50));
    for (int i = 0; i < 20_000; i++) {
      limiter.tryAcquireNanos("made-up-" + i);
    }
    assertThat(limiter.tryAcquireNanos("honest")).isZero();
    assertThat(limiter.tryAcquireNanos("honest")).isZero();
    assertThat(limiter.tryAcquireNanos("honest")).isPositive();
  }

  @Test
  void aFewLongLivedKeysNeedNoMoreThanTheirOwnRoom() {
    GcraRateLimiter limiter = new GcraRateLimiter(60, 1, 100, ticker);
    for (int i = 0; i < 10_000; i++) {
      limiter.tryAcquireNanos("key-" + (i % 3));
      ticker.advance(Duration.ofMinutes(i % 100));
      assertThat(limiter.trackedKeys()).isLessThanOrEqualTo(3);
    }
  }

  @ParameterizedTest
  @CsvSource({"0, 1, 1, perMinute", "1, 0, 1, burst", "1, 1, 0, maxKeys"})
  void numbersBelowOneAreRefusedByName(int perMinute, int burst, int maxKeys, String name) {
    assertThatThrownBy(() -> new GcraRateLimiter(perMinute, burst, maxKeys, ticker))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(name + " is 0 (expected: at least 1)");
  }

  @Test
  void theLimitIsSaidInWords() {
    assertThat(new GcraRateLimiter(100, 20, 1, ticker).describe())
        .isEqualTo("100 requests a minute, 20 at once");
    assertThat(new GcraRateLimiter(1, 1, 1, ticker).describe())
        .isEqualTo("1 request a minute, 1 at once");
  }

  private interface ThreadWork {
    void run(int thread);
  }

  private static void inParallel(int count, ThreadWork work) throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(count);
    try {
      CountDownLatch ready = new CountDownLatch(count);
      List<Future<?>> running = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        int thread = i;
        BooleanSupplier together =
            () -> {
              try {
                ready.countDown();
                return ready.await(30, TimeUnit.SECONDS);
              } catch (InterruptedException e) {
                return false;
              }
            };
        running.add(
            threads.submit(
                () -> {
                  assertThat(together.getAsBoolean()).isTrue();
                  work.run(thread);
                }));
      }
      for (Future<?> each : running) {
        each.get(60, TimeUnit.SECONDS);
      }
    } finally {
      threads.shutdownNow();
    }
  }

  /** Runs something in the middle of a request: where the request reads the time. */
  private static final class InterruptingTicker implements Ticker {
    private long now;
    private Runnable next = () -> {};

    void whenReadNext(Runnable action) {
      next = action;
    }

    @Override
    public long nanos() {
      Runnable action = next;
      next = () -> {};
      action.run();
      return now;
    }
  }
}
