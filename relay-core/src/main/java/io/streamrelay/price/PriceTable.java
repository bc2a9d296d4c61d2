package io.streamrelay.price;

import static io.streamrelay.price.Rates.NOT_SET;

import io.streamrelay.observe.Usage;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Works out what exchanges cost by list prices.
 *
 * <p>Made of one {@link PriceList} or more, of which the first that knows a model counts. Called
 * once at each exchange's end, from any thread; never blocks. Immutable.
 *
 * <p><b>Arithmetic.</b> All in whole pico-USD. Input is charged at {@code input}, except the parts
 * of it that were read from a cache, written to one, or audio, which have their own prices; where
 * these overlap, as cached audio does, each part is charged and nothing is taken off twice. Output
 * is charged at {@code output}, except audio. A price that is not set is that of {@code input} or
 * {@code output}. A model with a price by the character is charged by the characters alone. A cost
 * that does not fit into a {@code long} (9 million dollars) is refused, not cut.
 */
public final class PriceTable {
  private final List<PriceList> lists;

  private PriceTable(List<PriceList> lists) {
    this.lists = List.copyOf(lists);
  }

  /**
   * Makes a table.
   *
   * @param lists the first that knows a model counts; none for a table without prices
   * @return the table
   */
  public static PriceTable of(PriceList... lists) {
    return new PriceTable(List.of(lists));
  }

  /**
   * Puts a list before those of this table.
   *
   * @param first whose prices win
   * @return a new table
   */
  public PriceTable override(PriceList first) {
    List<PriceList> all = new ArrayList<>(lists.size() + 1);
    all.add(first);
    all.addAll(lists);
    return new PriceTable(all);
  }

  /**
   * Returns where prices come from.
   *
   * @return the first that knows a model counts
   */
  public List<PriceList> lists() {
    return lists;
  }

  /**
   * Returns the names that have a price, of which those that merely begin like one are no part.
   *
   * @return names and aliases of models, in no order
   */
  public Set<String> names() {
    Set<String> names = new HashSet<>();
    for (PriceList list : lists) {
      for (ModelPrice each : list.models()) {
        names.add(each.model());
        names.addAll(each.aliases());
      }
    }
    return names;
  }

  /**
   * Prices one exchange that the upstream has accepted.
   *
   * @param responseModel what the answer says has answered; counts if its price is known
   * @param requestModel what was asked for; counts otherwise
   * @param provider as of {@link io.streamrelay.route.Route#provider}
   * @param usage what it took
   * @param at when it reached the relay
   * @return a cost, or why there is none
   */
  public Pricing price(
      @Nullable String responseModel,
      @Nullable String requestModel,
      String provider,
      Usage usage,
      Instant at) {
    boolean isUsed = usage.source() != Usage.Source.NONE || usage.inputCharacters() >= 0;
    if (!isUsed && responseModel == null && requestModel == null) {
      return Pricing.NOTHING;
    }
    Pricing byResponse = price(responseModel, provider, usage, at);
    Pricing found = byResponse == null ? price(requestModel, provider, usage, at) : byResponse;
    return found == null ? Pricing.none(Unpriced.UNKNOWN_MODEL) : found;
  }

  private @Nullable Pricing price(
      @Nullable String model, String provider, Usage usage, Instant at) {
    if (model != null) {
      for (PriceList each : lists) {
        ModelPrice found = each.find(model, provider);
        if (found != null) {
          return price(found.termsAt(at), each.version(), usage);
        }
      }
    }
    return null;
  }

  private static Pricing price(Terms terms, String version, Usage usage) {
    Rates rates = terms.ratesFor(usage.inputTokens());
    Unpriced gap = gap(rates, usage);
    if (gap != null) {
      return Pricing.none(gap);
    }
    boolean estimated =
        usage.source() == Usage.Source.PARTIAL || usage.source() == Usage.Source.ESTIMATED;
    try {
      return Pricing.of(new Cost(picoUsd(rates, usage), version, estimated));
    } catch (ArithmeticException e) {
      return Pricing.none(Unpriced.OUT_OF_RANGE);
    }
  }

  /** What keeps these counts from having these prices; null if nothing does. */
  private static @Nullable Unpriced gap(Rates rates, Usage usage) {
    if (rates.characters() != NOT_SET) {
      return usage.inputCharacters() < 0 ? Unpriced.NO_USAGE : null;
    }
    if (usage.inputTokens() < 0 && usage.outputTokens() < 0) {
      return usage.inputCharacters() < 0 ? Unpriced.NO_USAGE : Unpriced.NO_PRICE_FOR;
    }
    if ((usage.inputTokens() < 0 && rates.input() > 0)
        || (usage.outputTokens() < 0 && rates.output() > 0)) {
      return Unpriced.NO_USAGE;
    }
    if ((usage.inputTokens() > 0 && rates.input() == NOT_SET)
        || (usage.outputTokens() > 0 && rates.output() == NOT_SET)) {
      return Unpriced.NO_PRICE_FOR;
    }
    return null;
  }

  private static long picoUsd(Rates rates, Usage usage) {
    if (rates.characters() != NOT_SET) {
      return Math.multiplyExact(usage.inputCharacters(), rates.characters());
    }
    long input = Math.max(0, usage.inputTokens());
    long read = Math.max(0, usage.cacheReadTokens());
    long written = Math.max(0, usage.cacheWriteTokens());
    long heard = Math.max(0, usage.audioInputTokens());
    long parts = Math.addExact(Math.addExact(read, written), heard);
    long output = Math.max(0, usage.outputTokens());
    long spoken = Math.max(0, usage.audioOutputTokens());
    long sum = times(Math.max(0, input - parts), rates.input());
    sum = Math.addExact(sum, times(read, either(rates.cacheRead(), rates.input())));
    sum = Math.addExact(sum, times(written, either(rates.cacheWrite(), rates.input())));
    sum = Math.addExact(sum, times(heard, either(rates.audioInput(), rates.input())));
    sum = Math.addExact(sum, times(Math.max(0, output - spoken), rates.output()));
    return Math.addExact(sum, times(spoken, either(rates.audioOutput(), rates.output())));
  }

  private static long times(long count, long rate) {
    if (count == 0) {
      return 0;
    }
    if (rate == NOT_SET) {
      throw new ArithmeticException("a part of a whole that is nothing");
    }
    return Math.multiplyExact(count, rate);
  }

  private static long either(long rate, long otherwise) {
    return rate == NOT_SET ? otherwise : rate;
  }
}
