package io.streamrelay.jetty.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Which signal stops and which halts; DrainIT sends real ones. */
class StopSignalsTest {
  private static final int INT = 2;
  private static final int TERM = 15;

  private final List<String> done = new ArrayList<>();
  private long nanos = Long.MAX_VALUE;

  private final StopSignals signals =
      new StopSignals(() -> done.add("stop"), code -> done.add("halt " + code), () -> nanos);

  @Test
  void theFirstStopsAndTheSecondHalts() {
    signals.received(TERM);
    assertThat(done).containsExactly("stop");
    nanos += StopSignals.SAME_NANOS;
    signals.received(INT);
    assertThat(done).containsExactly("stop", "halt 130");
  }

  @Test
  void theExitCodeIsThatOfTheSecond() {
    signals.received(INT);
    nanos += StopSignals.SAME_NANOS;
    signals.received(TERM);
    assertThat(done).containsExactly("stop", "halt 143");
  }

  @Test
  void oneThatCameTwiceCountsOnce() {
    signals.received(INT);
    nanos += StopSignals.SAME_NANOS - 1;
    signals.received(INT);
    signals.received(TERM);
    assertThat(done).containsExactly("stop");
  }
}
