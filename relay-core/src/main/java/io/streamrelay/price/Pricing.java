package io.streamrelay.price;

import org.jspecify.annotations.Nullable;

/**
 * What came of pricing one exchange: a cost, or why there is none, or neither where nothing was
 * taken.
 *
 * @param cost null if it is not known or there is none
 * @param unpriced null unless the cost is not known
 */
public record Pricing(@Nullable Cost cost, @Nullable Unpriced unpriced) {
  /** Nothing was taken that could have a price. */
  public static final Pricing NOTHING = new Pricing(null, null);

  static Pricing of(Cost cost) {
    return new Pricing(cost, null);
  }

  static Pricing none(Unpriced why) {
    return new Pricing(null, why);
  }
}
