package io.streamrelay.internal;

import static org.assertj.core.api.Assertions.assertThat;

import io.streamrelay.testkit.FakeTicker;
import org.junit.jupiter.api.Test;

/** How long, and of whom, a refusal is remembered. */
class UsageRefusalsTest {
  private final FakeTicker ticker = new FakeTicker(Long.MAX_VALUE - 1000);
  private final UsageRefusals refusals = new UsageRefusals(ticker);

  @Test
  void aRefusalCountsForItsRouteAndModelOnly() {
    refusals.add("a", "m");
    refusals.add("b", null);
    assertThat(refusals.contains("a", "m")).isTrue();
    assertThat(refusals.contains("a", "n")).isFalse();
    assertThat(refusals.contains("a", null)).isFalse();
    assertThat(refusals.contains("b", null)).isTrue();
    assertThat(refusals.contains("b", "m")).isFalse();
  }

  @Test
  void itIsForgottenAfterTenMinutes() {
    refusals.add("a", "m");
    ticker.advance(UsageRefusals.MEMORY.minusNanos(1));
    assertThat(refusals.contains("a", "m")).isTrue();
    ticker.advanceNanos(1);
    assertThat(refusals.contains("a", "m")).isFalse();
    assertThat(refusals.size()).isZero();
  }

  @Test
  void clientsThatNameManyModelsFillNoMemory() {
    for (int i = 0; i < 3 * UsageRefusals.MAX_ENTRIES; i++) {
      refusals.add("a", "m" + i);
    }
    assertThat(refusals.size()).isLessThanOrEqualTo(UsageRefusals.MAX_ENTRIES);
    assertThat(refusals.contains("a", "m" + (3 * UsageRefusals.MAX_ENTRIES - 1))).isTrue();
  }

  @Test
  void theOldOnesMakeRoomFirst() {
    refusals.add("a", "old");
    ticker.advance(UsageRefusals.MEMORY.minusNanos(1));
    for (int i = 1; i < UsageRefusals.MAX_ENTRIES; i++) {
      refusals.add("a", "m" + i);
    }
    ticker.advanceNanos(1);
    refusals.add("a", "last");
    assertThat(refusals.size()).isEqualTo(UsageRefusals.MAX_ENTRIES);
    assertThat(refusals.contains("a", "m1")).isTrue();
  }
}
