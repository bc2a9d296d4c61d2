package io.streamrelay.internal.detail;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BodyCaptureTest {
  private final CaptureBudget budget = new CaptureBudget(10_000);

  private static void add(BodyCapture capture, String text) {
    byte[] bytes = text.getBytes(UTF_8);
    ByteBuffer buffer = ByteBuffer.allocate(bytes.length + 7);
    buffer.position(5).put(bytes).flip().position(2);
    capture.add(buffer, 5, bytes.length);
    assertThat(buffer.position()).as("the position stays").isEqualTo(2);
  }

  @Test
  void keepsWhatPasses() {
    BodyCapture capture = new BodyCapture(budget, 100);
    add(capture, "data: ");
    add(capture, "");
    add(capture, "grüße\n\n");
    assertThat(capture.text()).isEqualTo("data: grüße\n\n");
    assertThat(capture.seen()).isEqualTo(15);
    assertThat(capture.isTruncated()).isFalse();
  }

  @Test
  void keepsNoMoreThanTheCap() {
    BodyCapture capture = new BodyCapture(budget, 1000);
    for (int i = 0; i < 300; i++) {
      add(capture, "0123456789");
    }
    assertThat(capture.text()).isEqualTo("0123456789".repeat(100));
    assertThat(capture.seen()).isEqualTo(3000);
    assertThat(capture.isTruncated()).isTrue();
    assertThat(budget.left()).isEqualTo(9000);
  }

  @Test
  void takesNoMemoryWhereOnlyTheSizeIsWanted() {
    BodyCapture capture = new BodyCapture(budget, 0);
    add(capture, "sound");
    assertThat(capture.text()).isEmpty();
    assertThat(capture.seen()).isEqualTo(5);
    assertThat(capture.isTruncated()).isFalse();
    assertThat(budget.left()).isEqualTo(10_000);
  }

  @Test
  void takesNoMoreThanTheBudgetAndGivesItBack() {
    BodyCapture first = new BodyCapture(budget, 9_900);
    add(first, "x".repeat(9_900));
    BodyCapture second = new BodyCapture(budget, 9_900);
    add(second, "y".repeat(50));
    add(second, "y");
    assertThat(second.text()).isEmpty();
    assertThat(second.isTruncated()).isTrue();
    assertThat(second.seen()).isEqualTo(51);

    first.release();
    first.release();
    second.release();
    assertThat(budget.left()).isEqualTo(10_000);
  }

  @Test
  void keepsTheBeginningWithoutGapsWhereTheBudgetEnds() {
    BodyCapture capture = new BodyCapture(new CaptureBudget(600), 10_000);
    add(capture, "a".repeat(500));
    // Room for twelve of these, and a short one behind must not fill up what is missing.
    add(capture, "b".repeat(500));
    add(capture, "c");
    assertThat(capture.text()).isEqualTo("a".repeat(500) + "b".repeat(12));
    assertThat(capture.isTruncated()).isTrue();
  }

  @Test
  void whatPassesAfterTheEndTakesNothing() {
    BodyCapture capture = new BodyCapture(budget, 100);
    add(capture, "x");
    capture.release();
    add(capture, "y");
    assertThat(capture.text()).isEmpty();
    assertThat(budget.left()).isEqualTo(10_000);
  }

  @ParameterizedTest
  @ValueSource(strings = {"é", "€", "😀"})
  void aCharacterThatTheCapCutsIsLeftOut(String character) {
    int size = character.getBytes(UTF_8).length;
    for (int kept = 1; kept < size; kept++) {
      BodyCapture capture = new BodyCapture(budget, 3 + kept);
      add(capture, "abc" + character + "d");
      assertThat(capture.text()).isEqualTo("abc");
    }
    BodyCapture whole = new BodyCapture(budget, 3 + size);
    add(whole, "abc" + character + "d");
    assertThat(whole.text()).isEqualTo("abc" + character);
  }
}
