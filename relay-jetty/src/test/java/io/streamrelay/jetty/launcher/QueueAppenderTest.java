package io.streamrelay.jetty.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.LoggingEvent;
import ch.qos.logback.classic.util.LogbackMDCAdapter;
import ch.qos.logback.core.Appender;
import ch.qos.logback.core.UnsynchronizedAppenderBase;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The rules of {@link QueueAppender}; a caller that waits shows as a time-out. */
@Timeout(30)
class QueueAppenderTest {
  private static final Duration LONG = Duration.ofSeconds(20);

  private final LoggerContext context = new LoggerContext();
  private final AtomicLong nanos = new AtomicLong(Long.MAX_VALUE - 5);
  private final Destination destination = new Destination();
  private @Nullable QueueAppender queue;

  @BeforeEach
  void completeTheContext() {
    context.setMDCAdapter(new LogbackMDCAdapter());
  }

  @AfterEach
  void letGo() {
    destination.allow(1_000_000);
    if (queue != null) {
      queue.stop();
    }
  }

  @Test
  void q1_callersNeverWaitAndTheOverflowIsCounted() {
    QueueAppender queue = start(4, LONG, destination);
    queue.doAppend(line("0"));
    destination.awaitEntered();

    for (int i = 1; i <= 10; i++) {
      queue.doAppend(line("" + i));
    }

    assertThat(queue.dropped()).isEqualTo(6);
    destination.allow(1_000);
    queue.stop();
    assertThat(destination.lines()).containsExactly("0", "1", "2", "3", "4");
    assertThat(queue.dropped()).isEqualTo(6);
  }

  @Test
  void q2_everyLineIsHandedOnOrCountedEvenWhileStopping() throws Exception {
    for (int round = 0; round < 50; round++) {
      Destination open = new Destination();
      open.allow(Integer.MAX_VALUE / 2);
      QueueAppender queue = start(8, LONG, open);
      int threads = 4;
      long each = 500;
      CountDownLatch stopNow = new CountDownLatch((int) (threads * each / 2));
      List<Thread> callers = new ArrayList<>();
      for (int t = 0; t < threads; t++) {
        Thread caller =
            new Thread(
                () -> {
                  for (int i = 0; i < each; i++) {
                    queue.doAppend(line("x"));
                    stopNow.countDown();
                  }
                });
        callers.add(caller);
        caller.start();
      }
      stopNow.await();
      queue.stop();
      for (Thread caller : callers) {
        caller.join();
      }
      assertThat(open.lines().size() + queue.dropped()).isEqualTo(threads * each);
    }
  }

  @Test
  void q2_aLineThatWasOnItsWayWhenTheQueueStoppedIsCounted() {
    QueueAppender queue = start(4, LONG, destination);
    queue.doAppend(
        new LoggingEvent("fqcn", context.getLogger("test"), Level.INFO, "late", null, null) {
          @Override
          public void prepareForDeferredProcessing() {
            // Past the check that the queue accepts lines, not in the queue yet.
            queue.stop();
          }
        });
    assertThat(queue.dropped()).isEqualTo(1);
    assertThat(destination.lines()).isEmpty();
  }

  @Test
  void q2_linesAfterTheStopAreCounted() {
    destination.allow(1_000);
    QueueAppender queue = start(4, LONG, destination);
    queue.stop();
    queue.doAppend(line("late"));
    assertThat(queue.dropped()).isEqualTo(1);
    assertThat(destination.lines()).isEmpty();
  }

  @Test
  void q3_stopHandsOnWhatIsQueuedAndStopsTheDestination() throws Exception {
    QueueAppender queue = start(8, LONG, destination);
    queue.doAppend(line("0"));
    destination.awaitEntered();
    for (int i = 1; i <= 5; i++) {
      queue.doAppend(line("" + i));
    }

    Thread stopper = new Thread(queue::stop);
    stopper.start();
    destination.allow(1_000);
    stopper.join();

    assertThat(destination.lines()).containsExactly("0", "1", "2", "3", "4", "5");
    assertThat(queue.dropped()).isZero();
    assertThat(destination.isStarted()).isFalse();
  }

  @Test
  void q3_stopGivesUpOnAStuckDestinationAfterTheDrainTime() throws Exception {
    QueueAppender queue = start(8, Duration.ofMillis(10), destination);
    queue.doAppend(line("0"));
    destination.awaitEntered();
    for (int i = 1; i <= 5; i++) {
      queue.doAppend(line("" + i));
    }

    queue.stop();

    assertThat(queue.dropped()).isEqualTo(5);
    destination.allow(1_000);
    destination.awaitWriterEnded();
    assertThat(destination.lines()).containsExactly("0");
    assertThat(queue.dropped()).isEqualTo(5);
  }

  @Test
  void q4_lossIsToldAtMostOnceAMinuteAndAtTheEnd() {
    QueueAppender queue = start(1, LONG, destination);
    queue.doAppend(line("a"));
    destination.awaitEntered();
    queue.doAppend(line("b"));
    queue.doAppend(line("lost"));
    queue.doAppend(line("lost"));
    destination.allow(1); // a
    destination.awaitEntered(); // the first report
    assertThat(destination.all())
        .containsExactly("a", "log lines dropped: 2 (stdout or the log file was too slow)");

    destination.allow(1);
    destination.awaitEntered(); // b
    queue.doAppend(line("c"));
    queue.doAppend(line("lost"));
    nanos.addAndGet(TimeUnit.SECONDS.toNanos(59));
    destination.allow(1);
    destination.awaitEntered(); // c, no report since the minute is not over
    assertThat(destination.all()).hasSize(4).endsWith("b", "c");

    nanos.addAndGet(TimeUnit.SECONDS.toNanos(1));
    destination.allow(1);
    destination.awaitEntered();
    assertThat(destination.all()).hasSize(5).last().asString().startsWith("log lines dropped: 1 ");

    queue.doAppend(line("d"));
    queue.doAppend(line("lost"));
    queue.doAppend(line("lost"));
    queue.doAppend(line("lost"));
    destination.allow(1_000);
    queue.stop();
    assertThat(destination.all()).hasSize(7).last().asString().startsWith("log lines dropped: 3 ");
    assertThat(destination.events.get(6).getKeyValuePairs())
        .extracting(pair -> pair.key + "=" + pair.value)
        .containsExactly("dropped=3", "dropped_total=6");
  }

  @Test
  void aFailingDestinationEndsNeitherTheOtherNorTheLog() {
    UnsynchronizedAppenderBase<ILoggingEvent> failing =
        new UnsynchronizedAppenderBase<>() {
          @Override
          public void doAppend(ILoggingEvent event) {
            throw new AssertionError("broken");
          }

          @Override
          protected void append(ILoggingEvent event) {}
        };
    destination.allow(1_000);
    QueueAppender queue = start(8, LONG, List.of(failing, destination));
    queue.doAppend(line("0"));
    queue.doAppend(line("1"));
    queue.stop();
    assertThat(destination.lines()).containsExactly("0", "1");
  }

  @Test
  void aLineIsFixedOnItsCallersThread() {
    QueueAppender queue = start(8, LONG, destination);
    StringBuilder argument = new StringBuilder("before");
    queue.doAppend(
        new LoggingEvent(
            "fqcn", context.getLogger("test"), Level.INFO, "{}", null, new Object[] {argument}));
    argument.replace(0, 6, "after");
    destination.awaitEntered();

    assertThat(destination.all()).containsExactly("before");
    assertThat(destination.events.get(0).getThreadName())
        .isEqualTo(Thread.currentThread().getName());
  }

  private QueueAppender start(int capacity, Duration drainTime, Destination only) {
    return start(capacity, drainTime, List.of(only));
  }

  private QueueAppender start(
      int capacity, Duration drainTime, List<Appender<ILoggingEvent>> destinations) {
    QueueAppender started = new QueueAppender(destinations, capacity, drainTime, nanos::get);
    started.setContext(context);
    destinations.forEach(Appender::start);
    started.start();
    queue = started;
    return started;
  }

  private ILoggingEvent line(String message) {
    return new LoggingEvent("fqcn", context.getLogger("test"), Level.INFO, message, null, null);
  }

  /** Takes each line at once, then keeps the writer until it is allowed to go on. */
  private static final class Destination extends UnsynchronizedAppenderBase<ILoggingEvent> {
    final List<ILoggingEvent> events = new CopyOnWriteArrayList<>();
    private final Semaphore entered = new Semaphore(0);
    private final Semaphore allowed = new Semaphore(0);
    private volatile @Nullable Thread writer;

    @Override
    public void doAppend(ILoggingEvent event) {
      writer = Thread.currentThread();
      events.add(event);
      entered.release();
      allowed.acquireUninterruptibly();
    }

    @Override
    protected void append(ILoggingEvent event) {}

    void allow(int lines) {
      allowed.release(lines);
    }

    void awaitEntered() {
      try {
        assertThat(entered.tryAcquire(10, TimeUnit.SECONDS)).as("a line after %s", all()).isTrue();
      } catch (InterruptedException e) {
        throw new AssertionError(e);
      }
    }

    void awaitWriterEnded() throws InterruptedException {
      Thread thread = Objects.requireNonNull(writer);
      thread.join(10_000);
      assertThat(thread.isAlive()).isFalse();
    }

    List<String> all() {
      return events.stream().map(ILoggingEvent::getFormattedMessage).toList();
    }

    /** Without the reports of loss. */
    List<String> lines() {
      return all().stream().filter(message -> !message.startsWith("log lines dropped")).toList();
    }
  }
}
