package io.streamrelay.observe;

/**
 * How much an exchange took, as the provider counts it or as estimated from its stream.
 *
 * <p>Counts have the meaning of OpenTelemetry's GenAI conventions: input includes what was read
 * from a cache and written to one, output includes reasoning, and the details are parts of these
 * two, never to be added to them.
 *
 * @param inputTokens of the request; {@link #NOT_TOLD} if the provider did not say
 * @param outputTokens of the answer; {@link #NOT_TOLD} if it is not known
 * @param cacheReadTokens input that a cache had; {@link #NOT_TOLD} if the provider did not say
 * @param cacheWriteTokens input put into a cache; {@link #NOT_TOLD} if the provider did not say
 * @param reasoningTokens output that was reasoning; {@link #NOT_TOLD} if the provider did not say
 * @param audioInputTokens input that was audio; {@link #NOT_TOLD} if the provider did not say
 * @param audioOutputTokens output that was audio; {@link #NOT_TOLD} if the provider did not say
 * @param inputCharacters text to be spoken, where that is billed; {@link #NOT_TOLD} elsewhere
 * @param source who counted the tokens
 */
public record Usage(
    long inputTokens,
    long outputTokens,
    long cacheReadTokens,
    long cacheWriteTokens,
    long reasoningTokens,
    long audioInputTokens,
    long audioOutputTokens,
    long inputCharacters,
    Source source) {
  /** Stands for a count that is not known. */
  public static final long NOT_TOLD = -1;

  /** Nothing is known. */
  public static final Usage NONE = builder().build();

  /** Who counted the tokens. */
  public enum Source {
    /** The provider, and what it said is its last count. */
    REPORTED("reported"),
    /** The provider told something, but the exchange ended before its last count. */
    PARTIAL("partial"),
    /** The relay, by what it saw, since the provider told nothing. */
    ESTIMATED("estimated"),
    /** Nobody. */
    NONE("none");

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

  /**
   * Starts a usage of which nothing is known.
   *
   * @return a builder
   */
  public static Builder builder() {
    return new Builder();
  }

  /**
   * Starts from this one.
   *
   * @return a builder with all of it
   */
  public Builder toBuilder() {
    return builder()
        .inputTokens(inputTokens)
        .outputTokens(outputTokens)
        .cacheReadTokens(cacheReadTokens)
        .cacheWriteTokens(cacheWriteTokens)
        .reasoningTokens(reasoningTokens)
        .audioInputTokens(audioInputTokens)
        .audioOutputTokens(audioOutputTokens)
        .inputCharacters(inputCharacters)
        .source(source);
  }

  /** Collects counts; not thread-safe. */
  public static final class Builder {
    private long inputTokens = NOT_TOLD;
    private long outputTokens = NOT_TOLD;
    private long cacheReadTokens = NOT_TOLD;
    private long cacheWriteTokens = NOT_TOLD;
    private long reasoningTokens = NOT_TOLD;
    private long audioInputTokens = NOT_TOLD;
    private long audioOutputTokens = NOT_TOLD;
    private long inputCharacters = NOT_TOLD;
    private Source source = Source.NONE;

    private Builder() {}

    /**
     * Sets tokens of the request.
     *
     * @param inputTokens the count, or {@link Usage#NOT_TOLD}
     * @return this
     */
    public Builder inputTokens(long inputTokens) {
      this.inputTokens = inputTokens;
      return this;
    }

    /**
     * Sets tokens of the answer.
     *
     * @param outputTokens the count, or {@link Usage#NOT_TOLD}
     * @return this
     */
    public Builder outputTokens(long outputTokens) {
      this.outputTokens = outputTokens;
      return this;
    }

    /**
     * Sets input that a cache had.
     *
     * @param cacheReadTokens the count, or {@link Usage#NOT_TOLD}
     * @return this
     */
    public Builder cacheReadTokens(long cacheReadTokens) {
      this.cacheReadTokens = cacheReadTokens;
      return this;
    }

    /**
     * Sets input put into a cache.
     *
     * @param cacheWriteTokens the count, or {@link Usage#NOT_TOLD}
     * @return this
     */
    public Builder cacheWriteTokens(long cacheWriteTokens) {
      this.cacheWriteTokens = cacheWriteTokens;
      return this;
    }

    /**
     * Sets output that was reasoning.
     *
     * @param reasoningTokens the count, or {@link Usage#NOT_TOLD}
     * @return this
     */
    public Builder reasoningTokens(long reasoningTokens) {
      this.reasoningTokens = reasoningTokens;
      return this;
    }

    /**
     * Sets input that was audio.
     *
     * @param audioInputTokens the count, or {@link Usage#NOT_TOLD}
     * @return this
     */
    public Builder audioInputTokens(long audioInputTokens) {
      this.audioInputTokens = audioInputTokens;
      return this;
    }

    /**
     * Sets output that was audio.
     *
     * @param audioOutputTokens the count, or {@link Usage#NOT_TOLD}
     * @return this
     */
    public Builder audioOutputTokens(long audioOutputTokens) {
      this.audioOutputTokens = audioOutputTokens;
      return this;
    }

    /**
     * Sets text to be spoken.
     *
     * @param inputCharacters the count, or {@link Usage#NOT_TOLD}
     * @return this
     */
    public Builder inputCharacters(long inputCharacters) {
      this.inputCharacters = inputCharacters;
      return this;
    }

    /**
     * Sets who counted the tokens.
     *
     * @param source default {@link Source#NONE}
     * @return this
     */
    public Builder source(Source source) {
      this.source = source;
      return this;
    }

    /**
     * Freezes the counts.
     *
     * @return the usage
     */
    public Usage build() {
      return new Usage(
          inputTokens,
          outputTokens,
          cacheReadTokens,
          cacheWriteTokens,
          reasoningTokens,
          audioInputTokens,
          audioOutputTokens,
          inputCharacters,
          source);
    }
  }
}
