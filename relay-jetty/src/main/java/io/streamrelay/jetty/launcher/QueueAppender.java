package io.streamrelay.jetty.launcher;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.LoggingEvent;
import ch.qos.logback.core.Appender;
import ch.qos.logback.core.UnsynchronizedAppenderBase;
import ch.qos.logback.core.spi.FilterReply;
import io.streamrelay.Ticker;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;
import org.slf4j.event.KeyValuePair;

/**
 * Keeps stdout and disk away from the threads that log: a bounded queue with one writer thread.
 *
 * <p>Q1: a caller never waits; where the queue is full its line is dropped. Q2: every line is
 * either handed to the destinations or counted in {@link #dropped}, never both, also those that
 * come during or after {@link #stop}. Q3: {@code stop} hands on what is queued until the drain time
 * is over; the rest is dropped. Q4: lost lines are told of by a line, at most once a minute while
 * running and once more at the end.
 *
 * <p>Logback's own {@code AsyncAppender} neither counts what it drops nor tells of it. Base is the
 * unsynchronized one, since the other makes callers wait for each other.
 */
final class QueueAppender extends UnsynchronizedAppenderBase<ILoggingEvent> {
  private static final long REPORT_NANOS = TimeUnit.MINUTES.toNanos(1);

  /** Wakes the writer when it should end; not a line. */
  private static final ILoggingEvent WAKE = new LoggingEvent();

  private final List<Appender<ILoggingEvent>> destinations;
  private final BlockingQueue<ILoggingEvent> queue;
  private final Duration drainTime;
  private final Ticker ticker;
  private final LongAdder dropped = new LongAdder();
  private volatile boolean accepting;
  private volatile boolean ended;
  private @Nullable Thread writer;

  // Of the writer thread alone.
  private long reportedLines;
  private long reportedAtNanos;

  /**
   * Prepares the queue; {@link #start} starts the writer.
   *
   * @param destinations started; used by the writer thread alone, stopped with this
   * @param capacity lines that may wait
   * @param drainTime how long {@code stop} waits at most
   * @param ticker spaces the reports of lost lines
   */
  QueueAppender(
      List<Appender<ILoggingEvent>> destinations, int capacity, Duration drainTime, Ticker ticker) {
    this.destinations = List.copyOf(destinations);
    this.queue = new ArrayBlockingQueue<>(capacity);
    this.drainTime = drainTime;
    this.ticker = ticker;
  }

  /** Returns how many lines were not handed to the destinations; exact once stopped. */
  long dropped() {
    return dropped.sum();
  }

  @Override
  public void start() {
    if (isStarted()) {
      return;
    }
    Thread thread = new Thread(this::write, "relay-log-writer");
    thread.setDaemon(true);
    writer = thread;
    accepting = true;
    super.start();
    thread.start();
  }

  /** Overridden because the base discards lines silently once stopped. */
  @Override
  public void doAppend(ILoggingEvent event) {
    if (getFilterChainDecision(event) != FilterReply.DENY) {
      append(event);
    }
  }

  @Override
  protected void append(ILoggingEvent event) {
    if (!accepting) {
      dropped.increment();
      return;
    }
    event.prepareForDeferredProcessing();
    if (!queue.offer(event)) {
      dropped.increment();
    } else if (ended) {
      // The writer may have looked into the queue for the last time before this line was in it.
      dropQueued();
    }
  }

  @Override
  public void stop() {
    Thread thread = writer;
    if (!isStarted() || thread == null) {
      return;
    }
    super.stop();
    accepting = false;
    // If there is no room for it, then the writer is not asleep.
    queue.offer(WAKE);
    boolean drained = join(thread, drainTime);
    ended = true;
    dropQueued();
    if (drained) {
      destinations.forEach(Appender::stop);
    }
    // Otherwise a destination is stuck and would make its stopper wait as well.
  }

  private void dropQueued() {
    for (ILoggingEvent event = queue.poll(); event != null; event = queue.poll()) {
      if (event != WAKE) {
        dropped.increment();
      }
    }
  }

  private void write() {
    while (!ended) {
      boolean last = !accepting;
      ILoggingEvent event = last ? queue.poll() : await();
      if (event == null && last) {
        break;
      }
      if (event != null && event != WAKE) {
        handOn(event);
      }
      report(false);
    }
    report(true);
  }

  private @Nullable ILoggingEvent await() {
    try {
      return queue.poll(REPORT_NANOS, TimeUnit.NANOSECONDS);
    } catch (InterruptedException e) {
      // Nobody has a reason to interrupt this thread; it ends by stop() only.
      return null;
    }
  }

  private void handOn(ILoggingEvent event) {
    for (Appender<ILoggingEvent> destination : destinations) {
      try {
        destination.doAppend(event);
      } catch (Throwable e) {
        // One bad line or destination must end neither the other nor the log.
        addError("writing a log line to " + destination.getName(), e);
      }
    }
  }

  private void report(boolean last) {
    long total = dropped.sum();
    if (total == reportedLines) {
      return;
    }
    long now = ticker.nanos();
    if (!last && reportedLines > 0 && now - reportedAtNanos < REPORT_NANOS) {
      return;
    }
    long lines = total - reportedLines;
    reportedLines = total;
    reportedAtNanos = now;
    LoggingEvent event =
        new LoggingEvent(
            QueueAppender.class.getName(),
            ((LoggerContext) getContext()).getLogger("io.streamrelay.log"),
            Level.WARN,
            "log lines dropped: " + lines + " (stdout or the log file was too slow)",
            null,
            null);
    event.addKeyValuePair(new KeyValuePair("dropped", lines));
    event.addKeyValuePair(new KeyValuePair("dropped_total", total));
    handOn(event);
  }

  private static boolean join(Thread thread, Duration time) {
    long deadline = System.nanoTime() + time.toNanos();
    boolean interrupted = false;
    while (true) {
      try {
        TimeUnit.NANOSECONDS.timedJoin(thread, deadline - System.nanoTime());
        break;
      } catch (InterruptedException e) {
        // Shutting down is no time to lose the log; the flag is given back below.
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    return !thread.isAlive();
  }
}
