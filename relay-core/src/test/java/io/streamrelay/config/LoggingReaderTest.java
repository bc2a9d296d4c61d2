package io.streamrelay.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.streamrelay.config.ObservabilityConfig.Format;
import io.streamrelay.config.ObservabilityConfig.Level;
import io.streamrelay.config.ObservabilityConfig.LogFile;
import io.streamrelay.config.ObservabilityConfig.Logging;
import java.util.List;
import java.util.Map;
import java.util.regex.PatternSyntaxException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code observability.logging} and {@code observability.detailed_logs}. */
class LoggingReaderTest {
  private static Logging logging(String yaml) {
    return ConfigTexts.load("observability: {logging: " + yaml + "}").observability().logging();
  }

  private static DetailedLogsConfig detail(String yaml) {
    return ConfigTexts.load("observability: {detailed_logs: " + yaml + "}")
        .observability()
        .detailedLogs();
  }

  private static ConfigProblem onlyProblem(String yaml) {
    List<ConfigProblem> problems = ConfigTexts.problems("observability: " + yaml, Map.of());
    assertThat(problems).hasSize(1);
    return problems.get(0);
  }

  @Test
  void singleLoggersHaveLevelsOfTheirOwn() {
    assertThat(logging("{levels: {io.streamrelay.access: warn, io.streamrelay: DEBUG}}"))
        .isEqualTo(
            new Logging(
                Level.INFO,
                Map.of("io.streamrelay.access", Level.WARN, "io.streamrelay", Level.DEBUG),
                Format.JSON,
                null));
  }

  @Test
  void mergedLevelsCountToo() {
    String yaml =
        """
        observability:
          logging:
            levels:
              <<: {io.streamrelay.access: warn, io.streamrelay.detail: warn}
              io.streamrelay.access: error
        """;
    assertThat(ConfigTexts.load(yaml).observability().logging().levels())
        .isEqualTo(
            Map.of("io.streamrelay.access", Level.ERROR, "io.streamrelay.detail", Level.WARN));
  }

  @ParameterizedTest
  @CsvSource({
    "org.eclipse.jetty",
    "io.streamrelayed",
    "''",
    "io.streamrelay.",
    "ROOT",
  })
  void loggersOfOthersHaveNone(String name) {
    ConfigProblem problem = onlyProblem("{logging: {levels: {'" + name + "': debug}}}");
    assertThat(problem.key()).isEqualTo("observability.logging.levels." + name);
    assertThat(problem.expected()).contains("io.streamrelay.access");
    assertThatThrownBy(() -> new Logging(Level.INFO, Map.of(name, Level.DEBUG), Format.JSON, null))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("'" + name + "' is no logger of the relay");
  }

  @Test
  void aWrongLevelOfOneLoggerIsTold() {
    ConfigProblem problem = onlyProblem("{logging: {levels: {io.streamrelay.access: loud}}}");
    assertThat(problem.toString())
        .contains("observability.logging.levels.io.streamrelay.access is 'loud'")
        .contains("one of error, warn, info, debug, trace");
    assertThat(onlyProblem("{logging: {levels: {io.streamrelay: }}}").problem())
        .isEqualTo("is missing");
    assertThat(onlyProblem("{logging: {levels: warn}}").problem()).isEqualTo("is a single value");
    assertThat(
            onlyProblem("{logging: {levels: {io.streamrelay: warn, io.streamrelay: info}}}")
                .problem())
        .startsWith("is set twice");
  }

  @Test
  void theFileMayHaveAFormatOfItsOwn() {
    assertThat(logging("{format: text, file: {path: x.log, format: json}}"))
        .isEqualTo(
            new Logging(Level.INFO, Format.TEXT, new LogFile("x.log", 100 << 20, 5, Format.JSON)));
    assertThat(logging("{format: text, file: x.log}").file())
        .isEqualTo(new LogFile("x.log", 100 << 20, 5, null));
  }

  @Test
  void detailIsOffUnlessAskedFor() {
    DetailedLogsConfig off = detail("false");
    assertThat(off).usingRecursiveComparison().isEqualTo(DetailedLogsConfig.DISABLED);
    assertThat(off.enabled()).isFalse();
    assertThat(detail("")).usingRecursiveComparison().isEqualTo(off);
    assertThat(detail("{enabled: false, bodies: true}").enabled()).isFalse();
  }

  @Test
  void theOriginalsTrueMeansNoBodies() {
    assertThat(detail("true"))
        .usingRecursiveComparison()
        .isEqualTo(DetailedLogsConfig.builder().enabled(true).build());
    assertThat(detail("true").bodies()).isFalse();
  }

  @Test
  void aMapSaysTheRest() {
    assertThat(
            detail(
                "{bodies: true, max_bytes: 1MB, max_memory: 1, redact: [a+, b], routes: [test]}"
                    .replace("test", ConfigTexts.load("").routes().get(0).name())))
        .usingRecursiveComparison()
        .isEqualTo(
            DetailedLogsConfig.builder()
                .enabled(true)
                .bodies(true)
                .maxBytes(1 << 20)
                .maxMemory(1)
                .redact("a+")
                .redact("b")
                .route(ConfigTexts.load("").routes().get(0).name())
                .build());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "maybe | observability.detailed_logs is 'maybe' | true or false",
        "[a] | observability.detailed_logs is a list | a map",
        "{max_bytes: 2MB} | observability.detailed_logs.max_bytes is '2MB' | at most 1048576 bytes",
        "{max_bytes: 0} | observability.detailed_logs.max_bytes is '0' | 1",
        "{max_memory: 0} | observability.detailed_logs.max_memory is '0' | 1",
        "{redact: ['(a']} | observability.detailed_logs.redact[0] is '(a' | a regular expression",
        "{redact: a} | observability.detailed_logs.redact is a single value | a list",
        "{routes: [nowhere]} | observability.detailed_logs.routes[0] is 'nowhere' | of a route"
      })
  void aWrongDetailIsTold(String yaml, String problem, String expected) {
    assertThat(onlyProblem("{detailed_logs: " + yaml + "}").toString())
        .contains(problem)
        .contains(expected);
  }

  @Test
  void theBuilderRefusesWhatAFileCannotSay() {
    assertThatThrownBy(() -> DetailedLogsConfig.builder().maxBytes(0).build())
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("max_bytes is 0");
    assertThatThrownBy(() -> DetailedLogsConfig.builder().redact("("))
        .isInstanceOf(PatternSyntaxException.class);
  }
}
