package io.streamrelay.observe;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.streamrelay.route.Dialect;
import io.streamrelay.testkit.Recording;
import io.streamrelay.testkit.Recordings;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What {@link StreamObserver} makes of the providers' streams. */
class RecordedStreamsTest {
  /** Whose protocol has no reason for stopping, or does not get to it. */
  private static final Set<String> WITHOUT_FINISH = Set.of("openai.responses", "openai.speech");

  static List<Recording> events() {
    return Recordings.events();
  }

  private static List<Object> answers(StreamObserver observer) {
    return List.of(
        observer.verdict(),
        observer.contentSeen(),
        observer.finishSeen(),
        observer.atEventBorder(),
        observer.events());
  }

  private static StreamObserver observe(Recording recording, List<ByteBuffer> slices) {
    StreamObserver observer = new StreamObserver(recording.dialect());
    slices.forEach(observer::observe);
    return observer;
  }

  private static List<Object> expected(Recording recording) {
    boolean failed = recording.end() == Recording.End.ERROR;
    boolean content =
        !recording.name().equals("gemini-blocked")
            && !recording.name().equals("openai-responses-failed");
    // OpenRouter's error comes with a finish reason of its own.
    boolean finish =
        recording.name().equals("openrouter-error")
            || (!failed && !WITHOUT_FINISH.contains(recording.protocol()));
    long events = 0;
    for (byte[] piece : recording.pieces()) {
      String text = new String(piece, UTF_8);
      events += text.startsWith("data:") || text.startsWith("event:") ? 1 : 0;
    }
    return List.of(failed ? Verdict.FAILED : Verdict.COMPLETE, content, finish, true, events);
  }

  @ParameterizedTest
  @MethodSource("events")
  void aWholeStreamIsJudgedRightly(Recording recording) {
    byte[] bytes = recording.bytes();
    assertThat(answers(observe(recording, List.of(ByteBuffer.wrap(bytes)))))
        .isEqualTo(expected(recording));
  }

  @ParameterizedTest
  @MethodSource("events")
  void theRoutesDialectIsOnlyAHint(Recording recording) {
    for (Dialect dialect : Dialect.values()) {
      StreamObserver observer = new StreamObserver(dialect);
      observer.observe(ByteBuffer.wrap(recording.bytes()));
      // A blocked prompt has nothing in it that only Gemini could have sent.
      if (!recording.name().equals("gemini-blocked") || dialect == Dialect.GEMINI) {
        assertThat(observer.verdict()).as("%s", dialect).isEqualTo(expected(recording).get(0));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("events")
  void aStreamIsJudgedTheSameHoweverItIsSliced(Recording recording) {
    byte[] bytes = recording.bytes();
    List<Object> expected = expected(recording);
    for (int at = 0; at <= bytes.length; at++) {
      assertThat(answers(observe(recording, Slices.cutAt(bytes, at))))
          .as("split at %d", at)
          .isEqualTo(expected);
    }
    assertThat(answers(observe(recording, Slices.singleBytes(bytes)))).isEqualTo(expected);
  }

  @ParameterizedTest
  @MethodSource("events")
  void aCutStreamIsNeverCompleteBeforeItsTerminalMarker(Recording recording) {
    byte[] bytes = recording.bytes();
    StreamObserver observer = new StreamObserver(recording.dialect());
    for (int length = 0; length < recording.terminalEnd(); length++) {
      if (length > 0) {
        observer.observe(ByteBuffer.wrap(bytes, length - 1, 1));
      }
      Verdict verdict = observer.verdict();
      boolean recognised = observer.events() > 0;
      assertThat(verdict).as("first %d bytes", length).isNotEqualTo(Verdict.COMPLETE);
      if (recognised) {
        assertThat(verdict).as("first %d bytes", length).isEqualTo(Verdict.TRUNCATED);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("events")
  void aStreamIsDecidedWithItsTerminalMarker(Recording recording) {
    StreamObserver observer = new StreamObserver(recording.dialect());
    observer.observe(ByteBuffer.wrap(recording.bytes(), 0, recording.terminalEnd()));
    assertThat(observer.verdict()).isEqualTo(expected(recording).get(0));
  }
}
