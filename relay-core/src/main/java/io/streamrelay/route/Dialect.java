package io.streamrelay.route;

import java.util.Locale;

/**
 * Which provider's API a client of a route believes to speak with, and so in which form it expects
 * errors.
 */
public enum Dialect {
  /** OpenAI and all who copy its API. */
  OPENAI,
  /** Anthropic Messages. */
  ANTHROPIC,
  /** Google Gemini and Vertex AI. */
  GEMINI,
  /** Azure Speech. */
  AZURE,
  /** ElevenLabs. */
  ELEVENLABS;

  /**
   * Guesses the dialect where the configuration names none.
   *
   * @param path the route's path
   * @param credentialHeader the header its upstream reads the key from, or an empty string
   * @return the best guess; {@link #OPENAI} where nothing tells otherwise
   */
  public static Dialect guess(String path, String credentialHeader) {
    return switch (credentialHeader.toLowerCase(Locale.ROOT)) {
      case "x-api-key" -> ANTHROPIC;
      case "x-goog-api-key" -> GEMINI;
      case "ocp-apim-subscription-key" -> AZURE;
      case "xi-api-key" -> ELEVENLABS;
      default -> guessByPath(path);
    };
  }

  private static Dialect guessByPath(String path) {
    if (path.contains("/messages") || path.startsWith("/anthropic")) {
      return ANTHROPIC;
    }
    if (path.startsWith("/v1beta") || path.startsWith("/gemini")) {
      return GEMINI;
    }
    return path.startsWith("/cognitiveservices") ? AZURE : OPENAI;
  }
}
