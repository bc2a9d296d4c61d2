package io.streamrelay.jetty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.streamrelay.DrainResult;
import io.streamrelay.RelayState;
import io.streamrelay.config.RelayConfig;
import io.streamrelay.jetty.Wire.Head;
import io.streamrelay.jetty.launcher.RelayServer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import mockwebserver3.MockResponse;
import mockwebserver3.MockWebServer;
import mockwebserver3.RecordedRequest;
import okhttp3.Headers;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The standalone relay, made from a file as an operator writes it, seen from outside. */
@Timeout(60)
class RelayServerTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String RELAY_KEY = "sk-relay-one";
  private static final String OTHER_KEY = "sk-relay-two";
  private static final String WRONG_KEY = "sk-wrong-key";
  private static final String PROVIDER_KEY = "provider-key-1";
  private static final String EVENT = "data: {\"choices\":[{\"delta\":{\"content\":\"é\"}}]}\n\n";
  private static final String DONE = "data: [DONE]\n\n";

  @TempDir Path folder;

  private final CapturedLogs logs = new CapturedLogs();
  private final HttpClient http =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
  private final MockWebServer mock = new MockWebServer();
  private final List<String> answers = new ArrayList<>();
  private ScriptedUpstream upstream;
  private RelayServer server;

  @BeforeEach
  void start() throws IOException {
    mock.start();
    upstream = new ScriptedUpstream();
    server = start("");
  }

  private RelayServer start(String further) throws IOException {
    int demoPort = freePort();
    Path file = folder.resolve("relay" + demoPort + ".yaml");
    Files.writeString(
        file,
        """
        server:
          host: 127.0.0.1
          port: 0
        demo_provider:
          port: %1$d
        routes:
          - {name: demo, path: /demo, strip_prefix: /demo, upstream: "http://127.0.0.1:%1$d",
             auth_header: Authorization, auth_value: %4$s}
          - {name: mock, path: /mock, strip_prefix: /mock, upstream: "%2$s",
             auth_header: Authorization, auth_value: %4$s}
          - {name: live, path: /live, upstream: "%3$s", kind: sse}
        auth:
          api_keys: [%5$s, %6$s]
        %7$s
        """
            .formatted(
                demoPort,
                "http://127.0.0.1:" + mock.getPort(),
                upstream.uri(),
                PROVIDER_KEY,
                RELAY_KEY,
                OTHER_KEY,
                further));
    return RelayServer.start(RelayConfig.load(file).config(), () -> 0);
  }

  private static int freePort() throws IOException {
    try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return free.getLocalPort();
    }
  }

  private void restart(String further) throws IOException {
    server.close();
    server = start(further);
  }

  @AfterEach
  void noKeyShowsAndNothingBroke() throws Exception {
    try {
      if (server.relay().state() == RelayState.RUNNING) {
        answers.add(get("/metrics").body());
      }
      answers.addAll(logs.all());
      for (String key : List.of(RELAY_KEY, OTHER_KEY, WRONG_KEY, PROVIDER_KEY)) {
        assertThat(answers).noneMatch(text -> text.contains(key));
      }
      assertThat(logs.errors()).isEmpty();
    } finally {
      server.close();
      upstream.close();
      mock.close();
      logs.close();
    }
  }

  // ---- health and metrics

  @Test
  void aRunningRelayIsHealthyAndReady() throws Exception {
    for (String path : List.of("/healthz", "/readyz")) {
      HttpResponse<String> answer = get(path);
      assertThat(answer.statusCode()).isEqualTo(200);
      assertThat(JSON.readTree(answer.body()).path("status").asText()).isEqualTo("running");
    }
  }

  @Test
  void readinessGoesDownWhileRequestsAreStillServed() throws Exception {
    CompletableFuture<DrainResult> draining =
        server.relay().drain(Duration.ofSeconds(30), Duration.ZERO);

    assertThat(get("/readyz").statusCode()).isEqualTo(503);
    assertThat(get("/healthz").statusCode()).isEqualTo(200);
    assertThat(send(chat("/demo/v1/chat/completions", "demo-fast")).statusCode()).isEqualTo(200);
    assertThat(draining).isNotDone();
  }

  @Test
  void theOriginalsMetricsMove() throws Exception {
    assertThat(send(chat("/demo/v1/chat/completions", "demo-fast")).body()).endsWith(DONE);
    assertThat(send(chat("/demo/v1/chat/completions", "demo-429")).statusCode()).isEqualTo(429);
    assertThat(send(chat("/mock/x", "m").setHeader("Authorization", "Bearer " + WRONG_KEY)))
        .extracting(HttpResponse::statusCode)
        .isEqualTo(401);
    try (Wire client = live()) {
      Wire call = upstream.acceptRequest();
      assertThat(metric("relay_active_connections{route=\"live\"}")).isEqualTo(1);
      call.send(ScriptedUpstream.EVENT_STREAM).sendChunk(EVENT + DONE).sendLastChunk();
      client.readBody(client.readHead());
    }

    assertThat(metric("relay_active_connections{route=\"demo\"}")).isZero();
    assertThat(metric("relay_requests_total{route=\"demo\",status=\"2xx\"}")).isEqualTo(1);
    assertThat(metric("relay_requests_total{route=\"demo\",status=\"4xx\"}")).isEqualTo(1);
    assertThat(metric("relay_errors_total{route=\"demo\",type=\"upstream_refused\"}")).isEqualTo(1);
    assertThat(metric("relay_errors_total{route=\"mock\",type=\"invalid_api_key\"}")).isEqualTo(1);
    assertThat(metric("relay_duration_ms_count{route=\"demo\"}")).isEqualTo(2);
    assertThat(bounds("relay_duration_ms_bucket{route=\"demo\""))
        .containsExactly(
            "100.0", "500.0", "1000.0", "2000.0", "5000.0", "10000.0", "30000.0", "60000.0",
            "+Inf");
    assertThat(bounds("relay_storage_write_ms_bucket{"))
        .containsExactly("1.0", "5.0", "10.0", "50.0", "100.0", "500.0", "1000.0", "+Inf");
  }

  private double metric(String series) throws Exception {
    String text = get("/metrics").body();
    for (String line : text.lines().toList()) {
      if (line.startsWith(series + " ")) {
        return Double.parseDouble(line.substring(series.length() + 1));
      }
    }
    throw new AssertionError("no series " + series + " in " + text);
  }

  private List<String> bounds(String start) throws Exception {
    return get("/metrics")
        .body()
        .lines()
        .filter(line -> line.startsWith(start))
        .map(line -> line.replaceAll(".*le=\"([^\"]+)\".*", "$1"))
        .toList();
  }

  // ---- what is refused before or by the relay

  @ParameterizedTest
  @ValueSource(
      strings = {
        "/mock/../admin",
        "/mock/%2e%2e/admin",
        "/mock/.%2e/y",
        "/mock/..;/admin",
        "/mock//x",
        "//mock/x",
        "/mock/a%2fb",
        "/mock/a%5cb",
        "/mock/a%00b",
        "/mock/a;x=1/y",
        "/mock/%252e%252e/a",
        "/mock/%zz",
        "http://elsewhere/mock/x",
      })
  void anAmbiguousPathIsRefusedInJson(String target) throws Exception {
    try (Wire client = raw()) {
      client.send("GET " + target + " HTTP/1.1\r\nHost: x\r\nx-api-key: " + RELAY_KEY + "\r\n\r\n");
      Head head = client.readHead();
      // One that Jetty has resolved by itself finds no route.
      assertThat(head.status()).isBetween(400, 404);
      isJsonError(head, client.readText(head));
    }
    assertThat(mock.getRequestCount()).isZero();
  }

  @Test
  void hugeHeadersAndBrokenRequestsAreRefusedInJson() throws Exception {
    refusedRaw("GET /mock/x HTTP/1.1\r\nHost: x\r\nX-Big: " + "x".repeat(20_000), 431);
    refusedRaw("GET /mock/" + "x".repeat(20_000) + " HTTP/1.1\r\nHost: x", 414);
    refusedRaw("GET /mock/x HTTP/1.1\r\nHost: x\r\nno colon", 400);
    refusedRaw("GET /mock/x HTTP/1.1\r\nNo-Host: x", 400);
    refusedRaw("nonsense", 400);
    refusedRaw(
        "POST /mock/x HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked", 400);
    refusedRaw("POST /mock/x HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4", 400);
    refusedRaw("TRACE /mock/x HTTP/1.1\r\nHost: x", 405);
    assertThat(mock.getRequestCount()).isZero();
  }

  private void refusedRaw(String head, int status) throws Exception {
    try (Wire client = raw().send(head + "\r\n\r\n")) {
      Head answer = client.readHead();
      assertThat(answer.status()).describedAs(head).isEqualTo(status);
      isJsonError(answer, client.readText(answer));
    }
  }

  private void isJsonError(Head head, String body) throws IOException {
    answers.add(body);
    assertThat(head.field("Content-Type")).startsWith("application/json");
    JsonNode error = JSON.readTree(body).path("error");
    assertThat(error.path("code").asText()).describedAs(body).isNotEmpty();
    assertThat(error.path("message").asText()).describedAs(body).isNotEmpty();
    assertThat(body).doesNotContain("Exception", "org.eclipse");
  }

  // ---- keys

  @ParameterizedTest
  @ValueSource(
      strings = {
        "Authorization: Bearer ",
        "x-api-key: ",
        "api-key: ",
        "x-goog-api-key: ",
        "Ocp-Apim-Subscription-Key: ",
        "xi-api-key: ",
      })
  void aRelayKeyIsTakenFromItsPlaceAndExchanged(String place) throws Exception {
    mock.enqueue(new MockResponse.Builder().body("ok").build());
    String name = place.substring(0, place.indexOf(':'));
    String value = place.substring(name.length() + 2) + RELAY_KEY;

    HttpRequest.Builder request =
        HttpRequest.newBuilder(server.uri().resolve("/mock/x"))
            .header(name, value)
            .header("Cookie", "a=b")
            .header("X-Tenant-ID", "acme");
    assertThat(send(request).body()).isEqualTo("ok");

    RecordedRequest received = mock.takeRequest();
    Headers headers = received.getHeaders();
    assertThat(headers.values("Authorization")).containsExactly("Bearer " + PROVIDER_KEY);
    assertThat(headers.toString()).doesNotContain(RELAY_KEY);
    assertThat(headers.names()).doesNotContain("Cookie", "X-Tenant-ID");
    if (!name.equals("Authorization")) {
      assertThat(headers.values(name)).isEmpty();
    }
  }

  @Test
  void aKeyInTheQueryNeitherHelpsNorShows() throws Exception {
    HttpResponse<String> answer =
        send(HttpRequest.newBuilder(server.uri().resolve("/mock/x?key=" + WRONG_KEY)));
    assertThat(answer.statusCode()).isEqualTo(401);
    assertThat(answer.headers().firstValue("WWW-Authenticate")).hasValue("Bearer");
  }

  // ---- limits

  @Test
  void aBurstIsExactAndPerTenant() throws Exception {
    // One permit a minute, so that the test's own duration adds none.
    restart("rate_limit: {enabled: true, default: 1, burst: 20}");
    for (int i = 0; i < 40; i++) {
      mock.enqueue(new MockResponse.Builder().body("ok").build());
    }
    List<CompletableFuture<HttpResponse<String>>> sent = new ArrayList<>();
    for (int i = 0; i < 30; i++) {
      sent.add(
          http.sendAsync(
              chat("/mock/x", "m").header("X-Tenant-ID", "acme").build(), BodyHandlers.ofString()));
    }
    int admitted = 0;
    for (CompletableFuture<HttpResponse<String>> each : sent) {
      HttpResponse<String> answer = each.get(10, TimeUnit.SECONDS);
      if (answer.statusCode() == 200) {
        admitted++;
        continue;
      }
      assertThat(answer.statusCode()).isEqualTo(429);
      answers.add(answer.body());
      long seconds = answer.headers().firstValueAsLong("Retry-After").orElseThrow();
      long millis = answer.headers().firstValueAsLong("Retry-After-Ms").orElseThrow();
      assertThat(seconds).isBetween(50L, 60L);
      assertThat(millis).isBetween((seconds - 1) * 1000, seconds * 1000);
      assertThat(answer.body()).contains("\"code\":\"rate_limited\"", "acme");
    }
    assertThat(admitted).isEqualTo(20);
    assertThat(mock.getRequestCount()).isEqualTo(20);

    assertThat(send(chat("/mock/x", "m").header("X-Tenant-ID", "other")).statusCode())
        .isEqualTo(200);
    assertThat(send(chat("/mock/x", "m")).statusCode()).isEqualTo(200);
    // A tenant is the same behind another key.
    assertThat(
            send(chat("/mock/x", "m")
                    .setHeader("Authorization", "Bearer " + OTHER_KEY)
                    .header("X-Tenant-ID", "acme"))
                .statusCode())
        .isEqualTo(429);
  }

  // ---- drain

  @Test
  void aDrainLetsALiveStreamEndWhole() throws Exception {
    try (Wire client = live()) {
      Wire call = upstream.acceptRequest();
      call.send(ScriptedUpstream.EVENT_STREAM).sendChunk(EVENT);
      InputStream body = client.body(client.readHead());
      body.readNBytes(EVENT.getBytes(StandardCharsets.UTF_8).length);

      CompletableFuture<DrainResult> draining = server.relay().drain();

      assertThat(get("/readyz").statusCode()).isEqualTo(503);
      HttpResponse<String> refused = send(chat("/mock/x", "m"));
      assertThat(refused.statusCode()).isEqualTo(503);
      assertThat(refused.headers().firstValue("Retry-After")).hasValue("5");
      assertThat(refused.body()).contains("\"code\":\"draining\"");
      assertThat(draining).isNotDone();

      call.sendChunk(EVENT + DONE).sendLastChunk();
      assertThat(body.readAllBytes()).asString(StandardCharsets.UTF_8).isEqualTo(EVENT + DONE);
      assertThat(draining.get(10, TimeUnit.SECONDS)).isEqualTo(new DrainResult(1, 0));
      assertThat(server.relay().state()).isEqualTo(RelayState.STOPPED);
    }
  }

  @Test
  void aDrainThatIsOverCutsWithALastEvent() throws Exception {
    try (Wire client = live()) {
      Wire call = upstream.acceptRequest();
      call.send(ScriptedUpstream.EVENT_STREAM).sendChunk(EVENT);
      InputStream body = client.body(client.readHead());
      body.readNBytes(EVENT.getBytes(StandardCharsets.UTF_8).length);

      CompletableFuture<DrainResult> draining =
          server.relay().drain(Duration.ZERO, Duration.ofMillis(50));

      ByteArrayOutputStream rest = new ByteArrayOutputStream();
      Throwable cut = catchThrowable(() -> body.transferTo(rest));
      assertThat(rest.toString(StandardCharsets.UTF_8))
          .startsWith("data: {\"error\":{")
          .contains("\"code\":\"drained\"")
          .endsWith("}\n\n");
      assertThat(cut).isInstanceOf(Wire.BrokenBody.class);
      assertThat(draining.get(10, TimeUnit.SECONDS)).isEqualTo(new DrainResult(0, 1));
      call.awaitEnd();
    }
  }

  @Test
  void stoppingDrainsFirst() throws Exception {
    int port = server.uri().getPort();
    try (Wire client = live()) {
      Wire call = upstream.acceptRequest();
      call.send(ScriptedUpstream.EVENT_STREAM).sendChunk(EVENT);
      InputStream body = client.body(client.readHead());
      body.readNBytes(EVENT.getBytes(StandardCharsets.UTF_8).length);

      CompletableFuture<DrainResult> stopping = CompletableFuture.supplyAsync(server::stop);

      call.sendChunk(DONE).sendLastChunk();
      assertThat(body.readAllBytes()).asString(StandardCharsets.UTF_8).isEqualTo(DONE);
      assertThat(stopping.get(10, TimeUnit.SECONDS).cut()).isZero();
    }
    assertThat(catchThrowable(() -> Wire.connect(port))).isInstanceOf(ConnectException.class);
  }

  // ---- requests

  private HttpRequest.Builder chat(String path, String model) {
    String body =
        """
        {"model":"%s","stream":true,"messages":[{"role":"user","content":"Hi é!"}]}"""
            .formatted(model);
    return HttpRequest.newBuilder(server.uri().resolve(path))
        .timeout(Duration.ofSeconds(10))
        .header("Authorization", "Bearer " + RELAY_KEY)
        .POST(HttpRequest.BodyPublishers.ofString(body));
  }

  private HttpResponse<String> get(String path) throws Exception {
    URI uri = server.uri().resolve(path);
    return http.send(HttpRequest.newBuilder(uri).build(), BodyHandlers.ofString());
  }

  private HttpResponse<String> send(HttpRequest.Builder request) throws Exception {
    HttpResponse<String> answer = http.send(request.build(), BodyHandlers.ofString());
    answers.add(answer.headers() + answer.body());
    return answer;
  }

  private Wire raw() throws IOException {
    return Wire.connect(server.uri().getPort());
  }

  private Wire live() throws IOException {
    return raw()
        .send(
            "POST /live HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
                + RELAY_KEY
                + "\r\nContent-Length: 2\r\n\r\n{}");
  }
}
