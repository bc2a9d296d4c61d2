package io.streamrelay.log;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LogTextTest {
  @Test
  void leavesPlainTextAlone() {
    String text = "/v1/chat ä 漢 😀 \"quoted\" \\n {}";
    assertThat(LogText.clean(text, 256)).isSameAs(text);
  }

  @ParameterizedTest
  @CsvSource({
    "000a", "000d", "0000", "0009", "001b", "007f", "0085", "009b", "2028", "2029", "202e", "2066",
    "200b", "feff", "d83d", "de00"
  })
  void escapesWhatCouldForgeALine(String hex) {
    String text = "a" + (char) Integer.parseInt(hex, 16) + "b";
    assertThat(LogText.clean(text, 256)).isEqualTo("a\\u" + hex + "b");
  }

  @Test
  void cutsAtTheLimitAndMarksTheCut() {
    assertThat(LogText.clean("x".repeat(256), 256)).isEqualTo("x".repeat(256));
    assertThat(LogText.clean("x".repeat(257), 256)).isEqualTo("x".repeat(256) + "…");
  }

  @Test
  void countsEscapesInTheLimitAndSplitsNoCharacter() {
    assertThat(LogText.clean("\n".repeat(100), 256)).isEqualTo("\\u000a".repeat(42) + "…");
    assertThat(LogText.clean("abc😀", 4)).isEqualTo("abc…");
  }
}
