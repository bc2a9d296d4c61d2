package io.streamrelay.route;

import java.util.List;
import java.util.Locale;

/**
 * Names the provider behind an upstream's host.
 *
 * <p>The names are the values of {@code gen_ai.provider.name} in OpenTelemetry's GenAI semantic
 * conventions, where there is one; others are made the same way.
 */
final class Providers {
  /** A provider's name, and how its hosts end. */
  private record Host(String end, String name) {}

  private static final List<Host> HOSTS =
      List.of(
          new Host("api.openai.com", "openai"),
          new Host("api.anthropic.com", "anthropic"),
          new Host(".openai.azure.com", "azure.ai.openai"),
          new Host(".services.ai.azure.com", "azure.ai.inference"),
          new Host("generativelanguage.googleapis.com", "gcp.gemini"),
          new Host("aiplatform.googleapis.com", "gcp.vertex_ai"),
          new Host("texttospeech.googleapis.com", "gcp.text_to_speech"),
          new Host(".amazonaws.com", "aws.bedrock"),
          new Host(".cohere.com", "cohere"),
          new Host(".cohere.ai", "cohere"),
          new Host("api.mistral.ai", "mistral_ai"),
          new Host("api.deepseek.com", "deepseek"),
          new Host("api.groq.com", "groq"),
          new Host("api.perplexity.ai", "perplexity"),
          new Host("api.x.ai", "x_ai"),
          new Host("api.moonshot.cn", "moonshot_ai"),
          new Host("api.moonshot.ai", "moonshot_ai"),
          new Host("api.siliconflow.cn", "siliconflow"),
          new Host("api.siliconflow.com", "siliconflow"),
          new Host(".aliyuncs.com", "alibaba.dashscope"),
          new Host("openrouter.ai", "openrouter"),
          new Host(".tts.speech.microsoft.com", "azure.speech"),
          new Host(".cognitiveservices.azure.com", "azure.speech"),
          new Host(".elevenlabs.io", "elevenlabs"),
          new Host("api.deepgram.com", "deepgram"),
          new Host("api.cartesia.ai", "cartesia"));

  private Providers() {}

  /** The provider at a host; of one that is not known, whose API the route speaks. */
  static String guess(String host, Dialect dialect) {
    String name = host.toLowerCase(Locale.ROOT);
    for (Host known : HOSTS) {
      if (name.endsWith(known.end())) {
        return known.name();
      }
    }
    return switch (dialect) {
      case OPENAI -> "openai";
      case ANTHROPIC -> "anthropic";
      case GEMINI -> "gcp.gemini";
      case AZURE -> "azure.speech";
      case ELEVENLABS -> "elevenlabs";
    };
  }
}
