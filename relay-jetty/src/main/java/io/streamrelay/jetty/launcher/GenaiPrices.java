package io.streamrelay.jetty.launcher;

import com.fasterxml.jackson.databind.JsonNode;
import io.streamrelay.jetty.launcher.ImportedPrices.LeftOutException;
import io.streamrelay.price.ModelPrice;
import io.streamrelay.price.Rates;
import io.streamrelay.price.Terms;
import io.streamrelay.price.Times;
import java.math.BigDecimal;
import java.time.DateTimeException;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Reads {@code data.json} of pydantic/genai-prices: a list of providers, each with a list of models
 * that have rules for their names and prices in dollars for a million tokens.
 */
final class GenaiPrices {
  private static final List<String> KEYS =
      List.of(
          "input_mtok",
          "cache_read_mtok",
          "cache_write_mtok",
          "input_audio_mtok",
          "output_mtok",
          "output_audio_mtok");

  /** What is charged beside tokens, or for a part of them that usage does not tell apart. */
  private static final Set<String> PARTS =
      Set.of(
          "cache_write_1h_mtok",
          "cache_audio_read_mtok",
          "cache_image_read_mtok",
          "input_image_mtok",
          "input_video_mtok",
          "output_citation_mtok",
          "web_searches_kcount",
          "storage_searches_kcount",
          "requests_kcount");

  private static final Map<String, List<String>> PROVIDERS =
      Map.of(
          "google", List.of("gcp.gemini", "gcp.vertex_ai", "gcp.gen_ai"),
          "azure", List.of("azure.ai.openai", "azure.ai.inference"),
          "aws", List.of("aws.bedrock"),
          "mistral", List.of("mistral_ai"),
          "moonshotai", List.of("moonshot_ai"),
          "x-ai", List.of("x_ai"));

  /** A date after a name, which is looked for without it anyway. */
  private static final Pattern DATED =
      Pattern.compile("\\^(.+)-(?:\\\\d\\{8}|\\\\d\\{4}-\\\\d\\{2}-\\\\d\\{2})\\$");

  private static final Pattern CLOCK = Pattern.compile("(\\d\\d):(\\d\\d):00(?:\\.0+)?Z");

  /** What the rules for a model's name come to. */
  private static final class Names {
    final Set<String> exact = new LinkedHashSet<>();
    final Set<String> prefixes = new LinkedHashSet<>();
    final List<String> unsaid = new ArrayList<>();
  }

  private final ImportedPrices found = new ImportedPrices();

  private GenaiPrices() {}

  /**
   * @throws LeftOutException if the file is none of these
   */
  static ImportedPrices read(JsonNode root) throws LeftOutException {
    if (!root.isArray()) {
      throw new LeftOutException("the top level is no list (expected: a list of providers)");
    }
    GenaiPrices prices = new GenaiPrices();
    for (JsonNode provider : root) {
      for (JsonNode model : provider.path("models")) {
        prices.model(provider, model);
      }
    }
    return prices.found;
  }

  private void model(JsonNode provider, JsonNode model) {
    String label = provider.path("id").asText("?") + " " + model.path("id").asText("?");
    try {
      Names names = new Names();
      collect(model.path("match"), names);
      covered(names);
      if (names.exact.isEmpty() && names.prefixes.isEmpty()) {
        throw new LeftOutException(
            "its name is matched by " + String.join(", ", names.unsaid) + " only");
      }
      // A price needs one name; the id is one that the collection's own rules may not give.
      List<String> exact = new ArrayList<>(names.exact);
      if (exact.isEmpty()) {
        exact.add(model.path("id").asText());
      }
      Set<String> parts = new LinkedHashSet<>(names.unsaid);
      ModelPrice price = price(provider, model, exact.get(0), parts);
      found.leavePartOut(label, List.copyOf(parts));
      found.add(label, exact, List.copyOf(names.prefixes), price);
    } catch (LeftOutException | IllegalArgumentException e) {
      found.leaveOut(label, e.getMessage());
    }
  }

  private static void collect(JsonNode match, Names names) {
    match
        .properties()
        .forEach(
            rule -> {
              JsonNode value = rule.getValue();
              switch (rule.getKey()) {
                case "equals" -> names.exact.add(value.asText());
                case "starts_with" -> names.prefixes.add(value.asText());
                case "or" -> value.forEach(each -> collect(each, names));
                default -> names.unsaid.add(rule.getKey() + " " + value);
              }
            });
  }

  private static void covered(Names names) {
    names.unsaid.removeIf(
        rule -> {
          if (!rule.startsWith("regex ")) {
            return false;
          }
          // As JSON has it, with each backslash twice.
          String regex =
              rule.substring("regex \"".length(), rule.length() - 1).replace("\\\\", "\\");
          Matcher dated = DATED.matcher(regex);
          return dated.matches() && names.exact.contains(dated.group(1).replace("\\", ""));
        });
  }

  private static ModelPrice price(JsonNode provider, JsonNode model, String name, Set<String> parts)
      throws LeftOutException {
    JsonNode prices = model.path("prices");
    List<ModelPrice.Timed> timed = new ArrayList<>();
    Terms always = null;
    for (JsonNode each : prices.isArray() ? prices : List.of(wrapped(prices))) {
      JsonNode constraint = each.get("constraint");
      Terms terms = terms(each.path("prices"), parts);
      if (constraint == null || constraint.isNull()) {
        always = terms;
        timed.clear();
      } else if (always == null) {
        throw new LeftOutException("its first price holds at some times only");
      } else {
        timed.add(new ModelPrice.Timed(times(constraint), terms));
      }
    }
    if (always == null) {
      throw new LeftOutException("it has no price");
    }
    ModelPrice.Builder price =
        ModelPrice.builder(name, always)
            .origin(source(provider), "genai-prices", date(model.path("prices_checked")));
    for (String each : ImportedPrices.providers(PROVIDERS, provider.path("id").asText())) {
      price.provider(each);
    }
    timed.forEach(each -> price.at(each.times(), each.terms()));
    return price.build();
  }

  private static JsonNode wrapped(JsonNode prices) {
    return PricesCommand.JSON.createObjectNode().set("prices", prices);
  }

  private static Terms terms(JsonNode prices, Set<String> parts) throws LeftOutException {
    if (prices.isEmpty()) {
      // Their way to say that it is free.
      return new Terms(new Rates(0, -1, -1, -1, 0, -1, -1), List.of());
    }
    long[] base = unset();
    Map<Long, long[]> tiers = new TreeMap<>();
    for (Iterator<String> keys = prices.fieldNames(); keys.hasNext(); ) {
      String key = keys.next();
      JsonNode value = prices.get(key);
      int index = KEYS.indexOf(key);
      if (value.isNull()) {
        continue;
      }
      if (index < 0) {
        otherPrice(key, value, prices, parts);
        continue;
      }
      JsonNode tiered = value.isObject() ? value : null;
      base[index] = rate(key, tiered == null ? prices : tiered, tiered == null ? key : "base");
      if (tiered != null) {
        for (JsonNode tier : tiered.path("tiers")) {
          long start = tier.path("start").asLong();
          tiers.computeIfAbsent(start, any -> unset())[index] = rate(key, tier, "price");
        }
      }
    }
    inherit(tiers);
    List<Terms.Tier> all = new ArrayList<>();
    tiers.forEach((start, rates) -> all.add(new Terms.Tier(start, rates(rates))));
    return new Terms(rates(base), all);
  }

  /** Each of their prices has tiers of its own; of ours, the last takes nothing from others. */
  private static void inherit(Map<Long, long[]> tiers) {
    long[] last = unset();
    for (long[] each : tiers.values()) {
      for (int i = 0; i < each.length; i++) {
        each[i] = each[i] == Rates.NOT_SET ? last[i] : each[i];
      }
      last = each;
    }
  }

  private static void otherPrice(String key, JsonNode value, JsonNode prices, Set<String> parts)
      throws LeftOutException {
    if (value.isNumber() && value.decimalValue().signum() == 0) {
      return;
    }
    if (PARTS.contains(key)) {
      parts.add(key);
    } else if (!value.equals(prices.get("output_mtok"))) {
      throw new LeftOutException("it has a price that usage has no count for: " + key);
    }
  }

  private static long rate(String key, JsonNode parent, String field) throws LeftOutException {
    BigDecimal number = ImportedPrices.number(parent, field);
    if (number == null) {
      throw new LeftOutException(key + " has no " + field);
    }
    return ImportedPrices.exactly(key, number);
  }

  private static long[] unset() {
    return new long[] {
      Rates.NOT_SET, Rates.NOT_SET, Rates.NOT_SET, Rates.NOT_SET, Rates.NOT_SET, Rates.NOT_SET
    };
  }

  private static Rates rates(long[] all) {
    return new Rates(all[0], all[1], all[2], all[3], all[4], all[5], Rates.NOT_SET);
  }

  private static Times times(JsonNode constraint) throws LeftOutException {
    JsonNode start = constraint.get("start_date");
    if (start != null) {
      LocalDate from = date(start);
      if (from == null) {
        throw new LeftOutException("start_date is '" + start.asText() + "'");
      }
      return new Times(from, null, Set.of(), List.of());
    }
    int from = minute(constraint, "start_time");
    int until = minute(constraint, "end_time");
    List<Times.Hours> hours =
        from < until
            ? List.of(new Times.Hours(from, until))
            : until == 0
                ? List.of(new Times.Hours(from, 1440))
                : List.of(new Times.Hours(0, until), new Times.Hours(from, 1440));
    return new Times(null, null, Set.of(), hours);
  }

  private static int minute(JsonNode constraint, String key) throws LeftOutException {
    Matcher clock = CLOCK.matcher(constraint.path(key).asText());
    if (!clock.matches()) {
      throw new LeftOutException(
          "it has a price for some times that are no dates and no hours in UTC: " + constraint);
    }
    return Integer.parseInt(clock.group(1)) * 60 + Integer.parseInt(clock.group(2));
  }

  private static @Nullable LocalDate date(JsonNode node) {
    try {
      return LocalDate.parse(node.asText());
    } catch (DateTimeException e) {
      return null;
    }
  }

  private static @Nullable String source(JsonNode provider) {
    String first = provider.path("pricing_urls").path(0).asText();
    return first.matches("https?://\\S+") ? first : null;
  }
}
