package io.streamrelay.config;

import static io.streamrelay.config.ConfigTexts.load;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is measured, as a file and as a builder say it. */
class PrometheusConfigTest {
  private static PrometheusConfig prometheus(String keys) {
    return load("observability: {prometheus: {" + keys + "}}").observability().prometheus();
  }

  @Test
  void byDefaultTheOriginalsMetricsAreThereAndNoOthersOfOthers() {
    PrometheusConfig config = prometheus("");
    assertThat(config.compatMetrics()).isTrue();
    assertThat(config.maxModels()).isEqualTo(100);
    assertThat(config.tenants()).isEmpty();
    assertThat(config.semconv()).isEqualTo(Semconv.OFF);
    assertThat(config.nativeHistograms()).isFalse();
  }

  /** YAML 1.1 takes a bare off for false; here a value is what stands there. */
  @ParameterizedTest
  @CsvSource({"off, OFF", "'\"off\"', OFF", "Off, OFF", "a, A", "c, C"})
  void semconvIsOffOrALetter(String written, Semconv expected) {
    assertThat(prometheus("semconv: " + written).semconv()).isEqualTo(expected);
  }

  @Test
  void everyKeyIsRead() {
    assertThat(
            prometheus(
                "compat_metrics: false, max_models: 0, tenants: [a, b], semconv: c,"
                    + " native_histograms: true"))
        .usingRecursiveComparison()
        .isEqualTo(
            PrometheusConfig.builder()
                .compatMetrics(false)
                .maxModels(0)
                .tenants(List.of("b", "a"))
                .semconv(Semconv.C)
                .nativeHistograms(true)
                .build());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "semconv: b|semconv|'b'|one of off, a, c",
        "semconv: false|semconv|'false'|one of off, a, c",
        "max_models: -1|max_models|'-1'|a whole number from 0 to 10000",
        "max_models: 10001|max_models|'10001'|a whole number from 0 to 10000",
        "tenants: [a b]|tenants[0]|'a b'|1 to 128 letters, digits, '.', '_', ':' or '-'",
        "tenants: a|tenants|a single value|a list, such as [a, b]",
        "compat_metrics: 1|compat_metrics|'1'|true or false",
        "native_histograms: both|native_histograms|'both'|true or false",
      },
      quoteCharacter = '`')
  void aWrongValueIsNamed(String key, String path, String shown, String expected) {
    List<ConfigProblem> problems =
        ConfigTexts.problems("observability: {prometheus: {" + key + "}}", Map.of());
    assertThat(problems).hasSize(1);
    assertThat(problems.get(0).key()).isEqualTo("observability.prometheus." + path);
    assertThat(problems.get(0).problem()).isEqualTo("is " + shown);
    assertThat(problems.get(0).expected()).isEqualTo(expected);
  }

  @Test
  void theBuilderRefusesWhatTheFileMayNotSay() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> PrometheusConfig.builder().maxModels(-1))
        .withMessage("maxModels is -1 (expected: from 0 to 10000)");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> PrometheusConfig.builder().tenants(List.of("a", "no tenant")))
        .withMessageStartingWith("tenants has a value of 9 characters that is no tenant's name");
  }
}
