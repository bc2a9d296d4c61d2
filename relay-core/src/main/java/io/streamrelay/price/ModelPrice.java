package io.streamrelay.price;

import java.time.Instant;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What one model costs, and where that is written; immutable. */
public final class ModelPrice {
  private final String model;
  private final List<String> aliases;
  private final List<String> prefixes;
  private final Set<String> providers;
  private final Terms terms;
  private final List<Timed> timed;
  private final @Nullable String source;
  private final @Nullable String via;
  private final @Nullable LocalDate checked;

  /**
   * Prices that hold at some times only.
   *
   * @param times when
   * @param terms the whole of the prices then
   */
  public record Timed(Times times, Terms terms) {}

  private ModelPrice(Builder b) {
    this.model = b.model;
    this.aliases = List.copyOf(b.aliases);
    this.prefixes = List.copyOf(b.prefixes);
    this.providers = Set.copyOf(b.providers);
    this.terms = b.terms;
    this.timed = List.copyOf(b.timed);
    this.source = b.source;
    this.via = b.via;
    this.checked = b.checked;
  }

  /**
   * Starts the price of a model.
   *
   * @param model its name, as requests or answers have it
   * @param terms its prices
   * @return a builder
   */
  public static Builder builder(String model, Terms terms) {
    return new Builder(model, terms);
  }

  /**
   * Returns the model's name.
   *
   * @return never empty
   */
  public String model() {
    return model;
  }

  /**
   * Returns further names that are exactly these.
   *
   * @return may be empty
   */
  public List<String> aliases() {
    return aliases;
  }

  /**
   * Returns how further names begin.
   *
   * @return may be empty
   */
  public List<String> prefixes() {
    return prefixes;
  }

  /**
   * Returns who sells the model at this price.
   *
   * @return names as of {@link io.streamrelay.route.Route#provider}; empty for anyone
   */
  public Set<String> providers() {
    return providers;
  }

  /**
   * Returns the prices at all times that no other terms are for.
   *
   * @return never null
   */
  public Terms terms() {
    return terms;
  }

  /**
   * Returns the prices at some times; the last that is for a moment counts.
   *
   * @return may be empty
   */
  public List<Timed> timed() {
    return timed;
  }

  /**
   * Returns where the provider publishes the price.
   *
   * @return an address; null if it is not told
   */
  public @Nullable String source() {
    return source;
  }

  /**
   * Returns which collection the price was taken from.
   *
   * @return an address or a name; null if from the source, or not told
   */
  public @Nullable String via() {
    return via;
  }

  /**
   * Returns for which day the price is known.
   *
   * @return null if it is not told
   */
  public @Nullable LocalDate checked() {
    return checked;
  }

  /**
   * Tells whether a provider sells at this price.
   *
   * @param provider as of {@link io.streamrelay.route.Route#provider}
   * @return also true if anyone does
   */
  public boolean isOf(String provider) {
    return providers.isEmpty() || providers.contains(provider);
  }

  /**
   * Finds the prices of a moment.
   *
   * @param at when the request reached the relay
   * @return never null
   */
  public Terms termsAt(Instant at) {
    Terms found = terms;
    for (Timed each : timed) {
      if (each.times().include(at)) {
        found = each.terms();
      }
    }
    return found;
  }

  /** Collects what is said of a model; not thread-safe. */
  public static final class Builder {
    private final String model;
    private final Terms terms;
    private final List<String> aliases = new ArrayList<>();
    private final List<String> prefixes = new ArrayList<>();
    private final List<String> providers = new ArrayList<>();
    private final List<Timed> timed = new ArrayList<>();
    private @Nullable String source;
    private @Nullable String via;
    private @Nullable LocalDate checked;

    private Builder(String model, Terms terms) {
      this.model = Objects.requireNonNull(model, "model");
      this.terms = Objects.requireNonNull(terms, "terms");
      if (model.isEmpty()) {
        throw new IllegalArgumentException("model is empty (expected: a name)");
      }
    }

    /**
     * Adds a further name.
     *
     * @param alias exactly so
     * @return this
     */
    public Builder alias(String alias) {
      aliases.add(alias);
      return this;
    }

    /**
     * Adds a beginning of further names.
     *
     * @param prefix not empty; the longest that fits counts
     * @return this
     */
    public Builder prefix(String prefix) {
      prefixes.add(prefix);
      return this;
    }

    /**
     * Adds who sells the model at this price.
     *
     * @param provider as of {@link io.streamrelay.route.Route#provider}; by default anyone
     * @return this
     */
    public Builder provider(String provider) {
      providers.add(provider);
      return this;
    }

    /**
     * Adds prices that hold at some times; they count before those added earlier.
     *
     * @param times when
     * @param then the whole of the prices then
     * @return this
     */
    public Builder at(Times times, Terms then) {
      timed.add(new Timed(times, then));
      return this;
    }

    /**
     * Sets where the price is written.
     *
     * @param source where the provider publishes it; null if not told
     * @param via which collection it was taken from; null if from the source
     * @param checked for which day it is known; null if not told
     * @return this
     */
    public Builder origin(
        @Nullable String source, @Nullable String via, @Nullable LocalDate checked) {
      this.source = source;
      this.via = via;
      this.checked = checked;
      return this;
    }

    /**
     * Freezes what was said.
     *
     * @return the price
     */
    public ModelPrice build() {
      return new ModelPrice(this);
    }
  }
}
