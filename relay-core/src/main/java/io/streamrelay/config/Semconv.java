package io.streamrelay.config;

/**
 * Which generation of OpenTelemetry's conventions for generative AI metrics are drawn beside the
 * relay's own (github.com/open-telemetry/semantic-conventions-genai; all of them are in
 * development, and names have moved three times).
 */
public enum Semconv {
  /** None. */
  OFF,
  /** The first, such as {@code gen_ai.client.token.usage} and {@code gen_ai.server.*}. */
  A,
  /** The newest, {@code gen_ai.client.inference.*}. */
  C
}
