package io.streamrelay.price;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The prices of one file, found by model and provider; immutable.
 *
 * <p>A name is looked for as it is, then without a date at its end, such as {@code -2024-08-06},
 * {@code -20250929} or {@code @20250929}, then by the longest prefix. At each step only prices of
 * the provider count, those that name it before those for anyone.
 */
public final class PriceList {
  /** Longer ones are no names of models; it bounds the work that a client can cause. */
  private static final int MAX_NAME = 256;

  private static final Pattern DATE = Pattern.compile("[-@]20\\d\\d(-?)\\d\\d\\1\\d\\d$");

  private final String version;
  private final List<ModelPrice> models;
  private final Map<String, List<ModelPrice>> byName = new HashMap<>();
  private final Map<String, List<ModelPrice>> byPrefix = new HashMap<>();

  /**
   * Makes a list.
   *
   * @param version its state, which costs name
   * @param models where two have a name and a provider in common, the first counts
   */
  public PriceList(String version, List<ModelPrice> models) {
    this.version = version;
    this.models = List.copyOf(models);
    for (ModelPrice each : models) {
      add(byName, each.model(), each);
      each.aliases().forEach(alias -> add(byName, alias, each));
      each.prefixes().forEach(prefix -> add(byPrefix, prefix, each));
    }
  }

  private static void add(Map<String, List<ModelPrice>> map, String key, ModelPrice price) {
    map.computeIfAbsent(key, any -> new ArrayList<>()).add(price);
  }

  /**
   * Returns the state of the prices.
   *
   * @return what {@link Cost#priceVersion} then says
   */
  public String version() {
    return version;
  }

  /**
   * Returns all prices.
   *
   * @return in their order
   */
  public List<ModelPrice> models() {
    return models;
  }

  /**
   * Finds a price.
   *
   * @param model the name of a model
   * @param provider as of {@link io.streamrelay.route.Route#provider}
   * @return null if there is none
   */
  public @Nullable ModelPrice find(String model, String provider) {
    if (model.isEmpty() || model.length() > MAX_NAME) {
      return null;
    }
    ModelPrice found = choose(byName.get(model), provider);
    if (found == null) {
      String dateless = DATE.matcher(model).replaceFirst("");
      found = dateless.length() == model.length() ? null : choose(byName.get(dateless), provider);
    }
    for (int end = model.length(); found == null && !byPrefix.isEmpty() && end > 0; end--) {
      found = choose(byPrefix.get(model.substring(0, end)), provider);
    }
    return found;
  }

  private static @Nullable ModelPrice choose(@Nullable List<ModelPrice> all, String provider) {
    ModelPrice forAnyone = null;
    if (all != null) {
      for (ModelPrice each : all) {
        if (each.providers().contains(provider)) {
          return each;
        }
        if (forAnyone == null && each.providers().isEmpty()) {
          forAnyone = each;
        }
      }
    }
    return forAnyone;
  }
}
