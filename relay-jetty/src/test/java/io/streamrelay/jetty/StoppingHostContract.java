package io.streamrelay.jetty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.streamrelay.EndReason;
import io.streamrelay.Relay;
import io.streamrelay.RelayState;
import io.streamrelay.config.AuthConfig;
import io.streamrelay.config.RelayConfig;
import io.streamrelay.config.ServerConfig;
import io.streamrelay.error.ErrorCode;
import io.streamrelay.jetty.Wire.Head;
import io.streamrelay.policy.ApiKey;
import io.streamrelay.route.Route;
import io.streamrelay.route.StreamKind;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What becomes of streams when their host stops, hooked up as the README says. */
@Timeout(60)
abstract class StoppingHostContract {
  static final Duration NO_HURRY = Duration.ofSeconds(20);
  private static final String KEY = "sk-relay-stopping";
  private static final String EVENT = "data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\n";
  private static final String DONE = "data: [DONE]\n\n";

  final CapturedLogs logs = new CapturedLogs();
  final Recorder records = new Recorder();
  final ScriptedUpstream upstream;

  StoppingHostContract() {
    try {
      upstream = new ScriptedUpstream();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  /** A server with the relay at {@code /ai/*} and a {@link HealthServlet} at {@code /readyz}. */
  interface Host {
    int port();

    /** Stops it as its own application would, without a word about the relay. */
    void stop() throws Exception;
  }

  abstract Host start(Relay relay) throws Exception;

  final Relay relay(Duration drainTimeout) {
    RelayConfig config =
        RelayConfig.builder()
            .server(ServerConfig.DEFAULT.withDrainTimeout(drainTimeout))
            .auth(new AuthConfig(true, List.of(ApiKey.plain(KEY))))
            .route(
                Route.builder("chat")
                    .path("/v1/chat/completions")
                    .upstream(upstream.uri())
                    .kind(StreamKind.SSE)
                    .build())
            .build();
    return Relay.builder(config, JettyForwarder.create()).listener(records).build();
  }

  @AfterEach
  void nothingIsLeft() throws Exception {
    try {
      assertThat(logs.errors()).isEmpty();
    } finally {
      upstream.close();
      logs.close();
    }
  }

  @Test
  void streamsThatRunEndWholeAndNewRequestsAreTurnedAway() throws Exception {
    Relay relay = relay(NO_HURRY);
    Host host = start(relay);
    List<Stream> streams = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      streams.add(stream(host));
    }

    FutureTask<Void> stopping = stopping(host);
    awaitDoorClosed(host);

    try (Wire late = Wire.connect(host.port()).send(chat())) {
      Head head = late.readHead();
      assertThat(head.status()).isEqualTo(503);
      assertThat(head.field("Retry-After")).isNotNull();
      assertThat(late.readText(head)).contains("\"code\":\"draining\"");
    }
    assertThat(records.next().error()).isEqualTo(ErrorCode.DRAINING);
    try (Wire probe = Wire.connect(host.port()).send(get("/readyz"))) {
      assertThat(probe.readHead().status()).isEqualTo(503);
    }
    assertThat(stopping.isDone()).isFalse();
    for (Stream stream : streams) {
      stream.call.sendChunk(EVENT).sendChunk(DONE).sendLastChunk();
      assertThat(stream.body.readAllBytes())
          .asString(StandardCharsets.UTF_8)
          .isEqualTo(EVENT + DONE);
      stream.client.close();
      assertThat(records.next().end()).isEqualTo(EndReason.COMPLETE);
    }
    stopping.get(10, TimeUnit.SECONDS);
    assertThat(relay.state()).isEqualTo(RelayState.STOPPED);
    assertThat(catchThrowable(() -> Wire.connect(host.port()))).isInstanceOf(IOException.class);
    // Its connections were pooled; with the relay closed they end.
    for (Stream stream : streams) {
      stream.call.awaitEnd();
    }
  }

  @Test
  void aStreamThatOutlivesTheDrainTimeGetsALastEventAndIsCut() throws Exception {
    Relay relay = relay(Duration.ofMillis(300));
    Host host = start(relay);
    Stream stream = stream(host);

    FutureTask<Void> stopping = stopping(host);

    ByteArrayOutputStream got = new ByteArrayOutputStream();
    Throwable broken = catchThrowable(() -> stream.body.transferTo(got));
    assertThat(broken).describedAs(stream.client.received()).isInstanceOf(Wire.BrokenBody.class);
    assertThat(got.toString(StandardCharsets.UTF_8))
        .startsWith("data: {\"error\":{")
        .contains("\"code\":\"drained\"")
        .endsWith("}\n\n");
    assertThat(records.next().end()).isEqualTo(EndReason.DRAINED);
    stream.call.awaitEnd();
    stopping.get(10, TimeUnit.SECONDS);
    stream.client.close();
  }

  /** Readiness goes down first; only then are requests turned away. */
  private void awaitDoorClosed(Host host) throws Exception {
    int status = 0;
    for (int i = 0; i < 1000 && status != 503; i++) {
      try (Wire client = Wire.connect(host.port()).send(get("/ai/nowhere"))) {
        status = client.readHead().status();
      }
      assertThat(records.next().status()).isEqualTo(status);
    }
    assertThat(status).isEqualTo(503);
  }

  static FutureTask<Void> stopping(Host host) {
    FutureTask<Void> stopping =
        new FutureTask<>(
            () -> {
              host.stop();
              return null;
            });
    Thread thread = new Thread(stopping, "stopping");
    thread.setDaemon(true);
    thread.start();
    return stopping;
  }

  /** A stream that has brought its first event. */
  record Stream(Wire client, Wire call, InputStream body) {}

  final Stream stream(Host host) throws IOException {
    Wire client = Wire.connect(host.port()).send(chat());
    Wire call = upstream.acceptRequest();
    call.send(ScriptedUpstream.EVENT_STREAM).sendChunk(EVENT);
    InputStream body = client.body(client.readHead());
    assertThat(body.readNBytes(EVENT.length())).asString().isEqualTo(EVENT);
    return new Stream(client, call, body);
  }

  static void finish(Stream stream) throws IOException {
    stream.call.sendChunk(DONE).sendLastChunk();
    assertThat(stream.body.readAllBytes()).asString().isEqualTo(DONE);
    stream.client.close();
  }

  private static String chat() {
    return "POST /ai/v1/chat/completions HTTP/1.1\r\nHost: relay.test\r\nAuthorization: Bearer "
        + KEY
        + "\r\nContent-Length: 2\r\n\r\n{}";
  }

  private static String get(String path) {
    return "GET " + path + " HTTP/1.1\r\nHost: relay.test\r\n\r\n";
  }
}
