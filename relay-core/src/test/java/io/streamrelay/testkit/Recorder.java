package io.streamrelay.testkit;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/**
 * Notes what happens to a fake, and waits for more of it under a limit whose failure prints the
 * notes.
 *
 * <p>Also the lock that guards the fake's state: every change is made and noted while holding it.
 */
final class Recorder {
  static final long LIMIT_SECONDS = 10;
  private static final int MAX_NOTES = 100;

  private final String who;
  private final long startNanos = System.nanoTime();
  private final Deque<String> notes = new ArrayDeque<>();
  private long forgotten;

  Recorder(String who) {
    this.who = who;
  }

  synchronized void note(String what) {
    if (notes.size() == MAX_NOTES) {
      notes.removeFirst();
      forgotten++;
    }
    long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - startNanos);
    notes.add(millis + " ms " + what);
    notifyAll();
  }

  /** Waits until it holds; it is asked while this lock is held. */
  synchronized void await(String what, BooleanSupplier holds) {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(LIMIT_SECONDS);
    while (!holds.getAsBoolean()) {
      long left = deadline - System.nanoTime();
      if (left <= 0) {
        throw new AssertionError(
            who + ": waited " + LIMIT_SECONDS + " s for " + what + "; recorded: " + this);
      }
      pause(left);
    }
  }

  /** Waits until nothing was noted for a while: the one thing that only time can tell. */
  synchronized void awaitQuiet(String what) {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(LIMIT_SECONDS);
    long quiet = TimeUnit.MILLISECONDS.toNanos(300);
    long seen = total();
    long since = System.nanoTime();
    while (System.nanoTime() - since < quiet) {
      if (System.nanoTime() > deadline) {
        throw new AssertionError(who + ": never quiet, for " + what + "; recorded: " + this);
      }
      pause(quiet);
      if (total() != seen) {
        seen = total();
        since = System.nanoTime();
      }
    }
  }

  /**
   * Waits until something is noted or the time is over.
   *
   * @return false if it was interrupted
   */
  static boolean waitFor(Recorder held, long nanos) {
    try {
      // At least a millisecond: zero would wait forever.
      TimeUnit.NANOSECONDS.timedWait(held, Math.max(1_000_000, nanos));
      return true;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  private long total() {
    return forgotten + notes.size();
  }

  private synchronized void pause(long nanos) {
    if (!waitFor(this, nanos)) {
      throw new AssertionError(who + ": interrupted; recorded: " + this);
    }
  }

  @Override
  public synchronized String toString() {
    return (forgotten > 0 ? "(" + forgotten + " earlier) " : "") + String.join("; ", notes);
  }
}
