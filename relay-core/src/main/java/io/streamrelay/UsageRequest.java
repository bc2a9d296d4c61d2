package io.streamrelay;

/**
 * What became of the relay's own request for a stream's usage, on a route with {@code
 * include_usage}.
 */
public enum UsageRequest {
  /**
   * It was put into the request; the event that it brought was taken out of the answer again, or
   * was not due yet when the exchange ended.
   */
  ADDED("added"),
  /**
   * It was put into the request, and nothing was taken out: the answer came to its end without such
   * an event, or that one could not be told from the client's own.
   */
  KEPT("kept"),
  /**
   * The provider does not take it: the request went with the client's own bytes, as a second
   * attempt or, where this was known, at once.
   */
  REFUSED("refused"),
  /**
   * The client's request could not be changed safely and went as it was: it is too large to be kept
   * whole, coded, signed, no valid JSON, or names a member twice.
   */
  SKIPPED("skipped");

  private final String label;

  UsageRequest(String label) {
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
