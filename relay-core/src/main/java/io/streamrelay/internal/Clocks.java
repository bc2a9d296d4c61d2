package io.streamrelay.internal;

import io.streamrelay.Scheduler;
import io.streamrelay.Ticker;
import io.streamrelay.route.Timeouts;
import java.time.Duration;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Watches one exchange's four clocks with a single timer.
 *
 * <p>Moving bytes only store a time; the timer looks again when it fires, so that a chunk costs no
 * scheduling. Thread-safe: marks come from I/O threads, the timer from its own.
 */
final class Clocks {
  /**
   * Of a time that is left: for ever. Points in time have no such value, for a ticker may show any.
   */
  private static final long OFF = Long.MAX_VALUE;

  /** What the exchange waits for, in the order of its life. */
  enum Waiting {
    POLICY,
    REQUEST_BODY,
    BODY_POLICY,
    CONNECTION,
    /** The rest of a large request body is on its way to the upstream. */
    UPLOAD,
    HEAD,
    BODY,
    /** The end is being written; this one clock is not the route's. */
    FINISH,
    NOTHING
  }

  private final Ticker ticker;
  private final Scheduler scheduler;
  private final Timeouts timeouts;
  private final Consumer<Stop> onExpiry;
  private final Runnable onFinishExpiry;
  private final long startNanos;

  private volatile Waiting waiting = Waiting.POLICY;
  private volatile long sinceNanos;
  private volatile long finishNanos;

  // Guarded by this: held for a few instructions, never during I/O.
  private Scheduler.@Nullable Cancellable timer;
  private long timerAt;

  Clocks(
      Ticker ticker,
      Scheduler scheduler,
      Timeouts timeouts,
      Consumer<Stop> onExpiry,
      Runnable onFinishExpiry) {
    this.ticker = ticker;
    this.scheduler = scheduler;
    this.timeouts = timeouts;
    this.onExpiry = onExpiry;
    this.onFinishExpiry = onFinishExpiry;
    this.startNanos = ticker.nanos();
    this.sinceNanos = startNanos;
  }

  /** Something moved. */
  void touch() {
    sinceNanos = ticker.nanos();
  }

  /**
   * The exchange now waits for something else, from now on. It never waits for something earlier
   * again: the upload may end on one thread while the answer begins on another.
   */
  void await(Waiting what) {
    sinceNanos = ticker.nanos();
    arm(what);
  }

  /** The answer is being ended and has this long to leave. */
  void awaitFinish(Duration limit) {
    finishNanos = ticker.nanos() + limit.toNanos();
    arm(Waiting.FINISH);
  }

  /** No clock runs any more. */
  synchronized void stop() {
    waiting = Waiting.NOTHING;
    if (timer != null) {
      timer.cancel();
      timer = null;
    }
  }

  private synchronized void arm(Waiting what) {
    if (what.compareTo(waiting) < 0) {
      return;
    }
    waiting = what;
    long now = ticker.nanos();
    long left = left(now);
    if (left == OFF || (timer != null && timerAt - (now + left) <= 0)) {
      return;
    }
    if (timer != null) {
      timer.cancel();
    }
    timerAt = now + left;
    timer = scheduler.schedule(left, this::look);
  }

  private void look() {
    synchronized (this) {
      timer = null;
    }
    Waiting what = waiting;
    if (what == Waiting.NOTHING) {
      return;
    }
    long now = ticker.nanos();
    if (what == Waiting.FINISH) {
      if (now - finishNanos >= 0) {
        onFinishExpiry.run();
        return;
      }
    } else if (expired(now, startNanos, timeouts.total())) {
      onExpiry.accept(Stop.TOTAL_TIMEOUT);
      return;
    } else if (expired(now, sinceNanos, limit(what))) {
      onExpiry.accept(reason(what));
      return;
    }
    rearm();
  }

  private synchronized void rearm() {
    arm(waiting);
  }

  /** Nanoseconds until the next clock runs out. */
  private long left(long now) {
    Waiting what = waiting;
    if (what == Waiting.NOTHING) {
      return OFF;
    }
    if (what == Waiting.FINISH) {
      return finishNanos - now;
    }
    return Math.min(left(now, sinceNanos, limit(what)), left(now, startNanos, timeouts.total()));
  }

  private static long left(long now, long since, Duration limit) {
    return limit.isZero() ? OFF : limit.toNanos() - (now - since);
  }

  private Duration limit(Waiting what) {
    return switch (what) {
      case CONNECTION -> timeouts.connect();
      case HEAD -> timeouts.firstByte();
      default -> timeouts.idle();
    };
  }

  private static Stop reason(Waiting what) {
    return switch (what) {
      case POLICY, BODY_POLICY -> Stop.POLICY_TIMEOUT;
      case REQUEST_BODY -> Stop.REQUEST_TIMEOUT;
      case CONNECTION -> Stop.CONNECT_TIMEOUT;
      case HEAD -> Stop.FIRST_BYTE_TIMEOUT;
      default -> Stop.IDLE_TIMEOUT;
    };
  }

  private static boolean expired(long now, long since, Duration limit) {
    return !limit.isZero() && now - since >= limit.toNanos();
  }
}
