package io.streamrelay.internal;

import static org.assertj.core.api.Assertions.assertThat;

import io.streamrelay.internal.Clocks.Waiting;
import io.streamrelay.route.Timeouts;
import io.streamrelay.testkit.FakeScheduler;
import io.streamrelay.testkit.FakeTicker;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Marks that overtake each other, as they can between two threads. */
class ClocksOrderTest {
  private final FakeTicker ticker = new FakeTicker();
  private final FakeScheduler scheduler = new FakeScheduler(ticker);
  private final List<String> ran = new ArrayList<>();
  private final Clocks clocks =
      new Clocks(
          ticker,
          scheduler,
          new Clocks.Limits(
              new Timeouts(
                  Duration.ofSeconds(1),
                  Duration.ofSeconds(2),
                  Duration.ofSeconds(3),
                  Duration.ZERO),
              Duration.ofSeconds(3),
              Duration.ZERO,
              Duration.ZERO),
          new UploadPace(ticker, 0, Duration.ZERO),
          stop -> ran.add(stop.name()),
          () -> ran.add("FINISH"),
          () -> ran.add("TURN"));

  @Test
  void anUploadThatEndsBesideTheHeadDoesNotTurnTheClockBack() {
    clocks.await(Waiting.UPLOAD);
    clocks.await(Waiting.BODY);
    clocks.await(Waiting.HEAD);
    ticker.advance(Duration.ofSeconds(10));
    assertThat(ran).containsExactly("IDLE_TIMEOUT");
  }

  @Test
  void aChunkBesideTheEndDoesNotStopTheLastClock() {
    clocks.await(Waiting.HEAD);
    clocks.awaitFinish(Duration.ofSeconds(5));
    clocks.await(Waiting.BODY);
    clocks.touch();
    ticker.advance(Duration.ofSeconds(10));
    assertThat(ran).containsExactly("FINISH");
  }

  @Test
  void afterTheEndNoClockRuns() {
    clocks.await(Waiting.CONNECTION);
    clocks.stop();
    clocks.await(Waiting.HEAD);
    clocks.awaitFinish(Duration.ofSeconds(5));
    clocks.touch();
    assertThat(scheduler.pendingTasks()).isZero();
    ticker.advance(Duration.ofSeconds(10));
    assertThat(ran).isEmpty();
  }

  /** A ticker's origin is arbitrary, so a deadline may fall on any reading, this one too. */
  @Test
  void aDeadlineMayFallOnTheLargestReading() {
    FakeTicker late = new FakeTicker(Long.MAX_VALUE - Duration.ofSeconds(5).toNanos());
    Clocks finishing =
        new Clocks(
            late,
            new FakeScheduler(late),
            Clocks.Limits.of(null),
            new UploadPace(late, 0, Duration.ZERO),
            stop -> ran.add(stop.name()),
            () -> ran.add("FINISH"),
            () -> ran.add("TURN"));
    finishing.awaitFinish(Duration.ofSeconds(5));
    late.advance(Duration.ofSeconds(5));
    assertThat(ran).containsExactly("FINISH");
  }
}
