package io.streamrelay.price;

import java.util.List;

/**
 * A model's prices at one time: those of every request, and others for requests with long inputs.
 *
 * @param rates for inputs that no tier takes
 * @param tiers by their bounds, the lowest first; the last that an input exceeds is for all of the
 *     request, its answer included
 */
public record Terms(Rates rates, List<Tier> tiers) {
  /**
   * Prices of requests whose input is longer than a bound.
   *
   * @param aboveInputTokens the bound: all input counts, from a cache or not
   * @param rates what is not set there is as without the tier
   */
  public record Tier(long aboveInputTokens, Rates rates) {}

  /** Copies the list; refuses one that is not in order, and terms without any price. */
  public Terms {
    tiers = List.copyOf(tiers);
    if (rates.isEmpty()) {
      throw new IllegalArgumentException("no price is set (expected: one at least)");
    }
    long last = 0;
    for (Tier each : tiers) {
      if (each.aboveInputTokens() <= last) {
        throw new IllegalArgumentException(
            "a tier is above "
                + each.aboveInputTokens()
                + " input tokens (expected: more than "
                + last
                + ")");
      }
      last = each.aboveInputTokens();
    }
  }

  /** The prices of a request with so much input; without a tier if that is not known. */
  Rates ratesFor(long inputTokens) {
    Rates found = rates;
    for (Tier each : tiers) {
      if (inputTokens > each.aboveInputTokens()) {
        found = each.rates().orElse(rates);
      }
    }
    return found;
  }
}
