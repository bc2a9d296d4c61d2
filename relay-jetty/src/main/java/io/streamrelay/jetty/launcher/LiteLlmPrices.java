package io.streamrelay.jetty.launcher;

import com.fasterxml.jackson.databind.JsonNode;
import io.streamrelay.jetty.launcher.ImportedPrices.LeftOutException;
import io.streamrelay.price.ModelPrice;
import io.streamrelay.price.Rates;
import io.streamrelay.price.Terms;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Reads LiteLLM's {@code model_prices_and_context_window.json}: a map from names of models, often
 * with the provider's before them, to prices in dollars for one token.
 */
final class LiteLlmPrices {
  private static final List<String> KEYS =
      List.of(
          "input_cost_per_token",
          "cache_read_input_token_cost",
          "cache_creation_input_token_cost",
          "input_cost_per_audio_token",
          "output_cost_per_token",
          "output_cost_per_audio_token");

  private static final String CHARACTERS = "input_cost_per_character";
  private static final String REASONING = "output_cost_per_reasoning_token";

  private static final Set<String> MODES =
      Set.of("chat", "completion", "responses", "embedding", "audio_speech", "audio_transcription");

  private static final Pattern ABOVE = Pattern.compile("(.+)_above_([0-9]+)k_tokens");

  private static final Map<String, List<String>> PROVIDERS =
      Map.ofEntries(
          Map.entry("text-completion-openai", List.of("openai")),
          Map.entry("azure", List.of("azure.ai.openai", "azure.ai.inference")),
          Map.entry("azure_ai", List.of("azure.ai.inference")),
          Map.entry("azure_text", List.of("azure.ai.openai")),
          Map.entry("gemini", List.of("gcp.gemini")),
          Map.entry("bedrock", List.of("aws.bedrock")),
          Map.entry("bedrock_converse", List.of("aws.bedrock")),
          Map.entry("cohere_chat", List.of("cohere")),
          Map.entry("mistral", List.of("mistral_ai")),
          Map.entry("codestral", List.of("mistral_ai")),
          Map.entry("xai", List.of("x_ai")),
          Map.entry("moonshot", List.of("moonshot_ai")),
          Map.entry("dashscope", List.of("alibaba.dashscope")));

  private final ImportedPrices found = new ImportedPrices();

  private LiteLlmPrices() {}

  /**
   * @throws LeftOutException if the file is none of these
   */
  static ImportedPrices read(JsonNode root) throws LeftOutException {
    if (!root.isObject()) {
      throw new LeftOutException("the top level is no map (expected: a map of models)");
    }
    LiteLlmPrices prices = new LiteLlmPrices();
    root.properties()
        .forEach(
            entry -> {
              // The first entry explains the others.
              if (!entry.getKey().equals("sample_spec")) {
                prices.model(entry.getKey(), entry.getValue());
              }
            });
    return prices.found;
  }

  private void model(String key, JsonNode model) {
    try {
      String mode = model.path("mode").asText("chat");
      if (!MODES.contains(mode)) {
        throw new LeftOutException("it is for " + mode);
      }
      Set<String> parts = new TreeSet<>();
      Terms terms = terms(model, mode, parts);
      String provider = model.path("litellm_provider").asText();
      String name = key.startsWith(provider + "/") ? key.substring(provider.length() + 1) : key;
      ModelPrice.Builder price =
          ModelPrice.builder(name, terms).origin(source(model), "litellm", null);
      for (String each : providers(provider)) {
        price.provider(each);
      }
      found.leavePartOut(key, List.copyOf(parts));
      found.add(key, List.of(name), List.of(), price.build());
    } catch (LeftOutException | IllegalArgumentException e) {
      found.leaveOut(key, e.getMessage());
    }
  }

  private static List<String> providers(String id) throws LeftOutException {
    return id.startsWith("vertex_ai")
        ? List.of("gcp.vertex_ai")
        : ImportedPrices.providers(PROVIDERS, id);
  }

  private static Terms terms(JsonNode model, String mode, Set<String> parts)
      throws LeftOutException {
    BigDecimal byCharacter = ImportedPrices.number(model, CHARACTERS);
    if (byCharacter != null && (mode.equals("audio_speech") || !model.has(KEYS.get(0)))) {
      otherPrices(model, Set.of(CHARACTERS), parts);
      long rate = perMillion(CHARACTERS, byCharacter);
      return new Terms(new Rates(-1, -1, -1, -1, -1, -1, rate), List.of());
    }
    JsonNode tiered = model.get("tiered_pricing");
    if (tiered != null && tiered.isArray() && !tiered.isEmpty()) {
      otherPrices(model, Set.of("tiered_pricing"), parts);
      return tiered(tiered, parts);
    }
    Map<Long, long[]> tiers = new TreeMap<>();
    Set<String> used = new TreeSet<>(KEYS);
    for (var names = model.fieldNames(); names.hasNext(); ) {
      String name = names.next();
      Matcher above = ABOVE.matcher(name);
      int index = above.matches() ? KEYS.indexOf(above.group(1)) : -1;
      BigDecimal price = index < 0 ? null : ImportedPrices.number(model, name);
      if (price != null) {
        long bound = Long.parseLong(above.group(2)) * 1000;
        tiers.computeIfAbsent(bound, any -> unset())[index] = perMillion(name, price);
        used.add(name);
      }
    }
    otherPrices(model, used, parts);
    List<Terms.Tier> all = new ArrayList<>();
    tiers.forEach((bound, rates) -> all.add(new Terms.Tier(bound, rates(rates))));
    return new Terms(rates(base(model)), all);
  }

  /** A list of ranges of input tokens, each with all of its prices. */
  private static Terms tiered(JsonNode list, Set<String> parts) throws LeftOutException {
    Map<Long, Rates> byBound = new LinkedHashMap<>();
    long expected = 0;
    for (JsonNode each : list) {
      long from = each.path("range").path(0).asLong(-1);
      if (from != expected) {
        throw new LeftOutException(
            "its tiered_pricing has a range that does not begin where the" + " one before it ends");
      }
      expected = each.path("range").path(1).asLong(-1);
      otherPrices(each, Set.copyOf(KEYS), parts);
      byBound.put(from, rates(base(each)));
    }
    Rates first = Rates.NONE;
    List<Terms.Tier> tiers = new ArrayList<>();
    for (Map.Entry<Long, Rates> each : byBound.entrySet()) {
      if (each.getKey() == 0) {
        first = each.getValue();
      } else {
        tiers.add(new Terms.Tier(each.getKey(), each.getValue()));
      }
    }
    return new Terms(first, tiers);
  }

  private static long[] base(JsonNode prices) throws LeftOutException {
    long[] rates = unset();
    for (int i = 0; i < rates.length; i++) {
      BigDecimal price = ImportedPrices.number(prices, KEYS.get(i));
      if (price != null) {
        rates[i] = perMillion(KEYS.get(i), price);
      }
    }
    if (rates[0] == Rates.NOT_SET && rates[4] == Rates.NOT_SET) {
      throw new LeftOutException("it has no price for tokens or characters");
    }
    return rates;
  }

  /** Names what else is charged; refuses what would make the other prices wrong. */
  private static void otherPrices(JsonNode prices, Set<String> used, Set<String> parts)
      throws LeftOutException {
    for (var names = prices.fieldNames(); names.hasNext(); ) {
      String name = names.next();
      JsonNode value = prices.get(name);
      boolean charged =
          value.isObject() || (value.isNumber() && value.decimalValue().signum() != 0);
      if (!name.contains("cost") || used.contains(name) || !charged) {
        continue;
      }
      if (!name.equals(REASONING)) {
        parts.add(name);
      } else if (!value.equals(prices.get("output_cost_per_token"))) {
        throw new LeftOutException("its reasoning has a price other than the rest of its output");
      }
    }
  }

  private static long perMillion(String key, BigDecimal each) throws LeftOutException {
    return ImportedPrices.exactly(key, each.movePointRight(6));
  }

  private static long[] unset() {
    return new long[] {
      Rates.NOT_SET, Rates.NOT_SET, Rates.NOT_SET, Rates.NOT_SET, Rates.NOT_SET, Rates.NOT_SET
    };
  }

  private static Rates rates(long[] all) {
    return new Rates(all[0], all[1], all[2], all[3], all[4], all[5], Rates.NOT_SET);
  }

  private static @Nullable String source(JsonNode model) {
    String source = model.path("source").asText();
    return source.matches("https?://\\S+") ? source : null;
  }
}
