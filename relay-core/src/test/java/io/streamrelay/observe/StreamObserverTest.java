package io.streamrelay.observe;

import static io.streamrelay.observe.Slices.utf8;
import static org.assertj.core.api.Assertions.assertThat;

import io.streamrelay.route.Dialect;
import java.nio.ByteBuffer;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class StreamObserverTest {
  private static final String CHAT_HEAD =
      "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,"
          + "\"model\":\"gpt-4o\",\"choices\":[{\"index\":0,\"delta\":";

  /** One chat chunk with the given delta and finish reason. */
  private static String chat(String delta, String finish) {
    return "data: "
        + CHAT_HEAD
        + delta
        + ",\"logprobs\":null,\"finish_reason\":"
        + finish
        + "}],\"usage\":null}\n\n";
  }

  private static String named(String name, String rest) {
    return "event: " + name + "\ndata: {\"type\":\"" + name + "\"" + rest + "}\n\n";
  }

  private static String data(String json) {
    return "data: " + json + "\n\n";
  }

  /** Recorded streams: their terminal marker, and the bytes before and after the first content. */
  enum Recorded {
    CHAT(
        "[DONE]",
        chat("{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null}", "null"),
        chat("{\"content\":\"He\u20acllo [DONE] \\\"error\\\"\"}", "null"),
        chat("{}", "\"stop\"")
            + data(
                "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"choices\":[],"
                    + "\"usage\":{\"prompt_tokens\":8,\"completion_tokens\":2}}")
            + data("[DONE]")),
    AZURE_CHAT(
        "[DONE]",
        data(
                "{\"choices\":[],\"created\":0,\"id\":\"\",\"model\":\"\",\"object\":\"\","
                    + "\"prompt_filter_results\":[{\"prompt_index\":0,"
                    + "\"content_filter_results\":{\"hate\":{\"filtered\":false}}}]}")
            + chat("{\"role\":\"assistant\"}", "null"),
        chat("{\"content\":\"Hi\"}", "null"),
        chat("{}", "\"stop\"") + data("[DONE]")),
    CHAT_TOOLS(
        "[DONE]",
        chat("{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[]}", "null"),
        chat(
            "{\"tool_calls\":[{\"index\":0,\"id\":\"call_1\",\"type\":\"function\","
                + "\"function\":{\"name\":\"f\",\"arguments\":\"\"}}]}",
            "null"),
        chat("{}", "\"tool_calls\"") + data("[DONE]")),
    CHAT_REASONING(
        "[DONE]",
        ": OPENROUTER PROCESSING\n\n"
            + chat("{\"role\":\"assistant\",\"content\":\"\",\"reasoning_content\":null}", "\"\""),
        chat("{\"content\":null,\"reasoning_content\":\"Hm\"}", "null"),
        chat("{\"content\":\"x\"}", "\"stop\"") + data("[DONE]")),
    COMPLETIONS(
        "[DONE]",
        data("{\"object\":\"text_completion\",\"choices\":[{\"text\":\"\",\"index\":0}]}"),
        data("{\"object\":\"text_completion\",\"choices\":[{\"text\":\"x\",\"index\":0}]}"),
        data("[DONE]")),
    RESPONSES(
        "{\"type\":\"response.completed\",\"response\":{\"status\":\"completed\",\"error\":null}}",
        named("response.created", ",\"response\":{\"status\":\"in_progress\",\"error\":null}")
            + named("response.in_progress", ",\"response\":{\"error\":null}")
            + named("response.output_item.added", ",\"item\":{\"type\":\"message\"}")
            + named("response.content_part.added", ",\"part\":{\"text\":\"\"}"),
        named("response.output_text.delta", ",\"delta\":\"response.completed\""),
        named("response.output_text.done", ",\"text\":\"x\"")
            + named(
                "response.completed", ",\"response\":{\"status\":\"completed\",\"error\":null}")),
    RESPONSES_WITHOUT_NAMES(
        "{\"response\":{\"id\":\"r\"},\"type\":\"response.incomplete\"}",
        data("{\"type\":\"response.created\",\"response\":{}}"),
        data("{\"type\":\"response.function_call_arguments.delta\",\"delta\":\"{\"}"),
        data("{\"response\":{\"id\":\"r\"},\"type\":\"response.incomplete\"}")),
    SPEECH(
        "{\"type\":\"speech.audio.done\",\"usage\":{}}",
        "",
        data("{\"type\":\"speech.audio.delta\",\"audio\":\"AAAA\"}"),
        data("{\"type\":\"speech.audio.done\",\"usage\":{}}")),
    ANTHROPIC(
        "{\"type\":\"message_stop\"}",
        named("message_start", ",\"message\":{\"content\":[],\"stop_reason\":null}")
            + named(
                "content_block_start",
                ",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}")
            + named("ping", ""),
        named(
            "content_block_delta",
            ",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"message_stop\"}"),
        named("content_block_stop", ",\"index\":0")
            + named(
                "content_block_start",
                ",\"index\":1,\"content_block\":{\"type\":\"tool_use\",\"input\":{}}")
            + named(
                "content_block_delta",
                ",\"index\":1,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"\"}")
            + named("content_block_stop", ",\"index\":1")
            + named(
                "message_delta",
                ",\"delta\":{\"stop_reason\":\"tool_use\"},\"usage\":{\"output_tokens\":9}")
            + named("ping", "")
            + named("message_stop", "")),
    ANTHROPIC_WITHOUT_NAMES(
        "{\"type\":\"message_stop\"}",
        data("{\"type\":\"message_start\",\"message\":{\"content\":[]}}"),
        data("{\"type\":\"content_block_delta\",\"delta\":{\"text\":\"x\"}}"),
        data("{\"type\":\"message_stop\"}")),
    GEMINI(
        "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"y\"}]},\"finishReason\":\"STOP\"}],"
            + "\"usageMetadata\":{\"totalTokenCount\":5}}",
        "",
        "data: {\"candidates\": [{\"content\": {\"parts\": [{\"text\": \"finishReason\"}],"
            + "\"role\": \"model\"},\"finishReason\": null}]}\r\n\r\n",
        "data: {\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"args\":"
            + "{\"finishReason\":\"STOP\"}}}]}}]}\r\n\r\n"
            + "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"y\"}]},"
            + "\"finishReason\":\"STOP\"}],\"usageMetadata\":{\"totalTokenCount\":5}}\r\n\r\n");

    final String marker;
    final String before;
    final String content;
    final String after;

    Recorded(String marker, String before, String content, String after) {
      this.marker = marker;
      this.before = before;
      this.content = content;
      this.after = after;
    }

    String all() {
      return before + content + after;
    }

    /** How many bytes there are before the marker is whole. */
    int markerEnd() {
      String all = all();
      return utf8(all.substring(0, all.lastIndexOf(marker) + marker.length())).length;
    }
  }

  private static StreamObserver observe(Dialect dialect, List<ByteBuffer> slices) {
    StreamObserver observer = new StreamObserver(dialect);
    slices.forEach(observer::observe);
    return observer;
  }

  private static StreamObserver observe(Dialect dialect, String stream) {
    return observe(dialect, List.of(ByteBuffer.wrap(utf8(stream))));
  }

  private static StreamObserver observe(String stream) {
    return observe(Dialect.OPENAI, stream);
  }

  private static List<Object> answers(StreamObserver observer) {
    return List.of(
        observer.verdict(),
        observer.contentSeen(),
        observer.finishSeen(),
        observer.atEventBorder(),
        observer.events());
  }

  @ParameterizedTest
  @EnumSource(Recorded.class)
  void aWholeStreamIsCompleteOnAnyRoute(Recorded recorded) {
    for (Dialect dialect : Dialect.values()) {
      StreamObserver observer = observe(dialect, recorded.all());
      assertThat(observer.verdict()).as("%s", dialect).isEqualTo(Verdict.COMPLETE);
      assertThat(observer.atEventBorder()).isTrue();
      assertThat(observer.events())
          .isEqualTo(recorded.all().lines().filter(line -> line.startsWith("data:")).count());
    }
  }

  @ParameterizedTest
  @EnumSource(Recorded.class)
  void aCutStreamIsNeverCompleteBeforeItsMarkerIsWhole(Recorded recorded) {
    byte[] bytes = utf8(recorded.all());
    StreamObserver observer = new StreamObserver(Dialect.OPENAI);
    int recognised = -1;
    for (int length = 0; length <= bytes.length; length++) {
      if (length > 0) {
        observer.observe(ByteBuffer.wrap(bytes, length - 1, 1));
      }
      Verdict verdict = observer.verdict();
      if (recognised < 0 && verdict == Verdict.TRUNCATED) {
        recognised = length;
      }
      if (length >= recorded.markerEnd()) {
        assertThat(verdict).as("first %d bytes", length).isEqualTo(Verdict.COMPLETE);
      } else {
        assertThat(verdict)
            .as("first %d bytes", length)
            .isEqualTo(recognised < 0 ? Verdict.UNKNOWN : Verdict.TRUNCATED);
      }
    }
    assertThat(recognised).isBetween(1, utf8(recorded.before + recorded.content).length);
  }

  @ParameterizedTest
  @EnumSource(Recorded.class)
  void contentIsSeenWithItsFirstEventAndNotBefore(Recorded recorded) {
    StreamObserver observer = observe(recorded.before);
    assertThat(observer.contentSeen()).isFalse();
    String lines = recorded.content.stripTrailing();
    observer.observe(ByteBuffer.wrap(utf8(lines)));
    assertThat(observer.contentSeen()).isFalse();
    observer.observe(ByteBuffer.wrap(utf8(recorded.content.substring(lines.length()))));
    assertThat(observer.contentSeen()).isTrue();
    assertThat(observer.finishSeen()).isFalse();
  }

  @ParameterizedTest
  @EnumSource(Recorded.class)
  void answersTheSameWhereverTheStreamIsCut(Recorded recorded) {
    byte[] bytes = utf8(recorded.all());
    List<Object> whole = answers(observe(recorded.all()));
    for (int at = 0; at <= bytes.length; at++) {
      assertThat(answers(observe(Dialect.OPENAI, Slices.cutAt(bytes, at))))
          .as("cut at %d", at)
          .isEqualTo(whole);
    }
    assertThat(answers(observe(Dialect.OPENAI, Slices.singleBytes(bytes)))).isEqualTo(whole);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"error\":{\"message\":\"overloaded\",\"code\":500}}",
        " {\"error\" : \"overloaded\"}",
        "{\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"error\":{\"code\":502},"
            + "\"choices\":[{\"delta\":{\"content\":\"\"},\"finish_reason\":\"error\"}]}",
        "{\"\\u0065rror\":{\"code\":1}}"
      })
  void anErrorAtTheTopIsAFailure(String error) {
    assertThat(observe(data(error)).verdict()).isEqualTo(Verdict.FAILED);
    String later = chat("{\"content\":\"x\"}", "null") + data(error);
    assertThat(observe(later).verdict()).isEqualTo(Verdict.FAILED);
    assertThat(observe(later + data("[DONE]")).verdict()).isEqualTo(Verdict.FAILED);
    assertThat(observe(data(error)).contentSeen()).isFalse();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"error\":null,\"x\":1}",
        "{\"error\":{}}",
        "{\"error\":\"\"}",
        "{\"error\":false}",
        "{\"x\":{\"error\":{\"code\":1}}}",
        "[{\"error\":{\"code\":1}}]",
        "{\"x\":\"\\\"error\\\":{\\\"code\\\":1}\"}",
        "{\"x\":\"error\"}",
        "{\"type\":\"error\"}"
      })
  void anErrorElsewhereIsNone(String json) {
    assertThat(observe(data(json)).verdict()).isEqualTo(Verdict.UNKNOWN);
    assertThat(observe(data(json)).contentSeen()).isTrue();
  }

  @Test
  void providersReportErrorsInTheirOwnWays() {
    String anthropic = named("message_start", ",\"message\":{}");
    String error = ",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}";
    assertThat(observe(anthropic + named("error", error)).verdict()).isEqualTo(Verdict.FAILED);
    assertThat(observe(named("error", error)).verdict()).isEqualTo(Verdict.FAILED);

    String responses = named("response.created", ",\"response\":{}");
    assertThat(observe(responses + named("response.failed", ",\"response\":{}")).verdict())
        .isEqualTo(Verdict.FAILED);
    assertThat(observe(responses + data("{\"type\":\"error\",\"code\":\"x\"}")).verdict())
        .isEqualTo(Verdict.FAILED);
    assertThat(observe("event: error\ndata: no json\n\n").verdict()).isEqualTo(Verdict.FAILED);
    assertThat(observe("event: error\n\n").verdict()).isEqualTo(Verdict.UNKNOWN);
    assertThat(observe(responses + named("response.cancelled", "")).verdict())
        .isEqualTo(Verdict.COMPLETE);

    String gemini = Recorded.GEMINI.all();
    assertThat(observe(gemini + data("{\"error\":{\"code\":503}}")).verdict())
        .isEqualTo(Verdict.FAILED);
  }

  @Test
  void textOfTheModelMisleadsNobody() {
    String text =
        chat("{\"content\":\"[DONE]\"}", "null")
            + chat("{\"content\":\"data: [DONE]\\n\\n\"}", "null")
            + chat("{\"content\":\"{\\\"error\\\":{\\\"a\\\":1}}\"}", "null")
            + chat("{\"content\":\"error\",\"error\":{\"a\":1}}", "null");
    assertThat(observe(text).verdict()).isEqualTo(Verdict.TRUNCATED);
    assertThat(observe(text).finishSeen()).isFalse();
    String quoting =
        named("message_start", ",\"message\":{}")
            + named(
                "content_block_delta",
                ",\"delta\":{\"text\":\"\\\"type\\\":\\\"message_stop\\\"\"}")
            + named("content_block_delta", ",\"delta\":{\"type\":\"message_stop\"}");
    assertThat(observe(quoting).verdict()).isEqualTo(Verdict.TRUNCATED);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        ": only a comment\n\n",
        "data: plain text\n\n",
        "event: message\ndata: {\"text\":\"chat.completion.chunk\"}\n\n",
        "data: {\"chunk\":{\"object\":\"chat.completion.chunk\"}}\n\n",
        "event: response.chunk\ndata: {}\n\n",
        "event: message_start\ndata: {\"id\":1}\n\n",
        "data: {\"type\":\"message-start\",\"message\":{}}\n\n",
        "data: {\"candidates\":[\"Ann\",\"Bob\"]}\n\n",
        "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
        "event: response.completed\ndata: {\"type\":\"response.completed\"}\n\n"
      })
  void whatIsNotRecognisedIsNotJudged(String stream) {
    assertThat(observe(stream).verdict()).isEqualTo(Verdict.UNKNOWN);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "data: {",
        "data: {\"id\":1}\n\ndata: {\"text\":\"half",
        "event: x\r\ndata: {\"a\":[1,2\r\n"
      })
  void whatBreaksOffWithinAnObjectIsTruncatedWhateverItIs(String stream) {
    assertThat(observe(stream).verdict()).isEqualTo(Verdict.TRUNCATED);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "chat.completion"})
  void choicesTellACompletionsStreamWhateverItsObjectSays(String object) {
    String preamble =
        "data: {\"choices\":[],\"object\":\"" + object + "\",\"prompt_filter_results\":[]}\n\n";
    assertThat(observe(preamble).verdict()).isEqualTo(Verdict.TRUNCATED);
  }

  @Test
  void doneIsFinalAndToleratesItsKnownSpellings() {
    assertThat(observe("data:[DONE]\n\n").verdict()).isEqualTo(Verdict.COMPLETE);
    assertThat(observe("data: [DONE] \r\n\r\n").verdict()).isEqualTo(Verdict.COMPLETE);
    assertThat(observe("data: [DONE]\n").verdict()).isEqualTo(Verdict.COMPLETE);
    String chat = Recorded.CHAT.all();
    assertThat(observe(chat + chat("{\"content\":\"x\"}", "null")).verdict())
        .isEqualTo(Verdict.COMPLETE);
    assertThat(observe(chat + data("{\"error\":{\"a\":1}}")).verdict()).isEqualTo(Verdict.COMPLETE);
    assertThat(observe(data("[DONE]")).contentSeen()).isFalse();
  }

  @Test
  void finishIsSeenWhereDoneIsMissing() {
    StreamObserver observer = observe(chat("{\"content\":\"x\"}", "null") + chat("{}", "\"stop\""));
    assertThat(observer.verdict()).isEqualTo(Verdict.TRUNCATED);
    assertThat(observer.finishSeen()).isTrue();
    assertThat(observe(Recorded.ANTHROPIC.all()).finishSeen()).isTrue();
    assertThat(observe(Recorded.GEMINI.all()).finishSeen()).isTrue();
  }

  @Test
  void geminiMayRefuseThePromptOrNotHaveFinished() {
    String refused = data("{\"promptFeedback\":{\"blockReason\":\"SAFETY\"},\"usageMetadata\":{}}");
    assertThat(observe(Dialect.GEMINI, refused).verdict()).isEqualTo(Verdict.COMPLETE);
    assertThat(observe(Dialect.OPENAI, refused).verdict()).isEqualTo(Verdict.UNKNOWN);
    String going =
        data(
            "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"x\"}]},"
                + "\"finishReason\":\"FINISH_REASON_UNSPECIFIED\"}]}");
    assertThat(observe(going).verdict()).isEqualTo(Verdict.TRUNCATED);
  }

  @Test
  void eventsOfAnySizeAreReadToTheirEnd() {
    StreamObserver observer = new StreamObserver(Dialect.GEMINI);
    observer.observe(
        ByteBuffer.wrap(
            utf8("data: {\"candidates\":[{\"content\":{\"parts\":[{\"inlineData\":{\"data\":\"")));
    byte[] audio = utf8("A".repeat(10_000));
    for (int i = 0; i < 1_000; i++) {
      observer.observe(ByteBuffer.wrap(audio));
    }
    assertThat(observer.verdict()).isEqualTo(Verdict.TRUNCATED);
    observer.observe(ByteBuffer.wrap(utf8("\"}}]},\"finishReason\":\"STOP\"}]}\n\n")));
    assertThat(observer.verdict()).isEqualTo(Verdict.COMPLETE);
    assertThat(observer.contentSeen()).isTrue();
  }

  @Test
  void unreadableJsonIsNoReasonToCallAStreamTruncated() {
    String gemini =
        data("{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"x\"}]}}]}")
            + data("{\"candidates\":[{\"avgLogprobs\":NaN,\"finishReason\":\"STOP\"}]}");
    assertThat(observe(gemini).verdict()).isEqualTo(Verdict.UNKNOWN);
    String readInTime =
        data("{\"candidates\":[{\"content\":{\"parts\":[]},\"finishReason\":\"STOP\",\"a\":NaN}]}");
    assertThat(observe(readInTime).verdict()).isEqualTo(Verdict.COMPLETE);
  }

  @Test
  void askingForAVerdictChangesNothing() {
    StreamObserver observer = observe(chat("{\"content\":\"x\"}", "null") + "data: [DONE]");
    assertThat(observer.verdict()).isEqualTo(Verdict.COMPLETE);
    observer.observe(ByteBuffer.wrap(utf8("x\n\n")));
    observer.observe(ByteBuffer.wrap(utf8(chat("{}", "null"))));
    assertThat(observer.events()).isEqualTo(3);
  }

  @Test
  void nothingIsAllocatedPerChunk() throws ReflectiveOperationException {
    ByteBuffer first =
        ByteBuffer.wrap(utf8(chat("{\"content\":\"Hello\"}", "null") + "data: {\"id"));
    ByteBuffer second = ByteBuffer.wrap(utf8("\":\"x\\n\",\"choices\":[]}\n\n"));
    StreamObserver observer = new StreamObserver(Dialect.OPENAI);
    long before = 0;
    int rounds = 10_000;
    for (int round = -1_000; round < rounds; round++) {
      if (round == 0) {
        before = allocatedBytes();
      }
      observer.observe(first);
      observer.observe(second);
    }
    long allocated = allocatedBytes() - before;
    assertThat(observer.events()).isEqualTo(22_000);
    // The smallest object has 16 bytes; one per round would be ten times this.
    assertThat(allocated).isLessThan(rounds * 16L / 10);
  }

  /** By reflection, since the module under test does not read java.management. */
  private static long allocatedBytes() throws ReflectiveOperationException {
    Object threads =
        Class.forName("java.lang.management.ManagementFactory")
            .getMethod("getThreadMXBean")
            .invoke(null);
    return (long)
        Class.forName("com.sun.management.ThreadMXBean")
            .getMethod("getCurrentThreadAllocatedBytes")
            .invoke(threads);
  }

  @Test
  void anEmptyStreamIsAtABorder() {
    StreamObserver observer = new StreamObserver(Dialect.OPENAI);
    assertThat(observer.atEventBorder()).isTrue();
    observer.observe(ByteBuffer.wrap(utf8("data: x\n")));
    assertThat(observer.atEventBorder()).isFalse();
    assertThat(observer.events()).isZero();
  }
}
