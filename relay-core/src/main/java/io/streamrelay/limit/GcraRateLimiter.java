package io.streamrelay.limit;

import io.streamrelay.Ticker;
import java.util.Objects;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReferenceFieldUpdater;

/**
 * Holds every key to an exact rate with an exact burst; the default engine.
 *
 * <p>The generic cell rate algorithm (ITU-T I.371, "virtual scheduling"): a key's whole state is
 * its theoretical arrival time, the moment its bucket is full again. Numbered rules, each with a
 * test:
 *
 * <ul>
 *   <li>G1: in any window of {@code t} a key is admitted at most {@code rate * t + burst} times, at
 *       most {@code burst} of them at once.
 *   <li>G2: a key that asks whenever it was told to is never more than one request behind that, for
 *       any rate: the time between two permits is kept as a whole number of nanoseconds and a
 *       fraction of {@code 1/perMinute}, so nothing drifts. (With {@code burst} 1 each wait is
 *       rounded up to the clock's nanosecond, which G1 needs.)
 *   <li>G3: the wait that is returned is exact: a nanosecond earlier is refused.
 *   <li>G4: at most {@code maxKeys} keys have state of their own. Those beyond share 256 buckets,
 *       so a flood of made-up names is held to at most 256 times the rate and is never unlimited.
 *   <li>G5: state is dropped only when the bucket is full again, which is the same as no state. A
 *       key that moves to a shared bucket and back keeps what it owes, so G1 holds throughout.
 *   <li>G6: the first {@code maxKeys / 2} keys are kept for an hour after their last request, so a
 *       flood takes the other half of the room, and a known key that pauses does not come back into
 *       a bucket it shares with the flood.
 * </ul>
 *
 * <p><b>Threads.</b> Thread-safe. A known key costs a map lookup and one compare-and-set; a new one
 * takes a short lock on one of 256 stripes. Nothing waits for time to pass. There is no thread:
 * each new key looks at a few old ones and drops what is full.
 *
 * <p><b>Limits.</b> A burst that would take more than 73 years to refill counts as 73 years' worth,
 * and so does the time since the limiter was made.
 */
public final class GcraRateLimiter implements RateLimiter {
  private static final long NANOS_PER_MINUTE = 60_000_000_000L;

  /** A quarter of what a {@code long} holds, so that no sum of three overflows. */
  private static final long FOREVER_NANOS = 1L << 61;

  private static final long KEEP_NANOS = 60 * NANOS_PER_MINUTE;
  private static final int SHARED_BUCKETS = 256;
  private static final int INSPECT = 4;
  private static final int INSPECT_WHEN_FULL = 32;

  /** Answer of a bucket that was dropped while somebody still held it. */
  private static final long DROPPED = -1;

  private final int perMinute;
  private final int burst;
  private final int maxKeys;
  private final Ticker ticker;
  private final long origin;

  /** Time between two permits: whole nanoseconds, and 1/perMinute-ths of one. */
  private final long intervalNanos;

  private final long intervalParts;

  /** How far the arrival time may be ahead: {@code (burst - 1)} intervals. */
  private final long toleranceNanos;

  private final long toleranceParts;

  private final ConcurrentHashMap<String, Bucket> buckets = new ConcurrentHashMap<>();
  private final SharedBucket[] shared = new SharedBucket[SHARED_BUCKETS];
  private final Room transientRoom;
  private final Room keptRoom;

  /**
   * Makes a limiter.
   *
   * @param perMinute requests a minute for each key, at least 1
   * @param burst requests a key may send at once, at least 1
   * @param maxKeys keys that have state of their own, at least 1; about 250 bytes each
   * @param ticker tells the time
   */
  public GcraRateLimiter(int perMinute, int burst, int maxKeys, Ticker ticker) {
    this.perMinute = atLeastOne("perMinute", perMinute);
    this.burst = atLeastOne("burst", burst);
    this.maxKeys = atLeastOne("maxKeys", maxKeys);
    this.ticker = Objects.requireNonNull(ticker, "ticker");
    this.origin = ticker.nanos();
    this.intervalNanos = NANOS_PER_MINUTE / perMinute;
    this.intervalParts = NANOS_PER_MINUTE % perMinute;
    long ahead = Math.min(burst - 1L, FOREVER_NANOS / (intervalNanos + 1));
    long parts = ahead * intervalParts;
    this.toleranceNanos = ahead * intervalNanos + parts / perMinute;
    this.toleranceParts = parts % perMinute;
    this.keptRoom = new Room(maxKeys / 2, KEEP_NANOS);
    this.transientRoom = new Room(maxKeys - maxKeys / 2, 0);
    for (int i = 0; i < shared.length; i++) {
      shared[i] = new SharedBucket();
    }
  }

  private static int atLeastOne(String what, int value) {
    if (value < 1) {
      throw new IllegalArgumentException(what + " is " + value + " (expected: at least 1)");
    }
    return value;
  }

  @Override
  public long tryAcquireNanos(String key) {
    Bucket known = buckets.get(key);
    if (known != null) {
      long wait = take(known);
      if (wait != DROPPED) {
        return wait;
      }
    }
    return takeAsNewcomer(key);
  }

  @Override
  public long peekNanos(String key) {
    Bucket known = buckets.get(key);
    if (known != null) {
      Arrival arrival = known.arrival;
      return arrival.isDropped() ? 0 : waitNanos(arrival, now());
    }
    SharedBucket others = sharedBucket(key);
    synchronized (others) {
      return waitNanos(others.arrival, now());
    }
  }

  @Override
  public int trackedKeys() {
    return keptRoom.taken.get() + transientRoom.taken.get();
  }

  @Override
  public String describe() {
    return perMinute
        + (perMinute == 1 ? " request" : " requests")
        + " a minute, "
        + burst
        + " at once";
  }

  /** Says the limit and how much room is taken. */
  @Override
  public String toString() {
    return "GcraRateLimiter(" + describe() + ", " + trackedKeys() + " of " + maxKeys + " keys)";
  }

  private long take(Bucket bucket) {
    long now = now();
    while (true) {
      Arrival arrival = bucket.arrival;
      if (arrival.isDropped()) {
        return DROPPED;
      }
      long wait = waitNanos(arrival, now);
      if (wait > 0) {
        return wait;
      }
      if (bucket.replace(arrival, charged(arrival, now))) {
        return 0;
      }
    }
  }

  /** All first requests of one key meet at one lock, so that it never gets two buckets. */
  private long takeAsNewcomer(String key) {
    dropSomeFullBuckets();
    SharedBucket others = sharedBucket(key);
    synchronized (others) {
      Bucket known = buckets.get(key);
      if (known != null) {
        long wait = take(known);
        if (wait != DROPPED) {
          return wait;
        }
      }
      // Read after the bucket was found missing: whatever was dropped was full before this moment.
      long now = now();
      // What the key may have spent here while there was no room for it is not forgotten.
      Arrival arrival = others.arrival;
      long wait = waitNanos(arrival, now);
      if (wait > 0) {
        return wait;
      }
      Arrival next = charged(arrival, now);
      if (!keptRoom.admit(key, next, buckets) && !transientRoom.admit(key, next, buckets)) {
        others.arrival = next;
      }
      return 0;
    }
  }

  private void dropSomeFullBuckets() {
    int inspect = trackedKeys() < maxKeys ? INSPECT : INSPECT_WHEN_FULL;
    long now = now();
    transientRoom.dropSome(inspect, now, buckets);
    keptRoom.dropSome(inspect, now, buckets);
  }

  private SharedBucket sharedBucket(String key) {
    // Fibonacci hashing: the top bits depend on all bits of the key's hash.
    return shared[(key.hashCode() * 0x9E3779B9) >>> 24];
  }

  private long now() {
    return Math.min(ticker.nanos() - origin, FOREVER_NANOS);
  }

  /** Nanoseconds, rounded up, until {@code arrival - tolerance}; 0 if that is not ahead. */
  private long waitNanos(Arrival arrival, long now) {
    long wait = arrival.nanos - (now + toleranceNanos);
    if (arrival.parts > toleranceParts) {
      wait++;
    }
    return Math.max(0, wait);
  }

  private Arrival charged(Arrival arrival, long now) {
    boolean ahead = arrival.nanos >= now;
    long nanos = (ahead ? arrival.nanos : now) + intervalNanos;
    long parts = (ahead ? arrival.parts : 0) + intervalParts;
    return parts < perMinute
        ? new Arrival(nanos, parts)
        : new Arrival(nanos + 1, parts - perMinute);
  }

  /**
   * When a bucket is full again.
   *
   * @param nanos nanoseconds since the limiter was made
   * @param parts further 1/perMinute-ths of a nanosecond, less than {@code perMinute}; negative if
   *     dropped
   */
  private record Arrival(long nanos, long parts) {
    /** Full since ever. */
    static final Arrival FULL = new Arrival(Long.MIN_VALUE / 4, 0);

    /** Of a bucket that nobody may charge any more. */
    static final Arrival DROPPED = new Arrival(Long.MIN_VALUE / 4, -1);

    boolean isDropped() {
      return parts < 0;
    }

    boolean isAfter(long now) {
      return nanos > now || (nanos == now && parts > 0);
    }
  }

  /** One key's state. */
  private static final class Bucket {
    private static final AtomicReferenceFieldUpdater<Bucket, Arrival> ARRIVAL =
        AtomicReferenceFieldUpdater.newUpdater(Bucket.class, Arrival.class, "arrival");

    private final String key;
    private volatile Arrival arrival;

    Bucket(String key, Arrival arrival) {
      this.key = key;
      this.arrival = arrival;
    }

    boolean replace(Arrival expected, Arrival next) {
      return ARRIVAL.compareAndSet(this, expected, next);
    }

    /** From a full bucket to a dropped one in one step, so no charge is ever lost. */
    boolean drop(long fullSince) {
      Arrival seen = arrival;
      return !seen.isAfter(fullSince) && replace(seen, Arrival.DROPPED);
    }
  }

  /** The state of all keys without room; guarded by itself. */
  private static final class SharedBucket {
    private Arrival arrival = Arrival.FULL;
  }

  /** A number of places, and who has them, oldest look first. */
  private static final class Room {
    private final int places;
    private final long keepNanos;
    private final AtomicInteger taken = new AtomicInteger();
    private final Queue<Bucket> holders = new ConcurrentLinkedQueue<>();

    Room(int places, long keepNanos) {
      this.places = places;
      this.keepNanos = keepNanos;
    }

    boolean admit(String key, Arrival arrival, ConcurrentHashMap<String, Bucket> buckets) {
      int before = taken.getAndUpdate(n -> n < places ? n + 1 : n);
      if (before >= places) {
        return false;
      }
      Bucket bucket = new Bucket(key, arrival);
      buckets.put(key, bucket);
      holders.add(bucket);
      return true;
    }

    void dropSome(int inspect, long now, ConcurrentHashMap<String, Bucket> buckets) {
      for (int i = 0; i < inspect; i++) {
        // Whoever polled a bucket is the only one that may drop it.
        Bucket bucket = holders.poll();
        if (bucket == null) {
          return;
        }
        if (bucket.drop(now - keepNanos)) {
          // Its key may have a new bucket already, which stays.
          buckets.remove(bucket.key, bucket);
          taken.decrementAndGet();
        } else {
          holders.add(bucket);
        }
      }
    }
  }
}
