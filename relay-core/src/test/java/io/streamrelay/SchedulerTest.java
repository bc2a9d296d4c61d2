package io.streamrelay;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The relay's own timers. */
@Timeout(60)
class SchedulerTest {
  private static final long HOUR = TimeUnit.HOURS.toNanos(1);

  private final Scheduler scheduler = Scheduler.create();

  private Thread thread() {
    CompletableFuture<Thread> runsOn = new CompletableFuture<>();
    scheduler.schedule(0, () -> runsOn.complete(Thread.currentThread()));
    return runsOn.join();
  }

  @Test
  void aClosedOneDropsWhatWaitsAndItsThreadEnds() throws Exception {
    AtomicInteger ran = new AtomicInteger();
    Thread thread = thread();
    CountDownLatch busy = new CountDownLatch(1);
    CountDownLatch goOn = new CountDownLatch(1);
    scheduler.schedule(0, () -> hold(busy, goOn));
    scheduler.schedule(0, ran::incrementAndGet);
    scheduler.schedule(HOUR, ran::incrementAndGet);
    busy.await();

    scheduler.close();
    scheduler.close();
    scheduler.schedule(0, ran::incrementAndGet).cancel();
    goOn.countDown();
    thread.join();
    assertThat(ran).hasValue(0);
  }

  private static void hold(CountDownLatch busy, CountDownLatch goOn) {
    busy.countDown();
    boolean gone = false;
    while (!gone) {
      try {
        goOn.await();
        gone = true;
      } catch (InterruptedException e) {
        // The close interrupts; what runs may still take its time.
      }
    }
  }

  @Test
  void itsThreadHoldsUpNoEndOfTheProcess() {
    assertThat(thread().isDaemon()).isTrue();
    scheduler.close();
  }
}
