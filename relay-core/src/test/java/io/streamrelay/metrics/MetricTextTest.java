package io.streamrelay.metrics;

import static org.assertj.core.api.Assertions.assertThat;

import io.prometheus.metrics.model.registry.PrometheusRegistry;
import io.streamrelay.config.PrometheusConfig;
import io.streamrelay.config.Semconv;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What {@code promtool check metrics} asks of names and texts, with the relay's own rules. */
class MetricTextTest {
  private static final Pattern LABELS = Pattern.compile("([a-zA-Z_][a-zA-Z0-9_]*)=\"");
  private static final Set<String> ABBREVIATIONS =
      Set.of("s", "ms", "us", "ns", "sec", "b", "kb", "mb", "gb", "tb", "pb", "m", "h", "d");
  private static final Set<String> NOT_BASE =
      Set.of(
          "milliseconds",
          "microseconds",
          "nanoseconds",
          "minutes",
          "hours",
          "days",
          "bits",
          "kilobytes",
          "megabytes",
          "percent");
  private static final List<String> TYPES = List.of("counter", "gauge", "histogram", "summary");

  private static Scraped scraped(PrometheusConfig.Builder config) {
    PrometheusRegistry registry = new PrometheusRegistry();
    RelayMetricsTest.fill(
        new RelayMetrics(registry, config.tenants(List.of("acme")).build(), Set.of()));
    return Scraped.of(registry);
  }

  private static List<String> problems(Scraped scraped) {
    List<String> problems = new ArrayList<>();
    for (String name : scraped.names()) {
      String type = scraped.type(name);
      List<String> words = List.of(name.split("_", -1));
      boolean helped =
          scraped.lines().stream()
              .anyMatch(line -> line.matches("# HELP " + name + " [0-9A-Z].*[.]"));
      check(problems, name, helped, "has no help");
      check(problems, name, name.matches("[a-z][a-z0-9_]*"), "is not in lower case");
      check(
          problems, name, words.stream().noneMatch(ABBREVIATIONS::contains), "abbreviates a unit");
      check(problems, name, words.stream().noneMatch(NOT_BASE::contains), "has no base unit");
      check(problems, name, words.stream().noneMatch(TYPES::contains), "names its type");
      check(problems, name, type.equals("counter") == name.endsWith("_total"), "is a " + type);
      check(
          problems, name, !name.matches(".*_(count|sum|bucket)"), "ends as a part of a histogram");
      check(problems, name, name.matches("(relay|gen_ai)_.*"), "is nobody's");
    }
    return problems;
  }

  private static void check(List<String> problems, String name, boolean isRight, String wrong) {
    if (!isRight) {
      problems.add(name + " " + wrong);
    }
  }

  @ParameterizedTest
  @EnumSource(Semconv.class)
  void onlyTwoOfTheOriginalsNamesAreNotAsTheyShouldBe(Semconv semconv) {
    assertThat(problems(scraped(PrometheusConfig.builder().semconv(semconv))))
        .containsExactlyInAnyOrder(
            "relay_duration_ms abbreviates a unit", "relay_storage_write_ms abbreviates a unit");
  }

  @ParameterizedTest
  @EnumSource(Semconv.class)
  void withoutTheOriginalsAllAre(Semconv semconv) {
    assertThat(problems(scraped(PrometheusConfig.builder().compatMetrics(false).semconv(semconv))))
        .isEmpty();
  }

  @Test
  void labelsAreAClosedSetOfNames() {
    Set<String> names = new java.util.TreeSet<>();
    for (Semconv semconv : Semconv.values()) {
      for (String line : scraped(PrometheusConfig.builder().semconv(semconv)).lines()) {
        LABELS.matcher(line).results().forEach(label -> names.add(label.group(1)));
      }
    }
    assertThat(names)
        .containsExactly(
            "direction",
            "end",
            "error_type",
            "gen_ai_operation_name",
            "gen_ai_provider_name",
            "gen_ai_request_model",
            "gen_ai_response_model",
            "gen_ai_token_modality",
            "gen_ai_token_type",
            "le",
            "limit",
            "model",
            "outcome",
            "phase",
            "policy",
            "reason",
            "result",
            "route",
            "source",
            "state",
            "status",
            "tenant",
            "type",
            "upstream",
            "version");
  }

  @Test
  void secondsAndBytesAreToldAsUnits() {
    PrometheusRegistry registry = new PrometheusRegistry();
    RelayMetricsTest.fill(new RelayMetrics(registry));
    assertThat(Scraped.openMetrics(registry))
        .contains("# UNIT relay_request_duration_seconds seconds")
        .contains("# UNIT relay_audio_seconds seconds")
        .contains("# UNIT relay_bytes bytes");
  }
}
