package io.streamrelay.testkit;

import io.streamrelay.route.Dialect;
import io.streamrelay.testkit.Recording.End;
import java.net.URI;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The catalogue of {@link Recording recordings}: what the providers' streams look like, byte by
 * byte, down to the spaces after {@code data:}, the line ends and the comments.
 *
 * <p>Each follows the source that it names. The order of members, the null ones and the framing are
 * the provider's; the texts are ours, ids and keys are made up, sounds are computed.
 */
public final class Recordings {
  private static final String EVENTS = "text/event-stream";

  private static final List<Recording> ALL =
      List.of(
          of(
              "openai-chat",
              "OpenAI",
              "openai.chat",
              Dialect.OPENAI,
              EVENTS,
              End.COMPLETE,
              "[DONE]",
              "https://github.com/vercel/ai/blob/733d0bfa63ee729824fbb7eea6e2a31c3b207c8a/packages/openai/src/chat/__fixtures__/openai-text.chunks.txt",
              "sse"),
          of(
              "openai-chat-usage",
              "OpenAI",
              "openai.chat",
              Dialect.OPENAI,
              EVENTS,
              End.COMPLETE,
              "[DONE]",
              "https://platform.openai.com/docs/api-reference/chat-streaming/streaming",
              "sse"),
          of(
              "openai-chat-tools",
              "OpenAI",
              "openai.chat",
              Dialect.OPENAI,
              EVENTS,
              End.COMPLETE,
              "[DONE]",
              "https://platform.openai.com/docs/guides/function-calling#streaming",
              "sse"),
          of(
              "openai-chat-refusal",
              "OpenAI",
              "openai.chat",
              Dialect.OPENAI,
              EVENTS,
              End.COMPLETE,
              "[DONE]",
              "https://platform.openai.com/docs/api-reference/chat-streaming/streaming",
              "sse"),
          of(
              "openai-chat-reasoning",
              "OpenAI",
              "openai.chat",
              Dialect.OPENAI,
              EVENTS,
              End.COMPLETE,
              "[DONE]",
              "https://platform.openai.com/docs/guides/reasoning",
              "sse"),
          of(
              "openai-chat-error",
              "OpenAI",
              "openai.chat",
              Dialect.OPENAI,
              EVENTS,
              End.ERROR,
              "\"error\":",
              "https://platform.openai.com/docs/guides/error-codes",
              "sse"),
          of(
              "azure-openai-chat",
              "Azure OpenAI",
              "openai.chat",
              Dialect.OPENAI,
              EVENTS,
              End.COMPLETE,
              "[DONE]",
              "https://github.com/vercel/ai/blob/4aa374725ea6da1a100b81617c70ee5bc014b071/packages/openai/src/chat/__fixtures__/azure-model-router.1.chunks.txt",
              "sse"),
          of(
              "openai-completions",
              "OpenAI",
              "openai.completions",
              Dialect.OPENAI,
              EVENTS,
              End.COMPLETE,
              "[DONE]",
              "https://github.com/vercel/ai/blob/9e339c6a640b8ee7c1f326b7a2bd513e5778c498/packages/openai/src/completion/__fixtures__/openai-completion-text.chunks.txt",
              "sse"),
          of(
              "openai-responses",
              "OpenAI",
              "openai.responses",
              Dialect.OPENAI,
              EVENTS,
              End.COMPLETE,
              "\"type\":\"response.completed\"",
              "https://platform.openai.com/docs/api-reference/responses-streaming",
              "sse"),
          of(
              "openai-responses-tools",
              "OpenAI",
              "openai.responses",
              Dialect.OPENAI,
              EVENTS,
              End.COMPLETE,
              "\"type\":\"response.completed\"",
              "https://github.com/vercel/ai/blob/81a6ad7029f04d2a5e82a0ed8767ae8412c2a789/packages/openai/src/responses/__fixtures__/issue-19493-gpt-5.1-tool-call.chunks.txt",
              "sse"),
          of(
              "openai-responses-reasoning",
              "OpenAI",
              "openai.responses",
              Dialect.OPENAI,
              EVENTS,
              End.COMPLETE,
              "\"type\":\"response.completed\"",
              "https://github.com/vercel/ai/blob/c07b57065e29c37341bec161b610147a234b3fb4/packages/openai/src/responses/__fixtures__/openai-reasoning-encrypted-content.1.chunks.txt",
              "sse"),
          of(
              "openai-responses-incomplete",
              "OpenAI",
              "openai.responses",
              Dialect.OPENAI,
              EVENTS,
              End.COMPLETE,
              "\"type\":\"response.incomplete\"",
              "https://platform.openai.com/docs/api-reference/responses-streaming/response/incomplete",
              "sse"),
          of(
              "openai-responses-failed",
              "OpenAI",
              "openai.responses",
              Dialect.OPENAI,
              EVENTS,
              End.ERROR,
              "\"type\":\"error\"",
              "https://github.com/vercel/ai/blob/a0d48878ddcde83d53951f80bb8fd3e1117ab0a0/packages/openai/src/responses/__fixtures__/openai-error.1.chunks.txt",
              "sse"),
          of(
              "anthropic-text",
              "Anthropic",
              "anthropic.messages",
              Dialect.ANTHROPIC,
              EVENTS,
              End.COMPLETE,
              "\"type\":\"message_stop\"",
              "https://github.com/vercel/ai/blob/0d67d0f2b0dddc043975416b1c929135774c85a2/packages/anthropic/src/__fixtures__/anthropic-text.chunks.txt",
              "sse"),
          of(
              "anthropic-tools",
              "Anthropic",
              "anthropic.messages",
              Dialect.ANTHROPIC,
              EVENTS,
              End.COMPLETE,
              "\"type\":\"message_stop\"",
              "https://docs.anthropic.com/en/docs/build-with-claude/streaming#streaming-request-with-tool-use",
              "sse"),
          of(
              "anthropic-thinking",
              "Anthropic",
              "anthropic.messages",
              Dialect.ANTHROPIC,
              EVENTS,
              End.COMPLETE,
              "\"type\":\"message_stop\"",
              "https://docs.anthropic.com/en/docs/build-with-claude/streaming#streaming-request-with-extended-thinking",
              "sse"),
          of(
              "anthropic-pings",
              "Anthropic",
              "anthropic.messages",
              Dialect.ANTHROPIC,
              EVENTS,
              End.COMPLETE,
              "\"type\":\"message_stop\"",
              "https://docs.anthropic.com/en/docs/build-with-claude/streaming#ping-events",
              "sse"),
          of(
              "anthropic-error",
              "Anthropic",
              "anthropic.messages",
              Dialect.ANTHROPIC,
              EVENTS,
              End.ERROR,
              "\"type\":\"error\"",
              "https://docs.anthropic.com/en/docs/build-with-claude/streaming#error-events",
              "sse"),
          of(
              "gemini",
              "Google Gemini",
              "gemini",
              Dialect.GEMINI,
              EVENTS,
              End.COMPLETE,
              "\"finishReason\": \"STOP\"",
              "https://github.com/vercel/ai/blob/9ce09a362df8f05da16bc013f0cb84a03ff86cc5/packages/google/src/__fixtures__/google-text.chunks.txt",
              "sse"),
          of(
              "gemini-tools",
              "Google Gemini",
              "gemini",
              Dialect.GEMINI,
              EVENTS,
              End.COMPLETE,
              "\"finishReason\": \"STOP\",\"index\"",
              "https://github.com/vercel/ai/blob/0d67d0f2b0dddc043975416b1c929135774c85a2/packages/google/src/__fixtures__/google-tool-call-gemini3.chunks.txt",
              "sse"),
          of(
              "gemini-thinking",
              "Google Gemini",
              "gemini",
              Dialect.GEMINI,
              EVENTS,
              End.COMPLETE,
              "\"finishReason\": \"STOP\"",
              "https://github.com/vercel/ai/blob/310cf86c251a2ce73a839cc96dfb47154a42bf6e/packages/google/src/__fixtures__/google-reasoning.chunks.txt",
              "sse"),
          of(
              "gemini-blocked",
              "Google Gemini",
              "gemini",
              Dialect.GEMINI,
              EVENTS,
              End.COMPLETE,
              "\"blockReason\"",
              "https://github.com/vercel/ai/blob/fd803aaa4319dfb0bea6763211477aa3a68ba4b5/packages/google/src/__fixtures__/issue-19758-prompt-block.chunks.txt",
              "sse"),
          of(
              "deepseek",
              "DeepSeek",
              "openai.chat",
              Dialect.OPENAI,
              EVENTS,
              End.COMPLETE,
              "[DONE]",
              "https://api-docs.deepseek.com/quick_start/rate_limit",
              "sse"),
          of(
              "siliconflow",
              "SiliconFlow",
              "openai.chat",
              Dialect.OPENAI,
              EVENTS,
              End.COMPLETE,
              "[DONE]",
              "https://docs.siliconflow.cn/cn/api-reference/chat-completions/chat-completions",
              "sse"),
          of(
              "qwen",
              "Alibaba DashScope, compatible mode",
              "openai.chat",
              Dialect.OPENAI,
              EVENTS,
              End.COMPLETE,
              "[DONE]",
              "https://github.com/vercel/ai/blob/d7e3880f4afad1850ec9a1c948baf0221caa22b2/packages/alibaba/src/__fixtures__/alibaba-text.chunks.txt",
              "sse"),
          of(
              "mistral",
              "Mistral",
              "openai.chat",
              Dialect.OPENAI,
              EVENTS,
              End.COMPLETE,
              "[DONE]",
              "https://github.com/vercel/ai/blob/1d59af4caf524f7758965ebd7584a2db49b64752/packages/mistral/src/__fixtures__/mistral-usage-raw-live.chunks.txt",
              "sse"),
          of(
              "mistral-thinking",
              "Mistral",
              "openai.chat",
              Dialect.OPENAI,
              EVENTS,
              End.COMPLETE,
              "[DONE]",
              "https://github.com/vercel/ai/blob/195ce949e2ee5a7de8922e65b854600962529b58/packages/mistral/src/__fixtures__/mistral-reasoning.chunks.txt",
              "sse"),
          of(
              "groq",
              "Groq",
              "openai.chat",
              Dialect.OPENAI,
              EVENTS,
              End.COMPLETE,
              "[DONE]",
              "https://github.com/vercel/ai/blob/0d67d0f2b0dddc043975416b1c929135774c85a2/packages/groq/src/__fixtures__/groq-text.chunks.txt",
              "sse"),
          of(
              "openrouter",
              "OpenRouter",
              "openai.chat",
              Dialect.OPENAI,
              EVENTS,
              End.COMPLETE,
              "[DONE]",
              "https://openrouter.ai/docs/api-reference/streaming",
              "sse"),
          of(
              "openrouter-error",
              "OpenRouter",
              "openai.chat",
              Dialect.OPENAI,
              EVENTS,
              End.ERROR,
              "\"error\":{",
              "https://openrouter.ai/docs/api-reference/errors",
              "sse"),
          of(
              "xai",
              "xAI",
              "openai.chat",
              Dialect.OPENAI,
              EVENTS,
              End.COMPLETE,
              "[DONE]",
              "https://github.com/vercel/ai/blob/6b056ab1eadbd2a8c9f268caf6abd5fff45dc7d2/packages/xai/src/__fixtures__/xai-text.chunks.txt",
              "sse"),
          of(
              "cohere-v2",
              "Cohere",
              "cohere.v2",
              Dialect.OPENAI,
              EVENTS,
              End.COMPLETE,
              "\"type\":\"message-end\"",
              "https://github.com/vercel/ai/blob/0eea3f24903e413be8ee6139d583acca033de4e9/packages/cohere/src/__fixtures__/cohere-text.chunks.txt",
              "sse"),
          of(
              "vllm",
              "vLLM",
              "openai.chat",
              Dialect.OPENAI,
              "text/event-stream; charset=utf-8",
              End.COMPLETE,
              "[DONE]",
              "https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html",
              "sse"),
          of(
              "llama-cpp",
              "llama.cpp server",
              "openai.chat",
              Dialect.OPENAI,
              EVENTS,
              End.COMPLETE,
              "[DONE]",
              "https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md",
              "sse"),
          of(
              "openai-speech-events",
              "OpenAI",
              "openai.speech",
              Dialect.OPENAI,
              EVENTS,
              End.COMPLETE,
              "\"type\":\"speech.audio.done\"",
              "https://platform.openai.com/docs/api-reference/audio/speech-audio-done-event",
              "sse"),
          of(
              "openai-speech-mp3",
              "OpenAI",
              "audio",
              Dialect.OPENAI,
              "audio/mpeg",
              End.COMPLETE,
              null,
              "https://platform.openai.com/docs/api-reference/audio/createSpeech",
              "mp3"),
          of(
              "openai-speech-pcm",
              "OpenAI",
              "audio",
              Dialect.OPENAI,
              "audio/pcm",
              End.COMPLETE,
              null,
              "https://platform.openai.com/docs/api-reference/audio/createSpeech",
              "pcm"),
          of(
              "azure-tts-riff",
              "Azure Speech",
              "audio",
              Dialect.AZURE,
              "audio/x-wav",
              End.COMPLETE,
              null,
              "https://learn.microsoft.com/en-us/azure/ai-services/speech-service/rest-text-to-speech",
              "wav"),
          of(
              "azure-tts-mp3",
              "Azure Speech",
              "audio",
              Dialect.AZURE,
              "audio/mpeg",
              End.COMPLETE,
              null,
              "https://learn.microsoft.com/en-us/azure/ai-services/speech-service/rest-text-to-speech",
              "mp3"),
          of(
              "elevenlabs-mp3",
              "ElevenLabs",
              "audio",
              Dialect.ELEVENLABS,
              "audio/mpeg",
              End.COMPLETE,
              null,
              "https://elevenlabs.io/docs/api-reference/text-to-speech/stream",
              "mp3"),
          of(
              "elevenlabs-timestamps",
              "ElevenLabs",
              "elevenlabs.timestamps",
              Dialect.ELEVENLABS,
              "application/json",
              End.COMPLETE,
              null,
              "https://elevenlabs.io/docs/api-reference/text-to-speech/stream-with-timestamps",
              "jsonl"));

  private Recordings() {}

  /**
   * Returns all of them.
   *
   * @return in a fixed order
   */
  public static List<Recording> all() {
    return ALL;
  }

  /**
   * Returns those that are streams of server-sent events.
   *
   * @return in a fixed order
   */
  public static List<Recording> events() {
    return ALL.stream().filter(Recording::isEvents).toList();
  }

  /**
   * Finds one.
   *
   * @param name such as {@code anthropic-text}
   * @return the recording
   * @throws IllegalArgumentException if there is none of that name; it tells which there are
   */
  public static Recording named(String name) {
    for (Recording recording : ALL) {
      if (recording.name().equals(name)) {
        return recording;
      }
    }
    throw new IllegalArgumentException(
        "recording '" + name + "' is not there (expected: one of " + ALL + ")");
  }

  private static Recording of(
      String name,
      String provider,
      String protocol,
      Dialect dialect,
      String contentType,
      End end,
      @Nullable String terminal,
      String source,
      String ending) {
    return new Recording(
        name,
        provider,
        protocol,
        dialect,
        contentType,
        end,
        terminal,
        URI.create(source),
        name + "." + ending);
  }
}
