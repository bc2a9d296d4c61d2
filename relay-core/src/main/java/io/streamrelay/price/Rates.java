package io.streamrelay.price;

import java.math.BigDecimal;

/**
 * What one token or character of each kind costs, in pico-USD, which is also millionths of a dollar
 * for a million of them; {@link #NOT_SET} where the provider names no price.
 *
 * @param input of the request, and of what follows where it is not set
 * @param cacheRead of the request, but had by a cache
 * @param cacheWrite of the request, and put into a cache
 * @param audioInput of the request, but audio
 * @param output of the answer, and of what follows where it is not set
 * @param audioOutput of the answer, but audio
 * @param characters of a text to be spoken
 */
public record Rates(
    long input,
    long cacheRead,
    long cacheWrite,
    long audioInput,
    long output,
    long audioOutput,
    long characters) {
  /** Stands for a price that is not named. */
  public static final long NOT_SET = -1;

  /** None named. */
  public static final Rates NONE =
      new Rates(NOT_SET, NOT_SET, NOT_SET, NOT_SET, NOT_SET, NOT_SET, NOT_SET);

  /** A million dollars for a token: what is more is a mistake. */
  private static final BigDecimal MOST = BigDecimal.valueOf(1_000_000);

  /** Refuses prices that are negative, and those by the character beside those by the token. */
  public Rates {
    for (long each :
        new long[] {input, cacheRead, cacheWrite, audioInput, output, audioOutput, characters}) {
      if (each < NOT_SET) {
        throw new IllegalArgumentException("a price is " + each + " (expected: 0 or more)");
      }
    }
    if (characters != NOT_SET
        && anySet(input, cacheRead, cacheWrite, audioInput, output, audioOutput)) {
      throw new IllegalArgumentException(
          "prices are by the character and by the token (expected: one of them)");
    }
  }

  private static boolean anySet(long... rates) {
    for (long each : rates) {
      if (each != NOT_SET) {
        return true;
      }
    }
    return false;
  }

  /**
   * Makes a price exact.
   *
   * @param usdPerMillion dollars for a million tokens or characters
   * @return pico-USD for one
   * @throws ArithmeticException if it is negative, above a million or has more than 6 digits after
   *     the point
   */
  public static long exactly(BigDecimal usdPerMillion) {
    if (usdPerMillion.signum() < 0 || usdPerMillion.compareTo(MOST) > 0) {
      throw new ArithmeticException("out of range");
    }
    // Throws for what is left below a millionth.
    return usdPerMillion.movePointRight(6).longValueExact();
  }

  /**
   * Turns a price back into dollars.
   *
   * @param rate one of these, set
   * @return dollars for a million tokens or characters, without zeros at its end
   */
  public static BigDecimal usdPerMillion(long rate) {
    BigDecimal usd = BigDecimal.valueOf(rate, 6).stripTrailingZeros();
    return usd.scale() < 0 ? usd.setScale(0) : usd;
  }

  /** Whether any price is named. */
  boolean isEmpty() {
    return equals(NONE);
  }

  /**
   * Fills what is not set from another.
   *
   * @param base what to take then
   * @return these and the rest of the base
   */
  public Rates orElse(Rates base) {
    return new Rates(
        input == NOT_SET ? base.input : input,
        cacheRead == NOT_SET ? base.cacheRead : cacheRead,
        cacheWrite == NOT_SET ? base.cacheWrite : cacheWrite,
        audioInput == NOT_SET ? base.audioInput : audioInput,
        output == NOT_SET ? base.output : output,
        audioOutput == NOT_SET ? base.audioOutput : audioOutput,
        characters == NOT_SET ? base.characters : characters);
  }
}
