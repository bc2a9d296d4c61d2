package io.streamrelay.price;

import static io.streamrelay.observe.Usage.Source.ESTIMATED;
import static io.streamrelay.observe.Usage.Source.PARTIAL;
import static io.streamrelay.observe.Usage.Source.REPORTED;
import static io.streamrelay.price.Rates.NOT_SET;
import static org.assertj.core.api.Assertions.assertThat;

import io.streamrelay.observe.Usage;
import java.math.BigDecimal;
import java.time.DayOfWeek;
import java.time.Instant;
import java.time.LocalDate;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** What exchanges cost; every expected sum is worked out by hand in the comment beside it. */
class PriceTableTest {
  private static final Instant AT = Instant.parse("2026-11-25T12:00:00Z");

  private static final Rates GPT = rates("2.5", "1.25", null, null, "10", null);
  private static final Rates CLAUDE = rates("3", "0.3", "3.75", null, "15", null);

  private static long usd(@Nullable String perMillion) {
    return perMillion == null ? NOT_SET : Rates.exactly(new BigDecimal(perMillion));
  }

  private static Rates rates(
      String input,
      @Nullable String read,
      @Nullable String write,
      @Nullable String audioInput,
      @Nullable String output,
      @Nullable String audioOutput) {
    return new Rates(
        usd(input), usd(read), usd(write), usd(audioInput), usd(output), usd(audioOutput), NOT_SET);
  }

  private static Rates byCharacter(String perMillion) {
    return new Rates(NOT_SET, NOT_SET, NOT_SET, NOT_SET, NOT_SET, NOT_SET, usd(perMillion));
  }

  private static Usage.Builder tokens(long input, long output) {
    return Usage.builder().inputTokens(input).outputTokens(output).source(REPORTED);
  }

  private static Pricing price(Terms terms, Usage usage, Instant at) {
    return table(ModelPrice.builder("m", terms).build()).price(null, "m", "openai", usage, at);
  }

  private static PriceTable table(ModelPrice... models) {
    return PriceTable.of(new PriceList("v1", List.of(models)));
  }

  private static Pricing price(Rates rates, Usage.Builder usage) {
    return price(new Terms(rates, List.of()), usage.build(), AT);
  }

  private static void assertCost(Pricing pricing, String usd) {
    assertThat(pricing.unpriced()).isNull();
    assertThat(Objects.requireNonNull(pricing.cost()).usd().toPlainString()).isEqualTo(usd);
  }

  private static void assertUnpriced(Pricing pricing, Unpriced why) {
    assertThat(pricing).isEqualTo(new Pricing(null, why));
  }

  @Test
  void openAisCachedInputIsAPartOfItsInput() {
    // 1000 of input, 400 of them cached: 600 x 2.5 + 400 x 1.25 + 50 x 10 = 1500 + 500 + 500 uUSD.
    assertCost(price(GPT, tokens(1000, 50).cacheReadTokens(400)), "0.0025");
  }

  @Test
  void anthropicsReadsAndWritesAreBothPartsOfTheWholeInput() {
    // input_tokens 100 + read 2000 + written 500: 100 x 3 + 2000 x 0.3 + 500 x 3.75 + 10 x 15
    // = 300 + 600 + 1875 + 150 uUSD.
    assertCost(
        price(CLAUDE, tokens(2600, 10).cacheReadTokens(2000).cacheWriteTokens(500)), "0.002925");
  }

  @Test
  void geminisReasoningIsInItsOutputAndPaidOnce() {
    // 10 x 0.3 + (20 of answer + 30 of thought) x 2.5 = 3 + 125 uUSD.
    Rates gemini = rates("0.3", "0.03", null, "1", "2.5", null);
    assertCost(price(gemini, tokens(10, 50).reasoningTokens(30)), "0.000128");
  }

  @Test
  void audioHasItsOwnPriceOnBothSides() {
    // 100 of input, 80 of them audio: 20 x 2.5 + 80 x 32; 60 of output, 50 of them audio:
    // 10 x 10 + 50 x 64 = 50 + 2560 + 100 + 3200 uUSD.
    Rates audio = rates("2.5", null, null, "32", "10", "64");
    assertCost(price(audio, tokens(100, 60).audioInputTokens(80).audioOutputTokens(50)), "0.00591");
  }

  @Test
  void deepSeeksCacheHitsCostAFractionOfACent() {
    // 100 missed x 0.15 + 900 hit x 0.003 + 10 x 0.6 = 15 + 2.7 + 6 uUSD.
    Rates deepSeek = rates("0.15", "0.003", null, null, "0.6", null);
    assertCost(price(deepSeek, tokens(1000, 10).cacheReadTokens(900)), "0.0000237");
  }

  @Test
  void anEmbeddingHasNoOutputAndNeedsNoPriceForIt() {
    // 8 x 0.02 uUSD.
    Rates embedding = rates("0.02", null, null, null, null, null);
    assertCost(price(embedding, tokens(8, Usage.NOT_TOLD)), "0.00000016");
    assertCost(price(embedding, tokens(8, 0)), "0.00000016");
  }

  @Test
  void cohereSmallestPriceIsExact() {
    // 3 x 0.0375 + 1 x 0.15 = 0.1125 + 0.15 uUSD, which no double of dollars holds.
    Rates r7b = rates("0.0375", null, null, null, "0.15", null);
    Pricing pricing = price(r7b, tokens(3, 1));
    assertThat(pricing.cost()).isEqualTo(new Cost(262_500, "v1", false));
    assertCost(pricing, "0.0000002625");
  }

  @Test
  void speechIsPaidByTheCharacter() {
    // 2000 x 15 uUSD.
    Usage.Builder text = Usage.builder().inputCharacters(2000);
    assertCost(price(byCharacter("15"), text), "0.03");
  }

  @Test
  void whatHasNoPriceOfItsOwnCostsAsMuchAsTheRestOfItsSide() {
    Rates plain = rates("2", null, null, null, "8", null);
    Usage.Builder all =
        tokens(100, 10)
            .cacheReadTokens(20)
            .cacheWriteTokens(30)
            .audioInputTokens(40)
            .audioOutputTokens(5);
    // 100 x 2 + 10 x 8 = 280 uUSD, as if there were no parts.
    assertCost(price(plain, all), "0.00028");
  }

  @Test
  void partsThatAreMoreThanTheWholeAreAllPaidAndNothingIsTakenOff() {
    // 90 read x 0.3 + 90 written x 3.75 = 27 + 337.5 uUSD, none for what is left of 100.
    assertCost(price(CLAUDE, tokens(100, 0).cacheReadTokens(90).cacheWriteTokens(90)), "0.0003645");
  }

  @Test
  void aLongInputHasATierForAllOfItAndForTheAnswer() {
    Terms terms =
        new Terms(
            CLAUDE, List.of(new Terms.Tier(200_000, rates("6", "0.6", "7.5", null, "22.5", null))));
    // The whole input decides, cached or not: 200000 is not above.
    assertCost(
        price(terms, tokens(200_000, 1000).cacheReadTokens(150_000).build(), AT),
        // 50000 x 3 + 150000 x 0.3 + 1000 x 15 = 150000 + 45000 + 15000 uUSD.
        "0.21");
    assertCost(
        price(terms, tokens(200_001, 1000).cacheReadTokens(150_000).build(), AT),
        // 50001 x 6 + 150000 x 0.6 + 1000 x 22.5 = 300006 + 90000 + 22500 uUSD.
        "0.412506");
  }

  @Test
  void theHighestTierThatIsExceededCountsAndKeepsWhatItDoesNotName() {
    Terms terms =
        new Terms(
            rates("1.2", "0.24", null, null, "6", null),
            List.of(
                new Terms.Tier(32_000, rates("2.4", null, null, null, "12", null)),
                new Terms.Tier(128_000, rates("3", null, null, null, "15", null))));
    // 129000 x 3 + 1000 x 0.24 + 10 x 15 = 387000 + 240 + 150 uUSD.
    assertCost(price(terms, tokens(130_000, 10).cacheReadTokens(1000).build(), AT), "0.38739");
    // 39000 x 2.4 + 1000 x 0.24 + 10 x 12 = 93600 + 240 + 120 uUSD.
    assertCost(price(terms, tokens(40_000, 10).cacheReadTokens(1000).build(), AT), "0.09396");
  }

  @ParameterizedTest
  @CsvSource({
    // Wednesday, at the edges of the hours: their end is not in them.
    "2026-11-25T00:59:59Z, 0.001",
    "2026-11-25T01:00:00Z, 0.002",
    "2026-11-25T03:59:59Z, 0.002",
    "2026-11-25T04:00:00Z, 0.001",
    "2026-11-25T09:00:00Z, 0.002",
    // Saturday.
    "2026-11-28T02:00:00Z, 0.001",
    // From the new year on, at whatever hour; the last that holds counts.
    "2026-12-31T23:59:59Z, 0.001",
    "2027-01-01T00:00:00Z, 0.003",
    "2027-01-04T02:00:00Z, 0.003",
    "2027-02-01T12:00:00Z, 0.001"
  })
  void pricesCanHoldAtSomeTimesOnly(Instant at, String usd) {
    Times peak =
        new Times(
            null,
            null,
            Set.of(
                DayOfWeek.MONDAY,
                DayOfWeek.TUESDAY,
                DayOfWeek.WEDNESDAY,
                DayOfWeek.THURSDAY,
                DayOfWeek.FRIDAY),
            List.of(new Times.Hours(60, 240), new Times.Hours(360, 600)));
    Times january =
        new Times(
            LocalDate.parse("2027-01-01"), LocalDate.parse("2027-01-31"), Set.of(), List.of());
    ModelPrice model =
        ModelPrice.builder("m", input("1")).at(peak, input("2")).at(january, input("3")).build();

    assertCost(table(model).price("m", null, "x", tokens(1000, 0).build(), at), usd);
  }

  private static Terms input(String price) {
    return new Terms(rates(price, null, null, null, null, null), List.of());
  }

  @Test
  void theModelThatAnsweredCountsIfItsPriceIsKnownElseTheOneThatWasAsked() {
    PriceTable table =
        table(
            ModelPrice.builder("asked", input("1")).build(),
            ModelPrice.builder("answered", input("2")).build());
    Usage usage = tokens(1000, 0).build();

    assertCost(table.price("answered", "asked", "x", usage, AT), "0.002");
    assertCost(table.price("unheard-of", "asked", "x", usage, AT), "0.001");
    assertCost(table.price(null, "asked", "x", usage, AT), "0.001");
    assertUnpriced(table.price("unheard-of", "unknown", "x", usage, AT), Unpriced.UNKNOWN_MODEL);
    assertUnpriced(table.price(null, null, "x", usage, AT), Unpriced.UNKNOWN_MODEL);
  }

  @Test
  void aListThatOverridesWinsAndIsNamedByTheCost() {
    PriceTable table =
        table(
                ModelPrice.builder("a-1", input("1")).provider("openai").build(),
                ModelPrice.builder("b", input("1")).build())
            .override(
                new PriceList(
                    "ours", List.of(ModelPrice.builder("x", input("5")).prefix("a-").build())));
    Usage usage = tokens(1000, 0).build();

    assertThat(table.price(null, "a-1", "openai", usage, AT).cost())
        .isEqualTo(new Cost(5_000_000_000L, "ours", false));
    assertThat(table.price(null, "b", "openai", usage, AT).cost())
        .isEqualTo(new Cost(1_000_000_000L, "v1", false));
  }

  @ParameterizedTest
  @EnumSource(Usage.Source.class)
  void aCostFromCountsThatWereNotWhollyReportedSaysSo(Usage.Source source) {
    Pricing pricing = price(rates("1", null, null, null, "1", null), tokens(1, 1).source(source));
    assertThat(pricing.cost())
        .isEqualTo(new Cost(2_000_000, "v1", source == PARTIAL || source == ESTIMATED));
  }

  @Test
  void aFreeModelCostsNothingWhichIsNotTheSameAsNotKnown() {
    assertCost(price(rates("0", null, null, null, "0", null), tokens(10, 10)), "0");
  }

  @Test
  void countsThatHaveAPriceButAreNotKnownLeaveNoCost() {
    assertUnpriced(price(GPT, Usage.builder()), Unpriced.NO_USAGE);
    assertUnpriced(price(GPT, tokens(Usage.NOT_TOLD, 9)), Unpriced.NO_USAGE);
    assertUnpriced(price(GPT, tokens(9, Usage.NOT_TOLD)), Unpriced.NO_USAGE);
    assertUnpriced(price(byCharacter("15"), tokens(9, 9)), Unpriced.NO_USAGE);
  }

  @Test
  void countsWithoutAPriceLeaveNoCost() {
    Rates embedding = rates("0.02", null, null, null, null, null);
    assertUnpriced(price(embedding, tokens(9, 9)), Unpriced.NO_PRICE_FOR);
    assertUnpriced(price(GPT, Usage.builder().inputCharacters(100)), Unpriced.NO_PRICE_FOR);
  }

  @Test
  void whatDoesNotFitIsRefusedAndNotCut() {
    Rates dear = rates("1000000", null, null, null, "0", null);
    // 9223372 tokens for a dollar each are just below 2^63 pico-USD.
    assertCost(price(dear, tokens(9_223_372, 0)), "9223372");
    assertUnpriced(price(dear, tokens(9_223_373, 0)), Unpriced.OUT_OF_RANGE);
    assertUnpriced(price(GPT, tokens(Long.MAX_VALUE, Long.MAX_VALUE)), Unpriced.OUT_OF_RANGE);
    assertUnpriced(
        price(GPT, tokens(1, 1).cacheReadTokens(Long.MAX_VALUE).cacheWriteTokens(Long.MAX_VALUE)),
        Unpriced.OUT_OF_RANGE);
  }

  @Test
  void anExchangeWithoutModelOrUsageTookNothing() {
    assertThat(table().price(null, null, "openai", Usage.NONE, AT)).isEqualTo(Pricing.NOTHING);
  }

  @ParameterizedTest
  @CsvSource({"0.0375, 37500", "2.50, 2500000", "0, 0", "1000000, 1000000000000", "0.000001, 1"})
  void aPriceIsExact(BigDecimal usdPerMillion, long picoUsd) {
    assertThat(Rates.exactly(usdPerMillion)).isEqualTo(picoUsd);
    assertThat(Rates.usdPerMillion(picoUsd)).isEqualByComparingTo(usdPerMillion);
  }
}
