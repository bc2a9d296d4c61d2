package io.streamrelay.price;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Which price a model's name leads to. */
class PriceListTest {
  private static final Terms TERMS = new Terms(new Rates(1, -1, -1, -1, -1, -1, -1), List.of());

  private static ModelPrice.Builder model(String name) {
    return ModelPrice.builder(name, TERMS);
  }

  private static PriceList list(ModelPrice.Builder... models) {
    return new PriceList("v", Arrays.stream(models).map(ModelPrice.Builder::build).toList());
  }

  private static @Nullable String found(PriceList list, String name, String provider) {
    ModelPrice found = list.find(name, provider);
    return found == null ? null : found.model() + found.providers();
  }

  @ParameterizedTest
  @CsvSource({
    "gpt-4o, gpt-4o",
    "gpt-4o-2024-08-06, gpt-4o",
    "gpt-4o-20240806, gpt-4o",
    "gpt-4o@20240806, gpt-4o",
    // This snapshot has a price of its own.
    "gpt-4o-2024-05-13, gpt-4o-2024-05-13",
    "newest, gpt-4o",
    "gpt-4o-mini,",
    "gpt-4o-2024-0806,",
    "gpt-4o-2024-08-06-x,",
    "gpt-4o-0806,",
    "gpt-4,",
    "GPT-4o,",
    "ft:gpt-4o:org:1, ft:gpt-4",
    "ft:gpt-4o-mini:org:1, ft:gpt-4o-mini",
    "ft:gpt-4o-mini-2024-07-18, ft:gpt-4o-mini",
    "ft:gpt-3, tuned",
    "ft,"
  })
  void exactlyThenWithoutItsDateThenByTheLongestPrefix(String name, @Nullable String expected) {
    PriceList list =
        list(
            model("gpt-4o").alias("newest"),
            model("gpt-4o-2024-05-13"),
            model("tuned").prefix("ft:"),
            model("ft:gpt-4").prefix("ft:gpt-4"),
            model("ft:gpt-4o-mini").prefix("ft:gpt-4o-mini"));

    assertThat(found(list, name, "openai")).isEqualTo(expected == null ? null : expected + "[]");
  }

  @Test
  void onlyPricesOfTheProviderCountAndItsOwnBeforeThoseForAnyone() {
    PriceList list =
        list(
            model("llama"),
            model("llama").provider("groq"),
            model("kimi").provider("groq"),
            model("any-kimi").prefix("ki"));

    assertThat(found(list, "llama", "groq")).isEqualTo("llama[groq]");
    assertThat(found(list, "llama", "openai")).isEqualTo("llama[]");
    assertThat(found(list, "kimi", "groq")).isEqualTo("kimi[groq]");
    // An exact name of another provider hides no prefix.
    assertThat(found(list, "kimi", "openai")).isEqualTo("any-kimi[]");
  }

  @Test
  void whatNobodyCallsAModelIsNotFound() {
    PriceList list = list(model("a").prefix("a"));

    assertThat(found(list, "", "openai")).isNull();
    assertThat(found(list, "a".repeat(256), "openai")).isEqualTo("a[]");
    assertThat(found(list, "a".repeat(257), "openai")).isNull();
  }
}
