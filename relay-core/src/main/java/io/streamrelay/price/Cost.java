package io.streamrelay.price;

import java.util.Objects;

/**
 * What an exchange cost by list prices; never what a bill will say.
 *
 * @param picoUsd millionths of a millionth of a US dollar, zero or more
 * @param priceVersion which state of the price table it was worked out with
 * @param estimated whether the usage behind it was not wholly reported
 */
public record Cost(long picoUsd, String priceVersion, boolean estimated) {
  /** Refuses negative costs. */
  public Cost {
    Objects.requireNonNull(priceVersion, "priceVersion");
    if (picoUsd < 0) {
      throw new IllegalArgumentException("picoUsd is " + picoUsd + " (expected: 0 or more)");
    }
  }
}
