package io.streamrelay;

import static org.assertj.core.api.Assertions.assertThat;

import io.streamrelay.error.ErrorCode;
import io.streamrelay.forward.ForwardResult.Phase;
import io.streamrelay.route.StreamKind;
import io.streamrelay.testkit.FakeClient;
import io.streamrelay.testkit.FakeForwarder;
import io.streamrelay.testkit.Recording;
import io.streamrelay.testkit.Recordings;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What a client gets when the upstream's stream is cut, for every recorded stream and every place
 * where it can be cut: the bytes up to there, never a clean end of what was not whole, and an error
 * event only where it stands alone.
 */
class CutEverywhereTest extends ExchangeFixture {
  static Stream<Recording> streams() {
    return Recordings.all().stream().filter(Recording::isEvents);
  }

  static Stream<Recording> others() {
    return Recordings.all().stream().filter(recording -> !recording.isEvents());
  }

  /** The upstream has sent so much of a recording, and the client has taken it. */
  private FakeClient after(Recording recording, byte[] bytes, int length) {
    FakeClient client = chat();
    FakeForwarder.Call call = forwarder.calls().get(forwarder.calls().size() - 1);
    call.connected().head(200, "Content-Type", recording.contentType());
    if (length > 0) {
      call.chunk(Arrays.copyOf(bytes, length));
    }
    return client;
  }

  private FakeForwarder.Call call() {
    return forwarder.calls().get(forwarder.calls().size() - 1);
  }

  private ExchangeRecord lastRecord() {
    assertThat(records).hasSize(clients.size());
    return records.get(records.size() - 1);
  }

  @ParameterizedTest
  @MethodSource("streams")
  void aBrokenConnectionIsNeverACleanEnd(Recording recording) {
    serve(route().dialect(recording.dialect()));
    byte[] bytes = recording.bytes();
    for (int length = 0; length <= bytes.length; length++) {
      FakeClient client = after(recording, bytes, length);
      call().fail(Phase.BODY);
      if (client.sent() && client.status() == 502) {
        // Nothing had been sent yet, so the status tells.
        assertThat(length).isZero();
      } else {
        assertToldAndCut(client, bytes, length);
      }
      assertThat(lastRecord().end()).as("cut at %s", length).isEqualTo(EndReason.UPSTREAM_ERROR);
      assertThat(lastRecord().error()).isEqualTo(ErrorCode.UPSTREAM_FAILED);
    }
  }

  @ParameterizedTest
  @MethodSource("streams")
  void anEndInGoodOrderBeforeTheTerminalMarkerIsNoCleanEndEither(Recording recording) {
    serve(route().dialect(recording.dialect()));
    byte[] bytes = recording.bytes();
    boolean failed = recording.end() == Recording.End.ERROR;
    int decided = failed ? recording.terminalEnd() : recording.dispatchEnd();
    for (int length = 1; length <= bytes.length; length++) {
      FakeClient client = after(recording, bytes, length);
      call().complete();
      if (client.isComplete()) {
        assertThat(client.bytes()).isEqualTo(Arrays.copyOf(bytes, length));
        assertThat(length)
            .as("whole at %s", length)
            .isGreaterThanOrEqualTo(splitsCrLf(bytes, decided - 1) ? decided - 1 : decided);
        assertThat(lastRecord().end())
            .isEqualTo(failed ? EndReason.UPSTREAM_ERROR : EndReason.COMPLETE);
      } else {
        assertThat(length).as("%s", recording).isLessThan(decided);
        assertToldAndCut(client, bytes, length);
        assertThat(lastRecord().end()).isEqualTo(EndReason.UPSTREAM_TRUNCATED);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("others")
  void whatIsNoEventStreamIsCutWithoutAWord(Recording recording) {
    serve(route().kind(StreamKind.AUTO).dialect(recording.dialect()));
    byte[] bytes = recording.bytes();
    for (int length = 1; length <= bytes.length; length += 7) {
      FakeClient client = after(recording, bytes, length);
      call().fail(Phase.BODY);
      assertThat(client.isCut()).isTrue();
      assertThat(client.bytes()).isEqualTo(Arrays.copyOf(bytes, length));
    }
  }

  /** Whether a cut there leaves a CR alone, which ends a line too. */
  private static boolean splitsCrLf(byte[] bytes, int length) {
    return bytes[length - 1] == '\r' && bytes[length] == '\n';
  }

  private static void assertToldAndCut(FakeClient client, byte[] bytes, int length) {
    assertThat(client.isCut()).as("cut at %s: %s", length, client).isTrue();
    byte[] got = client.bytes();
    assertThat(Arrays.copyOf(got, Math.min(got.length, length)))
        .isEqualTo(Arrays.copyOf(bytes, length));
    String told = new String(got, length, got.length - length, StandardCharsets.UTF_8);
    boolean border = Recording.isEventBorder(bytes, length);
    assertThat(!told.isEmpty()).as("an event at %s: %s", length, told).isEqualTo(border);
    if (border) {
      assertThat(told).containsAnyOf("upstream_failed", "upstream_truncated").endsWith("}\n\n");
      assertThat(told.toLowerCase(Locale.ROOT)).contains("error");
      assertThat(told.indexOf("\n\n")).isEqualTo(told.length() - 2);
    }
  }
}
