package io.streamrelay.config;

import static io.streamrelay.config.ConfigTexts.load;
import static io.streamrelay.config.ConfigTexts.route;
import static org.assertj.core.api.Assertions.assertThat;

import io.streamrelay.Secret;
import io.streamrelay.policy.ApiKey;
import io.streamrelay.route.Dialect;
import io.streamrelay.route.Route;
import io.streamrelay.route.Timeouts;
import io.streamrelay.route.UpstreamCredential;
import java.net.URI;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What each section means: its defaults, its dependencies and its warnings. */
class SectionsTest {
  @Test
  void whatIsNotSetHasTheBuildersDefaults() {
    RelayConfig expected =
        RelayConfig.builder()
            .route(Route.builder("r").path("/r").upstream(URI.create("https://r.example")).build())
            .auth(new AuthConfig(true, List.of(ApiKey.plain("sk-test"))))
            .build();

    assertThat(load("")).usingRecursiveComparison().isEqualTo(expected);
    assertThat(
            load(
                """
                server:
                storage: ~
                rate_limit: null
                observability: {logging: }
                demo_provider:
                """))
        .as("sections without a value")
        .usingRecursiveComparison()
        .isEqualTo(expected);
  }

  @Test
  void theServersTimeoutIsEveryRoutesDefault() {
    RelayConfig config =
        load(
            """
            server: {timeout: 20s}
            routes:
              - {name: a, path: /a, upstream: 'https://a'}
              - {name: b, path: /b, upstream: 'https://b', timeouts: {connect: 1s, idle: 0}}
              - {name: c, path: /c, upstream: 'https://c', timeouts: {first_byte: 3s, total: 1h}}
            """);

    assertThat(config.routes())
        .extracting(Route::timeouts)
        .containsExactly(times(10, 20, 20, 0), times(1, 20, 0, 0), times(10, 3, 20, 3600));
  }

  private static Timeouts times(int connect, int firstByte, int idle, int total) {
    return new Timeouts(
        Duration.ofSeconds(connect),
        Duration.ofSeconds(firstByte),
        Duration.ofSeconds(idle),
        Duration.ofSeconds(total));
  }

  @Test
  void aKeyFromAVariableLosesItsLineEnd() {
    LoadedConfig loaded =
        load(route(", auth_header: X-Key, auth_env: KEY"), Map.of("KEY", " sk-1\r\n"));

    assertThat(loaded.warnings()).isEmpty();
    assertThat(loaded.config().routes())
        .extracting(Route::credential)
        .containsExactly(new UpstreamCredential("X-Key", Secret.of("sk-1"), "KEY"));
  }

  @Test
  void aBlankVariableIsAMissingKey() {
    LoadedConfig loaded = load(route(", auth_header: X-Key, auth_env: KEY"), Map.of("KEY", " \n"));

    assertThat(loaded.warnings())
        .containsExactly(
            "routes[0] 'r': the variable KEY is empty, so the route's requests are refused with"
                + " upstream_key_missing");
    assertThat(loaded.config().routes())
        .extracting(Route::credential)
        .containsExactly(new UpstreamCredential("X-Key", null, "KEY"));
  }

  @Test
  void aKeyInTheFileNamesItsPlace() {
    LoadedConfig loaded =
        load(route(", auth_header: X-Key, auth_value: '${KEY}'"), Map.of("KEY", "sk-1"));

    assertThat(loaded.config().routes())
        .extracting(Route::credential)
        .containsExactly(
            new UpstreamCredential("X-Key", Secret.of("sk-1"), "routes[0].auth_value"));
  }

  @Test
  void aKeyOverPlainHttpIsWarnedAboutUnlessItStaysOnThisMachine() {
    LoadedConfig loaded =
        load(
            """
            routes:
              - {name: a, path: /a, upstream: 'http://far:81', auth_header: X-K, auth_value: k}
              - {name: b, path: /b, upstream: 'http://127.0.0.1', auth_header: X-K, auth_value: k}
              - {name: c, path: /c, upstream: 'http://localhost', auth_header: X-K, auth_value: k}
              - {name: d, path: /d, upstream: 'http://[::1]:80', auth_header: X-K, auth_value: k}
              - {name: e, path: /e, upstream: 'https://far', auth_header: X-K, auth_value: k}
              - {name: f, path: /f, upstream: 'http://far'}
              - {name: g, path: /g, upstream: 'http://127.0.0.1.far', auth_header: X-K, auth_value: k}
            """,
            Map.of());

    assertThat(loaded.warnings())
        .containsExactly(
            "routes[0] 'a': the provider's key travels unencrypted to http://far:81 (expected:"
                + " https, or a loopback host)",
            "routes[6] 'g': the provider's key travels unencrypted to http://127.0.0.1.far"
                + " (expected: https, or a loopback host)");
  }

  @Test
  void theDialectIsGuessedUnlessNamed() {
    RelayConfig config =
        load(
            """
            routes:
              - {name: a, path: /x, upstream: 'https://a', auth_header: xi-api-key, auth_value: k}
              - {name: b, path: /v1/messages, upstream: 'https://b'}
              - {name: c, path: /y, upstream: 'https://c', dialect: Gemini}
            """);

    assertThat(config.routes())
        .extracting(Route::dialect)
        .containsExactly(Dialect.ELEVENLABS, Dialect.ANTHROPIC, Dialect.GEMINI);
  }

  @Test
  void anchorsAndMergeKeysSpareRepetition() {
    RelayConfig config =
        load(
            """
            routes:
              - &first {name: a, path: /a, upstream: 'https://a', timeouts: &t {idle: 7s}}
              - {<<: *first, name: b, path: /b}
              - {name: c, path: /c, upstream: 'https://c', timeouts: {<<: [*t], total: 9s}}
            """);

    assertThat(config.routes())
        .extracting(each -> each.name() + " " + each.upstream() + " " + each.timeouts().idle())
        .containsExactly("a https://a PT7S", "b https://a PT7S", "c https://c PT7S");
    assertThat(config.routes().get(2).timeouts().total()).isEqualTo(Duration.ofSeconds(9));
  }

  @Test
  void keysOfEveryForm() {
    String hex = HexFormat.of().formatHex(Secret.sha256("sk-3"));
    RelayConfig config =
        load(
            """
            auth:
              api_keys:
                - 12345
                - {name: bound, key: sk-1, tenant: 't:1'}
                - {name: both, key: sk-2, tenant: t2, tenant_header: true}
                - {name: hashed, sha256: HEX}
            """
                .replace("HEX", hex.toUpperCase(Locale.ROOT)));

    assertThat(config.auth().enabled()).isTrue();
    assertThat(config.auth().keys())
        .containsExactly(
            ApiKey.plain("12345"),
            ApiKey.bound("bound", "sk-1", "t:1"),
            new ApiKey("both", ApiKey.bound("x", "sk-2", "t2").sha256(), "t2", true),
            new ApiKey("hashed", hex, null, true));
  }

  @Test
  void withoutACheckNoKeyIsNeeded() {
    assertThat(load("auth: {enabled: false}").auth()).isEqualTo(AuthConfig.DISABLED);
    assertThat(load("auth: {enabled: false, api_keys: [a]}").auth().keys()).hasSize(1);
  }

  @Test
  void limitsWithoutEnabledAreWarnedAbout() {
    LoadedConfig loaded = load("rate_limit: {default: 5, burst: 5}", Map.of());

    assertThat(loaded.config().rateLimit().enabled()).isFalse();
    assertThat(loaded.warnings())
        .containsExactly(
            "rate_limit has numbers but rate_limit.enabled is not set: there is no limit");
    assertThat(load("rate_limit: {enabled: false, default: 5, burst: 0}").rateLimit().perMinute())
        .isEqualTo(5);
  }

  @Test
  void oneStoreAloneIsWarnedAboutByItsName() {
    assertThat(load("storage: {redis: {ttl: 1h}}", Map.of()).warnings())
        .containsExactly("storage.redis is set but not used yet: nothing is stored");
    assertThat(load("storage: {clickhouse: {async: true}}", Map.of()).warnings())
        .containsExactly("storage.clickhouse is set but not used yet: nothing is stored");
  }

  @Test
  void theMetricsPathIsFreeWhereThereAreNoMetrics() {
    RelayConfig config =
        load(
            "observability: {prometheus: {enabled: false}}\n"
                + "routes: [{name: m, path: /metrics, upstream: 'https://m'}]");

    assertThat(config.routes()).hasSize(1);
  }

  @Test
  void theDemoProviderStartsIfItsSectionIsThere() {
    assertThat(load("demo_provider: {port: 81}").demoProvider())
        .isEqualTo(new DemoProviderConfig(true, "127.0.0.1", 81));
    assertThat(load("demo_provider: {enabled: false}").demoProvider())
        .isEqualTo(DemoProviderConfig.DISABLED);
  }
}
