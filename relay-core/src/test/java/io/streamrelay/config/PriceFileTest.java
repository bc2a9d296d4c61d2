package io.streamrelay.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.streamrelay.observe.Usage;
import io.streamrelay.price.Cost;
import io.streamrelay.price.ModelPrice;
import io.streamrelay.price.PriceList;
import io.streamrelay.price.Rates;
import io.streamrelay.price.Terms;
import io.streamrelay.price.Times;
import io.streamrelay.testkit.Counts;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.DayOfWeek;
import java.time.Instant;
import java.time.LocalDate;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Files of prices: their form, their example, and how the configuration names one. */
class PriceFileTest {
  private static final Path EXAMPLE = Path.of("..", "configs", "prices.yaml");

  @TempDir private Path dir;

  private static PriceList parse(String yaml) {
    return PriceFile.parse(yaml, "p.yaml", Map.of("PRICE", "0.25")::get);
  }

  private static List<ConfigProblem> problems(String yaml) {
    RelayConfigException failure =
        catchThrowableOfType(RelayConfigException.class, () -> parse(yaml));
    assertThat(failure).as("reading was to fail:%n%s", yaml).isNotNull();
    return failure.problems();
  }

  private static ConfigProblem only(String yaml) {
    assertThat(problems(yaml)).hasSize(1);
    return problems(yaml).get(0);
  }

  private static Rates rates(long... all) {
    return new Rates(all[0], all[1], all[2], all[3], all[4], all[5], all[6]);
  }

  @Test
  void theExampleMeansWhatItSays() {
    PriceList list = PriceFile.load(EXAMPLE);

    ModelPrice expected =
        ModelPrice.builder(
                "large-1",
                new Terms(
                    rates(2_500_000, 250_000, 3_125_000, 10_000_000, 15_000_000, 60_000_000, -1),
                    List.of(
                        new Terms.Tier(272_000, rates(5_000_000, -1, -1, -1, 22_500_000, -1, -1)))))
            .alias("large-latest")
            .prefix("large-1-preview")
            .provider("openai")
            .provider("azure.ai.openai")
            .at(
                new Times(
                    LocalDate.parse("2027-01-01"),
                    LocalDate.parse("2027-12-31"),
                    Set.of(DayOfWeek.SATURDAY, DayOfWeek.SUNDAY),
                    List.of(new Times.Hours(0, 360), new Times.Hours(1200, 1440))),
                new Terms(rates(1_250_000, -1, -1, -1, 7_500_000, -1, -1), List.of()))
            .origin("https://example.com/pricing", "our contract", LocalDate.parse("2026-11-25"))
            .build();
    assertThat(list.version()).isEqualTo("example-2026-11");
    assertThat(list.models()).hasSize(2);
    assertThat(list.models().get(0)).usingRecursiveComparison().isEqualTo(expected);
    assertThat(list.models().get(1).terms().rates())
        .isEqualTo(rates(-1, -1, -1, -1, -1, -1, 16_000_000));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "x: 1",
        "models: [{x: 1}]",
        "models: [{above: [{x: 1}]}]",
        "models: [{times: [{x: 1}]}]"
      })
  void theExampleDocumentsEveryKey(String withUnknownKey) throws IOException {
    String text = Files.readString(EXAMPLE);
    String listed =
        problems(withUnknownKey).stream()
            .filter(problem -> problem.problem().contains("known key"))
            .findFirst()
            .orElseThrow()
            .expected();

    assertThat(
            Arrays.stream(listed.substring("one of ".length()).split(", ", -1))
                .filter(key -> !text.matches("(?ms).*^[ -]*" + key + ":.*")))
        .isEmpty();
  }

  @Test
  void aSingleValueIsAListOfOneAndVariablesWork() {
    PriceList list =
        parse("version: v\nmodels: [{model: m, aliases: n, input: '${PRICE}', output: 0.0375}]");

    assertThat(list.models().get(0).aliases()).containsExactly("n");
    assertThat(list.models().get(0).terms().rates())
        .isEqualTo(rates(250_000, -1, -1, -1, 37_500, -1, -1));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "-1",
        "1e-6",
        "1.5e-05",
        "0.0000001",
        "1000000.1",
        ".5",
        "1,5",
        "$1",
        "NaN",
        "0x10",
        "1_000"
      })
  void whatIsNoExactPriceIsRefusedWithItsPlace(String price) {
    ConfigProblem problem = only("version: v\nmodels:\n  - model: m\n    input: '" + price + "'\n");

    assertThat(problem.toString())
        .startsWith("p.yaml:4:12: models[0].input is '" + price + "'")
        .contains("(expected: US dollars for a million");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "models: []                                         | version is missing",
        "version: v                                         | models is missing",
        "version: 'a b'                                     | version is 'a b'",
        "version: v;models: {}                              | models is a map",
        "version: v;models: [{input: 1}]                    | models[0].model is missing",
        "version: v;models: [{model: m}]                    | models[0] has no price",
        "version: v;models: [{model: m, input: 1, x: 1}]    | models[0].x is no known key",
        "version: v;models: [{model: m, input: 1, characters: 1}] | models[0] has a price for characters beside",
        "version: v;models: [{model: m, input: 1, provider: Open AI}] | models[0].provider is 'Open AI'",
        "version: v;models: [{model: m, input: 1, checked: today}] | models[0].checked is 'today'",
        "version: v;models: [{model: m, input: 1, source: there}] | models[0].source is 'there'",
        "version: v;models: [{model: m, input: 1, above: [{input: 2}]}] | models[0].above[0].input_tokens is missing",
        "version: v;models: [{model: m, input: 1, above: [{input_tokens: 2, characters: 1}]}] | models[0].above[0] has a price for characters",
        "version: v;models: [{model: m, input: 1, above: [{input_tokens: 2, input: 1}, {input_tokens: 2, input: 1}]}] | models[0] has tiers out of order",
        "version: v;models: [{model: m, input: 1, times: [{input: 2}]}] | models[0].times[0] holds at no time",
        "version: v;models: [{model: m, input: 1, times: [{days: mo, input: 2}]}] | models[0].times[0].days is 'mo'",
        "version: v;models: [{model: m, input: 1, times: [{hours: '22:00-02:00', input: 2}]}] | models[0].times[0].hours is '22:00-02:00'",
        "version: v;models: [{model: m, input: 1, times: [{from: 2026-02-02, until: 2026-02-01, input: 2}]}] | models[0].times[0] ends before",
        "version: v;models: [{model: m, input: 1}, {model: n, aliases: m, input: 1}] | models[1] prices the name 'm' a second time, first on line 2",
        "version: v;models: [{model: m, input: 1, provider: a}, {model: m, provider: [b, a], input: 1}] | models[1] prices the name 'm' of a a second time"
      })
  void everyMistakeIsToldWithItsPlace(String yaml, String problem) {
    String text = yaml.replace(';', '\n');
    assertThat(problems(text))
        .anySatisfy(
            each -> {
              assertThat(each.toString()).startsWith("p.yaml:").contains(": " + problem);
              assertThat(each.expected()).isNotEmpty();
            });
  }

  @Test
  void oneNameCanHaveAPriceAtEachProvider() {
    PriceList list =
        parse(
            """
            version: v
            models:
              - {model: m, input: 1}
              - {model: m, input: 2, provider: a}
              - {model: m, input: 3, provider: b}
            """);

    assertThat(list.models()).hasSize(3);
  }

  private Path write(String yaml) throws IOException {
    return Files.writeString(dir.resolve("prices.yaml"), yaml);
  }

  private static @Nullable Cost cost(RelayConfig config, String model) {
    Usage usage = Counts.of(1000, 0, -1, -1, -1, Usage.Source.REPORTED);
    return config.prices().price(null, model, "openai", usage, Instant.EPOCH).cost();
  }

  @Test
  void theConfigurationsFileWinsOverThePricesThatTheRelayBrings() throws IOException {
    Path file = write("version: ours\nmodels: [{model: gpt-4o, input: 1}]");

    RelayConfig config = ConfigTexts.load("prices: {file: '" + file + "'}");

    assertThat(cost(config, "gpt-4o")).isEqualTo(new Cost(1_000_000_000L, "ours", false));
    assertThat(cost(config, "gpt-4o-mini"))
        .isEqualTo(new Cost(150_000_000L, PriceFile.shipped().version(), false));
    assertThat(cost(config.toBuilder().build(), "gpt-4o")).isEqualTo(cost(config, "gpt-4o"));
  }

  @Test
  void theBuilderReachesTheSame() throws IOException {
    Path file = write("version: ours\nmodels: [{model: gpt-4o, input: 1}]");

    assertThat(
            RelayConfig.builder()
                .prices(PriceFile.defaultTable().override(PriceFile.load(file)))
                .build()
                .prices())
        .usingRecursiveComparison()
        .isEqualTo(ConfigTexts.load("prices: {file: '" + file + "'}").prices());
  }

  @Test
  void withoutASectionThePricesAreThoseThatTheRelayBrings() {
    assertThat(ConfigTexts.load("").prices()).isSameAs(PriceFile.defaultTable());
    assertThat(RelayConfig.builder().build().prices()).isSameAs(PriceFile.defaultTable());
  }

  @Test
  void aFileThatIsNotThereIsAProblemOfTheKeyThatNamesIt() {
    assertThat(ConfigTexts.problems("prices: {file: nowhere.yaml}", Map.of()))
        .extracting(ConfigProblem::toString)
        .containsExactly(
            "test.yaml:1:16: prices.file is 'nowhere.yaml': the file does not exist"
                + " (expected: a YAML file, such as configs/config.yaml)");
  }

  @Test
  void mistakesInTheFileAreToldWithItsNameAfterTheConfigurationsOwn() throws IOException {
    Path file = write("version: v\nmodels: [{model: m, input: x}]");

    assertThat(
            ConfigTexts.problems(
                "\n\n\nprices: {file: '" + file + "'}\nserver: {port: x}", Map.of()))
        .extracting(problem -> problem.file() + ":" + problem.line() + " " + problem.key())
        .containsExactly("test.yaml:5 server.port", file + ":2 models[0].input");
  }
}
