package io.streamrelay.testkit;

import io.streamrelay.Ticker;
import java.time.Duration;
import java.util.Comparator;
import java.util.PriorityQueue;
import org.jspecify.annotations.Nullable;

/**
 * Stands still until a test advances it, and runs what a {@link FakeScheduler} has due by then.
 *
 * <p>Thread-safe; tasks run on the thread that advances, one after another in time order, each
 * while the ticker shows its own time. What a task throws reaches the test.
 */
public final class FakeTicker implements Ticker {
  private final PriorityQueue<Task> tasks =
      new PriorityQueue<>(
          Comparator.<Task>comparingLong(task -> task.elapsedNanos)
              .thenComparingLong(task -> task.number));
  private final long origin;
  private long elapsedNanos;
  private long made;

  /** Starts at zero. */
  public FakeTicker() {
    this(0);
  }

  /**
   * Starts anywhere.
   *
   * @param origin first reading, in nanoseconds; any value, since only differences count
   */
  public FakeTicker(long origin) {
    this.origin = origin;
  }

  @Override
  public synchronized long nanos() {
    return origin + elapsedNanos;
  }

  /**
   * Moves on, running what becomes due.
   *
   * @param time zero or more; with zero, runs what is due already
   */
  public void advance(Duration time) {
    advanceNanos(time.toNanos());
  }

  /**
   * Moves on, running what becomes due.
   *
   * @param nanos nanoseconds, zero or more; with zero, runs what is due already
   */
  public void advanceNanos(long nanos) {
    if (nanos < 0) {
      throw new IllegalArgumentException("advance by " + nanos + " ns (expected: zero or more)");
    }
    long target;
    synchronized (this) {
      target = Math.addExact(elapsedNanos, nanos);
    }
    Task due = nextDue(target);
    while (due != null) {
      due.action.run();
      due = nextDue(target);
    }
  }

  private synchronized @Nullable Task nextDue(long target) {
    Task next = tasks.peek();
    if (next == null || next.elapsedNanos > target) {
      elapsedNanos = Math.max(elapsedNanos, target);
      return null;
    }
    elapsedNanos = Math.max(elapsedNanos, next.elapsedNanos);
    return tasks.poll();
  }

  synchronized Task add(long delayNanos, Runnable action) {
    long delay = Math.max(0, delayNanos);
    long due = delay > Long.MAX_VALUE - elapsedNanos ? Long.MAX_VALUE : elapsedNanos + delay;
    Task task = new Task(due, made++, action);
    tasks.add(task);
    return task;
  }

  synchronized boolean remove(Task task) {
    return tasks.remove(task);
  }

  /** One thing to run; equal only to itself. */
  static final class Task {
    private final long elapsedNanos;
    private final long number;
    private final Runnable action;

    private Task(long elapsedNanos, long number, Runnable action) {
      this.elapsedNanos = elapsedNanos;
      this.number = number;
      this.action = action;
    }
  }
}
