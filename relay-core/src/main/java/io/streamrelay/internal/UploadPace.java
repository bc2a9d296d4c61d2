package io.streamrelay.internal;

import io.streamrelay.Ticker;
import java.time.Duration;

/**
 * Tells a request body that comes slowly from one that is kept up for ever.
 *
 * <p>A clock that every byte winds up again does not bound a body whose client sends a byte now and
 * then. So what is measured is the time in which the client is what all wait for: it may be {@link
 * #GRACE} in all, and a second more for every so many bytes that came. What is saved up by them is
 * never worth more than the longest pause that is allowed, else a large body could be followed by
 * hours of nearly nothing.
 *
 * <p>Time in which the upstream does not take more is not counted. The clock is read when the
 * client is first waited for and when its next bytes come, not for those that are here already.
 *
 * <p>Marks come from whoever reads the body, one at a time; the questions from a timer's thread.
 */
final class UploadPace {
  /** Enough for a connection that is slow to begin, or that loses its first packets. */
  static final Duration GRACE = Duration.ofSeconds(30);

  /** So often is enough to look at a client that sends just fast enough. */
  private static final long LEAST_LOOK_NANOS = 1_000_000_000L;

  private static final long SECOND_NANOS = 1_000_000_000L;

  private static final Duration NO_PAUSE_IS_TOO_LONG = Duration.ofDays(365);

  private final Ticker ticker;
  private final long bytesPerSecond;
  private final long mostNanos;

  /** How long the client may still be waited for; negative if that was too long. */
  private volatile long leftNanos = GRACE.toNanos();

  /** While starved, when that is over; written before the flag, so that it is never too early. */
  private volatile long overNanos;

  private volatile boolean starved;

  /** Written and read by whoever reads the body. */
  private long starvedSince;

  /**
   * @param ticker the relay's
   * @param bytesPerSecond what a client must keep up on average; 0 for nothing
   * @param longestPause how long it may pause; zero for ever
   */
  UploadPace(Ticker ticker, long bytesPerSecond, Duration longestPause) {
    this.ticker = ticker;
    this.bytesPerSecond = bytesPerSecond;
    Duration most = longestPause.isZero() ? NO_PAUSE_IS_TOO_LONG : longestPause;
    this.mostNanos = Math.max(GRACE.toNanos(), most.toNanos());
  }

  /** The client was asked for bytes and has none yet. */
  void starve() {
    if (!starved) {
      starvedSince = ticker.nanos();
      overNanos = starvedSince + leftNanos;
      starved = true;
    }
  }

  /** Bytes came, or the end if there were none. */
  void feed(int bytes) {
    if (bytesPerSecond > 0) {
      long waited = starved ? ticker.nanos() - starvedSince : 0;
      long earned = bytes * SECOND_NANOS / bytesPerSecond;
      leftNanos = Math.min(mostNanos, leftNanos - waited + earned);
    }
    starved = false;
  }

  /** Whether the client is what all wait for. */
  boolean isStarved() {
    return starved;
  }

  /** Whether the client was waited for longer than what it sent is worth. */
  boolean isTooSlow(long now) {
    if (bytesPerSecond == 0) {
      return false;
    }
    return starved ? now - overNanos >= 0 : leftNanos < 0;
  }

  /** Nanoseconds until {@link #isTooSlow} is worth asking; {@code Long.MAX_VALUE} for never. */
  long left(long now) {
    if (bytesPerSecond == 0) {
      return Long.MAX_VALUE;
    }
    return Math.max(LEAST_LOOK_NANOS, starved ? overNanos - now : leftNanos);
  }
}
