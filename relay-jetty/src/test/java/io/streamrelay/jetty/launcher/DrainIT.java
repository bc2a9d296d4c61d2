package io.streamrelay.jetty.launcher;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.streamrelay.jetty.launcher.LoadClients.Client;
import io.streamrelay.jetty.launcher.LoadClients.Pace;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** How {@code relay.jar} stops on SIGTERM and SIGINT while it has work. */
@Timeout(180)
class DrainIT {
  private static final int STREAMS = 200;
  private static final long LIMIT_SECONDS = 60;

  @TempDir private Path directory;

  private final HttpClient http = HttpClient.newHttpClient();
  private final LoadUpstream upstream = new LoadUpstream();

  @BeforeEach
  void serve() {
    upstream.serve("flood", LoadAnswer.events(512, 100L * 1024 * 1024));
    upstream.serve("short", LoadAnswer.raw(1));
  }

  @AfterEach
  void stop() {
    upstream.close();
  }

  private RelayProcess start(String delays) throws IOException {
    Path file =
        Files.writeString(
            directory.resolve("relay.yaml"),
            """
            server: {host: 127.0.0.1, port: 0, max_body_size: 200MB, %s}
            routes:
              - {name: load, path: /, upstream: "%s"}
            auth: {enabled: false}
            observability: {prometheus: {enabled: true}}
            """
                .formatted(delays, upstream.uri()));
    return RelayProcess.start(directory, Map.of(), "--config", file.toString());
  }

  private static void signal(RelayProcess relay, String name) throws Exception {
    if (name.equals("INT")) {
      relay.interrupt();
    } else {
      relay.terminate();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"TERM", "INT"})
  @EnabledOnOs(OS.LINUX)
  void twoHundredStreamsFinishWhileNothingNewIsTaken(String signal) throws Exception {
    try (RelayProcess relay = start("pre_stop_delay: 5s, drain_timeout: 120s");
        LoadClients clients = new LoadClients(relay.uri())) {
      URI uri = relay.uri();
      List<Client> live = clients.post(STREAMS, "/open", 100, Pace.FAST);
      await("all began", () -> live.stream().allMatch(c -> c.bytes > 0), () -> live);
      assertThat(get(uri, "/metrics")).contains("\nrelay_state 0.0\n");

      signal(relay, signal);
      await("unready", () -> get(uri, "/readyz").contains("draining"), relay::toString);
      assertThat(get(uri, "/metrics")).contains("\nrelay_state 1.0\n");
      List<Client> served = clients.post(1, "/open", 100, Pace.FAST);
      await("one more is served", () -> served.get(0).bytes > 0, () -> served);
      assertThat(served.get(0).status).isEqualTo(200);

      Client refused = refused(clients);
      assertThat(refused.headers).contains("retry-after: 5\r\n", "connection: close\r\n");
      upstream.send(LoadUpstream.FIRST);
      upstream.finish();
      await("all end", () -> live.stream().allMatch(c -> c.complete), () -> live);
      long whole = 2L * LoadUpstream.FIRST.length() + LoadAnswer.DONE.length();
      assertThat(live).allMatch(client -> client.bytes == whole);
      assertThat(relay.exitCode()).isZero();
      assertThat(relay.out())
          // One more if it was live when the relay stopped to take any.
          .anyMatch(line -> line.matches(".*stopped: 20[12] live exchanges ended, 0 were cut.*"));
      assertThat(count(relay, "\"outcome\":\"complete\"")).isGreaterThanOrEqualTo(201);
    }
  }

  /** Asks until the relay takes nothing more; those that it took end with the others. */
  private Client refused(LoadClients clients) {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(LIMIT_SECONDS);
    while (System.nanoTime() - deadline < 0) {
      List<Client> asked = clients.post(1, "/answer/short", 100, Pace.FAST);
      Client client = asked.get(0);
      await("an answer", () -> client.complete, () -> asked);
      if (client.status == 503) {
        return client;
      }
    }
    throw new AssertionError("the relay still takes requests");
  }

  @Test
  void whatOutlivesTheDeadlineIsToldAndCutWhateverItWaitsFor() throws Exception {
    try (RelayProcess relay = start("drain_timeout: 1s");
        LoadClients clients = new LoadClients(relay.uri())) {
      List<Client> open = clients.post(1, "/open", 100, Pace.FAST);
      List<Client> mute = clients.post(1, "/mute", 100, Pace.FAST);
      List<Client> stalled = clients.post(1, "/answer/flood", 100, Pace.STALLED);
      List<Client> uploading = clients.post(1, "/deaf", 100 * 1024 * 1024, Pace.FAST);
      await("the stream began", () -> open.get(0).bytes > 0, () -> open);
      for (String path : List.of("/mute", "/answer/flood", "/deaf")) {
        await(path + " is on", () -> upstream.running(path) == 1, () -> upstream.running(path));
      }

      relay.terminate();
      long begin = System.nanoTime();
      assertThat(relay.exitCode()).isEqualTo(3);
      assertThat(System.nanoTime() - begin).isLessThan(TimeUnit.SECONDS.toNanos(30));
      assertThat(relay.out())
          .anyMatch(line -> line.contains("stopped: 0 live exchanges ended, 4 were cut"));
      assertThat(count(relay, "\"outcome\":\"drained\"")).isEqualTo(4);

      await("the stream is cut", () -> open.get(0).cut != null, () -> open);
      assertThat(open.get(0).bytes).as("with an event more").isGreaterThan(80);
      assertThat(open.get(0).complete).isFalse();
      assertThat(mute.get(0).status).isEqualTo(503);
      assertThat(uploading.get(0).status).isEqualTo(503);
      clients.resume(stalled, Pace.FAST);
      await("the stalled one is cut", () -> stalled.get(0).cut != null, () -> stalled);
      assertThat(stalled.get(0).complete).isFalse();
    }
  }

  @ParameterizedTest
  @CsvSource({"TERM, 143", "INT, 130"})
  @EnabledOnOs(OS.LINUX)
  void aSecondSignalEndsItAtOnce(String signal, int code) throws Exception {
    try (RelayProcess relay = start("drain_timeout: 170s");
        LoadClients clients = new LoadClients(relay.uri())) {
      URI uri = relay.uri();
      List<Client> live = clients.post(1, "/open", 100, Pace.FAST);
      await("it began", () -> live.get(0).bytes > 0, () -> live);
      relay.terminate();
      await("unready", () -> get(uri, "/readyz").contains("draining"), relay::toString);
      upstream.send(LoadUpstream.FIRST);
      long both = 2L * LoadUpstream.FIRST.length();
      await("it goes on", () -> live.get(0).bytes == both, () -> live);
      // Until then a second one counts as the first.
      LockSupport.parkNanos(StopSignals.SAME_NANOS + TimeUnit.MILLISECONDS.toNanos(1));

      signal(relay, signal);
      assertThat(relay.exitCode()).isEqualTo(code);
      await("the stream is cut", () -> live.get(0).cut != null, () -> live);
      assertThat(live.get(0).complete).isFalse();
      assertThat(relay.err()).isEmpty();
    }
  }

  @Test
  void connectionsThatAreKeptAliveAreServedOrClosedButNeverLeftHanging() throws Exception {
    try (RelayProcess relay = start("drain_timeout: 120s");
        LoadClients clients = new LoadClients(relay.uri());
        Socket idle = connect(relay.uri());
        Socket busy = connect(relay.uri())) {
      ask(idle, "GET /healthz HTTP/1.1\r\nHost: relay\r\n\r\n");
      String health = readUntil(idle, "}\n");
      assertThat(health).startsWith("HTTP/1.1 200 ");
      List<Client> mute = clients.post(1, "/mute", 100, Pace.FAST);
      await("one waits", () -> upstream.running("/mute") == 1, () -> upstream.running("/mute"));
      ask(busy, "POST /open HTTP/1.1\r\nHost: relay\r\nContent-Length: 2\r\n\r\n{}");
      String first = readUntil(busy, LoadUpstream.FIRST);

      relay.terminate();
      assertThat(refused(clients).status).isEqualTo(503);
      ask(busy, "POST /open HTTP/1.1\r\nHost: relay\r\nContent-Length: 2\r\n\r\n{}");
      upstream.finish();
      String both = first + readUntil(busy, null);
      int second = both.lastIndexOf("HTTP/1.1 ");
      assertThat(both.substring(0, second))
          .startsWith("HTTP/1.1 200 ")
          .contains(LoadAnswer.DONE)
          .endsWith("\r\n0\r\n\r\n");
      assertThat(both.substring(second))
          .as("the request that was pipelined, and then the end of the connection")
          .startsWith("HTTP/1.1 503 ")
          .containsIgnoringCase("\r\nConnection: close\r\n")
          .contains("\"draining\"");

      upstream.answer();
      await("who waited is answered", () -> mute.get(0).complete, () -> mute);
      assertThat(mute.get(0).status).isEqualTo(200);
      assertThat(readUntil(idle, null)).as("no more, but an end").isEmpty();
      assertThat(relay.exitCode()).isZero();
    }
  }

  private static Socket connect(URI uri) throws IOException {
    Socket socket = new Socket(uri.getHost(), uri.getPort());
    socket.setSoTimeout((int) TimeUnit.SECONDS.toMillis(LIMIT_SECONDS));
    return socket;
  }

  private static void ask(Socket socket, String request) throws IOException {
    socket.getOutputStream().write(request.getBytes(UTF_8));
  }

  /** Reads until a text has come, or else to the end of the connection; a reset is a failure. */
  private static String readUntil(Socket socket, @Nullable String end) throws IOException {
    ByteArrayOutputStream received = new ByteArrayOutputStream();
    for (int b = socket.getInputStream().read(); b >= 0; b = socket.getInputStream().read()) {
      received.write(b);
      if (end != null && received.toString(UTF_8).contains(end)) {
        break;
      }
    }
    return received.toString(UTF_8);
  }

  private static long count(RelayProcess relay, String text) {
    return relay.out().stream().filter(line -> line.contains(text)).count();
  }

  private String get(URI uri, String path) {
    try {
      return http.send(HttpRequest.newBuilder(uri.resolve(path)).build(), BodyHandlers.ofString())
          .body();
    } catch (IOException | InterruptedException e) {
      throw new AssertionError("GET " + path, e);
    }
  }

  private static void await(String what, BooleanSupplier condition, Supplier<Object> recorded) {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(LIMIT_SECONDS);
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() - deadline > 0) {
        throw new AssertionError(what + ": not within 60 s, but " + recorded.get());
      }
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(10));
    }
  }
}
