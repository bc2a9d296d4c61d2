package io.streamrelay;

/** What became of an upstream call whose client left before the answer's end. */
public enum Abandonment {
  /** It was cancelled at once. */
  CANCEL("cancel"),
  /** It was read on to its own end, be it a good one or not. */
  DRAIN("drain"),
  /** It was read on, and cancelled at a bound, by one of the clocks, or by the relay's stop. */
  DRAIN_BOUNDED("drain_bounded");

  private final String label;

  Abandonment(String label) {
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
