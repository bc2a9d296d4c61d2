package io.streamrelay.testkit;

import io.streamrelay.observe.Usage;

/** Makes a usage of the counts that most tests are about. */
public final class Counts {
  private Counts() {}

  /**
   * Makes one of tokens of text; {@link Usage#NOT_TOLD} for what is not told.
   *
   * @param input tokens
   * @param output tokens
   * @param cacheRead tokens
   * @param cacheWrite tokens
   * @param reasoning tokens
   * @param source who counted
   * @return the usage
   */
  public static Usage of(
      long input,
      long output,
      long cacheRead,
      long cacheWrite,
      long reasoning,
      Usage.Source source) {
    return Usage.builder()
        .inputTokens(input)
        .outputTokens(output)
        .cacheReadTokens(cacheRead)
        .cacheWriteTokens(cacheWrite)
        .reasoningTokens(reasoning)
        .source(source)
        .build();
  }
}
