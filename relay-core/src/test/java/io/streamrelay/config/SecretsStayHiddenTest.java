package io.streamrelay.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A key may be anywhere: in its place, in a wrong place, or in a broken file. */
class SecretsStayHiddenTest {
  private static final String SECRET = "hunter2-Geheim";
  private static final Map<String, String> ENV =
      Map.of("TOKEN", SECRET, "CONTROL", SECRET + "\u0001", "LINE", SECRET + "\n");

  @ParameterizedTest
  @ValueSource(
      strings = {
        "auth: {api_keys: [S, S]}",
        "auth: {api_keys: [\"S\\u0001\"]}",
        "auth: {api_keys: S}",
        "auth: {api_keys: {S: a}}",
        "auth: {api_keys: [{S: a}]}",
        "auth: {api_keys: [[S]]}",
        "auth: {api_keys: [*S]}",
        "auth: {api_keys: [!S a]}",
        "auth: {api_keys: [!S!x a]}",
        "auth: {api_keys: [S: [}",
        "auth: {api_keys: ['S]}",
        "auth: {api_keys: ['${S}']}",
        "auth: {api_keys: ['S${']}",
        "auth: {api_keys: ['S${NO}']}",
        "auth: {api_keys: ['S${NO:-${S}}']}",
        "auth: {api_keys: ['${CONTROL}']}",
        "auth: {api_keys: [{name: 'S S', key: a}]}",
        "auth: {api_keys: [{name: a, key: [S]}]}",
        "auth: {api_keys: [{name: a, key: \"S\\u0001\"}]}",
        "auth: {api_keys: [{name: a, sha256: S}]}",
        "auth: {api_keys: [{name: a, key: S, sha256: S}]}",
        "auth: {S: a}",
        "auth: S",
        "auth: [S]",
        "S",
        "storage: {redis: {password: [S]}}",
        "storage: {redis: {password: '${NO}S'}}",
        "storage: {redis: {addr: 'redis://:S@h:1'}}",
        "storage: {redis: S}",
        "routes: [{name: r, path: /r, upstream: 'https://S@h'}]",
        "routes: [{name: r, path: /r, upstream: 'https://u:S@h:x'}]",
        "routes: [{name: r, path: /r, upstream: 'https://h?key=S'}]",
        "routes: [{name: r, path: /r, upstream: 'https://h/${TOKEN}/..'}]",
        "routes: [{name: r, path: /r, upstream: 'https://a_${TOKEN}'}]",
        "routes: [{name: r, path: /r, upstream: 'http://h', auth_header: X-K, auth_env: S}]",
        "routes: [{name: r, path: /r, upstream: 'http://h', auth_header: 'Bearer S'}]",
        "routes: [{name: r, path: /r, upstream: 'http://h', auth_value: S}]",
        "routes: [{name: r, path: /r, upstream: 'http://h', auth_header: X-K, auth_value: 'Sé'}]",
        "routes: [{name: r, path: /r, upstream: 'http://h', auth_header: X-K, auth_value: [S]}]",
        "routes: [{name: r, path: /r, upstream: 'http://h', auth_header: X-K, auth_env: CONTROL}]",
        "server: {port: '${TOKEN}'}",
        "server: {timeout: '${TOKEN}'}",
      })
  void noProblemShowsOne(String yaml) {
    List<String> texts = new ArrayList<>();
    RelayConfigException failure =
        ConfigTexts.failure(ConfigTexts.completed(yaml.replace("S", SECRET)), ENV);
    texts.add(failure.toString());
    failure.problems().forEach(each -> texts.add(each.toString()));
    for (Throwable cause = failure.getCause(); cause != null; cause = cause.getCause()) {
      texts.add(cause.toString());
    }

    assertThat(texts).noneMatch(text -> text.contains(SECRET)).noneMatch(t -> t.contains("Geheim"));
  }

  @Test
  void noWarningAndNoValueShowsOne() {
    String yaml =
        """
        routes:
          - {name: a, path: /a, upstream: 'http://far', auth_header: X-K, auth_value: SECRET}
          - {name: b, path: /b, upstream: 'http://far', auth_header: X-K, auth_env: LINE}
          - {name: c, path: /c, upstream: 'http://far', auth_header: X-K, auth_env: NO}
        storage: {redis: {password: SECRET}, clickhouse: {password: SECRET}}
        auth: {api_keys: [SECRET, {name: n, key: 'x${LINE}'}]}
        """
            .replace("SECRET", SECRET);

    LoadedConfig loaded = ConfigTexts.load(yaml, ENV);

    assertThat(loaded.warnings()).hasSize(5);
    assertThat(loaded.toString()).doesNotContain(SECRET);
    assertThat(loaded.config().auth().toString()).contains("sha256").doesNotContain(SECRET);
    assertThat(loaded.config().routes())
        .allSatisfy(
            route -> {
              assertThat(route.toString()).doesNotContain(SECRET);
              assertThat(String.valueOf(route.credential())).doesNotContain(SECRET);
            });
  }
}
