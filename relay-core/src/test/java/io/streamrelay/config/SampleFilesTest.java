package io.streamrelay.config;

import static org.assertj.core.api.Assertions.assertThat;

import io.streamrelay.Secret;
import io.streamrelay.config.ObservabilityConfig.Format;
import io.streamrelay.config.ObservabilityConfig.Level;
import io.streamrelay.config.ObservabilityConfig.LogFile;
import io.streamrelay.config.ObservabilityConfig.Logging;
import io.streamrelay.policy.ApiKey;
import io.streamrelay.route.ClientGonePolicy;
import io.streamrelay.route.Dialect;
import io.streamrelay.route.Route;
import io.streamrelay.route.StreamKind;
import io.streamrelay.route.Timeouts;
import io.streamrelay.route.UpstreamCredential;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The files in {@code configs/}, the original's file, and a builder that can say all of it. */
class SampleFilesTest {
  private static final Path CONFIGS = Path.of("..", "configs");

  private static final String ORIGINAL =
      """
      server: {port: 8080, timeout: 300s, max_body_size: 10485760}
      routes:
        - {name: siliconflow, path: /v1/chat/completions, upstream: https://api.siliconflow.cn, auth_header: Authorization, auth_env: SILICONFLOW_API_KEY, kind: sse}
        - {name: openai, path: /openai/v1/chat/completions, upstream: https://api.openai.com, auth_header: Authorization, auth_env: OPENAI_API_KEY, kind: sse}
        - {name: anthropic, path: /v1/messages, upstream: https://api.anthropic.com, auth_header: x-api-key, auth_env: ANTHROPIC_API_KEY, kind: sse}
        - {name: azure-tts, path: /cognitiveservices/v1, upstream: https://eastus.tts.speech.microsoft.com, auth_header: Ocp-Apim-Subscription-Key, auth_env: AZURE_SPEECH_KEY, kind: raw}
      storage: {redis: {addr: localhost:6379, password: "", db: 0, ttl: 3600}, clickhouse: {addr: localhost:9000, database: relay, username: default, password: "", async: false}}
      rate_limit: {enabled: true, default: 100, burst: 20}
      observability: {prometheus: {enabled: true, path: /metrics}, logging: {level: info, format: json}, detailed_logs: false}
      auth: {api_keys: [sk-relay-test-key-123, sk-relay-prod-key-456]}
      """;

  private static final Map<String, String> ENV =
      Map.of(
          "SILICONFLOW_API_KEY", "sk-s",
          "OPENAI_API_KEY", "sk-o",
          "ANTHROPIC_API_KEY", "sk-a",
          "AZURE_SPEECH_KEY", "z");

  private static LoadedConfig load(String name, Map<String, String> env) {
    return new RelayConfigLoader(env::get).load(CONFIGS.resolve(name));
  }

  private static LoadedConfig original(Map<String, String> env) {
    return new RelayConfigLoader(env::get).parse(ORIGINAL, "config.yaml");
  }

  @Test
  void theOriginalsFileLoadsUnchanged() {
    LoadedConfig loaded = original(Map.of());

    assertThat(loaded.warnings())
        .containsExactly(
            missing(0, "siliconflow", "SILICONFLOW_API_KEY"),
            missing(1, "openai", "OPENAI_API_KEY"),
            missing(2, "anthropic", "ANTHROPIC_API_KEY"),
            missing(3, "azure-tts", "AZURE_SPEECH_KEY"),
            "storage.redis and storage.clickhouse are set but not used yet: nothing is stored");
    assertThat(loaded.config().routes())
        .extracting(Route::credential)
        .contains(new UpstreamCredential("x-api-key", null, "ANTHROPIC_API_KEY"));
  }

  private static String missing(int index, String route, String variable) {
    return "routes["
        + index
        + "] '"
        + route
        + "': the variable "
        + variable
        + " is not set, so the route's requests are refused with upstream_key_missing";
  }

  @Test
  void theOriginalsFileMeansWhatItSays() {
    RelayConfig expected =
        RelayConfig.builder()
            .route(
                route("siliconflow", "/v1/chat/completions", "https://api.siliconflow.cn")
                    .kind(StreamKind.SSE)
                    .credential(key("Authorization", "sk-s", "SILICONFLOW_API_KEY"))
                    .build())
            .route(
                route("openai", "/openai/v1/chat/completions", "https://api.openai.com")
                    .kind(StreamKind.SSE)
                    .credential(key("Authorization", "sk-o", "OPENAI_API_KEY"))
                    .build())
            .route(
                route("anthropic", "/v1/messages", "https://api.anthropic.com")
                    .kind(StreamKind.SSE)
                    .credential(key("x-api-key", "sk-a", "ANTHROPIC_API_KEY"))
                    .build())
            .route(
                route(
                        "azure-tts",
                        "/cognitiveservices/v1",
                        "https://eastus.tts.speech.microsoft.com")
                    .kind(StreamKind.RAW)
                    .credential(key("Ocp-Apim-Subscription-Key", "z", "AZURE_SPEECH_KEY"))
                    .build())
            .rateLimit(RateLimitConfig.perTenant(100, 20))
            .auth(
                new AuthConfig(
                    true,
                    List.of(
                        ApiKey.plain("sk-relay-test-key-123"),
                        ApiKey.plain("sk-relay-prod-key-456"))))
            .build();

    assertThat(original(ENV).config()).usingRecursiveComparison().isEqualTo(expected);
  }

  @Test
  void configYamlIsTheOriginalsPlusOneStripPrefix() {
    LoadedConfig loaded = load("config.yaml", ENV);

    assertThat(loaded.warnings()).hasSize(1);
    assertThat(loaded.config())
        .usingRecursiveComparison()
        .ignoringFields("routes")
        .isEqualTo(original(ENV).config());
    assertThat(loaded.config().routes())
        .usingRecursiveComparison()
        .ignoringFields("stripPrefix")
        .isEqualTo(original(ENV).config().routes());
    assertThat(loaded.config().routes())
        .extracting(Route::stripPrefix)
        .containsExactly("", "/openai", "", "");
  }

  @Test
  void demoYamlNeedsNothing() {
    LoadedConfig loaded = load("demo.yaml", Map.of());

    assertThat(loaded.warnings()).isEmpty();
    assertThat(loaded.config().demoProvider())
        .isEqualTo(new DemoProviderConfig(true, "127.0.0.1", 18080));
    assertThat(loaded.config().routes())
        .extracting(Route::name)
        .containsExactly("openai", "chat", "anthropic", "azure-tts");
    assertThat(loaded.config().routes())
        .allSatisfy(
            route -> {
              assertThat(route.upstream()).isEqualTo(URI.create("http://127.0.0.1:18080"));
              assertThat(String.valueOf(route.credential()))
                  .contains(Secret.of("demo-provider-key").toString());
            });
    assertThat(loaded.config().auth().keys()).containsExactly(ApiKey.plain("sk-relay-demo"));
    assertThat(loaded.config().observability().logging().format()).isEqualTo(Format.TEXT);
  }

  @Test
  void whatAFileCanSayTheBuilderCanSayToo() {
    RelayConfig expected =
        RelayConfig.builder()
            .server(
                new ServerConfig("0.0.0.0", 8080, 10 << 20, Duration.ZERO, Duration.ofSeconds(30))
                    .withMaxStreams(1024)
                    .withMaxConnections(4096))
            .route(
                route("openai", "/openai", "https://api.openai.com")
                    .stripPrefix("/openai")
                    .credential(key("Authorization", "sk-o", "OPENAI_API_KEY"))
                    .dialect(Dialect.OPENAI)
                    .forwardHeaders("X-Request-Source")
                    .includeUsage(true)
                    .heartbeat(Duration.ofSeconds(15))
                    .commitAfter(Duration.ZERO)
                    .stallLimit(Duration.ofMinutes(2))
                    .timeouts(
                        new Timeouts(
                            Duration.ofSeconds(10),
                            Duration.ofMinutes(5),
                            Duration.ofMinutes(5),
                            Duration.ZERO))
                    .onClientGone(ClientGonePolicy.drain(Duration.ofSeconds(30), 2000L, 1L << 20))
                    .build())
            .route(
                route("local", "/local", "http://127.0.0.1:11434")
                    .credential(key("Authorization", "none", "routes[1].auth_value"))
                    .build())
            .rateLimit(new RateLimitConfig(true, 100, 20, 1000, 100, 100_000))
            .observability(
                new ObservabilityConfig(
                    PrometheusConfig.builder().tenants(List.of("team-a")).build(),
                    new Logging(
                        Level.INFO,
                        Map.of("io.streamrelay.exchange", Level.DEBUG),
                        Format.JSON,
                        new LogFile("logs/relay.log", 100 << 20, 5, Format.JSON)),
                    DetailedLogsConfig.builder()
                        .enabled(true)
                        .bodies(false)
                        .maxBytes(16 << 10)
                        .maxMemory(16 << 20)
                        .redact("[\\w.+-]+@[\\w-]+\\.[\\w.]+")
                        .route("openai")
                        .build(),
                    TracingConfig.DEFAULT))
            .auth(
                new AuthConfig(
                    true,
                    List.of(
                        ApiKey.plain("sk-relay-replace-me"),
                        new ApiKey(
                                "team-a",
                                "7a8cbb1a1d4dd1ce6d7ab1ba25fc0d2a7f1ba3a1d3b0f0c2f5ce0b8a2b1f7c11",
                                "team-a",
                                false)
                            .withOnClientGone(ClientGonePolicy.cancel()))))
            .demoProvider(new DemoProviderConfig(false, "127.0.0.1", 18080))
            .build();

    assertThat(load("relay.yaml", ENV).config()).usingRecursiveComparison().isEqualTo(expected);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "x: 1",
        "server: {x: 1}",
        "routes: [{x: 1}]",
        "routes: [{timeouts: {x: 1}}]",
        "routes: [{on_client_gone: {x: 1}}]",
        "routes: [{on_client_gone: {drain: {x: 1}}}]",
        "storage: {x: 1}",
        "storage: {redis: {x: 1}}",
        "storage: {clickhouse: {x: 1}}",
        "rate_limit: {x: 1}",
        "rate_limit: {per_key: {x: 1}}",
        "observability: {x: 1}",
        "observability: {prometheus: {x: 1}}",
        "observability: {logging: {x: 1}}",
        "observability: {logging: {file: {x: 1}}}",
        "prices: {x: 1}",
        "observability: {detailed_logs: {x: 1}}",
        "auth: {x: 1}",
        "auth: {api_keys: [{x: 1}]}",
        "demo_provider: {x: 1}"
      })
  void relayYamlDocumentsEveryKeyOfEverySection(String withUnknownKey) throws IOException {
    String text = Files.readString(CONFIGS.resolve("relay.yaml"));
    String listed =
        ConfigTexts.problems(withUnknownKey, Map.of()).stream()
            .filter(problem -> problem.problem().contains("known key"))
            .findFirst()
            .orElseThrow()
            .expected();

    assertThat(listed).startsWith("one of ");
    List<String> undocumented =
        Arrays.stream(listed.substring("one of ".length()).split(", ", -1))
            // The second way to give a key; its comment names it.
            .filter(key -> !key.equals("key"))
            .filter(key -> !text.matches("(?ms).*^[ -]*" + key + ":.*"))
            .toList();
    assertThat(undocumented).isEmpty();
  }

  private static Route.Builder route(String name, String path, String upstream) {
    return Route.builder(name).path(path).upstream(URI.create(upstream));
  }

  private static UpstreamCredential key(String header, String value, String source) {
    return new UpstreamCredential(header, Secret.of(value), source);
  }
}
