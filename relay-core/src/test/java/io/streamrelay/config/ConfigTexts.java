package io.streamrelay.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.util.List;
import java.util.Map;

/** Small configuration texts, and what comes of loading them. */
final class ConfigTexts {
  static final String FILE = "test.yaml";
  static final String ROUTES = "routes: [{name: r, path: /r, upstream: 'https://r.example'}]\n";
  static final String AUTH = "auth: {api_keys: [sk-test]}\n";

  private ConfigTexts() {}

  /** Adds the sections that must be there, below the text, unless it has them. */
  static String completed(String yaml) {
    String lined = "\n" + yaml + "\n";
    return yaml
        + "\n"
        + (lined.contains("\nroutes:") ? "" : ROUTES)
        + (lined.contains("\nauth:") ? "" : AUTH);
  }

  /** A route with these further entries, such as {@code ", kind: sse"}. */
  static String route(String more) {
    return "routes: [{name: r, path: /r, upstream: 'https://r.example'" + more + "}]";
  }

  static LoadedConfig load(String yaml, Map<String, String> env) {
    return new RelayConfigLoader(env::get).parse(completed(yaml), FILE);
  }

  static RelayConfig load(String yaml) {
    LoadedConfig loaded = load(yaml, Map.of());
    assertThat(loaded.warnings()).isEmpty();
    return loaded.config();
  }

  static RelayConfigException failure(String yaml, Map<String, String> env) {
    RelayConfigException failure =
        catchThrowableOfType(
            RelayConfigException.class, () -> new RelayConfigLoader(env::get).parse(yaml, FILE));
    assertThat(failure).as("loading was to fail:%n%s", yaml).isNotNull();
    return failure;
  }

  static List<ConfigProblem> problems(String yaml, Map<String, String> env) {
    return failure(completed(yaml), env).problems();
  }
}
