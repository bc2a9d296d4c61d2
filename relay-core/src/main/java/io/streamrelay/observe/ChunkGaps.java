package io.streamrelay.observe;

import java.util.concurrent.TimeUnit;

/**
 * How long after the one before each chunk of a stream came, counted by length: what OpenTelemetry
 * calls the time per output chunk. A few numbers however long the stream is.
 *
 * <p>Written by whoever hands chunks to the client, one at a time, and read after the end.
 */
public final class ChunkGaps {
  /** Upper bounds in nanoseconds, as OpenTelemetry has them for the time per output token. */
  private static final long[] BOUNDS = {
    millis(10),
    millis(25),
    millis(50),
    millis(75),
    millis(100),
    millis(150),
    millis(200),
    millis(300),
    millis(400),
    millis(500),
    millis(750),
    millis(1000),
    millis(2500)
  };

  private final int[] counts = new int[BOUNDS.length + 1];
  private long sumNanos;

  /** Starts at nothing. */
  public ChunkGaps() {}

  private static long millis(long millis) {
    return TimeUnit.MILLISECONDS.toNanos(millis);
  }

  /**
   * Counts a gap.
   *
   * @param nanos from the chunk before
   */
  public void add(long nanos) {
    int i = 0;
    while (i < BOUNDS.length && nanos > BOUNDS[i]) {
      i++;
    }
    counts[i]++;
    sumNanos += nanos;
  }

  /**
   * Returns how many kinds of length are told apart.
   *
   * @return one more than there are bounds
   */
  public static int kinds() {
    return BOUNDS.length + 1;
  }

  /**
   * Returns the longest gap of a kind.
   *
   * @param kind from 0, the shortest, to {@link #kinds()} less one
   * @return nanoseconds; {@link Long#MAX_VALUE} for the last kind
   */
  public static long boundNanos(int kind) {
    return kind == BOUNDS.length ? Long.MAX_VALUE : BOUNDS[kind];
  }

  /**
   * Returns how many gaps of a kind there were.
   *
   * @param kind from 0, the shortest, to {@link #kinds()} less one
   * @return zero or more
   */
  public int count(int kind) {
    return counts[kind];
  }

  /**
   * Returns how long all gaps were together.
   *
   * @return nanoseconds
   */
  public long sumNanos() {
    return sumNanos;
  }
}
