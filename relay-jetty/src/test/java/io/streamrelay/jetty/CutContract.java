package io.streamrelay.jetty;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.streamrelay.EndReason;
import io.streamrelay.ExchangeRecord;
import io.streamrelay.Relay;
import io.streamrelay.config.AuthConfig;
import io.streamrelay.config.RelayConfig;
import io.streamrelay.jetty.TestContainer.Mount;
import io.streamrelay.jetty.Wire.Head;
import io.streamrelay.route.Route;
import io.streamrelay.route.StreamKind;
import io.streamrelay.testkit.FakeUpstream;
import io.streamrelay.testkit.Recording;
import io.streamrelay.testkit.Recordings;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What a client gets when the upstream's stream ends early, in any container and over real sockets:
 * for a recorded stream of each dialect, and for each place where it can end.
 */
@Timeout(120)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class CutContract {
  private static final String HEAD =
      ScriptedUpstream.EVENT_STREAM.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");

  private final Recorder records = new Recorder();
  private FakeUpstream upstream;
  private Relay relay;
  private TestContainer container;

  /** Starts a container with these servlets. */
  abstract TestContainer start(List<Mount> mounts) throws Exception;

  /** From one place to the next, in bytes. */
  int step() {
    return 3;
  }

  /** Plain text, event names, CRLF, and comments between events; the last tells of an error. */
  static List<Recording> recordings() {
    return List.of(
        Recordings.named("openai-chat-refusal"),
        Recordings.named("anthropic-pings"),
        Recordings.named("gemini"),
        Recordings.named("openrouter-error"));
  }

  @BeforeAll
  void open() throws Exception {
    upstream = FakeUpstream.start();
    RelayConfig.Builder config = RelayConfig.builder().auth(new AuthConfig(false, List.of()));
    for (Recording recording : recordings()) {
      config.route(
          Route.builder(recording.name())
              .path("/" + recording.name())
              .upstream(upstream.origin())
              .kind(StreamKind.SSE)
              .dialect(recording.dialect())
              .build());
    }
    relay = Relay.builder(config.build(), JettyForwarder.create()).listener(records).build();
    container = start(List.of(Mount.of("", "/*", new RelayServlet(relay))));
  }

  @AfterAll
  void close() throws Exception {
    try {
      records.await("no exchange runs", () -> relay.activeExchanges() == 0);
      assertThat(records.open()).isZero();
    } finally {
      upstream.close();
      container.close();
      relay.close();
    }
  }

  /** One exchange: what came of a stream that ended early, and whether its end was clean. */
  private record Outcome(int status, String got, boolean clean) {}

  /** Ends an answer behind what was sent of it. */
  private interface End {
    void end(FakeUpstream.Connection call);
  }

  /**
   * Has the upstream send the beginning of a recording.
   *
   * @param size of the chunk that it is in; more than there is if the chunk is to stay unfinished
   */
  private Outcome exchange(Recording recording, byte[] bytes, int length, int size, End end)
      throws Exception {
    try (Wire client = Wire.connect(container.port())) {
      client.send(
          "POST /"
              + recording.name()
              + " HTTP/1.1\r\nHost: relay.test\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n"
              + "{\"stream\":true}");
      FakeUpstream.Connection call = upstream.awaitConnection();
      try {
        call.awaitRequest();
        String sent = new String(bytes, 0, length, ISO_8859_1);
        boolean whole = size == length;
        String chunk =
            size == 0 ? "" : Integer.toHexString(size) + "\r\n" + sent + (whole ? "\r\n" : "");
        call.send(HEAD + chunk);
        Head head = null;
        ByteArrayOutputStream got = new ByteArrayOutputStream();
        InputStream body = null;
        if (length > 0) {
          // It has passed the relay before the upstream goes on to end it.
          head = client.readHead();
          body = client.body(head);
          got.writeBytes(body.readNBytes(length));
        }
        end.end(call);
        if (head == null || body == null) {
          head = client.readHead();
          body = client.body(head);
        }
        InputStream rest = body;
        Throwable broken = catchThrowable(() -> rest.transferTo(got));
        assertThat(broken)
            .describedAs(client.received())
            .satisfiesAnyOf(
                none -> assertThat(none).isNull(),
                cut -> assertThat(cut).isInstanceOf(Wire.BrokenBody.class));
        return new Outcome(head.status(), got.toString(ISO_8859_1), broken == null);
      } finally {
        call.close();
      }
    }
  }

  @ParameterizedTest
  @MethodSource("recordings")
  void aResetIsNeverACleanEnd(Recording recording) throws Exception {
    byte[] bytes = recording.bytes();
    for (int length = 0; length <= bytes.length; length += step()) {
      Outcome outcome = exchange(recording, bytes, length, length, FakeUpstream.Connection::reset);
      assertToldAndCut(outcome, recording, length, EndReason.UPSTREAM_ERROR, "upstream_failed");
    }
  }

  @ParameterizedTest
  @MethodSource("recordings")
  void anEndWithoutTheLastChunkIsNoCleanEnd(Recording recording) throws Exception {
    byte[] bytes = recording.bytes();
    for (int length = 0; length <= bytes.length; length += step()) {
      // By turns between two chunks and within one.
      int size = length % 2 == 0 ? length : length + 5;
      Outcome outcome = exchange(recording, bytes, length, size, FakeUpstream.Connection::end);
      assertToldAndCut(outcome, recording, length, EndReason.UPSTREAM_ERROR, "upstream_failed");
    }
  }

  @ParameterizedTest
  @MethodSource("recordings")
  void anEndInGoodOrderIsCleanBehindTheLastEventOnly(Recording recording) throws Exception {
    byte[] bytes = recording.bytes();
    int decided =
        recording.end() == Recording.End.ERROR ? recording.terminalEnd() : recording.dispatchEnd();
    if (bytes[decided - 1] == '\n' && bytes[decided - 2] == '\r') {
      // A CR alone ends a line too.
      decided--;
    }
    for (int length = 0; length <= bytes.length; length += step()) {
      Outcome outcome = exchange(recording, bytes, length, length, call -> call.send("0\r\n\r\n"));
      if (length < decided) {
        assertToldAndCut(
            outcome, recording, length, EndReason.UPSTREAM_TRUNCATED, "upstream_truncated");
      } else if (outcome.clean) {
        assertThat(outcome.got).isEqualTo(new String(bytes, 0, length, ISO_8859_1));
        assertThat(records.next().end())
            .isEqualTo(
                recording.end() == Recording.End.ERROR
                    ? EndReason.UPSTREAM_ERROR
                    : EndReason.COMPLETE);
      } else {
        throw new AssertionError(recording + " is whole at " + length + " and was cut");
      }
    }
  }

  private void assertToldAndCut(
      Outcome outcome, Recording recording, int length, EndReason end, String code)
      throws Exception {
    ExchangeRecord record = records.next();
    assertThat(record.end()).as("%s at %s", recording, length).isEqualTo(end);
    if (length == 0 && outcome.clean) {
      // Nothing had been sent yet, so the status tells.
      assertThat(outcome.status).isEqualTo(502);
      return;
    }
    assertThat(outcome.status).isEqualTo(200);
    assertThat(outcome.clean).as("%s ends cleanly at %s", recording, length).isFalse();
    assertThat(outcome.got)
        .as("%s at %s", recording, length)
        .startsWith(new String(recording.bytes(), 0, length, ISO_8859_1));
    String told = outcome.got.substring(length);
    if (Recording.isEventBorder(recording.bytes(), length)) {
      assertThat(told).as("%s at %s", recording, length).contains("error", code).endsWith("}\n\n");
      assertThat(told.indexOf("\n\n")).isEqualTo(told.length() - 2);
    } else {
      assertThat(told).as("%s at %s", recording, length).isEmpty();
    }
  }
}
