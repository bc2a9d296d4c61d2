package io.streamrelay.jetty.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import io.prometheus.metrics.model.snapshots.CounterSnapshot;
import io.streamrelay.config.AuthConfig;
import io.streamrelay.config.RelayConfig;
import io.streamrelay.config.ServerConfig;
import io.streamrelay.route.Route;
import io.streamrelay.testkit.FakeUpstream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Clients that hold connections by never finishing a head, and requests that are none. */
@Timeout(60)
class SlowAndBrokenHeadsTest {
  private static final int DRIPS = 3000;

  private final FakeUpstream upstream = FakeUpstream.start();
  private @Nullable RelayServer started;

  private void serve(Duration idle, Duration head) throws IOException {
    RelayConfig config =
        RelayConfig.builder()
            .server(ServerConfig.DEFAULT.withHost("127.0.0.1").withPort(0))
            .auth(AuthConfig.DISABLED)
            .route(Route.builder("api").path("/api").upstream(upstream.origin()).build())
            .build();
    started = RelayServer.start(config, () -> 0, new RelayServer.Patience(idle, head));
  }

  @AfterEach
  void close() {
    server().close();
    upstream.close();
  }

  private RelayServer server() {
    return Objects.requireNonNull(started);
  }

  private Socket connect() throws IOException {
    Socket socket = new Socket(InetAddress.getLoopbackAddress(), server().uri().getPort());
    socket.setSoTimeout(10_000);
    socket.setTcpNoDelay(true);
    return socket;
  }

  private static void send(Socket socket, String text) throws IOException {
    socket.getOutputStream().write(text.getBytes(StandardCharsets.ISO_8859_1));
    socket.getOutputStream().flush();
  }

  /** Listens for 5 ms; takes the first byte of an answer. */
  private static boolean isStillQuiet(Socket socket) throws IOException {
    socket.setSoTimeout(5);
    try {
      socket.getInputStream().read();
      return false;
    } catch (SocketTimeoutException e) {
      return true;
    } finally {
      socket.setSoTimeout(10_000);
    }
  }

  /** Reads until the connection ends; a reset is an end. */
  private static String rest(Socket socket) {
    StringBuilder got = new StringBuilder();
    try {
      for (int next = socket.getInputStream().read(); next >= 0; ) {
        got.append((char) next);
        next = socket.getInputStream().read();
      }
    } catch (IOException e) {
      got.append(" <").append(e.getClass().getSimpleName()).append('>');
    }
    return got.toString();
  }

  private double refused(@Nullable String status) {
    return server().relay().registry().scrape().stream()
        .filter(metric -> metric.getMetadata().getName().equals("relay_refused_requests"))
        .flatMap(metric -> metric.getDataPoints().stream())
        .filter(point -> status == null || status.equals(point.getLabels().get("status")))
        .mapToDouble(point -> ((CounterSnapshot.CounterDataPointSnapshot) point).getValue())
        .sum();
  }

  @Test
  void aHeadThatDripsIsRefusedAlthoughItIsNeverSilent() throws Exception {
    serve(Duration.ofSeconds(30), Duration.ofMillis(300));
    try (Socket client = connect()) {
      send(client, "GET /api/x HTTP/1.1\r\nHost: x\r\nX-Slow: ");
      int drips = 0;
      try {
        while (drips < DRIPS && isStillQuiet(client)) {
          send(client, "x");
          drips++;
        }
      } catch (IOException e) {
        // Closed already.
      }

      assertThat(rest(client)).containsPattern("^H?TTP/1.1 408 |SocketException");
      assertThat(drips).isLessThan(DRIPS);
    }
    assertThat(refused("408")).isEqualTo(1);
    assertThat(refused(null)).as("under any status").isEqualTo(1);
    assertThat(upstream.connectionCount()).isZero();
  }

  @Test
  void aHeadThatStopsIsClosedByTheIdleTime() throws Exception {
    serve(Duration.ofMillis(300), Duration.ofSeconds(30));
    try (Socket client = connect()) {
      send(client, "GET /api/x HTTP/1.1\r\nHost: x\r\n");

      assertThat(rest(client)).doesNotContain("SocketTimeoutException").doesNotContain(" 200 ");
    }
    try (Socket client = connect()) {
      assertThat(rest(client)).doesNotContain("SocketTimeoutException");
    }
  }

  /** The clock is for heads: it begins anew with each, and bodies and answers have others. */
  @Test
  void aSlowExchangeAndTheNextRequestAreNoSlowHead() throws Exception {
    serve(Duration.ofSeconds(30), Duration.ofMillis(200));
    upstream.answerWith(request -> "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    try (Socket client = connect()) {
      for (int i = 0; i < 2; i++) {
        send(client, "POST /api/x HTTP/1.1\r\nHost: x\r\nContent-Length: 60\r\n\r\n");
        for (int sent = 0; sent < 60; sent++) {
          assertThat(isStillQuiet(client)).isTrue();
          send(client, "x");
        }
        byte[] answer = new byte[15];
        assertThat(client.getInputStream().readNBytes(answer, 0, 15)).isEqualTo(15);
        assertThat(new String(answer, StandardCharsets.ISO_8859_1)).isEqualTo("HTTP/1.1 200 OK");
        StringBuilder rest = new StringBuilder();
        while (!rest.toString().endsWith("\r\n\r\nok")) {
          rest.append((char) client.getInputStream().read());
        }
      }
    }
    assertThat(refused("408")).isZero();
  }

  @Test
  void whatTheServerRefusesByItselfIsCounted() throws Exception {
    serve(Duration.ofSeconds(30), Duration.ofSeconds(30));
    for (String request :
        new String[] {
          "nonsense\r\n\r\n",
          "GET /api/%2e%2e/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
          "GET /api/x HTTP/1.1\r\nHost: x\r\nX: " + "x".repeat(20_000) + "\r\n\r\n",
          "GET /api/" + "x".repeat(20_000) + " HTTP/1.1\r\nHost: x\r\n\r\n",
          "TRACE /api/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        }) {
      try (Socket client = connect()) {
        send(client, request);
        assertThat(rest(client))
            .contains("Content-Type: application/json", "\"error\":{")
            .doesNotContain("Jetty", "Exception", "Server:");
      }
    }
    assertThat(refused("400")).isEqualTo(2);
    assertThat(refused("431")).isEqualTo(1);
    assertThat(refused("414")).isEqualTo(1);
    assertThat(refused("405")).isEqualTo(1);
  }
}
