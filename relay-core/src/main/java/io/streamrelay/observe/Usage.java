package io.streamrelay.observe;

/**
 * How many tokens an exchange took, as the provider counts them or as estimated from its stream.
 *
 * <p>Counts are the provider's, with its meaning. OpenAI's and Gemini's input includes what was
 * read from a cache; Anthropic's does not, and neither what was written to one, so there the whole
 * input is the sum of the three. Output includes reasoning.
 *
 * @param inputTokens of the request; {@link #NOT_TOLD} if the provider did not say
 * @param outputTokens of the answer; always known, if only as an estimate
 * @param cachedInputTokens input that a cache had; {@link #NOT_TOLD} if the provider did not say
 * @param cacheWriteTokens input put into a cache; {@link #NOT_TOLD} if the provider did not say
 * @param reasoningTokens output that was reasoning; {@link #NOT_TOLD} if the provider did not say
 * @param source who counted the output
 */
public record Usage(
    long inputTokens,
    long outputTokens,
    long cachedInputTokens,
    long cacheWriteTokens,
    long reasoningTokens,
    Source source) {
  /** Stands for a count that the provider did not give. */
  public static final long NOT_TOLD = -1;

  /** Who counted the output. */
  public enum Source {
    /** The provider, at its stream's end. */
    REPORTED("reported"),
    /** The relay, by what it saw, since the stream ended before the provider told. */
    ESTIMATED("estimated");

    private final String label;

    Source(String label) {
      this.label = label;
    }

    /**
     * Returns the value in metrics and logs.
     *
     * @return in lower case
     */
    public String label() {
      return label;
    }
  }

  /** Refuses negative output. */
  public Usage {
    if (outputTokens < 0) {
      throw new IllegalArgumentException(
          "outputTokens is " + outputTokens + " (expected: 0 or more)");
    }
  }
}
