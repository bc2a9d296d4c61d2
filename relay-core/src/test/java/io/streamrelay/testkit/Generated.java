package io.streamrelay.testkit;

/**
 * How much of an answer was generated, whether or not it could be sent: what a provider would bill.
 *
 * @param bytes of the body, without framing and as sent, compressed if the answer is
 * @param events scripted events
 * @param tokens output tokens that the script said its events cost
 */
public record Generated(long bytes, long events, long tokens) {
  /** Nothing. */
  public static final Generated NOTHING = new Generated(0, 0, 0);

  /**
   * Adds.
   *
   * @param more what came on top
   * @return the sum
   */
  public Generated plus(Generated more) {
    return new Generated(bytes + more.bytes, events + more.events, tokens + more.tokens);
  }

  /**
   * Subtracts.
   *
   * @param earlier what there was before
   * @return the difference
   */
  public Generated minus(Generated earlier) {
    return new Generated(bytes - earlier.bytes, events - earlier.events, tokens - earlier.tokens);
  }
}
