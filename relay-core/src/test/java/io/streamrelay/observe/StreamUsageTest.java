package io.streamrelay.observe;

import static io.streamrelay.observe.Slices.utf8;
import static org.assertj.core.api.Assertions.assertThat;

import io.streamrelay.observe.Usage.Source;
import io.streamrelay.route.Dialect;
import io.streamrelay.testkit.Counts;
import java.nio.ByteBuffer;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a stream tells of its usage, and what is estimated where it does not. */
class StreamUsageTest {
  private static final long NO = Usage.NOT_TOLD;

  private static String data(String json) {
    return "data: " + json + "\n\n";
  }

  private static String typed(String type, String rest) {
    return "event: " + type + "\n" + data("{\"type\":\"" + type + "\"" + rest + "}");
  }

  private static String chunk(String choice, String rest) {
    return data("{\"object\":\"chat.completion.chunk\",\"choices\":[" + choice + "]" + rest + "}");
  }

  private static String text(String text) {
    return chunk("{\"delta\":{\"content\":\"" + text + "\"},\"finish_reason\":null}", "");
  }

  private static final String STOP = chunk("{\"delta\":{},\"finish_reason\":\"stop\"}", "");
  private static final String DONE = data("[DONE]");

  /** Streams in the providers' forms: what they hold before their last report, and from it on. */
  enum Provider {
    OPENAI(
        chunk("{\"delta\":{\"content\":\"Hello\"}}", ",\"usage\":null") + STOP,
        chunk(
                "",
                ",\"usage\":{\"prompt_tokens\":19,\"completion_tokens\":310,\"total_tokens\":329,"
                    + "\"prompt_tokens_details\":{\"cached_tokens\":7,\"audio_tokens\":1},"
                    + "\"completion_tokens_details\":{\"reasoning_tokens\":256}}")
            + DONE,
        Counts.of(19, 310, 7, NO, 256, Source.REPORTED)),
    CUMULATIVE(
        chunk(
                "{\"delta\":{\"content\":\"a\"}}",
                ",\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":1}")
            + chunk(
                "{\"delta\":{\"content\":\"b\"}}",
                ",\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":2}"),
        chunk(
                "{\"delta\":{\"content\":\"c\"},\"finish_reason\":\"stop\"}",
                ",\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":3}")
            + DONE,
        Counts.of(9, 3, NO, NO, NO, Source.REPORTED)),
    GROQ(
        text("Hi"),
        chunk(
                "{\"delta\":{},\"finish_reason\":\"stop\"}",
                ",\"x_groq\":{\"id\":\"r\",\"usage\":{\"queue_time\":0.04,\"prompt_tokens\":24,"
                    + "\"completion_tokens\":8,\"completion_time\":1.2e-2}}")
            + DONE,
        Counts.of(24, 8, NO, NO, NO, Source.REPORTED)),
    DEEPSEEK(
        chunk("{\"delta\":{\"content\":null,\"reasoning_content\":\"Hm\"}}", ""),
        chunk(
                "{\"delta\":{\"content\":\"\"},\"finish_reason\":\"stop\"}",
                ",\"usage\":{\"prompt_tokens\":30,\"completion_tokens\":12,"
                    + "\"prompt_tokens_details\":{\"cached_tokens\":20},"
                    + "\"prompt_cache_hit_tokens\":20,\"prompt_cache_miss_tokens\":10}")
            + DONE,
        Counts.of(30, 12, 20, NO, NO, Source.REPORTED)),
    RESPONSES(
        typed("response.created", ",\"response\":{\"usage\":null}")
            + typed("response.output_text.delta", ",\"delta\":\"Hello\"")
            + typed("response.output_text.done", ",\"text\":\"Hello\""),
        typed(
            "response.completed",
            ",\"response\":{\"status\":\"completed\",\"usage\":{\"input_tokens\":37,"
                + "\"input_tokens_details\":{\"cached_tokens\":0},\"output_tokens\":11,"
                + "\"output_tokens_details\":{\"reasoning_tokens\":4},\"total_tokens\":48}}"),
        Counts.of(37, 11, 0, NO, 4, Source.REPORTED)),
    SPEECH(
        typed("speech.audio.delta", ",\"audio\":\"AAAA\""),
        typed(
            "speech.audio.done",
            ",\"usage\":{\"input_tokens\":14,\"output_tokens\":101,\"total_tokens\":115}"),
        Counts.of(14, 101, NO, NO, NO, Source.REPORTED)),
    ANTHROPIC(
        typed(
                "message_start",
                ",\"message\":{\"usage\":{\"input_tokens\":25,\"cache_creation_input_tokens\":3,"
                    + "\"cache_read_input_tokens\":100,\"output_tokens\":1}}")
            + typed(
                "content_block_delta", ",\"delta\":{\"type\":\"text_delta\",\"text\":\"Hello\"}"),
        typed(
                "message_delta",
                ",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":15}")
            + typed("message_stop", ""),
        Counts.of(25, 15, 100, 3, NO, Source.REPORTED)),
    GEMINI(
        data(
            "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"He\"}]}}],\"usageMetadata\":"
                + "{\"promptTokenCount\":4,\"thoughtsTokenCount\":30,\"totalTokenCount\":34}}"),
        data(
            "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"llo\"}]},\"finishReason\":"
                + "\"STOP\"}],\"usageMetadata\":{\"promptTokenCount\":4,\"candidatesTokenCount\":9,"
                + "\"cachedContentTokenCount\":2,\"thoughtsTokenCount\":40}}"),
        Counts.of(4, 49, 2, NO, 40, Source.REPORTED));

    private final String before;
    private final String report;

    // A record of numbers; the checker does not know.
    @SuppressWarnings("ImmutableEnumChecker")
    private final Usage usage;

    Provider(String before, String report, Usage usage) {
      this.before = before;
      this.report = report;
      this.usage = usage;
    }

    /** Bytes until the event that reports is whole but for its blank line. */
    int reportEnd() {
      return utf8(before).length + report.indexOf("\n\n");
    }
  }

  private static StreamObserver observe(List<ByteBuffer> slices) {
    StreamObserver observer = new StreamObserver(Dialect.OPENAI);
    slices.forEach(observer::observe);
    return observer;
  }

  private static StreamObserver observe(String stream) {
    return observe(List.of(ByteBuffer.wrap(utf8(stream))));
  }

  private static Usage usage(String stream) {
    return observe(stream).usage();
  }

  private static Usage estimate(long tokens) {
    return Counts.of(NO, tokens, NO, NO, NO, Source.ESTIMATED);
  }

  @ParameterizedTest
  @EnumSource(Provider.class)
  void theLastReportIsReadWhereverTheStreamIsSplit(Provider provider) {
    byte[] bytes = utf8(provider.before + provider.report);
    for (int at = 0; at <= bytes.length; at++) {
      assertThat(observe(Slices.cutAt(bytes, at)).usage())
          .as("split at %d", at)
          .isEqualTo(provider.usage);
    }
    assertThat(observe(Slices.singleBytes(bytes)).usage()).isEqualTo(provider.usage);
  }

  @ParameterizedTest
  @EnumSource(Provider.class)
  void aStreamCutAnywhereBeforeItsReportIsEstimated(Provider provider) {
    byte[] bytes = utf8(provider.before + provider.report);
    StreamObserver observer = new StreamObserver(Dialect.OPENAI);
    long least = 0;
    for (int length = 1; length <= bytes.length; length++) {
      observer.observe(ByteBuffer.wrap(bytes, length - 1, 1));
      Usage usage = observer.usage();
      Source source = length < provider.reportEnd() ? Source.ESTIMATED : Source.REPORTED;
      if (usage.source() != Source.NONE) {
        assertThat(usage.source()).as("first %d bytes", length).isEqualTo(source);
        assertThat(usage.outputTokens()).isGreaterThanOrEqualTo(least);
        least = usage.outputTokens();
      }
      assertThat(usage).as("asked again").isEqualTo(observer.usage());
    }
    assertThat(observe(provider.before).usage()).isNotNull();
    assertThat(observer.outputTokens()).isEqualTo(provider.usage.outputTokens());
  }

  @ParameterizedTest
  @CsvSource({
    "a, 1",
    "abcd, 1",
    "abcde, 2",
    "abcdefgh, 2",
    // Four bytes each, whether written as they are or with escapes.
    "€€, 2",
    "\\u20ac\\u20AC, 2",
    "😀, 1",
    "\\ud83d\\ude00x, 2",
    "\\n\\n\\n\\n\\\", 2"
  })
  void anEstimateIsAQuarterOfTheTextsBytesRoundedUp(String written, long tokens) {
    assertThat(usage(text(written))).isEqualTo(estimate(tokens));
  }

  @Test
  void anEstimateIsNoLessThanTheEventsWithContent() {
    assertThat(usage(text("a").repeat(7))).isEqualTo(estimate(7));
    assertThat(usage(text("").repeat(7))).isEqualTo(estimate(0));
    assertThat(usage(text("a") + text("a").stripTrailing())).isEqualTo(estimate(2));
    assertThat(usage(text("a") + text("a").substring(0, 60))).isEqualTo(estimate(1));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"delta\":{\"content\":\"12345678\"}}",
        "{\"delta\":{\"refusal\":\"12345678\"}}",
        "{\"delta\":{\"reasoning\":\"12345678\"}}",
        "{\"delta\":{\"reasoning_content\":\"12345678\",\"reasoning\":\"12345678\"}}",
        "{\"delta\":{\"function_call\":{\"arguments\":\"12345678\"}}}",
        "{\"delta\":{\"tool_calls\":[{\"id\":\"x\",\"function\":{\"arguments\":\"12345678\"}}]}}",
        "{\"delta\":{\"audio\":{\"data\":\"AAAAAAAAAAAAAAAA\",\"transcript\":\"12345678\"}}}",
        "{\"delta\":{\"content\":[{\"type\":\"text\",\"text\":\"12345678\"}]}}",
        "{\"delta\":{\"content\":[{\"thinking\":[{\"text\":\"12345678\"}]}]}}",
        "{\"text\":\"12345678\"}"
      })
  void anEstimateCountsTextReasoningAndArguments(String choice) {
    assertThat(usage(chunk(choice, ""))).isEqualTo(estimate(2));
  }

  @Test
  void anEstimateCountsThemInEveryProtocol() {
    String start = typed("message_start", ",\"message\":{}");
    for (String key : List.of("text", "thinking", "partial_json")) {
      String delta = typed("content_block_delta", ",\"delta\":{\"" + key + "\":\"12345678\"}");
      assertThat(usage(start + delta)).isEqualTo(estimate(2));
    }
    String created = typed("response.created", "");
    assertThat(usage(created + typed("response.output_text.delta", ",\"delta\":\"12345678\"")))
        .isEqualTo(estimate(2));
    assertThat(usage(created + typed("response.audio.delta", ",\"delta\":\"AAAAAAAA\"")))
        .isEqualTo(estimate(1));
    String parts = "{\"candidates\":[{\"content\":{\"parts\":[%s]}}]}";
    assertThat(usage(data(parts.formatted("{\"text\":\"12345678\"}")))).isEqualTo(estimate(2));
    assertThat(usage(data(parts.formatted("{\"functionCall\":{\"args\":{\"a\":[1,{}]}}}"))))
        .isEqualTo(estimate(3));
    assertThat(usage(data(parts.formatted("{\"inlineData\":{\"data\":\"AAAAAAAAAAAA\"}}"))))
        .isEqualTo(estimate(1));
  }

  @Test
  void aReportInMidStreamIsOnlyALowerBound() {
    String start =
        typed("message_start", ",\"message\":{\"usage\":{\"input_tokens\":5,\"output_tokens\":1}}");
    assertThat(usage(start)).isEqualTo(Counts.of(5, 1, NO, NO, NO, Source.ESTIMATED));
    String gemini = Provider.GEMINI.before;
    assertThat(usage(gemini)).isEqualTo(Counts.of(4, 30, NO, NO, 30, Source.ESTIMATED));
    String more =
        data(
            "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\""
                + "x".repeat(200)
                + "\"}]}}]}");
    assertThat(usage(gemini + more)).isEqualTo(Counts.of(4, 51, NO, NO, 30, Source.ESTIMATED));
  }

  @Test
  void contentAfterAReportMakesItALowerBound() {
    String told = chunk("", ",\"usage\":{\"completion_tokens\":1}");
    assertThat(usage(told).source()).isEqualTo(Source.REPORTED);
    assertThat(usage(told + text("abcdefgh"))).isEqualTo(estimate(2));
  }

  @Test
  void aZeroDoesNotTakeBackWhatWasTold() {
    String stream =
        typed("message_start", ",\"message\":{\"usage\":{\"input_tokens\":5}}")
            + typed(
                "message_delta",
                ",\"delta\":{\"stop_reason\":\"end_turn\"},"
                    + "\"usage\":{\"input_tokens\":0,\"output_tokens\":3}");
    assertThat(usage(stream)).isEqualTo(Counts.of(5, 3, NO, NO, NO, Source.REPORTED));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "null",
        "{}",
        "[]",
        "7",
        "\"7\"",
        "{\"completion_tokens\":null}",
        "{\"completion_tokens\":true}",
        "{\"completion_tokens\":\"7\"}",
        "{\"completion_tokens\":-7}",
        "{\"completion_tokens\":1e3}",
        "{\"completion_tokens\":99999999999999999999999999}",
        "{\"completion_tokens\":[7]}",
        "{\"completion_tokens\":{\"completion_tokens\":7}}",
        "{\"x\":{\"completion_tokens\":7}}",
        "{\"details\":{\"completion_tokens\":7}}"
      })
  void whatIsNoCountIsNotRead(String usage) {
    assertThat(usage(text("a") + STOP + chunk("", ",\"usage\":" + usage))).isEqualTo(estimate(1));
  }

  @Test
  void textOfTheModelIsNoUsage() {
    String quoted = "\\\"usage\\\":{\\\"completion_tokens\\\":7}";
    assertThat(usage(text(quoted)).source()).isEqualTo(Source.ESTIMATED);
    String within =
        chunk(
            "{\"usage\":{\"completion_tokens\":7},\"delta\":{\"content\":\"a\","
                + "\"usage\":{\"completion_tokens\":7}}}",
            ",\"x\":{\"usage\":{\"completion_tokens\":7}}");
    assertThat(usage(within + STOP)).isEqualTo(estimate(1));
    String args =
        "{\"functionCall\":{\"args\":{\"usageMetadata\":{\"candidatesTokenCount\":700}}}}";
    assertThat(usage(data("{\"candidates\":[{\"content\":{\"parts\":[" + args + "]}}]}")))
        .extracting(usage -> usage.outputTokens())
        .isEqualTo(12L);
  }

  @Test
  void aCountMayHaveAFractionOfNothing() {
    assertThat(usage(chunk("", ",\"usage\":{\"completion_tokens\":12.0}")))
        .isEqualTo(Counts.of(NO, 12, NO, NO, NO, Source.REPORTED));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", ": x\n\n", "data: x\n\n", "data: {\"tokens\":3}\n\n"})
  void aStreamThatIsNotRecognisedHasNone(String stream) {
    assertThat(usage(stream)).isEqualTo(Usage.NONE);
  }
}
