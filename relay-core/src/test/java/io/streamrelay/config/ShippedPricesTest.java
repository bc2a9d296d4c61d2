package io.streamrelay.config;

import static org.assertj.core.api.Assertions.assertThat;

import io.streamrelay.observe.Usage;
import io.streamrelay.price.Cost;
import io.streamrelay.price.ModelPrice;
import io.streamrelay.price.PriceList;
import io.streamrelay.price.PriceTable;
import io.streamrelay.route.Route;
import io.streamrelay.testkit.Counts;
import java.net.URI;
import java.time.Instant;
import java.time.LocalDate;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The prices that the relay brings along. */
class ShippedPricesTest {
  private static final PriceList SHIPPED = PriceFile.shipped();

  @Test
  void theVersionIsADate() {
    assertThat(LocalDate.parse(SHIPPED.version())).isAfter("2026-01-01");
  }

  @Test
  void everyPriceHasASourceAndADayThatIsNotAfterTheFilesOwn() {
    LocalDate version = LocalDate.parse(SHIPPED.version());

    assertThat(SHIPPED.models()).hasSizeGreaterThan(60);
    assertThat(SHIPPED.models())
        .allSatisfy(
            model -> {
              assertThat(model.source()).as(model.model()).startsWith("https://");
              assertThat(model.checked()).as(model.model()).isNotNull();
              assertThat(model.checked()).as(model.model()).isBeforeOrEqualTo(version);
              assertThat(model.providers()).as(model.model()).isNotEmpty();
            });
  }

  @Test
  void theProvidersAreThoseThatRoutesHave() {
    Set<String> known =
        Set.of(
                "https://api.openai.com",
                "https://x.openai.azure.com",
                "https://x.services.ai.azure.com",
                "https://api.anthropic.com",
                "https://generativelanguage.googleapis.com",
                "https://aiplatform.googleapis.com",
                "https://api.cohere.com",
                "https://api.mistral.ai",
                "https://api.deepseek.com",
                "https://api.groq.com",
                "https://api.siliconflow.com",
                "https://api.elevenlabs.io")
            .stream()
            .map(ShippedPricesTest::provider)
            .collect(Collectors.toSet());
    // What only a route can say.
    known.add("gcp.gen_ai");

    assertThat(SHIPPED.models().stream().map(ModelPrice::providers).flatMap(Set::stream).distinct())
        .containsExactlyInAnyOrderElementsOf(known);
  }

  private static String provider(String upstream) {
    return Route.builder("r").path("/r").upstream(URI.create(upstream)).build().provider();
  }

  @ParameterizedTest
  @CsvSource({
    // 1000 tokens of input and 100 of output, from the providers' lists.
    "openai, gpt-4o-2024-08-06, 0.0035",
    "openai, gpt-4o-2024-05-13, 0.0065",
    "azure.ai.openai, gpt-4.1-mini-2025-04-14, 0.00056",
    "anthropic, claude-sonnet-4-5-20250929, 0.0045",
    "anthropic, claude-3-5-haiku-20241022, 0.0012",
    "gcp.gemini, gemini-2.5-pro, 0.00225",
    "cohere, command-r7b-12-2024, 0.0000525",
    "mistral_ai, mistral-large-2512, 0.00065",
    "groq, openai/gpt-oss-20b, 0.000105",
    "siliconflow, Qwen/Qwen3-32B, 0.000197",
    "deepseek, deepseek-v4-pro, 0.000858"
  })
  void someOfThemAsTheirProvidersListThem(String provider, String model, String usd) {
    Cost cost =
        PriceTable.of(SHIPPED)
            .price(
                null,
                model,
                provider,
                Counts.of(1000, 100, -1, -1, -1, Usage.Source.REPORTED),
                Instant.parse("2026-11-28T12:00:00Z"))
            .cost();

    assertThat(Objects.requireNonNull(cost).usd().toPlainString()).isEqualTo(usd);
    assertThat(cost.priceVersion()).isEqualTo(SHIPPED.version());
  }

  @ParameterizedTest
  @CsvSource({
    "openai, gpt-4o-audio-preview",
    "openai, gpt-99",
    "openai, claude-sonnet-4-5",
    "openai, Qwen/Qwen3-32B",
    "anthropic, claude-sonnet-4-55"
  })
  void aModelThatIsNotThereIsNotTakenForAnother(String provider, String model) {
    assertThat(SHIPPED.find(model, provider)).isNull();
  }
}
