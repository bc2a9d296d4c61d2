package io.streamrelay.config;

import static org.assertj.core.api.Assertions.assertThat;

import io.streamrelay.route.Route;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Times, sizes, booleans and variables. */
class ValuesTest {
  private static final Map<String, String> ENV =
      Map.of("PORT", "9090", "HOST", "h.example", "EMPTY", "", "NESTED", "${HOST}");

  @ParameterizedTest
  @CsvSource({
    "0, PT0S",
    "0s, PT0S",
    "300s, PT5M",
    "5m, PT5M",
    "500ms, PT0.5S",
    "1h, PT1H",
    "PT30S, PT30S",
    "PT1M30S, PT1M30S",
    "P1D, PT24H",
    "8760h, PT8760H",
    "'\"30s\"', PT30S",
    "007s, PT7S"
  })
  void times(String text, Duration expected) {
    assertThat(ConfigTexts.load("server: {drain_timeout: " + text + "}").server().drainTimeout())
        .isEqualTo(expected);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "1",
        "-1",
        "-1s",
        "1.5s",
        "1d",
        "1 s",
        "s",
        "''",
        "1h30m",
        "8761h",
        "P400D",
        "PT",
        "-PT1S",
        "PT-1S",
        "99999999999999999999s",
        "9223372036854775807h",
        "00",
        "+5s",
        "1S"
      })
  void notTimes(String text) {
    assertThat(ConfigTexts.problems("server: {drain_timeout: " + text + "}", ENV))
        .singleElement()
        .satisfies(problem -> assertThat(problem.key()).isEqualTo("server.drain_timeout"));
  }

  @ParameterizedTest
  @CsvSource({
    "1, 1",
    "10485760, 10485760",
    "10MB, 10485760",
    "10MiB, 10485760",
    "64KB, 65536",
    "64KiB, 65536",
    "1GB, 1073741824",
    "1GiB, 1073741824",
    "9223372036854775807," + " 9223372036854775807"
  })
  void sizes(String text, long expected) {
    assertThat(ConfigTexts.load("server: {max_body_size: " + text + "}").server().maxBodySize())
        .isEqualTo(expected);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "0",
        "-1",
        "1.5MB",
        "10mb",
        "10M",
        "10B",
        "MB",
        "''",
        "9223372036854775808",
        "8589934592GB",
        "1TB",
        "1_000"
      })
  void notSizes(String text) {
    assertThat(ConfigTexts.problems("server: {max_body_size: " + text + "}", ENV))
        .singleElement()
        .satisfies(problem -> assertThat(problem.key()).isEqualTo("server.max_body_size"));
  }

  @ParameterizedTest
  @CsvSource({"true, true", "false, false", "'\"true\"', true", "True, true", "FALSE, false"})
  void booleans(String text, boolean expected) {
    assertThat(
            ConfigTexts.load("observability: {prometheus: {enabled: " + text + "}}")
                .observability()
                .prometheus()
                .enabled())
        .isEqualTo(expected);
  }

  @ParameterizedTest
  @ValueSource(strings = {"yes", "on", "1", "''", "t"})
  void notBooleans(String text) {
    assertThat(ConfigTexts.problems("observability: {prometheus: {enabled: " + text + "}}", ENV))
        .singleElement()
        .asString()
        .contains("(expected: true or false)");
  }

  @ParameterizedTest
  @CsvSource({
    "8080, 8080",
    "'\"8080\"', 8080",
    "'${PORT}', 9090",
    "'\"${PORT}\"', 9090",
    "0, 0",
    "'${NO:-7070}', 7070",
    "'${EMPTY:-7070}', 7070",
    "'${PORT:-7070}', 9090",
    "'9${NO:-1}1', 911"
  })
  void portsWithVariables(String text, int expected) {
    assertThat(ConfigTexts.load("server:\n  port: " + text, ENV).config().server().port())
        .isEqualTo(expected);
  }

  @ParameterizedTest
  @CsvSource({
    "'$${HOST}', '${HOST}'",
    "'a$${b', 'a${b'",
    "'$HOST', '$HOST'",
    "'$', '$'",
    "'a$$b', 'a$$b'",
    "'${HOST}$${HOST}${HOST}', 'h.example${HOST}h.example'",
    "'{HOST}', '{HOST}'",
    "'${NESTED}', '${HOST}'",
    "'${NO:-a:-b}', 'a:-b'",
    "'x${NO:-}y', xy"
  })
  void textsWithVariables(String text, String expected) {
    LoadedConfig loaded =
        ConfigTexts.load("observability:\n  logging:\n    file: '" + text + "'", ENV);

    assertThat(loaded.config().observability().logging().file())
        .isEqualTo(new ObservabilityConfig.LogFile(expected, 104_857_600, 5));
  }

  @ParameterizedTest
  @CsvSource({"'', false", "'observability: {tracing: {opentelemetry: true}}', true"})
  void spansAreMadeOnlyIfAskedFor(String text, boolean expected) {
    assertThat(ConfigTexts.load(text, ENV).config().observability().tracing())
        .isEqualTo(new TracingConfig(expected));
  }

  @Test
  void everyUnsetVariableIsNamedWithItsPlace() {
    assertThat(
            ConfigTexts.problems(
                "server:\n  host: ${RELAY_HOST}\n  port: ${RELAY_PORT}\n", Map.of()))
        .extracting(ConfigProblem::toString)
        .satisfiesExactly(
            host ->
                assertThat(host)
                    .startsWith(
                        "test.yaml:2:9: server.host is '${RELAY_HOST}': the variable RELAY_HOST is"
                            + " not set (expected: RELAY_HOST in the environment or in .env"),
            port ->
                assertThat(port).startsWith("test.yaml:3:9: server.port").contains("RELAY_PORT"));
  }

  @Test
  void howARouteWaits() {
    Route set =
        ConfigTexts.load(
                ConfigTexts.route(", heartbeat: 15s, commit_after: 1m, stall_limit: PT20S"))
            .routes()
            .get(0);
    assertThat(set.heartbeat()).isEqualTo(Duration.ofSeconds(15));
    assertThat(set.commitAfter()).isEqualTo(Duration.ofMinutes(1));
    assertThat(set.stallLimit()).isEqualTo(Duration.ofSeconds(20));

    Route unset = ConfigTexts.load(ConfigTexts.route(", timeouts: {idle: 40s}")).routes().get(0);
    assertThat(unset.heartbeat()).isZero();
    assertThat(unset.commitAfter()).isZero();
    assertThat(unset.stallLimit()).isEqualTo(Duration.ofSeconds(40));
  }

  @ParameterizedTest
  @ValueSource(strings = {"1ms", "99ms", "-1s", "true"})
  void notAHeartbeat(String text) {
    assertThat(ConfigTexts.problems(ConfigTexts.route(", heartbeat: " + text), Map.of()))
        .singleElement()
        .satisfies(problem -> assertThat(problem.toString()).contains("heartbeat"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "kind: raw, heartbeat: 15s | heartbeat does nothing",
        "kind: raw, commit_after: 15s | commit_after does nothing: a raw answer",
        "kind: raw, on_client_gone: {drain: {tokens: 9}} | on_client_gone.drain.tokens bounds nothing",
        "commit_after: 20s, timeouts: {first_byte: 20s} | commit_after does nothing: timeouts"
      })
  void whatHasNoUseIsToldOf(String keys, String warning) {
    assertThat(ConfigTexts.load(ConfigTexts.route(", " + keys), Map.of()).warnings())
        .singleElement()
        .asString()
        .startsWith("routes[0] 'r': ")
        .contains(warning);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "kind: raw, stall_limit: 5s",
        "commit_after: 20s, timeouts: {first_byte: 0}",
        "commit_after: 19s, timeouts: {first_byte: 20s}",
        "heartbeat: 30s, timeouts: {idle: 20s}"
      })
  void whatHasAUseIsNot(String keys) {
    assertThat(ConfigTexts.load(ConfigTexts.route(", " + keys), Map.of()).warnings()).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({"0, 0", "1, 1", "2KB, 2048"})
  void anUploadsRateIsBytesInASecond(String text, long bytes) {
    assertThat(ConfigTexts.load("server: {min_upload_rate: " + text + "}").server().minUploadRate())
        .isEqualTo(bytes);
  }
}
