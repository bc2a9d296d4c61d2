package io.streamrelay.jetty;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import io.prometheus.metrics.exporter.servlet.jakarta.PrometheusMetricsServlet;
import io.streamrelay.ExchangeRecord;
import io.streamrelay.Relay;
import io.streamrelay.RelayListener;
import io.streamrelay.config.LoadedConfig;
import io.streamrelay.config.RelayConfig;
import io.streamrelay.config.RelayConfigException;
import io.streamrelay.jetty.TestContainer.Mount;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;

/**
 * Sends exchanges of every kind, with keys, prompts and answers that are used nowhere else, and
 * then looks for them in all that was written.
 */
@Timeout(120)
class CanaryTest {
  private static final String RELAY_KEY = "canary-relay-key-7f3a";
  private static final String WRONG_KEY = "canary-wrong-key-91bc";
  private static final String PROVIDER_KEY = "canary-provider-key-d04e";
  private static final String QUERY_KEY = "canary-query-key-55aa";
  private static final String COOKIE = "canary-cookie-2b6d";
  private static final String BASIC = "Y2FuYXJ5OmJhc2ljLWtleQ==";
  private static final String PROMPT = "canary-prompt-e81f";
  private static final String ANSWER = "canary-answer-c37d";

  private static final List<String> KEYS =
      List.of(RELAY_KEY, WRONG_KEY, PROVIDER_KEY, QUERY_KEY, COOKIE, BASIC);

  private static final String SSE =
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n";
  private static final String EVENT =
      "data: {\"object\":\"chat.completion.chunk\",\"choices\":[{\"delta\":{\"content\":\""
          + ANSWER
          + "\"}}]}\n\n";

  /** What the launcher lets Jetty say at its lowest level; below it Jetty prints header values. */
  private static final Map<String, Level> LAUNCHERS_LEVELS =
      Map.of(
          "org.eclipse.jetty", Level.INFO,
          "org.eclipse.jetty.http", Level.ERROR,
          "org.eclipse.jetty.util.HostPort", Level.ERROR);

  @TempDir Path folder;

  private final List<String> records = new CopyOnWriteArrayList<>();
  private final List<String> received = new ArrayList<>();
  private final Recorder recorded = new Recorder();

  @ParameterizedTest
  @ValueSource(strings = {"Jetty", "Tomcat", "Undertow"})
  void noKeyPromptOrAnswerIsInAnythingThatIsWritten(String kind) throws Exception {
    look(kind, "", text -> assertThat(text).doesNotContain(KEYS).doesNotContain(PROMPT, ANSWER));
  }

  @ParameterizedTest
  @ValueSource(strings = {"Jetty"})
  void nothingMoreIsInADetailedLog(String kind) throws Exception {
    look(
        kind,
        "observability: {detailed_logs: true}",
        text -> assertThat(text).doesNotContain(KEYS).doesNotContain(PROMPT, ANSWER));
  }

  @ParameterizedTest
  @ValueSource(strings = {"Jetty", "Undertow"})
  void whoAsksForBodiesGetsThemInOneLineAndNoKey(String kind) throws Exception {
    List<String> shown = new ArrayList<>();
    look(
        kind,
        "observability: {detailed_logs: {bodies: true}}",
        text -> {
          assertThat(text).doesNotContain(KEYS);
          if (text.startsWith("INFO io.streamrelay.detail detail of ")) {
            shown.add(text);
          } else {
            assertThat(text).doesNotContain(PROMPT, ANSWER);
          }
        });
    assertThat(String.join("\n", shown)).contains(PROMPT, ANSWER, "[redacted]");
  }

  private void look(String kind, String observability, Consumer<String> check) throws Exception {
    LAUNCHERS_LEVELS.forEach((name, level) -> logger(name).setLevel(level));
    try (CapturedLogs logs = new CapturedLogs();
        DoorUpstream upstream = new DoorUpstream()) {
      LoadedConfig loaded = RelayConfig.load(config(upstream, observability));
      try (Relay relay =
          Relay.builder(loaded.config(), JettyForwarder.create())
              .listener(listener())
              .listener(recorded)
              .build()) {
        List<Mount> mounts =
            List.of(
                Mount.of("", "/*", new RelayServlet(relay)),
                Mount.of("", "/metrics", new PrometheusMetricsServlet(relay.registry())));
        try (TestContainer container = start(kind, mounts)) {
          int sent = sendAllKinds(upstream, container.port());
          sent += leaveEarly(upstream, container.port());
          String metrics =
              answer(
                  container.port(),
                  "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");

          assertThat(metrics).contains("relay_requests_total");
          assertThat(endsOf("silent-gone")).containsExactly("CLIENT_GONE");
          assertThat(endsOf("stream-gone")).containsExactly("CLIENT_GONE");
          assertThat(endsOf("cut-kept")).containsExactly("CLIENT_GONE");
          assertThat(endsOf("cut-streamed")).containsExactly("CLIENT_GONE");
          // Else the run went wrong, and nothing was looked at.
          assertThat(records).hasSizeGreaterThan(sent / 2);
          assertThat(String.join("\n", records))
              .contains(
                  "COMPLETE",
                  "REJECTED",
                  "UPSTREAM_REFUSED",
                  "UPSTREAM_ERROR",
                  "UPSTREAM_TRUNCATED",
                  "IDLE_TIMEOUT");
          assertThat(logs.all()).anyMatch(line -> line.startsWith("DEBUG io.streamrelay"));
          finish(relay);
          written(logs, loaded, relay, metrics).forEach(check);
          // Tomcat's own page shows a broken line to whoever sent it, unless its host says
          // otherwise.
          received.removeIf(text -> text.contains("org.apache.coyote"));
          for (String text : received) {
            assertThat(text).doesNotContain(KEYS).doesNotContain(PROMPT);
          }
        }
      }
    } finally {
      LAUNCHERS_LEVELS.forEach((name, level) -> logger(name).setLevel(null));
    }
  }

  /** What is written on a thread of its own has been written then. */
  private static void finish(Relay relay) {
    relay.close();
  }

  private static TestContainer start(String kind, List<Mount> mounts) throws Exception {
    Duration idle = Duration.ofSeconds(30);
    return switch (kind) {
      case "Jetty" -> TestContainer.jetty(mounts, idle);
      case "Tomcat" -> TestContainer.tomcat(mounts, idle);
      default -> TestContainer.undertow(mounts, idle);
    };
  }

  /** How the exchanges with this id ended. */
  private List<String> endsOf(String requestId) {
    return records.stream()
        .filter(record -> record.contains(" " + requestId + " "))
        .map(record -> record.substring(0, record.indexOf(' ')))
        .toList();
  }

  private static Logger logger(String name) {
    return (Logger) LoggerFactory.getLogger(name);
  }

  private List<String> written(CapturedLogs logs, LoadedConfig loaded, Relay relay, String metrics)
      throws IOException {
    List<String> texts = new ArrayList<>(logs.all());
    texts.addAll(records);
    texts.add(metrics);
    texts.add(loaded.toString());
    texts.add(loaded.config().auth().toString() + loaded.config().auth().keys());
    texts.add(loaded.config().server().toString() + loaded.warnings());
    relay.routes().forEach(route -> texts.add(route.toString() + route.credential()));
    Path broken = folder.resolve("broken.yaml");
    Files.writeString(
        broken,
        Files.readString(folder.resolve("relay.yaml"))
            .replace("kind: sse", "kind: " + RELAY_KEY.length())
            .replace("api_keys: [", "api_keys: [" + WRONG_KEY + "," + WRONG_KEY + ", "));
    RelayConfigException failure =
        catchThrowableOfType(RelayConfigException.class, () -> RelayConfig.load(broken));
    texts.add(failure + " " + failure.problems());
    return texts;
  }

  private RelayListener listener() {
    return new RelayListener() {
      @Override
      public void onEnd(ExchangeRecord record) {
        records.add(
            Stream.of(
                    record.end(),
                    record.error(),
                    record.requestId(),
                    record.route(),
                    record.tenant(),
                    record.keyName(),
                    record.method(),
                    record.path(),
                    record.model(),
                    record.upstreamRequestId())
                .map(String::valueOf)
                .collect(Collectors.joining(" ")));
      }
    };
  }

  private Path config(DoorUpstream upstream, String further) throws IOException {
    Path file = folder.resolve("relay.yaml");
    Files.writeString(
        file,
        """
        server: {max_body_size: 100KB}
        routes:
          - {name: chat, path: /chat, upstream: "%1$s", kind: sse, auth_header: Authorization, auth_value: %2$s,
             timeouts: {idle: 300ms, first_byte: 300ms}}
          - {name: tts, path: /tts, upstream: "%1$s", kind: raw, auth_header: x-api-key, auth_value: %2$s,
             timeouts: {idle: 300ms, first_byte: 300ms}}
          - {name: patient, path: /patient, upstream: "%1$s", kind: sse, auth_header: Authorization, auth_value: %2$s}
          - {name: away, path: /away, upstream: "http://127.0.0.1:1", auth_header: Authorization, auth_value: %2$s}
          - {name: keyless, path: /keyless, upstream: "%1$s", auth_header: Authorization, auth_env: CANARY_UNSET}
        auth:
          api_keys: [%3$s]
        rate_limit: {enabled: true, default: 1000, burst: 1000}
        %4$s
        """
            .formatted(upstream.origin(), PROVIDER_KEY, RELAY_KEY, further));
    return file;
  }

  // ---- exchanges

  private int sendAllKinds(DoorUpstream upstream, int port) throws IOException {
    List<String> answers =
        List.of(
            SSE + "\r\n" + EVENT + "data: [DONE]\n\n",
            SSE
                + "Content-Length: "
                + (EVENT.length() + 14)
                + "\r\n\r\n"
                + EVENT
                + "data: [DONE]\n\n",
            SSE + "Content-Length: " + EVENT.length() + "\r\n\r\n" + EVENT,
            SSE + "Content-Length: 1000\r\n\r\n" + EVENT,
            SSE + "Transfer-Encoding: chunked\r\n\r\n5\r\n" + ANSWER + "\r\n0\r\n\r\n",
            SSE + "Transfer-Encoding: chunked\r\n\r\n" + ANSWER + "\r\n",
            SSE
                + "Content-Length: 90\r\n\r\n"
                + ("data: {\"error\":{\"message\":\"" + ANSWER + "\"}}\n\n" + " ".repeat(90))
                    .substring(0, 90),
            "HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\nContent-Length: "
                + ANSWER.length()
                + "\r\n\r\n"
                + ANSWER,
            "HTTP/1.1 401 "
                + ANSWER
                + "\r\nContent-Length: "
                + ANSWER.length()
                + "\r\nX-A: "
                + ANSWER
                + "\r\n\r\n"
                + ANSWER,
            "HTTP/1.1 500 No\r\nx-request-id: up-1\r\nContent-Length: "
                + ANSWER.length()
                + "\r\n\r\n"
                + ANSWER,
            "HTTP/1.1 " + ANSWER + "\r\n\r\n",
            ANSWER + "\r\n\r\n",
            "HTTP/1.1 200 OK\r\n" + ANSWER + "\r\n\r\n",
            "HTTP/1.1 200 OK\r\nX-A: " + ANSWER + "\0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: " + ANSWER + "\r\n\r\n",
            "HTTP/1.1 200 OK\r\nSet-Cookie: " + ANSWER + "\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nX: " + ANSWER.repeat(3000) + "\r\n\r\n",
            "");
    String body =
        "{\"model\":\"m\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\""
            + PROMPT
            + "\"}]}";
    int sent = 0;
    for (String raw : answers) {
      upstream.answer(raw);
      for (String path : List.of("/chat/x", "/tts/x?api-key=" + QUERY_KEY)) {
        send(port, post(path, "x-api-key: " + RELAY_KEY, body));
        sent++;
      }
    }
    upstream.answer(DoorUpstream.PLAIN);
    String good = "Authorization: Bearer " + RELAY_KEY;
    List<String> requests =
        List.of(
            post("/away/x", good, body),
            post("/keyless/x", good, body),
            post("/nowhere?key=" + QUERY_KEY, good, body),
            post("/chat/../x", good, body),
            post("/chat/%2e%2e/x", good, body),
            post("/chat/x", "Authorization: Bearer " + WRONG_KEY, body),
            post("/chat/x", "Authorization: Basic " + BASIC, body),
            post("/chat/x", "Authorization: " + WRONG_KEY, body),
            post("/chat/x", "x-api-key: " + WRONG_KEY, body),
            post("/chat/x", "X: " + WRONG_KEY, body),
            post("/chat/x", good + "\r\nX-Request-ID: " + WRONG_KEY + " \"", body),
            post("/chat/x", good + "\r\nX-Tenant-ID: " + WRONG_KEY + " \"", body),
            post("/chat/x", good + "\r\nx-api-key : " + WRONG_KEY, body),
            post("/chat/x", good + "\r\n" + WRONG_KEY, body),
            post("/chat/x", good + "\r\nX-A: " + WRONG_KEY + "\0", body),
            post("/chat/x", good + "\r\nTransfer-Encoding: " + WRONG_KEY, body),
            post("/chat/x", good + "\r\nContent-Length: " + WRONG_KEY, body),
            post("/chat/x", good + "\r\nExpect: " + WRONG_KEY, body),
            post("/chat/x", good, body).replace("Host: x", "Host: " + WRONG_KEY + ":" + WRONG_KEY),
            post("/chat/x", good, body).replace("POST", "BREW"),
            post("/chat/x", good, PROMPT.repeat(6000)),
            post(
                "/chat/x",
                good,
                "{\"note\":\"" + RELAY_KEY + "\",\"password\":\"" + WRONG_KEY + "\"}"),
            post("/chat/x", good, "{\"model\":\"m\",\"messages\":" + PROMPT),
            post("/chat/x", good, body).replace("Content-Length: ", "Content-Length: 1"),
            "POST /chat/x HTTP/1.1\r\nHost: x\r\n"
                + good
                + "\r\nTransfer-Encoding: chunked\r\n\r\n"
                + PROMPT
                + "\r\n\r\n");
    for (String request : requests) {
      send(port, request);
      sent++;
    }
    return sent;
  }

  /** Clients that leave: while the upstream is silent, in mid-stream, and within their own body. */
  private int leaveEarly(DoorUpstream upstream, int port) throws Exception {
    String fields = "x-api-key: " + RELAY_KEY + "\r\nX-Request-ID: ";
    String whole = post("/patient/x", fields + "SOME", "{\"messages\":\"" + PROMPT + "\"}");
    // Nothing of an answer, and half of one.
    upstream.answer("");
    Wire silent = Wire.connect(port).send(whole.replace("SOME", "silent-gone"));
    recorded.await("the request is there", () -> upstream.wasAskedFor("/patient/x"));
    silent.close();
    awaitRecord("silent-gone");
    upstream.answer(ScriptedUpstream.EVENT_STREAM + chunk(EVENT));
    try (Wire client = Wire.connect(port).send(whole.replace("SOME", "stream-gone"))) {
      client.body(client.readHead()).readNBytes(EVENT.length());
      client.reset();
    }
    awaitRecord("stream-gone");
    upstream.answer(DoorUpstream.PLAIN);
    for (int length : List.of(60_000, 90_000)) {
      // The relay keeps the shorter, so that nothing goes up; the longer streams through.
      String id = length == 60_000 ? "cut-kept" : "cut-streamed";
      String raw = post("/patient/x", fields + id, PROMPT.repeat(length / PROMPT.length()));
      try (Wire client = Wire.connect(port)) {
        client.send(raw.substring(0, raw.length() - 5_000));
      }
      awaitRecord(id);
    }
    return 4;
  }

  private static String chunk(String text) {
    return Integer.toHexString(text.length()) + "\r\n" + text + "\r\n";
  }

  private void awaitRecord(String requestId) throws InterruptedException {
    recorded.await("the exchange " + requestId, () -> !endsOf(requestId).isEmpty());
  }

  private static String post(String target, String fields, String body) {
    return "POST "
        + target
        + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nCookie: session="
        + COOKIE
        + "\r\nContent-Type: application/json\r\n"
        + fields
        + "\r\nContent-Length: "
        + body.length()
        + "\r\n\r\n"
        + body;
  }

  private void send(int port, String raw) throws IOException {
    received.add(answer(port, raw));
  }

  private static String answer(int port, String raw) throws IOException {
    ByteArrayOutputStream got = new ByteArrayOutputStream();
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      socket.setSoTimeout(5_000);
      try {
        socket.getOutputStream().write(raw.getBytes(ISO_8859_1));
        InputStream in = socket.getInputStream();
        in.transferTo(got);
      } catch (SocketTimeoutException e) {
        // Leaves, then.
      } catch (IOException e) {
        // Reset: an end as well.
      }
    }
    return got.toString(ISO_8859_1);
  }
}
