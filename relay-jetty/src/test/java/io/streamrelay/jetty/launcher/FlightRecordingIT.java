package io.streamrelay.jetty.launcher;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** {@code relay.jar} in a flight recording, by the JDK's own tools, and in a runtime without. */
@Timeout(180)
class FlightRecordingIT {
  private static final Path DEMO =
      Path.of("..", "configs", "demo.yaml").toAbsolutePath().normalize();

  @TempDir private Path directory;

  private final HttpClient http = HttpClient.newHttpClient();

  @Test
  void aStreamStandsBesideThePausesOfTheCollector() throws Exception {
    Path dump = directory.resolve("relay.jfr");
    try (RelayProcess relay = start("-XX:StartFlightRecording")) {
      assertThat(chat(relay.uri()).body()).endsWith("data: [DONE]\n\n");
      relay.collectGarbage();
      relay.jcmd("JFR.dump", "filename=" + dump);
    }
    String printed =
        run("jfr", "print", "--events", "io.streamrelay.*,jdk.GarbageCollection", dump.toString());

    assertThat(printed)
        .contains("io.streamrelay.ExchangeStart {", "io.streamrelay.Exchange {")
        .contains("requestId = \"jfr-1\"", "route = \"chat\"", "end = \"complete\"")
        .contains("jdk.GarbageCollection {")
        .doesNotContain("sk-relay-demo", "demo-provider-key", "canary");
  }

  @Test
  void aRuntimeWithoutFlightRecordingServes() throws Exception {
    try (RelayProcess relay = start("--limit-modules=java.se,jdk.unsupported")) {
      assertThat(chat(relay.uri()).body()).endsWith("data: [DONE]\n\n");
      relay.terminate();
      assertThat(relay.exitCode()).isZero();
      assertThat(relay.out()).noneMatch(line -> line.contains(" ERROR "));
    }
  }

  private RelayProcess start(String option) throws IOException {
    Path file = directory.resolve("demo.yaml");
    Files.writeString(
        file,
        Files.readString(DEMO)
            .replace("port: 8080", "port: 0")
            .replace("18080", Integer.toString(freePort())));
    return RelayProcess.start(
        directory, Map.of(), List.of(option, "-Xlog:disable"), "--config", file.toString());
  }

  private static int freePort() throws IOException {
    try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return free.getLocalPort();
    }
  }

  private HttpResponse<String> chat(URI relay) throws IOException, InterruptedException {
    return http.send(
        HttpRequest.newBuilder(relay.resolve("/v1/chat/completions"))
            .header("Authorization", "Bearer sk-relay-demo")
            .header("Content-Type", "application/json")
            .header("X-Request-ID", "jfr-1")
            .POST(
                BodyPublishers.ofString(
                    "{\"model\":\"demo-fast\",\"stream\":true,\"messages\":[{\"role\":\"user\","
                        + "\"content\":\"canary\"}]}"))
            .build(),
        BodyHandlers.ofString());
  }

  private static String run(String tool, String... arguments) throws Exception {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", tool).toString());
    command.addAll(List.of(arguments));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String said = new String(process.getInputStream().readAllBytes(), UTF_8);
    assertThat(process.waitFor()).as(said).isZero();
    return said;
  }
}
