package io.streamrelay.price;

/** Why an exchange that took something has no cost. */
public enum Unpriced {
  /** The price table has no such model of the route's provider. */
  UNKNOWN_MODEL("unknown_model"),
  /** A count that has a price is not known. */
  NO_USAGE("no_usage"),
  /** A count is known that has no price. */
  NO_PRICE_FOR("no_price_for"),
  /** The counts are too large to be true: the cost does not fit, or a count is no such number. */
  OUT_OF_RANGE("out_of_range");

  private final String label;

  Unpriced(String label) {
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
