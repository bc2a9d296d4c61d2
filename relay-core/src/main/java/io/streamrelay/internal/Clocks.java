package io.streamrelay.internal;

import io.streamrelay.Scheduler;
import io.streamrelay.Ticker;
import io.streamrelay.route.Route;
import io.streamrelay.route.Timeouts;
import java.time.Duration;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Watches one exchange's clocks with a single timer: the four of the route, how long a write waits
 * for the client, and when the client is to hear something.
 *
 * <p>Moving bytes only store a time; the timer looks again when it fires, so that a chunk costs no
 * scheduling. It fires no later than any clock could run out that begins only now, so that a write
 * that has to wait for its client costs none either.
 *
 * <p>While a write waits for the client the upstream is not being read, so its silence is not
 * counted: the idle clock stands still and the stall clock runs.
 *
 * <p>Thread-safe: marks come from I/O threads, the timer from its own. What says so is for the
 * thread that owns the client's response only.
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

  /**
   * How patient a route is.
   *
   * @param timeouts the four clocks
   * @param stall for one write that waits for the client
   * @param heartbeat between two things that the client gets
   * @param commitAfter until a client that asked for a stream is told 200
   */
  record Limits(Timeouts timeouts, Duration stall, Duration heartbeat, Duration commitAfter) {
    static Limits of(@Nullable Route route) {
      return route == null
          ? new Limits(Timeouts.DEFAULT, Timeouts.DEFAULT.idle(), Duration.ZERO, Duration.ZERO)
          : new Limits(
              route.timeouts(), route.stallLimit(), route.heartbeat(), route.commitAfter());
    }
  }

  private final Ticker ticker;
  private final Scheduler scheduler;
  private final Limits limits;
  private final Timeouts timeouts;
  private final UploadPace pace;
  private final Consumer<Stop> onExpiry;
  private final Runnable onFinishExpiry;
  private final Runnable onTurn;
  private final long startNanos;

  private volatile Waiting waiting = Waiting.POLICY;
  private volatile long sinceNanos;
  private volatile long finishNanos;

  private volatile boolean mayCommit;
  private volatile boolean beating;
  private volatile boolean blocked;
  private volatile long blockedSince;

  /** When the client got something last; written by its owner, published by another mark. */
  private long writtenNanos;

  /** When a turn was asked for, or used, last. */
  private volatile long turnNanos;

  // Owned by the thread that owns the client's response.
  private long blockedNanos;

  // Guarded by this: held for a few instructions, never during I/O.
  private Scheduler.@Nullable Cancellable timer;
  private long timerAt;

  /**
   * @param ticker the relay's
   * @param scheduler the relay's
   * @param limits the route's
   * @param pace of the request body, while that is waited for
   * @param onExpiry told which clock ran out
   * @param onFinishExpiry told when the end has taken too long
   * @param onTurn told when {@link #isCommitDue} or {@link #isBeatDue} may have turned true
   */
  Clocks(
      Ticker ticker,
      Scheduler scheduler,
      Limits limits,
      UploadPace pace,
      Consumer<Stop> onExpiry,
      Runnable onFinishExpiry,
      Runnable onTurn) {
    this.ticker = ticker;
    this.scheduler = scheduler;
    this.limits = limits;
    this.timeouts = limits.timeouts();
    this.pace = pace;
    this.onExpiry = onExpiry;
    this.onFinishExpiry = onFinishExpiry;
    this.onTurn = onTurn;
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

  /** The request is sent once more, and a connection is waited for once more. */
  synchronized void awaitAgain() {
    waiting = Waiting.CONNECTION;
    await(Waiting.CONNECTION);
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

  // ---- what the owner of the client's response says and asks

  /** A stream was asked for: its client may be told 200 before the upstream answers. */
  void allowCommit() {
    mayCommit = !limits.commitAfter().isZero();
  }

  /** Whether the upstream has had its time to answer before the client is told something. */
  boolean isCommitDue() {
    return !limits.commitAfter().isZero()
        && waiting == Waiting.HEAD
        && expired(ticker.nanos(), sinceNanos, limits.commitAfter());
  }

  /** The client has a head, and behind it a stream of events that may take comments. */
  void startBeating() {
    if (!limits.heartbeat().isZero()) {
      wrote(ticker.nanos());
      beating = true;
      arm(waiting);
    }
  }

  /** Whether the client has got nothing for so long that a comment is due. */
  boolean isBeatDue() {
    return beating && expired(ticker.nanos(), writtenNanos, limits.heartbeat());
  }

  /** A comment was written, which says nothing of the upstream. */
  void beat() {
    wrote(ticker.nanos());
  }

  private void wrote(long now) {
    writtenNanos = now;
    turnNanos = now;
  }

  /**
   * A chunk of the upstream's was written.
   *
   * @return the ticker's reading
   */
  long chunkWritten() {
    long now = ticker.nanos();
    writtenNanos = now;
    sinceNanos = now;
    return now;
  }

  /** A write waits for the client. */
  void block() {
    blockedSince = ticker.nanos();
    blocked = true;
    if (waiting == Waiting.HEAD) {
      // The timer did not know that there could be one before the upstream's head.
      arm(Waiting.HEAD);
    }
  }

  /** The client has taken it. */
  void unblock() {
    long now = ticker.nanos();
    blockedNanos += now - blockedSince;
    writtenNanos = now;
    if (waiting == Waiting.BODY) {
      // The silence from before counts on.
      sinceNanos = now - Math.max(0, blockedSince - sinceNanos);
    }
    blocked = false;
  }

  /** Whether a write waits for the client now. */
  boolean isBlocked() {
    return blocked;
  }

  /** Nanoseconds in which a write waited for the client, until now. */
  long blockedNanos() {
    return blocked ? blockedNanos + (ticker.nanos() - blockedSince) : blockedNanos;
  }

  // ---- the timer

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
    } else {
      Stop reason = expired(what, now);
      if (reason != null) {
        onExpiry.accept(reason);
        return;
      }
      if (turnLeft(what, now) <= 0) {
        mayCommit = false;
        turnNanos = now;
        onTurn.run();
      }
    }
    rearm();
  }

  private @Nullable Stop expired(Waiting what, long now) {
    if (expired(now, startNanos, timeouts.total())) {
      return Stop.TOTAL_TIMEOUT;
    }
    boolean waitsForClient = blocked;
    if (waitsForClient && expired(now, blockedSince, limits.stall())) {
      return Stop.CLIENT_STALLED;
    }
    if (isUpload(what) && pace.isTooSlow(now)) {
      return Stop.REQUEST_TIMEOUT;
    }
    boolean standsStill = waitsForClient && what == Waiting.BODY;
    return !standsStill && expired(now, sinceNanos, limit(what)) ? reason(what) : null;
  }

  private synchronized void rearm() {
    arm(waiting);
  }

  /** Nanoseconds until the next clock can run out. */
  private long left(long now) {
    Waiting what = waiting;
    if (what == Waiting.NOTHING) {
      return OFF;
    }
    if (what == Waiting.FINISH) {
      return finishNanos - now;
    }
    boolean waitsForClient = blocked;
    boolean standsStill = waitsForClient && what == Waiting.BODY;
    long left = left(now, standsStill ? now : sinceNanos, limit(what));
    if (waitsForClient || what == Waiting.BODY) {
      left = Math.min(left, left(now, waitsForClient ? blockedSince : now, limits.stall()));
    }
    left = Math.min(left, left(now, startNanos, timeouts.total()));
    if (isUpload(what)) {
      left = Math.min(left, pace.left(now));
    }
    return Math.min(left, turnLeft(what, now));
  }

  /** Nanoseconds until the client is to hear something. */
  private long turnLeft(Waiting what, long now) {
    if (mayCommit && what == Waiting.HEAD) {
      return left(now, sinceNanos, limits.commitAfter());
    }
    if (!beating) {
      return OFF;
    }
    long turn = turnNanos;
    long written = writtenNanos;
    return left(now, turn - written > 0 ? turn : written, limits.heartbeat());
  }

  private static long left(long now, long since, Duration limit) {
    return limit.isZero() ? OFF : limit.toNanos() - (now - since);
  }

  private static boolean isUpload(Waiting what) {
    return what == Waiting.REQUEST_BODY || what == Waiting.UPLOAD;
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
