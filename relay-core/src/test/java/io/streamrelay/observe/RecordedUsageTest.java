package io.streamrelay.observe;

import static org.assertj.core.api.Assertions.assertThat;

import io.streamrelay.route.Dialect;
import io.streamrelay.testkit.Recordings;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The usage that providers' streams tell, by the counts that stand in their recordings. */
class RecordedUsageTest {
  private static @Nullable Usage usage(String name) {
    StreamObserver observer = new StreamObserver(Dialect.OPENAI);
    observer.observe(ByteBuffer.wrap(Recordings.named(name).bytes()));
    return observer.usage();
  }

  @ParameterizedTest
  @CsvSource({
    "anthropic-pings, 21, 5, -1",
    "anthropic-text, 21, 15, -1",
    "anthropic-thinking, 21, 77, -1",
    "anthropic-tools, 21, 58, -1",
    "azure-openai-chat, 14, 12, 0",
    "deepseek, 13, 18, 5",
    "gemini-thinking, 9, 45, 40",
    "gemini-tools, 9, 49, 31",
    "gemini, 9, 14, -1",
    "groq, 18, 12, -1",
    "mistral-thinking, 19, 12, -1",
    "mistral, 19, 12, -1",
    "openai-chat-reasoning, 14, 300, 256",
    "openai-chat-usage, 14, 12, 0",
    "openai-completions, 4, 12, -1",
    "openai-responses-incomplete, 11, 12, 0",
    "openai-responses-reasoning, 11, 70, 64",
    "openai-responses-tools, 11, 12, 0",
    "openai-responses, 11, 12, 0",
    "openai-speech-events, 14, 101, -1",
    "openrouter, 14, 12, -1",
    "qwen, 16, 22, 6",
    "siliconflow, 13, 15, 3",
    "vllm, 33, 12, -1",
    "xai, 38, 12, 3"
  })
  void whatWasReportedIsRead(String name, long input, long output, long reasoning) {
    assertThat(usage(name))
        .isNotNull()
        .satisfies(
            usage -> {
              assertThat(usage.source()).isEqualTo(Usage.Source.REPORTED);
              assertThat(usage.inputTokens()).isEqualTo(input);
              assertThat(usage.outputTokens()).isEqualTo(output);
              assertThat(usage.reasoningTokens()).isEqualTo(reasoning);
            });
  }

  /** Either the stream broke, or nobody asked for its usage. */
  @ParameterizedTest
  @CsvSource({
    "anthropic-error, 21",
    "gemini-blocked, 9",
    "llama-cpp, -1",
    "openai-chat-error, -1",
    "openai-chat-refusal, -1",
    "openai-chat-tools, -1",
    "openai-chat, -1",
    "openai-responses-failed, -1",
    "openrouter-error, -1"
  })
  void whatWasNotReportedIsEstimated(String name, long input) {
    assertThat(usage(name))
        .isNotNull()
        .satisfies(
            usage -> {
              assertThat(usage.source()).isEqualTo(Usage.Source.ESTIMATED);
              assertThat(usage.inputTokens()).isEqualTo(input);
            });
  }
}
