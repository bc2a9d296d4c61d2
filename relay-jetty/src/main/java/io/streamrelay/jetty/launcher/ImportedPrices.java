package io.streamrelay.jetty.launcher;

import com.fasterxml.jackson.databind.JsonNode;
import io.streamrelay.price.ModelPrice;
import io.streamrelay.price.Rates;
import io.streamrelay.route.Route;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Gathers what a public collection of prices says, and what of it cannot be said here. */
final class ImportedPrices {
  /** Says why a model cannot be imported. */
  static final class LeftOutException extends Exception {
    private static final long serialVersionUID = 1L;

    LeftOutException(String why) {
      super(why, null, false, false);
    }
  }

  private final List<ModelPrice> models = new ArrayList<>();
  private final List<String> notes = new ArrayList<>();
  private final Set<String> seen = new HashSet<>();
  private int leftOut;

  ImportedPrices() {}

  List<ModelPrice> models() {
    return models;
  }

  /** One line for each model that was left out, or of which something was. */
  List<String> notes() {
    return notes;
  }

  int leftOut() {
    return leftOut;
  }

  void leaveOut(String model, @Nullable String why) {
    leftOut++;
    notes.add("left out: " + model + ": " + why);
  }

  void leavePartOut(String model, List<String> what) {
    if (!what.isEmpty()) {
      notes.add("imported in part: " + model + ": without " + String.join(", ", what));
    }
  }

  /** Takes a price, without names that an earlier one of the same provider has. */
  void add(String model, List<String> names, List<String> prefixes, ModelPrice price) {
    List<String> free = new ArrayList<>();
    List<String> freePrefixes = new ArrayList<>();
    List<String> taken = new ArrayList<>();
    names.forEach(each -> (claim("name", each, price) ? free : taken).add(each));
    prefixes.forEach(each -> (claim("prefix", each, price) ? freePrefixes : taken).add(each));
    if (free.isEmpty()) {
      leaveOut(model, "an earlier one has its names");
      return;
    }
    leavePartOut(
        model, taken.stream().map(each -> "'" + each + "', which an earlier one has").toList());
    ModelPrice.Builder kept =
        ModelPrice.builder(free.get(0), price.terms())
            .origin(price.source(), price.via(), price.checked());
    free.subList(1, free.size()).forEach(kept::alias);
    freePrefixes.forEach(kept::prefix);
    price.providers().forEach(kept::provider);
    price.timed().forEach(each -> kept.at(each.times(), each.terms()));
    models.add(kept.build());
  }

  private boolean claim(String kind, String name, ModelPrice price) {
    boolean fresh = true;
    for (String provider : price.providers()) {
      fresh &= seen.add(kind + " " + provider + " " + name);
    }
    return fresh;
  }

  /** Turns dollars for a million into an exact price. */
  static long exactly(String key, BigDecimal usdPerMillion) throws LeftOutException {
    try {
      return Rates.exactly(usdPerMillion);
    } catch (ArithmeticException e) {
      throw new LeftOutException(
          key
              + " is "
              + usdPerMillion.stripTrailingZeros().toPlainString()
              + " dollars for a million (expected: 0 to 1000000 with at most 6 digits after the"
              + " point)");
    }
  }

  /** A number, exactly as it stands in the file; null if there is none. */
  static @Nullable BigDecimal number(JsonNode parent, String key) throws LeftOutException {
    JsonNode node = parent.get(key);
    if (node == null || node.isNull()) {
      return null;
    }
    if (!node.isNumber()) {
      throw new LeftOutException(key + " is no number");
    }
    return node.decimalValue();
  }

  /** The relay's names of a provider that a collection calls so. */
  static List<String> providers(Map<String, List<String>> names, String id)
      throws LeftOutException {
    List<String> known = names.get(id);
    if (known != null) {
      return known;
    }
    if (!Route.isProvider(id)) {
      throw new LeftOutException("its provider '" + id + "' has a name that no route can have");
    }
    return List.of(id);
  }
}
