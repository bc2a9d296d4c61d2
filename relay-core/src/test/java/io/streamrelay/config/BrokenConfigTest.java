package io.streamrelay.config;

import static io.streamrelay.config.ConfigTexts.route;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Each text has one problem, at the place of its {@code »}. */
class BrokenConfigTest {
  private static final Map<String, String> ENV =
      Map.of("PORT", "80x", "BROKEN_KEY", "sk-line\nend", "KEY", "sk-provider", "EMPTY", "");

  /** The problem is exactly one, with this key, and its line holds these fragments. */
  record Broken(String yaml, String key, List<String> fragments) {}

  private static Broken broken(String yaml, String key, String... fragments) {
    return new Broken(yaml, key, List.of(fragments));
  }

  static Stream<Broken> table() {
    return Stream.of(
        // The text as a whole.
        broken("server: »]", "", "this is not YAML"),
        broken("server:\n»\tport: 1", "", "this is not YAML", "'\\t(TAB)'"),
        broken("server: {host: »*nowhere}", "", "names no anchor"),
        broken("server: {host: a}\n»---\nserver: {host: b}", "", "second document"),
        broken("server: {port: 1, »port: 2}", "server.port", "is set twice, first on line 1"),
        broken("auth: {api_keys: [a]}\n»auth: {api_keys: [b]}", "auth", "twice, first on line 1"),
        broken("server: {»[a]: 1}", "server", "has a map or list as a key"),
        broken("server: {<<: »7}", "server", "merges something else than maps"),
        broken("server: {port: »!port 1}", "server.port", "has a YAML tag"),
        broken("server: {host: a»\u0007b}", "", "U+0007"),
        // Names of keys.
        broken(
            "server: {»max_bodysize: 1}",
            "server.max_bodysize",
            "is no known key, did you mean 'max_body_size'?",
            "one of host, port, timeout, max_body_size, pre_stop_delay, drain_timeout, max_streams, max_connections, min_upload_rate"),
        broken("server: {»maxBodySize: 1}", "server.maxBodySize", "mean 'max_body_size'?"),
        broken("»servers: {port: 1}", "servers", "mean 'server'?", "demo_provider"),
        broken("server: {»colour: red}", "server.colour", "is no known key (expected: one of"),
        broken(route(", »kid: sse"), "routes[0].kid", "mean 'kind'?"),
        // Kinds of values.
        broken("server: »8080", "server", "is a single value", "a map with the keys host, port"),
        broken("server: »[8080]", "server", "is a list", "a map with the keys"),
        broken("server: {port: »[8080]}", "server.port", "is a list", "a single value"),
        broken("routes: »{name: a}", "routes", "is a map", "a list"),
        broken("routes: [»a]", "routes[0]", "is a single value", "a map with the keys name, path"),
        broken("routes: [»~]", "routes[0]", "is empty"),
        // server.
        broken("server: {port: »65536}", "server.port", "is '65536'", "from 0 to 65535"),
        broken("server: {port: »-1}", "server.port", "is '-1'"),
        broken("server: {port: »0x1F90}", "server.port", "is '0x1F90'"),
        broken("server: {port: »99999999999}", "server.port", "the number is too large"),
        broken("server: {port: »'${PORT}'}", "server.port", "is '${PORT}'", "whole number"),
        broken("server: {port: »'${PRT}'}", "server.port", "the variable PRT is not set"),
        broken("server: {port: »'${PRT'}", "server.port", "a '${' is not closed"),
        broken("server: {port: »'${1PRT}'}", "server.port", "no name of a variable"),
        broken("server: {port: »'${P:-${Q}}'}", "server.port", "a default holds '${'"),
        broken("server: {host: »'localhost:80'}", "server.host", "without a port"),
        broken("server: {timeout: »300}", "server.timeout", "is '300': the unit is missing"),
        broken("server: {timeout: »-5s}", "server.timeout", "the time is negative"),
        broken("server: {drain_timeout: »soon}", "server.drain_timeout", "is 'soon'", "PT30S"),
        broken("server: {max_body_size: »10 MB}", "server.max_body_size", "is '10 MB'", "10MB"),
        broken("server: {max_body_size: »0}", "server.max_body_size", "at least 1 byte"),
        broken("server: {min_upload_rate: »-1}", "server.min_upload_rate", "the size is negative"),
        broken("server: {max_body_size: »-1MB}", "server.max_body_size", "the size is negative"),
        broken(
            "server: {max_body_size: »9999999999GB}",
            "server.max_body_size",
            "the size is too large"),
        // routes.
        broken("routes: »[]", "routes", "is empty", "at least one route"),
        broken("routes: [»{path: /a, upstream: 'http://a'}]", "routes[0].name", "is missing"),
        broken("routes: [»{name: a, upstream: 'http://a'}]", "routes[0].path", "is missing"),
        broken("routes: [»{name: a, path: /a}]", "routes[0].upstream", "is missing"),
        broken(
            "routes: [{name: »'a b', path: /a, upstream: 'http://a'}]",
            "routes[0].name",
            "is 'a b'"),
        broken(
            "routes: [{name: a, path: »a, upstream: 'http://a'}]",
            "routes[0].path",
            "is 'a': the path must start with '/'"),
        broken(
            "routes: [{name: a, path: »/a/../b, upstream: 'http://a'}]",
            "routes[0].path",
            "'.' or '..' segment"),
        broken(
            "routes: [{name: a, path: »/readyz/, upstream: 'http://a'}]",
            "routes[0].path",
            "the relay answers there itself"),
        broken(
            "routes: [{name: a, path: »/metrics, upstream: 'http://a'}]",
            "routes[0].path",
            "the metrics have that path"),
        broken(
            "routes:\n- {name: a, path: /a, upstream: 'http://a'}\n"
                + "- {name: »a, path: /b, upstream: 'http://b'}",
            "routes[1].name",
            "is 'a': the route on line 2 has that name"),
        broken(
            "routes:\n- {name: a, path: /a, upstream: 'http://a'}\n"
                + "- {name: b, path: »/a/, upstream: 'http://b'}",
            "routes[1].path",
            "is '/a/': the route on line 2 has that path"),
        broken(
            "routes:\n- name: a\n  path: /a\n  upstream: »ftp://x",
            "routes[0].upstream",
            "is 'ftp://x' (expected: an http or https origin"),
        broken(
            "routes: [{name: a, path: /a, upstream: »'http://my_svc:80'}]",
            "routes[0].upstream",
            "is 'http://my_svc:80': its host is none that a URI allows",
            "without '_'"),
        broken(
            "routes: [{name: a, path: /a, upstream: »'http:///x'}]",
            "routes[0].upstream",
            "it has no host"),
        broken(
            "routes: [{name: a, path: /a, upstream: »'http://a b'}]",
            "routes[0].upstream",
            "it is no URI"),
        broken(
            "routes: [{name: a, path: /a, upstream: »'http://a:99999'}]",
            "routes[0].upstream",
            "99999"),
        broken(
            "routes: [{name: a, path: /a, upstream: »'http://u:pw@a'}]",
            "routes[0].upstream",
            "is hidden (13 characters): it has a user part"),
        broken(
            "routes: [{name: a, path: /a, upstream: »'http://a/x?key=pw'}]",
            "routes[0].upstream",
            "is hidden (17 characters): it has a query"),
        broken(
            "routes: [{name: a, path: /a, upstream: »'http://a/x;y'}]",
            "routes[0].upstream",
            "the path holds ';'"),
        broken(route(", strip_prefix: »/rr"), "routes[0].strip_prefix", "is '/rr'", "path /r"),
        broken(route(", strip_prefix: »r"), "routes[0].strip_prefix", "must start with '/'"),
        broken(route(", kind: »ssee"), "routes[0].kind", "is 'ssee'", "one of sse, raw, auto"),
        broken(route(", dialect: »claude"), "routes[0].dialect", "is 'claude'", "anthropic"),
        broken(
            route(", auth_header: X-Key, auth_env: KEY, auth_value: »pw"),
            "routes[0].auth_value",
            "is set as well as auth_env"),
        broken(route(", auth_header: »X-Key"), "routes[0].auth_header", "there is no key for it"),
        broken(
            "routes: [»{name: r, path: /r, upstream: 'http://r', auth_env: KEY}]",
            "routes[0].auth_header",
            "is missing"),
        broken(route(", auth_env: KEY, auth_header: »Host"), "routes[0].auth_header", "is 'Host'"),
        broken(
            route(", auth_env: KEY, auth_header: »Content-Length"),
            "routes[0].auth_header",
            "is 'Content-Length'"),
        broken(
            route(", auth_env: KEY, auth_header: »Transfer-Encoding"),
            "routes[0].auth_header",
            "none that belongs to the connection"),
        broken(
            route(", auth_env: KEY, auth_header: »'X Key'"),
            "routes[0].auth_header",
            "is hidden (5 characters)"),
        broken(
            route(", auth_header: X-Key, auth_env: »sk-1"),
            "routes[0].auth_env",
            "is hidden (4 characters): it is no variable's name"),
        broken(
            route(", auth_header: X-Key, auth_env: »BROKEN_KEY"),
            "routes[0].auth_env",
            "is 'BROKEN_KEY': the value of that variable holds a control"),
        broken(
            route(", auth_header: X-Key, auth_value: »''"),
            "routes[0].auth_value",
            "is hidden (0 characters): it is blank"),
        broken(
            route(", forward_headers: [X-A, »Cookie]"),
            "routes[0].forward_headers[1]",
            "is 'Cookie': it never passes"),
        broken(
            route(", forward_headers: [»TraceParent]"),
            "routes[0].forward_headers[0]",
            "is 'TraceParent': it never passes"),
        broken(
            route(", on_client_gone: »drop"),
            "routes[0].on_client_gone",
            "is 'drop'",
            "cancel, drain, or drain: with at least one of time, tokens and bytes"),
        broken(
            route(", on_client_gone: {»cancel: 1s}"), "routes[0].on_client_gone.cancel", "drain"),
        broken(
            route(", on_client_gone: {drain: »{}}"),
            "routes[0].on_client_gone.drain",
            "has no bound"),
        broken(
            route(", on_client_gone: {drain: {time: »0}}"),
            "routes[0].on_client_gone.drain.time",
            "that is to cancel"),
        broken(
            route(", on_client_gone: {drain: {time: »30}}"),
            "routes[0].on_client_gone.drain.time",
            "the unit is missing"),
        broken(
            route(", on_client_gone: {drain: {tokens: »0}}"),
            "routes[0].on_client_gone.drain.tokens",
            "at least 1"),
        broken(
            route(", on_client_gone: {drain: {bytes: »0}}"),
            "routes[0].on_client_gone.drain.bytes",
            "at least 1 byte"),
        broken(
            "auth: {api_keys: [{name: x, key: a, tenant: t, on_client_gone: »sk-secret}]}",
            "auth.api_keys[0].on_client_gone",
            "is hidden (9 characters)"),
        broken(route(", forward_headers: [»'X A']"), "routes[0].forward_headers[0]", "is 'X A'"),
        broken(route(", forward_headers: »X-A"), "routes[0].forward_headers", "a list"),
        broken(route(", timeouts: {idle: »30}"), "routes[0].timeouts.idle", "unit is missing"),
        broken(route(", timeouts: {»read: 30s}"), "routes[0].timeouts.read", "first_byte"),
        // storage.
        broken("storage: {redis: {addr: »localhost}}", "storage.redis.addr", "host:port"),
        broken("storage: {redis: {addr: »'a:70000'}}", "storage.redis.addr", "is 'a:70000'"),
        broken("storage: {redis: {db: »-1}}", "storage.redis.db", "at least 0"),
        broken("storage: {redis: {ttl: »-1}}", "storage.redis.ttl", "is '-1'", "negative"),
        broken(
            "storage: {clickhouse: {async: »maybe}}",
            "storage.clickhouse.async",
            "is 'maybe' (expected: true or false)"),
        // rate_limit.
        broken(
            "rate_limit: »{enabled: true, burst: 1}", "rate_limit.default", "is missing", "minute"),
        broken("rate_limit: »{enabled: true, default: 1}", "rate_limit.burst", "is missing"),
        broken(
            "rate_limit: {enabled: true, default: »0, burst: 1}",
            "rate_limit.default",
            "is '0'",
            "at least 1"),
        broken("rate_limit: {per_key: »{default: 5}}", "rate_limit.per_key.burst", "is missing"),
        broken("rate_limit: {max_tenants: »0}", "rate_limit.max_tenants", "at least 1"),
        // observability.
        broken(
            "observability: {prometheus: {path: »/r}}",
            "observability.prometheus.path",
            "is '/r': the route on line 2 has that path"),
        broken(
            "observability: {prometheus: {path: »/healthz}}",
            "observability.prometheus.path",
            "the relay answers there itself"),
        broken(
            "observability: {logging: {level: »loud}}",
            "observability.logging.level",
            "one of error, warn, info, debug, trace"),
        broken(
            "observability: {logging: {file: {path: a, max_size: »1}}}",
            "observability.logging.file.max_size",
            "at least 1024 bytes"),
        broken(
            "observability: {logging: {file: »{max_files: 2}}}",
            "observability.logging.file.path",
            "is missing"),
        // auth.
        broken("auth: »{enabled: true}", "auth.api_keys", "is missing", "auth.enabled: false"),
        broken("auth: {api_keys: »[]}", "auth.api_keys", "is empty", "auth.enabled: false"),
        broken("auth: {api_keys: »sk-1}", "auth.api_keys", "is a single value", "a list"),
        broken("auth: {api_keys: [»'']}", "auth.api_keys[0]", "hidden (0 characters)"),
        broken("auth: {api_keys: [»'é']}", "auth.api_keys[0]", "hidden (1 character): it holds"),
        broken("auth: {api_keys: [»'${NO}']}", "auth.api_keys[0]", "variable NO is not set"),
        broken("auth: {api_keys: [»'${EMPTY}']}", "auth.api_keys[0]", "it is blank"),
        broken(
            "auth: {api_keys: [a, b, »a]}",
            "auth.api_keys[2]",
            "is the same key as auth.api_keys[0] on line 1"),
        broken(
            "auth:\n  api_keys:\n  - {name: x, key: a}\n  - {name: »x, key: b}",
            "auth.api_keys[1].name",
            "is 'x' as on line 3"),
        broken("auth: {api_keys: [»{key: a}]}", "auth.api_keys[0].name", "is missing"),
        broken("auth: {api_keys: [»{name: x}]}", "auth.api_keys[0]", "neither key nor sha256"),
        broken(
            "auth: {api_keys: [{name: x, key: a, sha256: »b}]}",
            "auth.api_keys[0].sha256",
            "is set as well as key"),
        broken(
            "auth: {api_keys: [{name: x, sha256: »abc}]}",
            "auth.api_keys[0].sha256",
            "is hidden (3 characters)",
            "64 hex digits"),
        broken(
            "auth: {api_keys: [{name: x, key: a, tenant: »'a b'}]}",
            "auth.api_keys[0].tenant",
            "is 'a b'"),
        broken(
            "auth: {api_keys: [{name: x, key: a, tenant_header: »false}]}",
            "auth.api_keys[0].tenant_header",
            "no tenant"),
        // demo_provider.
        broken("demo_provider: »{host: localhost}", "demo_provider.port", "is missing"),
        broken("demo_provider: {port: »0}", "demo_provider.port", "from 1 to 65535"));
  }

  @ParameterizedTest
  @MethodSource("table")
  void theOneProblemNamesItsPlaceKeyAndRemedy(Broken broken) {
    int at = broken.yaml().indexOf('»');
    String before = broken.yaml().substring(0, at);
    int line = (int) before.chars().filter(c -> c == '\n').count() + 1;
    int column = at - before.lastIndexOf('\n');

    List<ConfigProblem> problems = ConfigTexts.problems(broken.yaml().replace("»", ""), ENV);

    assertThat(problems).hasSize(1);
    ConfigProblem problem = problems.get(0);
    assertThat(problem.key()).isEqualTo(broken.key());
    assertThat(problem.line() + ":" + problem.column())
        .as("%s", problem)
        .isEqualTo(line + ":" + column);
    assertThat(problem.toString())
        .startsWith("test.yaml:" + line + ":" + column + ": " + broken.key())
        .contains(broken.fragments())
        .doesNotContain("\n");
  }

  @Test
  void theTableHoldsEveryKindOfProblem() {
    assertThat(table().count()).isGreaterThanOrEqualTo(90);
  }

  @Test
  void aProblemReadsAsOneSentence() {
    String yaml = "server:\n  port: 8080\nroutes:\n- name: a\n  path: /a\n  upstream: ftp://x\n";

    assertThat(ConfigTexts.failure(yaml + ConfigTexts.AUTH, Map.of()))
        .hasMessage(
            "test.yaml:6:13: routes[0].upstream is 'ftp://x' (expected: an http or https origin with"
                + " an optional path, such as https://api.openai.com; no user, query or fragment)");
  }

  @Test
  void missingSectionsAreNamedAtTheTop() {
    assertThat(ConfigTexts.failure("\nserver: {port: 1}\n", Map.of()).problems())
        .extracting(ConfigProblem::toString)
        .satisfiesExactlyInAnyOrder(
            routes ->
                assertThat(routes)
                    .isEqualTo(
                        "test.yaml:2:1: routes is missing (expected: a list with at least one"
                            + " route)"),
            auth ->
                assertThat(auth)
                    .startsWith("test.yaml:2:1: auth is missing (expected: auth.api_keys")
                    .contains("auth.enabled: false"));
  }

  @ParameterizedTest
  @MethodSource("notMaps")
  void aTextWithoutAMapIsOneProblem(String yaml, String fragment) {
    assertThat(ConfigTexts.failure(yaml, Map.of()).problems())
        .singleElement()
        .asString()
        .startsWith("test.yaml")
        .contains(fragment, "'routes:'");
  }

  static Stream<Arguments> notMaps() {
    return Stream.of(
        Arguments.of("", ": is empty"),
        Arguments.of("# nothing\n", ": is empty"),
        Arguments.of("---\n", ": is empty"),
        Arguments.of("[a, b]", ":1:1: the top level is a list"),
        Arguments.of("sk-secret", ":1:1: the top level is a single value"));
  }

  @Test
  void allProblemsAreToldAtOnceInTheOrderOfTheFile() {
    String yaml =
        """
        auth:
          api_keys: [a, a]
        server:
          port: many
          timeout: 5
        routes:
          - {name: a, path: a, upstream: 'ftp://a', kind: x}
          - {name: b, path: /b}
        """;

    RelayConfigException failure = ConfigTexts.failure(yaml, Map.of());

    assertThat(failure.problems())
        .extracting(problem -> problem.line() + " " + problem.key())
        .containsExactly(
            "2 auth.api_keys[1]",
            "4 server.port",
            "5 server.timeout",
            "7 routes[0].path",
            "7 routes[0].upstream",
            "7 routes[0].kind",
            "8 routes[1].upstream");
    assertThat(String.valueOf(failure.getMessage()).lines())
        .hasSize(8)
        .startsWith("7 problems:")
        .contains(failure.problems().get(6).toString());
  }

  @Test
  void problemsEndAtAHundred() {
    String yaml = "routes: [" + "a, ".repeat(500) + "]";

    assertThat(ConfigTexts.problems(yaml, Map.of())).hasSize(100);
  }

  @Test
  void aFloodOfAliasesIsOneProblem() {
    StringBuilder yaml = new StringBuilder("server: &a0 [x]\n");
    for (int i = 1; i < 60; i++) {
      yaml.append("k").append(i).append(": &a").append(i);
      yaml.append(" [*a").append(i - 1).append(", *a").append(i - 1).append("]\n");
    }

    assertThat(ConfigTexts.problems(yaml.toString(), Map.of()))
        .singleElement()
        .asString()
        .contains("more than 50 aliases");
  }

  @Test
  void aLineThatWouldTakeTheParserSecondsIsRefused() {
    int most = YamlText.MAX_LINE_CHARACTERS;
    String longest = "x: '" + "y".repeat(most - 5) + "'\n";
    assertThat(ConfigTexts.problems(longest, Map.of()))
        .singleElement()
        .asString()
        .doesNotContain("too long");
    assertThat(ConfigTexts.problems("# a comment\n" + longest.replace("'\n", "y'"), Map.of()))
        .singleElement()
        .asString()
        .contains(":2:" + (most + 1) + ": the line is too long (expected: at most 1048576 ");
  }

  @Test
  void deepNestingIsOneProblem() {
    assertThat(ConfigTexts.problems("server: " + "[".repeat(5000), Map.of()))
        .singleElement()
        .asString()
        .contains("nested too deeply");
  }

  @Test
  void aMapThatMergesItselfEnds() {
    assertThat(ConfigTexts.problems("server: &s {<<: *s, port: x}", Map.of()))
        .singleElement()
        .asString()
        .contains("server.port is 'x'");
  }

  @Test
  void aQuoteThatIsNeverClosedNamesItsStart() {
    assertThat(ConfigTexts.failure("server:\n  host: 'a\nauth: {}\n", Map.of()))
        .hasMessageStartingWith("test.yaml:4:1: this is not YAML: found unexpected end of stream")
        .hasMessageContaining("a quoted scalar that starts on line 2");
  }
}
