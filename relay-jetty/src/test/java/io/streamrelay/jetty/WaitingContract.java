package io.streamrelay.jetty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.streamrelay.EndReason;
import io.streamrelay.ExchangeRecord;
import io.streamrelay.Relay;
import io.streamrelay.config.AuthConfig;
import io.streamrelay.config.RelayConfig;
import io.streamrelay.error.ErrorCode;
import io.streamrelay.jetty.TestContainer.Mount;
import io.streamrelay.jetty.Wire.Head;
import io.streamrelay.route.Route;
import io.streamrelay.route.StreamKind;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What a client of a silent upstream gets and when it is missed, in any container. */
@Timeout(60)
abstract class WaitingContract {
  private static final String EVENT =
      "data: {\"object\":\"chat.completion.chunk\",\"choices\":[{\"delta\":{\"content\":\"hi\"}}]}\n\n";
  private static final String DONE = "data: [DONE]\n\n";
  private static final String COMMENT = ": keep-alive\n\n";

  private final CapturedLogs logs = new CapturedLogs();
  private final ScriptedUpstream upstream;
  private final Recorder records = new Recorder();
  private final Relay relay;
  private final TestContainer container;

  /** Starts a container with these servlets. */
  abstract TestContainer start(List<Mount> mounts) throws Exception;

  WaitingContract() {
    try {
      upstream = new ScriptedUpstream();
      RelayConfig config =
          RelayConfig.builder()
              .auth(new AuthConfig(false, List.of()))
              .route(route("beats").heartbeat(Duration.ofMillis(200)).build())
              .route(route("slow-beats").heartbeat(Duration.ofSeconds(1)).build())
              .route(route("early").commitAfter(Duration.ofMillis(300)).build())
              .route(route("late").commitAfter(Duration.ofMinutes(1)).build())
              .build();
      relay = Relay.builder(config, JettyForwarder.create()).listener(records).build();
      container = start(List.of(Mount.of("", "/*", new RelayServlet(relay))));
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  private Route.Builder route(String name) {
    return Route.builder(name).path("/" + name).upstream(upstream.uri()).kind(StreamKind.SSE);
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

  private Wire post(String path) throws Exception {
    return Wire.connect(container.port())
        .send(
            "POST "
                + path
                + " HTTP/1.1\r\nHost: relay.test\r\nContent-Type: application/json\r\n"
                + "Content-Length: 2\r\n\r\n{}");
  }

  private static void assertNext(InputStream body, String text) throws Exception {
    assertThat(new String(body.readNBytes(text.length()), StandardCharsets.UTF_8)).isEqualTo(text);
  }

  @Test
  void inASilenceTheClientGetsComments() throws Exception {
    try (Wire client = post("/beats")) {
      Wire call = upstream.acceptRequest();
      call.send(ScriptedUpstream.EVENT_STREAM);
      InputStream body = client.body(client.readHead());
      assertNext(body, COMMENT);
      call.sendChunk(EVENT);
      ByteArrayOutputStream got = new ByteArrayOutputStream();
      // Comments that were on their way come first.
      while (!got.toString(StandardCharsets.UTF_8).endsWith(EVENT)) {
        got.write(body.read());
      }
      assertNext(body, COMMENT);
      assertNext(body, COMMENT);
      call.sendChunk(DONE).sendLastChunk();
      got.writeBytes(body.readAllBytes());
      assertThat(got.toString(StandardCharsets.UTF_8).replace(COMMENT, "")).isEqualTo(EVENT + DONE);
    }
    ExchangeRecord record = records.next();
    assertThat(record.end()).isEqualTo(EndReason.COMPLETE);
    assertThat(record.heartbeats()).isGreaterThanOrEqualTo(3);
    assertThat(record.responseBytes()).isEqualTo(EVENT.length() + DONE.length());
  }

  /** The first comment behind a departure is answered with a reset, so that the second fails. */
  @Test
  void aDepartureInASilenceIsSeenByTheSecondComment() throws Exception {
    Wire call;
    try (Wire client = post("/slow-beats")) {
      call = upstream.acceptRequest();
      call.send(ScriptedUpstream.EVENT_STREAM).sendChunk(EVENT);
      InputStream body = client.body(client.readHead());
      assertNext(body, EVENT + COMMENT);
    }
    call.awaitEnd();
    ExchangeRecord record = records.next();
    assertThat(record.end()).isEqualTo(EndReason.CLIENT_GONE);
    // One was read; one more may have left on a machine that is busy for a second.
    assertThat(record.heartbeats()).isBetween(1L, 4L);
  }

  @Test
  void aStreamThatBeginsLateFollowsTheComment() throws Exception {
    try (Wire client = post("/early")) {
      Wire call = upstream.acceptRequest();
      Head head = client.readHead();
      assertThat(head.status()).isEqualTo(200);
      assertThat(head.field("Content-Type")).startsWith("text/event-stream");
      assertThat(head.field("X-Accel-Buffering")).isEqualTo("no");
      InputStream body = client.body(head);
      assertNext(body, COMMENT);
      call.send(ScriptedUpstream.EVENT_STREAM).sendChunk(EVENT);
      assertNext(body, EVENT);
      call.sendChunk(DONE).sendLastChunk();
      assertThat(body.readAllBytes()).asString(StandardCharsets.UTF_8).isEqualTo(DONE);
    }
    assertThat(records.next().earlyCommit()).isTrue();
  }

  @Test
  void aRefusalBehindTheCommentIsAnErrorEventAndACut() throws Exception {
    try (Wire client = post("/early")) {
      Wire call = upstream.acceptRequest();
      InputStream body = client.body(client.readHead());
      assertNext(body, COMMENT);
      call.send("HTTP/1.1 429 Slow Down\r\nRetry-After: 7\r\nContent-Length: 9\r\n\r\nnot yours");
      ByteArrayOutputStream got = new ByteArrayOutputStream();
      Throwable broken = catchThrowable(() -> body.transferTo(got));
      assertThat(broken).describedAs(client.received()).isInstanceOf(Wire.BrokenBody.class);
      assertThat(got.toString(StandardCharsets.UTF_8))
          .startsWith("data: {\"error\":{")
          .contains("429; retry after 7 s", "\"code\":\"upstream_refused\"")
          .doesNotContain("not yours")
          .endsWith("}\n\n");
    }
    ExchangeRecord record = records.next();
    assertThat(record.end()).isEqualTo(EndReason.UPSTREAM_REFUSED);
    assertThat(record.error()).isEqualTo(ErrorCode.UPSTREAM_REFUSED);
  }

  @Test
  void aRefusalBeforeThatIsLeftAsItIs() throws Exception {
    try (Wire client = post("/late")) {
      Wire call = upstream.acceptRequest();
      call.send("HTTP/1.1 429 Slow Down\r\nRetry-After: 7\r\nContent-Length: 5\r\n\r\nlater");
      Head head = client.readHead();
      assertThat(head.status()).isEqualTo(429);
      assertThat(head.field("Retry-After")).isEqualTo("7");
      assertThat(client.readText(head)).isEqualTo("later");
    }
    ExchangeRecord record = records.next();
    assertThat(record.end()).isEqualTo(EndReason.UPSTREAM_REFUSED);
    assertThat(record.error()).isNull();
    assertThat(record.earlyCommit()).isFalse();
  }
}
