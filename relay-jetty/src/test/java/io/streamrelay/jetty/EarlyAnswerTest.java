package io.streamrelay.jetty;

import static org.assertj.core.api.Assertions.assertThat;

import io.streamrelay.EndReason;
import io.streamrelay.ExchangeRecord;
import io.streamrelay.Relay;
import io.streamrelay.config.AuthConfig;
import io.streamrelay.config.RelayConfig;
import io.streamrelay.config.ServerConfig;
import io.streamrelay.jetty.TestContainer.Mount;
import io.streamrelay.route.Route;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * An upstream that has answered before it was sent the whole body: its answer reaches a client that
 * sends on, and looks for an answer only after that.
 */
@Timeout(60)
class EarlyAnswerTest {
  private static final int LENGTH = 20 * 1024 * 1024;
  private static final String REFUSED =
      // Tomcat closes the connection itself behind some others, such as 413.
      "HTTP/1.1 429 Slow Down\r\nContent-Length: 9\r\n\r\nfar too l";

  private final CapturedLogs logs = new CapturedLogs();
  private final Recorder records = new Recorder();

  private enum Container {
    JETTY,
    TOMCAT,
    TOMCAT_NIO2,
    UNDERTOW;

    /** Tomcat tells of the connection's end already in the answer's head, if a body is large. */
    boolean servesOn() {
      return this == JETTY || this == UNDERTOW;
    }

    TestContainer start(List<Mount> mounts) throws Exception {
      Duration idle = Duration.ofSeconds(30);
      return switch (this) {
        case JETTY -> TestContainer.jetty(mounts, idle);
        case TOMCAT -> TestContainer.tomcat(mounts, idle);
        case TOMCAT_NIO2 -> TestContainer.tomcatNio2(mounts, idle);
        case UNDERTOW -> TestContainer.undertow(mounts, idle);
      };
    }
  }

  @AfterEach
  void nothingWentWrong() {
    assertThat(logs.errors()).isEmpty();
    logs.close();
  }

  private interface Talk {
    void hold(Wire client, ScriptedUpstream upstream) throws Exception;
  }

  private ExchangeRecord run(Container container, Talk talk) throws Exception {
    try (ScriptedUpstream upstream = new ScriptedUpstream();
        Relay relay =
            Relay.builder(config(upstream), JettyForwarder.create()).listener(records).build();
        TestContainer started =
            container.start(List.of(Mount.of("", "/*", new RelayServlet(relay))));
        Wire client = Wire.connect(started.port())) {
      talk.hold(client, upstream);
      ExchangeRecord record = records.next();
      records.await("no exchange runs", () -> relay.activeExchanges() == 0);
      return record;
    }
  }

  private static RelayConfig config(ScriptedUpstream upstream) {
    return RelayConfig.builder()
        .server(ServerConfig.DEFAULT.withMaxBodySize(LENGTH))
        .auth(new AuthConfig(false, List.of()))
        .route(Route.builder("up").path("/up").upstream(upstream.uri()).build())
        .build();
  }

  private static String head(boolean chunked) {
    return "POST /up HTTP/1.1\r\nHost: x\r\n"
        + (chunked ? "Transfer-Encoding: chunked" : "Content-Length: " + LENGTH)
        + "\r\n\r\n";
  }

  /** Sends a body in parts, the first of which is more than the relay keeps. */
  private static void sendBody(Wire client, boolean chunked, int length) throws Exception {
    byte[] part = new byte[128 * 1024];
    for (int sent = 0; sent < length; sent += part.length) {
      if (chunked) {
        client.sendChunk(part);
      } else {
        client.send(part);
      }
    }
  }

  @ParameterizedTest
  @CsvSource({
    "JETTY, false, false",
    "JETTY, true, false",
    "JETTY, false, true",
    "TOMCAT, false, false",
    "TOMCAT, true, false",
    "TOMCAT, false, true",
    "TOMCAT_NIO2, false, false",
    "TOMCAT_NIO2, true, false",
    "TOMCAT_NIO2, false, true",
    "UNDERTOW, false, false",
    "UNDERTOW, true, false",
    "UNDERTOW, false, true"
  })
  void aClientThatSendsOnReadsTheWholeAnswer(
      Container container, boolean chunked, boolean upstreamReads) throws Exception {
    ExchangeRecord record =
        run(
            container,
            (client, upstream) -> {
              client.send(head(chunked));
              sendBody(client, chunked, 128 * 1024);
              Wire call = upstream.accept();
              call.readHead();
              call.send(REFUSED);
              CompletableFuture<Void> reading = CompletableFuture.completedFuture(null);
              if (upstreamReads) {
                reading = CompletableFuture.runAsync(call::awaitEnd);
              }
              sendBody(client, chunked, LENGTH - 128 * 1024);
              if (chunked) {
                client.sendLastChunk();
              }
              Wire.Head head = client.readHead();
              assertThat(head.status()).isEqualTo(429);
              assertThat(client.readText(head)).isEqualTo("far too l");
              if (container.servesOn()) {
                client.send("GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n");
                assertThat(client.readHead().status()).isEqualTo(404);
              }
              // Whatever the client still sends, the upstream is sent no more.
              reading.get(10, TimeUnit.SECONDS);
            });
    assertThat(record.end()).isEqualTo(EndReason.UPSTREAM_REFUSED);
    assertThat(record.status()).isEqualTo(429);
    assertThat(record.responseBytes()).isEqualTo(9);
  }

  /** It need not send on: the answer is there at once, be it without a body. */
  @ParameterizedTest
  @EnumSource(Container.class)
  void aClientThatStopsSendingHasTheAnswerAtOnce(Container container) throws Exception {
    ExchangeRecord record =
        run(
            container,
            (client, upstream) -> {
              client.send(head(false));
              sendBody(client, false, 128 * 1024);
              Wire call = upstream.accept();
              call.readHead();
              call.send("HTTP/1.1 401 No\r\nContent-Length: 0\r\nX-Why: key\r\n\r\n");
              Wire.Head head = client.readHead();
              assertThat(head.status()).isEqualTo(401);
              assertThat(head.field("X-Why")).isEqualTo("key");
              assertThat(records.open()).isEqualTo(1);
            });
    assertThat(record.end()).isEqualTo(EndReason.UPSTREAM_REFUSED);
  }
}
