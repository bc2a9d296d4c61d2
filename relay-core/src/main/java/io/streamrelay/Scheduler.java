package io.streamrelay;

import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * Runs things later, so that tests can make "later" happen by hand.
 *
 * <p>Thread-safe. Tasks are short and never block.
 */
public interface Scheduler extends AutoCloseable {
  /**
   * Runs a task once.
   *
   * @param delayNanos nanoseconds from now; zero or less means at once, on another thread
   * @param task what to run; dropped if the scheduler is closed
   * @return a handle that takes the task back
   */
  Cancellable schedule(long delayNanos, Runnable task);

  /** Drops what is still to run and ends the thread. Idempotent. */
  @Override
  void close();

  /** A task that can be taken back. */
  @FunctionalInterface
  interface Cancellable {
    /** Drops the task unless it has begun. */
    void cancel();
  }

  /**
   * Returns a scheduler with one daemon thread of its own.
   *
   * @return the scheduler; to be closed
   */
  static Scheduler create() {
    ScheduledThreadPoolExecutor executor =
        new ScheduledThreadPoolExecutor(
            1,
            task -> {
              Thread thread = new Thread(task, "relay-scheduler");
              thread.setDaemon(true);
              // Started by some request's thread, it must not hold that one's web application.
              thread.setContextClassLoader(Scheduler.class.getClassLoader());
              return thread;
            });
    // Timers of ended exchanges must not pile up until their old deadlines.
    executor.setRemoveOnCancelPolicy(true);
    executor.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
    return new Scheduler() {
      @Override
      public Cancellable schedule(long delayNanos, Runnable task) {
        try {
          ScheduledFuture<?> future =
              executor.schedule(task, Math.max(0, delayNanos), TimeUnit.NANOSECONDS);
          return () -> future.cancel(false);
        } catch (RejectedExecutionException e) {
          return () -> {};
        }
      }

      @Override
      public void close() {
        executor.shutdownNow();
      }
    };
  }
}
