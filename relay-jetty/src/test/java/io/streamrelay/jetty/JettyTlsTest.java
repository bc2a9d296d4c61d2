package io.streamrelay.jetty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.streamrelay.EndReason;
import io.streamrelay.Relay;
import io.streamrelay.config.AuthConfig;
import io.streamrelay.config.RelayConfig;
import io.streamrelay.jetty.TestContainer.Mount;
import io.streamrelay.policy.ApiKey;
import io.streamrelay.route.Route;
import io.streamrelay.route.StreamKind;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLSocket;
import okhttp3.tls.HandshakeCertificates;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestReporter;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** HTTP/1.1 over TLS: what could differ from HTTP/1.1 in clear. */
@Timeout(60)
class JettyTlsTest {
  private static final String KEY = "sk-relay-tls";
  private static final String EVENT = "data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\n";
  private static final String DONE = "data: [DONE]\n\n";

  private final CapturedLogs logs = new CapturedLogs();
  private final Recorder records = new Recorder();
  private final ScriptedUpstream upstream = new ScriptedUpstream();
  private final Relay relay =
      Relay.builder(config(), JettyForwarder.create()).listener(records).build();
  private final TestContainer container =
      JettyContainers.tls(
          List.of(Mount.of("", "/*", new RelayServlet(relay))), Duration.ofSeconds(30));

  JettyTlsTest() throws Exception {}

  private RelayConfig config() {
    return RelayConfig.builder()
        .auth(new AuthConfig(true, List.of(ApiKey.plain(KEY))))
        .route(
            Route.builder("chat")
                .path("/v1/chat/completions")
                .upstream(upstream.uri())
                .kind(StreamKind.SSE)
                .build())
        .build();
  }

  @AfterEach
  void nothingIsLeft() throws Exception {
    try {
      records.await("no exchange runs", () -> relay.activeExchanges() == 0);
      assertThat(logs.errors()).isEmpty();
    } finally {
      upstream.close();
      container.close();
      relay.close();
      logs.close();
    }
  }

  @Test
  void everyEventArrivesBeforeTheNextIsSent() throws Exception {
    try (Wire client = client().send(chat())) {
      Wire call = upstream.acceptRequest();
      call.send(ScriptedUpstream.EVENT_STREAM);
      InputStream body = client.body(client.readHead());
      for (int i = 0; i < 50; i++) {
        call.sendChunk(EVENT);
        assertThat(body.readNBytes(EVENT.length())).asString().isEqualTo(EVENT);
      }
      call.sendChunk(DONE).sendLastChunk();
      assertThat(body.readAllBytes()).asString().isEqualTo(DONE);

      // And the connection serves again.
      client.send(chat().replace(KEY, "sk-wrong"));
      assertThat(client.readHead().status()).isEqualTo(401);
    }
  }

  @Test
  void anEventStreamArrivesByteByByte() throws Exception {
    Random random = new Random(3);
    byte[] sent = Bytes.events(random);
    try (Wire client = client().send(chat())) {
      Wire call = upstream.acceptRequest();
      FutureTask<Void> sending =
          new FutureTask<>(
              () -> {
                call.send(ScriptedUpstream.EVENT_STREAM);
                for (byte[] slice : Bytes.slices(random, sent)) {
                  call.sendChunk(slice);
                }
                call.sendLastChunk();
                return null;
              });
      new Thread(sending, "test-sender").start();
      byte[] got = client.readBody(client.readHead());
      sending.get(10, TimeUnit.SECONDS);
      assertThat(Bytes.sha256(got)).isEqualTo(Bytes.sha256(sent));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"Accept: */*", "Connection: close"})
  void aCutIsSeen(String field) throws Exception {
    try (Wire client = client().send(chat(field))) {
      Wire call = upstream.acceptRequest();
      call.send(ScriptedUpstream.EVENT_STREAM).sendChunk(EVENT).close();
      InputStream body = client.body(client.readHead());
      ByteArrayOutputStream got = new ByteArrayOutputStream();
      assertThat(catchThrowable(() -> body.transferTo(got)))
          .describedAs(client.received())
          .isInstanceOf(Wire.BrokenBody.class);
      assertThat(got.toString(StandardCharsets.UTF_8))
          .startsWith(EVENT + "data: {\"error\":{")
          .contains("\"code\":\"upstream_failed\"");
    }
    assertThat(records.next().end()).isEqualTo(EndReason.UPSTREAM_ERROR);
  }

  @ParameterizedTest
  @CsvSource({"true, true", "true, false", "false, true", "false, false"})
  void aClientThatLeavesInSilenceIsNoticed(
      boolean byReset, boolean afterHead, TestReporter reporter) throws Exception {
    Wire client = client().send(chat());
    Wire call = upstream.acceptRequest();
    if (afterHead) {
      call.send(ScriptedUpstream.EVENT_STREAM).sendChunk(EVENT);
      client.body(client.readHead()).readNBytes(EVENT.length());
    }
    long left = System.nanoTime();
    if (byReset) {
      client.reset();
    } else {
      client.close();
    }
    call.awaitEnd();
    reporter.publishEntry(
        "upstream closed after ms", Long.toString((System.nanoTime() - left) / 1_000_000));
    assertThat(records.next().end()).isEqualTo(EndReason.CLIENT_GONE);
  }

  private Wire client() throws Exception {
    HandshakeCertificates trusting =
        new HandshakeCertificates.Builder()
            .addTrustedCertificate(JettyContainers.certificate())
            .build();
    SSLSocket socket =
        (SSLSocket)
            trusting
                .sslSocketFactory()
                .createSocket(InetAddress.getLoopbackAddress(), container.port());
    socket.startHandshake();
    return new Wire(socket);
  }

  private static String chat(String... fields) {
    String all = fields.length == 0 ? "" : String.join("\r\n", fields) + "\r\n";
    return "POST /v1/chat/completions HTTP/1.1\r\nHost: relay.test\r\nAuthorization: Bearer "
        + KEY
        + "\r\n"
        + all
        + "Content-Length: 2\r\n\r\n{}";
  }
}
