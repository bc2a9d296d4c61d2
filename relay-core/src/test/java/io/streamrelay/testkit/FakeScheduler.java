package io.streamrelay.testkit;

import io.streamrelay.Scheduler;
import java.util.LinkedHashSet;
import java.util.Set;

/**
 * Runs tasks when a {@link FakeTicker} is advanced past their time, on the thread that advances it.
 *
 * <p>Thread-safe. A task without delay runs at the next advance, be it by zero: never inside {@link
 * #schedule}, as with the real one.
 */
public final class FakeScheduler implements Scheduler {
  private final FakeTicker ticker;
  private final Set<FakeTicker.Task> pending = new LinkedHashSet<>();
  private boolean closed;

  /**
   * Makes a scheduler.
   *
   * @param ticker whose time it goes by; several may share one
   */
  public FakeScheduler(FakeTicker ticker) {
    this.ticker = ticker;
  }

  @Override
  public synchronized Cancellable schedule(long delayNanos, Runnable task) {
    if (closed) {
      return () -> {};
    }
    FakeTicker.Task[] self = new FakeTicker.Task[1];
    FakeTicker.Task added =
        ticker.add(
            delayNanos,
            () -> {
              if (forget(self)) {
                task.run();
              }
            });
    self[0] = added;
    pending.add(added);
    return () -> {
      if (forget(self)) {
        ticker.remove(added);
      }
    };
  }

  private synchronized boolean forget(FakeTicker.Task[] task) {
    return pending.remove(task[0]);
  }

  /**
   * Returns how many tasks are still to run: after a test, a sign of a timer nobody took back.
   *
   * @return zero or more
   */
  public synchronized int pendingTasks() {
    return pending.size();
  }

  @Override
  public synchronized void close() {
    closed = true;
    pending.forEach(ticker::remove);
    pending.clear();
  }
}
