package io.streamrelay.jetty.launcher;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.jar.JarFile;
import java.util.zip.ZipEntry;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code relay.jar} as its operator meets it: command line, start, log, signals, exit codes. */
@Timeout(180)
class LauncherIT {
  private static final ObjectMapper JSON = JsonMapper.builder().build();
  private static final Path CONFIGS = Path.of("..", "configs").toAbsolutePath().normalize();
  private static final String FIRST = "data: {\"n\":1}\n\n";
  private static final String SECOND = "data: {\"n\":2}\n\n";
  private static final String DONE = "data: [DONE]\n\n";

  @TempDir private Path directory;

  private final HttpClient http = HttpClient.newHttpClient();

  // The command line

  @Test
  void helpNamesEveryOptionAndExitCode() throws Exception {
    Ended ended = run("--help");

    assertThat(ended.code).isZero();
    assertThat(ended.err).isEmpty();
    assertThat(String.join("\n", ended.out))
        .contains("--config=FILE", "--port=N", "--check", "--version", "RELAY_CONFIG")
        .contains("  0  ", "  1  ", "  2  ", "  3  ", "  130, 143  ");
  }

  @Test
  void versionIsTheBuilds() throws Exception {
    Ended ended = run("--version");

    assertThat(ended.code).isZero();
    assertThat(ended.err).isEmpty();
    assertThat(ended.out).containsExactly("stream relay " + System.getProperty("relay.version"));
  }

  @Test
  void theJarBringsPricesAlong() throws Exception {
    Ended ended = run("prices", "show", "gpt-4o", "--provider", "openai");

    assertThat(ended.code).isZero();
    assertThat(ended.err).isEmpty();
    assertThat(ended.out).contains("  - model: gpt-4o", "    input: 2.5");
  }

  @ParameterizedTest
  @ValueSource(strings = {"config.yaml", "demo.yaml", "relay.yaml"})
  void everyShippedConfigurationIsValid(String name) throws Exception {
    String file = CONFIGS.resolve(name).toString();

    Ended ended = run("--check", "--config", file);

    assertThat(ended.code).isZero();
    assertThat(ended.out).singleElement().asString().startsWith(file + " is valid: ");
    assertThat(ended.err).allMatch(line -> line.startsWith("warning: "));
  }

  @Test
  void aCheckWarnsOfMissingProviderKeys() throws Exception {
    Ended ended = run("--check", "--config", CONFIGS.resolve("config.yaml").toString());

    assertThat(ended.err)
        .anyMatch(line -> line.contains("OPENAI_API_KEY") && line.contains("not set"));
  }

  @Test
  void everythingWrongInAConfigurationIsToldAtOnceWithItsPlace() throws Exception {
    Path file = write("server:\n  prot: 1\n  port: 99999\nroutes: []\n");

    for (List<String> how : List.of(List.of("--check"), List.<String>of())) {
      List<String> arguments = new ArrayList<>(List.of("--config", file.toString()));
      arguments.addAll(how);
      Ended ended = run(arguments.toArray(String[]::new));

      assertThat(ended.code).isEqualTo(2);
      assertThat(ended.out).isEmpty();
      assertThat(ended.err)
          .hasSize(4)
          .allMatch(line -> line.matches("\\Q" + file + "\\E:\\d+:\\d+: [a-z_.]+ .+"))
          .anyMatch(line -> line.startsWith(file + ":2:3: server.prot "))
          .anyMatch(line -> line.startsWith(file + ":3:9: server.port is '99999' (expected: "));
    }
  }

  @Test
  void whatIsNotYamlIsToldInOneLine() throws Exception {
    Path file = write("routes: [\n");

    Ended ended = run("--config", file.toString());

    assertThat(ended.code).isEqualTo(2);
    assertThat(ended.err)
        .singleElement()
        .asString()
        .matches("\\Q" + file + "\\E:\\d+:\\d+: this is not YAML: .+");
  }

  @Test
  void aMissingConfigurationIsToldInOneLine() throws Exception {
    for (Map<String, String> variables :
        List.of(Map.<String, String>of(), Map.of("RELAY_CONFIG", ""))) {
      Ended ended = run(variables);

      assertThat(ended.code).isEqualTo(2);
      assertThat(ended.out).isEmpty();
      assertThat(ended.err)
          .containsExactly(
              "no configuration (expected: --config FILE, or the variable RELAY_CONFIG)");
    }
  }

  @Test
  void theVariableNamesTheConfigurationToo() throws Exception {
    Map<String, String> variables = Map.of("RELAY_CONFIG", CONFIGS.resolve("demo.yaml").toString());

    assertThat(run(variables, "--check").code).isZero();
    assertThat(run(variables, "--check", "--config", "absent.yaml").err)
        .containsExactly(
            "absent.yaml: does not exist (expected: a YAML file, such as configs/config.yaml)");
  }

  @ParameterizedTest
  @CsvSource({
    "absent.yaml, absent.yaml: does not exist",
    ".,           .: is a directory",
  })
  void aFileThatIsNoneIsToldInOneLine(String file, String start) throws Exception {
    Ended ended = run("--config", file);

    assertThat(ended.code).isEqualTo(2);
    assertThat(ended.err).singleElement().asString().startsWith(start);
  }

  /** A file that not even root can read. */
  @Test
  @EnabledOnOs(OS.LINUX)
  void aFileThatCannotBeReadIsToldInOneLine() throws Exception {
    Ended ended = run("--config", "/proc/self/mem");

    assertThat(ended.code).isEqualTo(2);
    assertThat(ended.err).singleElement().asString().startsWith("/proc/self/mem: cannot be read");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--port 70000      | --port 70000 (expected: 0 to 65535)",
        "--port -1         | --port -1 (expected: 0 to 65535)",
        "--port http       | Invalid value for option '--port': 'http' is not an int (see --help)",
        "--bogus           | Unknown option: '--bogus' (see --help)",
      })
  void aWrongOptionIsToldInOneLine(String options, String line) throws Exception {
    String given = "--config " + CONFIGS.resolve("demo.yaml") + " " + options;

    Ended ended = run(given.split(" "));

    assertThat(ended.code).isEqualTo(2);
    assertThat(ended.out).isEmpty();
    assertThat(ended.err).containsExactly(line);
  }

  // A start that fails

  @Test
  void aTakenPortIsToldInOneLine() throws Exception {
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      Path file = write(config("http://127.0.0.1:1", "drain_timeout: 1s"));

      Ended ended =
          run("--config", file.toString(), "--port", Integer.toString(taken.getLocalPort()));

      assertThat(ended.code).isEqualTo(1);
      assertThat(ended.out).isEmpty();
      assertThat(ended.err)
          .containsExactly(
              "cannot listen on 127.0.0.1:"
                  + taken.getLocalPort()
                  + ": Address already in use (expected: a free port at an address of this machine;"
                  + " change server.port or server.host, or give --port)");
    }
  }

  @Test
  void aTakenDemoProviderPortIsToldInOneLine() throws Exception {
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      Path file = write(withDemo(taken.getLocalPort()));

      Ended ended = run("--config", file.toString());

      assertThat(ended.code).isEqualTo(1);
      assertThat(ended.out).isEmpty();
      assertThat(ended.err)
          .containsExactly(
              "cannot listen on 127.0.0.1:"
                  + taken.getLocalPort()
                  + " for the demo provider: Address already in use (expected: a free port at an"
                  + " address of this machine; change demo_provider.port or demo_provider.host)");
    }
  }

  @Test
  void anAddressThatIsNotThisMachinesIsToldInOneLine() throws Exception {
    Path file =
        write(config("http://127.0.0.1:1", "").replace("host: 127.0.0.1", "host: 192.0.2.1"));

    Ended ended = run("--config", file.toString());

    assertThat(ended.code).isEqualTo(1);
    assertThat(ended.err).singleElement().asString().startsWith("cannot listen on 192.0.2.1:0: ");
  }

  @Test
  void onePortForBothServersIsRefused() throws Exception {
    Path file = write(withDemo(18080).replace("port: 0", "port: 18080"));

    Ended same = run("--check", "--config", file.toString());
    Ended given = run("--check", "--config", write(withDemo(18080)).toString(), "--port", "18080");

    assertThat(same.code).isEqualTo(2);
    assertThat(same.err)
        .containsExactly(
            file
                + ": server.port is 18080, and so is demo_provider.port (expected: two different"
                + " ports)");
    assertThat(given.code).isEqualTo(2);
    assertThat(given.err)
        .containsExactly(
            "--port is 18080, and so is demo_provider.port (expected: two different ports)");
  }

  @Test
  void aLogFileThatCannotBeWrittenIsToldInOneLine() throws Exception {
    Path file = write(config("http://127.0.0.1:1", "") + logFile(directory.toString(), "1MB"));

    Ended ended = run("--config", file.toString());

    assertThat(ended.code).isEqualTo(1);
    assertThat(ended.out).isEmpty();
    assertThat(ended.err)
        .singleElement()
        .asString()
        .startsWith("observability.logging.file.path: cannot write '" + directory + "'");
  }

  // A start, the log

  @Test
  void aStartSaysWhatIsServedAndWhereAndNothingElse() throws Exception {
    Path file = write(config("http://127.0.0.1:1", "") + "  logging: {format: text}\n");
    long begin = System.nanoTime();
    try (RelayProcess relay = start(file)) {
      URI uri = relay.uri();
      int status = get(uri.resolve("/readyz")).statusCode();
      long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begin);
      System.out.println("relay.jar was ready " + millis + " ms after its start");
      relay.terminate();

      assertThat(status).isEqualTo(200);
      assertThat(relay.exitCode()).isZero();
      assertThat(relay.err()).isEmpty();
      List<String> lines = relay.out().stream().map(line -> line.substring(24)).toList();
      assertThat(lines)
          .containsExactly(
              "WARN  Main  routes[1] 'keyless': the variable LAUNCHER_IT_KEY is not set, so the"
                  + " route's requests are refused with upstream_key_missing",
              "INFO  Main  route 'chat' /chat -> http://127.0.0.1:1",
              "INFO  Main  route 'keyless' /keyless -> http://127.0.0.1:1",
              "INFO  Main  stream relay "
                  + System.getProperty("relay.version")
                  + " serves at "
                  + uri
                  + ", readiness at "
                  + uri
                  + "/readyz, metrics at "
                  + uri
                  + "/metrics",
              "INFO  streamrelay  draining: 0 exchanges are live",
              "INFO  Main  stopped: 0 live exchanges ended, 0 were cut");
    }
  }

  @Test
  void everyLogLineIsJsonAndTheFileRotates() throws Exception {
    Path log = directory.resolve("relay.log");
    Path file = write(config("http://127.0.0.1:1", "") + logFile(log.toString(), "1KB"));
    try (RelayProcess relay = start(file)) {
      URI uri = relay.uri();
      for (int i = 0; i < 20; i++) {
        assertThat(get(uri.resolve("/absent/" + i)).statusCode()).isEqualTo(404);
      }
      relay.terminate();
      assertThat(relay.exitCode()).isZero();

      assertThat(relay.err()).isEmpty();
      List<JsonNode> lines = new ArrayList<>();
      for (String line : relay.out()) {
        lines.add(JSON.readTree(line));
      }
      assertThat(lines).hasSizeGreaterThan(20).allMatch(JsonNode::isObject);
      assertThat(lines)
          .filteredOn(line -> line.path("outcome").asText().equals("rejected"))
          .hasSize(20)
          .allMatch(line -> line.path("status_code").asInt() == 404);
      List<String> kept = new ArrayList<>();
      for (String name : List.of("relay.log.2", "relay.log.1", "relay.log")) {
        Path part = directory.resolve(name);
        assertThat(Files.size(part)).isBetween(1L, 3000L);
        kept.addAll(Files.readAllLines(part));
      }
      // The newest lines, none lost or broken where one file ends and the next begins.
      assertThat(relay.out()).endsWith(kept.toArray(String[]::new));
      assertThat(directory.resolve("relay.log.3")).doesNotExist();
    }
  }

  // Signals

  @Test
  void aTerminatedRelayLetsAStreamEndAndThenStartsAnewAtItsPort() throws Exception {
    try (StepUpstream upstream = new StepUpstream();
        RelayProcess relay = start(write(config(upstream.uri(), "drain_timeout: 60s")))) {
      URI uri = relay.uri();
      HttpResponse<InputStream> stream = open(uri, upstream);
      try (BufferedReader body = reader(stream)) {
        String received = take(body, FIRST);
        relay.terminate();
        await("/readyz is down", () -> status(uri.resolve("/readyz")) == 503);
        assertThat(status(uri.resolve("/healthz"))).isEqualTo(200);
        assertThat(post(uri.resolve("/chat/short")).statusCode()).isEqualTo(503);
        upstream.send(SECOND);
        upstream.send(DONE);
        upstream.end();
        assertThat(received + rest(body)).isEqualTo(FIRST + SECOND + DONE);
      }
      assertThat(relay.exitCode()).isZero();
      assertThat(relay.err()).isEmpty();
      assertThat(relay.out())
          .anyMatch(line -> line.contains("stopped: 1 live exchanges ended, 0 were cut"));

      Path again = write(config(upstream.uri(), ""));
      try (RelayProcess second = start(again, "--port", Integer.toString(uri.getPort()))) {
        assertThat(second.uri()).isEqualTo(uri);
        assertThat(post(uri.resolve("/chat/short")).body()).isEqualTo("{\"ok\":true}");
        second.terminate();
        assertThat(second.exitCode()).isZero();
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"TERM", "INT"})
  @EnabledOnOs(OS.LINUX)
  void aStreamThatOutlivesTheDrainTimeEndsWithAnErrorEvent(String signal) throws Exception {
    try (StepUpstream upstream = new StepUpstream();
        RelayProcess relay = start(write(config(upstream.uri(), "drain_timeout: 1s")))) {
      upstream.send(FIRST);
      URI uri = relay.uri();
      // A plain socket, since a client may throw away what came before a cut.
      try (Socket client = new Socket(uri.getHost(), uri.getPort())) {
        client.setSoTimeout(60_000);
        String request =
            "POST /chat/stream HTTP/1.1\r\nHost: relay\r\nContent-Length: 15\r\n\r\n"
                + "{\"stream\":true}";
        client.getOutputStream().write(request.getBytes(UTF_8));
        String received = readUntil(client, FIRST);
        if (signal.equals("INT")) {
          relay.interrupt();
        } else {
          relay.terminate();
        }
        received += readUntil(client, null);

        assertThat(received).startsWith("HTTP/1.1 200 ").doesNotContain("[DONE]");
        assertThat(received)
            .as("a whole chunked body, though it was cut")
            .doesNotEndWith("\r\n0\r\n\r\n");
        String last = received.substring(received.lastIndexOf("data: ") + "data: ".length());
        assertThat(JSON.readTree(last).at("/error/code").asText()).isEqualTo("drained");
        assertThat(last).contains("}\n\n");
      }
      assertThat(relay.exitCode()).isEqualTo(3);
      assertThat(relay.err()).isEmpty();
      assertThat(relay.out())
          .anyMatch(line -> line.contains("stopped: 0 live exchanges ended, 1 were cut"));
    }
  }

  @Test
  void readinessGoesDownBeforeRequestsAreRefused() throws Exception {
    try (StepUpstream upstream = new StepUpstream();
        RelayProcess relay =
            start(write(config(upstream.uri(), "{pre_stop_delay: 3s, drain_timeout: 60s}")))) {
      URI uri = relay.uri();
      HttpResponse<InputStream> stream = open(uri, upstream);
      try (BufferedReader body = reader(stream)) {
        String received = take(body, FIRST);
        relay.terminate();
        await("/readyz is down", () -> status(uri.resolve("/readyz")) == 503);
        assertThat(post(uri.resolve("/chat/short")).statusCode()).isEqualTo(200);
        await("refused", () -> postStatus(uri.resolve("/chat/short")) == 503);
        upstream.end();
        assertThat(received + rest(body)).isEqualTo(FIRST);
      }
      assertThat(relay.exitCode()).isZero();
    }
  }

  // The jar

  @Test
  void theJarKeepsServicesAndLicences() throws Exception {
    try (JarFile jar = new JarFile(System.getProperty("relay.jar"))) {
      List<String> names = jar.stream().map(ZipEntry::getName).toList();

      assertThat(names).doesNotHaveDuplicates();
      assertThat(names)
          .contains("META-INF/services/org.slf4j.spi.SLF4JServiceProvider")
          .contains("LICENSE", "META-INF/LICENSE", "META-INF/LICENSE.txt", "META-INF/NOTICE")
          .noneMatch(name -> name.endsWith("module-info.class") || name.matches(".+\\.(SF|RSA)"));
      assertThat(text(jar, "LICENSE")).contains("MIT License");
      assertThat(text(jar, "META-INF/LICENSE")).contains("Apache License");
      assertThat(text(jar, "META-INF/NOTICE")).contains("Jackson", "Prometheus");
      for (String name : names) {
        if (name.matches("META-INF/services/.+")) {
          for (String provider : Set.copyOf(text(jar, name).lines().toList())) {
            assertThat(names).contains(provider.replace('.', '/') + ".class");
          }
        }
      }
    }
  }

  // Helpers

  private record Ended(int code, List<String> out, List<String> err) {}

  private Ended run(String... arguments) throws InterruptedException {
    return run(Map.of(), arguments);
  }

  private Ended run(Map<String, String> variables, String... arguments)
      throws InterruptedException {
    try (RelayProcess relay = RelayProcess.start(directory, variables, arguments)) {
      int code = relay.exitCode();
      return new Ended(code, relay.out(), relay.err());
    }
  }

  private RelayProcess start(Path file, String... more) {
    List<String> arguments = new ArrayList<>(List.of("--config", file.toString()));
    arguments.addAll(List.of(more));
    return RelayProcess.start(directory, Map.of(), arguments.toArray(String[]::new));
  }

  /** A relay with one route to the upstream, one whose key is missing, and an open section. */
  private static String config(String upstream, String server) {
    String body =
        """
        routes:
          - {name: chat, path: /chat, strip_prefix: /chat, upstream: "%1$s"}
          - name: keyless
            path: /keyless
            upstream: "%1$s"
            auth_header: Authorization
            auth_env: LAUNCHER_IT_KEY
        auth: {enabled: false}
        observability:
          prometheus: {enabled: true}
        """
            .formatted(upstream);
    String inner = server.startsWith("{") ? server.substring(1, server.length() - 1) : server;
    String more = inner.isEmpty() ? "" : ", " + inner;
    return "server: {host: 127.0.0.1, port: 0" + more + "}\n" + body;
  }

  private static String withDemo(int port) {
    return config("http://127.0.0.1:" + port, "") + "demo_provider: {port: " + port + "}\n";
  }

  private static String logFile(String path, String size) {
    return "  logging: {file: {path: \"" + path + "\", max_size: " + size + ", max_files: 2}}\n";
  }

  private Path write(String yaml) throws IOException {
    return Files.writeString(Files.createTempFile(directory, "relay", ".yaml"), yaml);
  }

  /** Opens a stream and has its first event sent. */
  private HttpResponse<InputStream> open(URI uri, StepUpstream upstream)
      throws IOException, InterruptedException {
    upstream.send(FIRST);
    HttpResponse<InputStream> response =
        http.send(request(uri.resolve("/chat/stream")), BodyHandlers.ofInputStream());
    assertThat(response.statusCode()).isEqualTo(200);
    return response;
  }

  private static BufferedReader reader(HttpResponse<InputStream> response) {
    return new BufferedReader(new InputStreamReader(response.body(), UTF_8));
  }

  private static String take(BufferedReader body, String expected) throws IOException {
    char[] chars = new char[expected.length()];
    for (int read = 0; read < chars.length; ) {
      int more = body.read(chars, read, chars.length - read);
      if (more < 0) {
        break;
      }
      read += more;
    }
    assertThat(new String(chars)).isEqualTo(expected);
    return expected;
  }

  /** Reads until a text has come, or else until the connection ends, in whatever way. */
  private static String readUntil(Socket from, @Nullable String end) throws IOException {
    ByteArrayOutputStream received = new ByteArrayOutputStream();
    try {
      for (int b = from.getInputStream().read(); b >= 0; b = from.getInputStream().read()) {
        received.write(b);
        if (end != null && received.toString(UTF_8).contains(end)) {
          break;
        }
      }
    } catch (SocketTimeoutException e) {
      throw new AssertionError("nothing came for 60 s after: " + received.toString(UTF_8), e);
    } catch (SocketException reset) {
      // A cut.
    }
    return received.toString(UTF_8);
  }

  private static String rest(BufferedReader body) throws IOException {
    StringBuilder text = new StringBuilder();
    for (int c = body.read(); c >= 0; c = body.read()) {
      text.append((char) c);
    }
    return text.toString();
  }

  private static HttpRequest request(URI uri) {
    return HttpRequest.newBuilder(uri)
        .timeout(Duration.ofSeconds(60))
        .header("Content-Type", "application/json")
        .POST(HttpRequest.BodyPublishers.ofString("{\"model\":\"m\",\"stream\":true}"))
        .build();
  }

  private HttpResponse<String> post(URI uri) throws IOException, InterruptedException {
    return http.send(request(uri), BodyHandlers.ofString());
  }

  private HttpResponse<String> get(URI uri) throws IOException, InterruptedException {
    return http.send(
        HttpRequest.newBuilder(uri).timeout(Duration.ofSeconds(60)).build(),
        BodyHandlers.ofString());
  }

  private int status(URI uri) {
    try {
      return get(uri).statusCode();
    } catch (IOException | InterruptedException e) {
      throw new AssertionError("GET " + uri, e);
    }
  }

  private int postStatus(URI uri) {
    try {
      return post(uri).statusCode();
    } catch (IOException | InterruptedException e) {
      throw new AssertionError("POST " + uri, e);
    }
  }

  /** Asks again and again; each question is a request, which takes its time. */
  private static void await(String what, BooleanSupplier condition) {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime()).as("%s within 60 s", what).isLessThan(deadline);
    }
  }

  private static String text(JarFile jar, String name) throws IOException {
    try (var in = jar.getInputStream(jar.getEntry(name))) {
      return new String(in.readAllBytes(), UTF_8);
    }
  }
}
