package io.streamrelay.log;

import static org.assertj.core.api.Assertions.assertThat;

import io.streamrelay.Abandonment;
import io.streamrelay.ExchangeRecord;
import io.streamrelay.Timings;
import io.streamrelay.observe.Usage;
import io.streamrelay.price.Cost;
import java.io.IOException;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class RecordFieldsTest {
  private static @Nullable Object valueOf(String name, ExchangeRecord record) {
    return RecordFields.ALL.stream()
        .filter(field -> field.name().equals(name))
        .findFirst()
        .orElseThrow()
        .valueOf(record);
  }

  private static List<String> known(ExchangeRecord record) {
    return RecordFields.ALL.stream()
        .filter(field -> field.valueOf(record) != null)
        .map(RecordFields.Field::name)
        .toList();
  }

  @Test
  void theReadmesTableIsThisList() throws IOException {
    String expected =
        RecordFields.ALL.stream()
            .map(
                field ->
                    "| `"
                        + field.name()
                        + "` | "
                        + field.type().label()
                        + " | "
                        + field.meaning()
                        + " |\n")
            .collect(Collectors.joining());
    String readme = Files.readString(Path.of("..", "README.md"));
    int head = readme.indexOf("| Field | Type | |\n|---|---|---|\n");
    assertThat(head).as("the table's head").isPositive();
    String table =
        readme
            .substring(head)
            .lines()
            .skip(2)
            .takeWhile(line -> line.startsWith("|"))
            .map(line -> line + "\n")
            .collect(Collectors.joining());

    assertThat(table).isEqualTo(expected);
  }

  @Test
  void everyNameIsThereOnce() {
    assertThat(RecordFields.ALL)
        .extracting(RecordFields.Field::name)
        .doesNotHaveDuplicates()
        .allMatch(name -> name.matches("[a-z]+(_[a-z]+)*"));
  }

  @Test
  void valuesAreOfTheTypeThatTheFieldSays() {
    ExchangeRecord record =
        ExchangeRecord.builder()
            .receivedAt(Instant.EPOCH.plusMillis(1))
            .requestId("r")
            .earlyCommit(true)
            .timings(new Timings(1, 1, 1, 1, 1))
            .cost(new Cost(1, "v", false))
            .build();

    for (RecordFields.Field field : RecordFields.ALL) {
      Object value = field.valueOf(record);
      if (value != null) {
        assertThat(value)
            .as(field.name())
            .isInstanceOf(
                switch (field.type()) {
                  case TEXT -> String.class;
                  case INTEGER -> Long.class;
                  case DECIMAL -> BigDecimal.class;
                  case BOOLEAN -> Boolean.class;
                  case TIME -> Instant.class;
                });
      }
    }
  }

  @Test
  void ofAnEmptyRecordOnlyCountsAreKnown() {
    assertThat(known(ExchangeRecord.builder().build()))
        .containsExactly(
            "tenant_id",
            "stream",
            "attempts",
            "outcome",
            "duration_ms",
            "bytes_in",
            "bytes_out",
            "events");
  }

  @Test
  void nobodyCountedWhatWasSentIsToldButNotOfWhatWasNotSent() {
    assertThat(valueOf("usage_source", ExchangeRecord.builder().attempts(1).build()))
        .isEqualTo("none");
    assertThat(valueOf("usage_source", ExchangeRecord.builder().attempts(0).build())).isNull();
  }

  @Test
  void costIsExactToThePicoDollar() {
    assertThat(cost(0)).isEqualTo("0");
    assertThat(cost(1)).isEqualTo("0.000000000001");
    assertThat(cost(2_500_000_000L)).isEqualTo("0.0025");
    assertThat(cost(300_000_000_000_000L)).isEqualTo("300");
  }

  private static String cost(long picoUsd) {
    Object value =
        valueOf("cost_usd", ExchangeRecord.builder().cost(new Cost(picoUsd, "v", false)).build());
    assertThat(value).isInstanceOf(BigDecimal.class);
    return value instanceof BigDecimal usd ? usd.toPlainString() : "";
  }

  @Test
  void timePerOutputTokenLeavesTheFirstOut() {
    Timings timings = new Timings(-1, -1, -1, 90_000_000L, -1);
    assertThat(perToken(timings, 10)).isEqualTo(new BigDecimal("10.000"));
    assertThat(perToken(timings, 1)).isNull();
    assertThat(perToken(timings, -1)).isNull();
    assertThat(perToken(Timings.NONE, 10)).isNull();
  }

  private static @Nullable Object perToken(Timings timings, long tokens) {
    return valueOf(
        "tpot_ms",
        ExchangeRecord.builder()
            .timings(timings)
            .usage(Usage.builder().outputTokens(tokens).build())
            .build());
  }

  @Test
  void bytesAreAbandonedOnlyWhereACallWas() {
    assertThat(known(ExchangeRecord.builder().abandonment(Abandonment.CANCEL).build()))
        .contains("abandoned", "abandoned_bytes");
  }
}
