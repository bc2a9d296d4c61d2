package io.streamrelay.price;

import java.math.BigDecimal;
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

  /**
   * Returns the cost in US dollars, exactly. Its {@code toString} may have an exponent, {@link
   * BigDecimal#toPlainString} has none.
   *
   * @return without zeros at its end, with 12 digits after the point at most
   */
  public BigDecimal usd() {
    BigDecimal usd = BigDecimal.valueOf(picoUsd, 12).stripTrailingZeros();
    return usd.scale() < 0 ? usd.setScale(0) : usd;
  }
}
