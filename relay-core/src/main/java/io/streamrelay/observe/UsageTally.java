package io.streamrelay.observe;

import io.streamrelay.observe.EventProbe.Count;

/**
 * Adds up what a stream's events say and show of its usage.
 *
 * <p>A provider's counts are cumulative, so the last wins; but a zero does not take back what was
 * told before, since some servers end a stream with an empty report.
 */
final class UsageTally {
  /** English text has about four bytes a token; other scripts have fewer tokens than bytes too. */
  private static final int BYTES_PER_TOKEN = 4;

  private long input = Usage.NOT_TOLD;
  private long output = Usage.NOT_TOLD;
  private long cachedInput = Usage.NOT_TOLD;
  private long cacheWrite = Usage.NOT_TOLD;
  private long reasoning = Usage.NOT_TOLD;

  /** Whether no content came after the output was told. */
  private boolean upToDate;

  /** Whether the output was told in an event that only a stream's end has. */
  private boolean closing;

  private long contentEvents;
  private long textBytes;

  /** As if all this had happened to another one. */
  UsageTally copy() {
    UsageTally copy = new UsageTally();
    copy.input = input;
    copy.output = output;
    copy.cachedInput = cachedInput;
    copy.cacheWrite = cacheWrite;
    copy.reasoning = reasoning;
    copy.upToDate = upToDate;
    copy.closing = closing;
    copy.contentEvents = contentEvents;
    copy.textBytes = textBytes;
    return copy;
  }

  /** An event with so many bytes of what the model wrote. */
  void content(long bytes) {
    contentEvents++;
    textBytes += bytes;
    upToDate = false;
    closing = false;
  }

  /**
   * Takes an event's counts, after its content.
   *
   * @param last whether the event is one that ends a stream
   */
  void told(EventProbe event, boolean last) {
    input = latest(input, event.count(Count.INPUT));
    cachedInput = latest(cachedInput, event.count(Count.CACHED_INPUT));
    cacheWrite = latest(cacheWrite, event.count(Count.CACHE_WRITE));
    long thoughts = event.count(Count.THOUGHTS);
    reasoning = latest(latest(reasoning, event.count(Count.REASONING)), thoughts);
    long candidates = event.count(Count.CANDIDATES);
    long told = event.count(Count.OUTPUT);
    if (candidates >= 0 || thoughts >= 0) {
      // Gemini leaves out a count of zero, and counts thoughts apart.
      told = Math.max(0, candidates) + Math.max(0, thoughts);
    }
    if (told >= 0) {
      output = latest(output, told);
      upToDate = true;
      closing = last;
    }
  }

  private static long latest(long before, long told) {
    return told > 0 || before < 0 ? told : before;
  }

  /** Whether the counts are the provider's last. */
  private boolean isReported(boolean finished) {
    return output >= 0 && upToDate && (closing || finished);
  }

  private long estimate() {
    long byText = (textBytes + BYTES_PER_TOKEN - 1) / BYTES_PER_TOKEN;
    return Math.max(contentEvents, byText);
  }

  /** Events with content so far. */
  long contentEvents() {
    return contentEvents;
  }

  /** See {@link StreamObserver#outputTokens()}. */
  long outputTokens(boolean finished) {
    return isReported(finished) ? output : Math.max(output, estimate());
  }

  /** See {@link StreamObserver#usage()}. */
  Usage usage(boolean known, boolean finished) {
    if (!known && input < 0 && output < 0 && contentEvents == 0) {
      return Usage.NONE;
    }
    return Usage.builder()
        .inputTokens(input)
        .outputTokens(outputTokens(finished))
        .cacheReadTokens(cachedInput)
        .cacheWriteTokens(cacheWrite)
        .reasoningTokens(reasoning)
        .source(isReported(finished) ? Usage.Source.REPORTED : Usage.Source.ESTIMATED)
        .build();
  }
}
