package io.streamrelay.jetty.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import io.streamrelay.config.PriceFile;
import io.streamrelay.price.PriceList;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/** {@code relay prices}: what it shows, imports and cannot import. */
class PricesCommandTest {
  private static final String GENAI =
      """
      [{"id": "openai", "pricing_urls": ["https://openai.com/api/pricing/"], "models": [
        {"id": "plain", "prices_checked": "2026-09-01",
         "match": {"or": [{"equals": "plain"}, {"equals": "plain-latest"}, {"starts_with": "plain-v"},
                          {"regex": "^plain-\\\\d{4}-\\\\d{2}-\\\\d{2}$"}]},
         "prices": {"input_mtok": 0.0375, "cache_read_mtok": 0.01, "cache_write_mtok": 0.05,
                    "output_mtok": 0.15, "input_audio_mtok": 1, "output_audio_mtok": 2}},
        {"id": "tiered", "match": {"equals": "tiered"},
         "prices": {"input_mtok": {"base": 1.25, "tiers": [{"start": 200000, "price": 2.5}]},
                    "output_mtok": {"base": 10, "tiers": [{"start": 200000, "price": 15},
                                                          {"start": 500000, "price": 20}]},
                    "cache_read_mtok": 0.125}},
        {"id": "dated", "match": {"equals": "dated"},
         "prices": [{"prices": {"input_mtok": 10}},
                    {"constraint": {"start_date": "2025-06-10"}, "prices": {"input_mtok": 2}},
                    {"constraint": {"start_time": "16:30:00Z", "end_time": "00:30:00Z"},
                     "prices": {"input_mtok": 1}}]},
        {"id": "free", "match": {"equals": "free"}, "prices": {}},
        {"id": "searching", "match": {"or": [{"equals": "searching"}, {"contains": "search"}]},
         "prices": {"input_mtok": 1, "web_searches_kcount": 10, "cache_write_1h_mtok": 2}},
        {"id": "second", "match": {"or": [{"equals": "plain"}, {"equals": "second"}]},
         "prices": {"input_mtok": 9}},
        {"id": "third", "match": {"equals": "plain"}, "prices": {"input_mtok": 9}},
        {"id": "fuzzy", "match": {"contains": "fuz"}, "prices": {"input_mtok": 1}},
        {"id": "thinking", "match": {"equals": "thinking"},
         "prices": {"input_mtok": 1, "output_mtok": 2, "output_reasoning_mtok": 3}},
        {"id": "alike", "match": {"equals": "alike"},
         "prices": {"input_mtok": 1, "output_mtok": 2, "output_reasoning_mtok": 2}},
        {"id": "tiny", "match": {"equals": "tiny"}, "prices": {"input_mtok": 0.0000001}},
        {"id": "odd", "match": {"equals": "odd"}, "prices": {"input_mtok": "1"}},
        {"id": "hourly", "match": {"equals": "hourly"}, "prices": {"audio_hours": 0.36}},
        {"id": "zoned", "match": {"equals": "zoned"},
         "prices": [{"prices": {"input_mtok": 2}},
                    {"constraint": {"start_time": "01:00:00+08:00", "end_time": "04:00:00+08:00"},
                     "prices": {"input_mtok": 1}}]}]},
       {"id": "google", "models": [
         {"id": "plain", "match": {"equals": "plain"}, "prices": {"input_mtok": 3}}]}]
      """;

  private static final String LITELLM =
      """
      {"sample_spec": {"input_cost_per_token": 0.0, "litellm_provider": "one of many"},
       "plain": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 1.5e-07,
                 "output_cost_per_token": 6e-07, "cache_read_input_token_cost": 7.5e-08,
                 "cache_creation_input_token_cost": 1.875e-07, "input_cost_per_audio_token": 1e-05,
                 "output_cost_per_audio_token": 2e-05, "source": "https://openai.com/api/pricing/"},
       "azure/plain": {"litellm_provider": "azure", "mode": "chat", "input_cost_per_token": 1e-06},
       "gemini/long": {"litellm_provider": "gemini", "mode": "chat",
                       "input_cost_per_token": 1.25e-06, "output_cost_per_token": 1e-05,
                       "input_cost_per_token_above_200k_tokens": 2.5e-06,
                       "output_cost_per_token_above_200k_tokens": 1.5e-05,
                       "input_cost_per_token_batches": 6.25e-07,
                       "search_context_cost_per_query": {"search_context_size_low": 0.035}},
       "dashscope/ranged": {"litellm_provider": "dashscope", "mode": "chat", "tiered_pricing": [
          {"input_cost_per_token": 5e-08, "output_cost_per_token": 4e-07, "range": [0, 256000.0]},
          {"input_cost_per_token": 2.5e-07, "output_cost_per_token": 2e-06, "range": [256000.0, 1e6]}]},
       "speech": {"litellm_provider": "openai", "mode": "audio_speech",
                  "input_cost_per_character": 1.5e-05},
       "embed": {"litellm_provider": "cohere", "mode": "embedding", "input_cost_per_token": 1.2e-07,
                 "output_cost_per_token": 0.0},
       "picture": {"litellm_provider": "openai", "mode": "image_generation",
                   "output_cost_per_image": 0.06},
       "spoken": {"litellm_provider": "openai", "mode": "audio_transcription",
                  "input_cost_per_second": 0.0001},
       "thinking": {"litellm_provider": "perplexity", "mode": "chat", "input_cost_per_token": 2e-06,
                    "output_cost_per_token": 8e-06, "output_cost_per_reasoning_token": 3e-06},
       "tiny": {"litellm_provider": "openai", "mode": "chat",
                "input_cost_per_token": 1.0000000000000001e-07},
       "gap": {"litellm_provider": "dashscope", "mode": "chat", "tiered_pricing": [
          {"input_cost_per_token": 5e-08, "range": [0, 1000]},
          {"input_cost_per_token": 5e-08, "range": [2000, 3000]}]},
       "openai/plain": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 1e-06}}
      """;

  @TempDir private Path dir;

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  private int run(String... args) {
    CommandLine line = Main.commandLine();
    line.setOut(new PrintWriter(out));
    line.setErr(new PrintWriter(err));
    int code = line.execute(args);
    line.getOut().flush();
    line.getErr().flush();
    return code;
  }

  private PriceList imported(String format, String json) throws IOException {
    Path file = Files.writeString(dir.resolve("collection.json"), json);
    assertThat(run("prices", "import", "--format", format, file.toString())).as("%s", err).isZero();
    return PriceFile.load(Files.writeString(dir.resolve("prices.yaml"), out.toString()));
  }

  private String written() {
    // The day of the import stands in the first two lines.
    return out.toString().lines().skip(3).map(line -> line + "\n").reduce("", String::concat);
  }

  @Test
  void genaiPricesBecomeAFileOfPrices() throws IOException {
    PriceList list = imported("genai-prices", GENAI);

    assertThat(list.version()).matches("genai-prices-\\d{4}-\\d\\d-\\d\\d");
    assertThat(written())
        .isEqualTo(
            """
              - model: plain
                aliases: [plain-latest]
                prefixes: [plain-v]
                provider: [openai]
                input: 0.0375
                cache_read: 0.01
                cache_write: 0.05
                audio_input: 1
                output: 0.15
                audio_output: 2
                source: "https://openai.com/api/pricing/"
                via: genai-prices
                checked: 2026-09-01
              - model: tiered
                provider: [openai]
                input: 1.25
                cache_read: 0.125
                output: 10
                above:
                  - {input_tokens: 200000, input: 2.5, output: 15}
                  - {input_tokens: 500000, input: 2.5, output: 20}
                source: "https://openai.com/api/pricing/"
                via: genai-prices
              - model: dated
                provider: [openai]
                input: 10
                times:
                  - from: 2025-06-10
                    input: 2
                  - hours: ["00:00-00:30", "16:30-24:00"]
                    input: 1
                source: "https://openai.com/api/pricing/"
                via: genai-prices
              - model: free
                provider: [openai]
                input: 0
                output: 0
                source: "https://openai.com/api/pricing/"
                via: genai-prices
              - model: searching
                provider: [openai]
                input: 1
                source: "https://openai.com/api/pricing/"
                via: genai-prices
              - model: second
                provider: [openai]
                input: 9
                source: "https://openai.com/api/pricing/"
                via: genai-prices
              - model: alike
                provider: [openai]
                input: 1
                output: 2
                source: "https://openai.com/api/pricing/"
                via: genai-prices
              - model: plain
                provider: [gcp.gemini, gcp.gen_ai, gcp.vertex_ai]
                input: 3
                via: genai-prices
            """);
  }

  @Test
  void whatGenaiPricesSayAndAFileCannotIsListed() throws IOException {
    imported("genai-prices", GENAI);

    assertThat(err.toString().lines())
        .containsExactly(
            "imported in part: openai searching: without contains \"search\","
                + " web_searches_kcount, cache_write_1h_mtok",
            "imported in part: openai second: without 'plain', which an earlier one has",
            "left out: openai third: an earlier one has its names",
            "left out: openai fuzzy: its name is matched by contains \"fuz\" only",
            "left out: openai thinking: it has a price that usage has no count for:"
                + " output_reasoning_mtok",
            "left out: openai tiny: input_mtok is 0.0000001 dollars for a million (expected: 0 to"
                + " 1000000 with at most 6 digits after the point)",
            "left out: openai odd: input_mtok is no number",
            "left out: openai hourly: it has a price that usage has no count for: audio_hours",
            "left out: openai zoned: it has a price for some times that are no dates and no hours"
                + " in UTC: {\"start_time\":\"01:00:00+08:00\",\"end_time\":\"04:00:00+08:00\"}",
            "8 imported, 7 left out");
  }

  @Test
  void liteLlmsPricesBecomeAFileOfPrices() throws IOException {
    PriceList list = imported("litellm", LITELLM);

    assertThat(list.version()).matches("litellm-\\d{4}-\\d\\d-\\d\\d");
    assertThat(written())
        .isEqualTo(
            """
              - model: plain
                provider: [openai]
                input: 0.15
                cache_read: 0.075
                cache_write: 0.1875
                audio_input: 10
                output: 0.6
                audio_output: 20
                source: "https://openai.com/api/pricing/"
                via: litellm
              - model: plain
                provider: [azure.ai.inference, azure.ai.openai]
                input: 1
                via: litellm
              - model: long
                provider: [gcp.gemini]
                input: 1.25
                output: 10
                above:
                  - {input_tokens: 200000, input: 2.5, output: 15}
                via: litellm
              - model: ranged
                provider: [alibaba.dashscope]
                input: 0.05
                output: 0.4
                above:
                  - {input_tokens: 256000, input: 0.25, output: 2}
                via: litellm
              - model: speech
                provider: [openai]
                characters: 15
                via: litellm
              - model: embed
                provider: [cohere]
                input: 0.12
                output: 0
                via: litellm
            """);
  }

  @Test
  void whatLiteLlmSaysAndAFileCannotIsListed() throws IOException {
    imported("litellm", LITELLM);

    assertThat(err.toString().lines())
        .containsExactly(
            "imported in part: gemini/long: without input_cost_per_token_batches,"
                + " search_context_cost_per_query",
            "left out: picture: it is for image_generation",
            "left out: spoken: it has no price for tokens or characters",
            "left out: thinking: its reasoning has a price other than the rest of its output",
            "left out: tiny: input_cost_per_token is 0.10000000000000001 dollars for a million"
                + " (expected: 0 to 1000000 with at most 6 digits after the point)",
            "left out: gap: its tiered_pricing has a range that does not begin where the one"
                + " before it ends",
            "left out: openai/plain: an earlier one has its names",
            "6 imported, 6 left out");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "genai-prices | {}  | is none of genai-prices: the top level is no list",
        "genai-prices | []  | has no price that can be imported",
        "litellm      | []  | is none of litellm: the top level is no map",
        "litellm      | {\"a\" | is not JSON: "
      })
  void aFileOfAnotherKindIsRefused(String format, String json, String problem) throws IOException {
    Path file = Files.writeString(dir.resolve("x.json"), json);

    assertThat(run("prices", "import", "--format", format, file.toString())).isEqualTo(2);
    assertThat(out.toString()).isEmpty();
    assertThat(err.toString()).startsWith(file + " " + problem);
  }

  @Test
  void aFileThatIsNotThereIsRefused() {
    assertThat(run("prices", "import", "--format", "litellm", "nowhere.json")).isEqualTo(2);
    assertThat(err.toString()).startsWith("nowhere.json cannot be read: ");
  }

  @ParameterizedTest
  @ValueSource(strings = {"prices", "prices import", "prices import --format csv x", "prices look"})
  void aWrongCommandLineGetsOneLine(String args) {
    assertThat(run(args.split(" "))).isEqualTo(2);
    assertThat(out.toString()).isEmpty();
    assertThat(err.toString().lines()).hasSize(1);
    assertThat(err.toString()).contains("(see --help)");
  }

  @Test
  void showTellsThePriceOfAModelAndWhereItIsFrom() {
    assertThat(run("prices", "show", "claude-sonnet-4-5-20250929", "--config", "")).isZero();
    assertThat(out.toString())
        .isEqualTo(
            """
            # prices %s
              - model: claude-sonnet-4-5
                provider: [anthropic]
                input: 3
                cache_read: 0.3
                cache_write: 3.75
                output: 15
                above:
                  - {input_tokens: 200000, input: 6, cache_read: 0.6, cache_write: 7.5, output: 22.5}
                source: "https://platform.claude.com/docs/en/about-claude/pricing"
                via: "@pydantic/genai-prices 0.1.8"
                checked: 2026-09-23
            """
                .formatted(PriceFile.shipped().version()));
    assertThat(err.toString()).isEmpty();
  }

  @Test
  void showTellsThePricesOfTheConfigurationsFile() throws IOException {
    Path prices =
        Files.writeString(
            dir.resolve("p.yaml"),
            "version: ours\nmodels: [{model: gpt-4o, input: 1}, {model: own, characters: 2}]");
    Path config =
        Files.writeString(
            dir.resolve("c.yaml"),
            """
            prices: {file: '%s'}
            routes: [{name: r, path: /r, upstream: 'https://r.example'}]
            auth: {enabled: false}
            """
                .formatted(prices));

    assertThat(run("prices", "show", "gpt-4o", "--config", config.toString())).isZero();
    assertThat(run("prices", "show", "own", "--config", config.toString())).isZero();
    assertThat(out.toString())
        .isEqualTo(
            """
            # prices ours
              - model: gpt-4o
                input: 1
            # prices ours
              - model: own
                characters: 2
            """);
    Files.writeString(prices, "version: ours\nmodels: [{model: gpt-4o, input: x}]");
    assertThat(run("prices", "show", "--config", config.toString())).isEqualTo(2);
    assertThat(err.toString()).startsWith(prices + ":2:");
  }

  @Test
  void showTellsThatAModelHasNoPrice() {
    assertThat(run("prices", "show", "gpt-4o", "--provider", "groq", "--config", "")).isEqualTo(1);
    assertThat(out.toString()).isEmpty();
    assertThat(err.toString()).startsWith("'gpt-4o' has no price of groq; ");
  }

  @Test
  void showWithoutAModelNamesAll() {
    assertThat(run("prices", "show", "--config", "")).isZero();
    assertThat(out.toString().lines()).hasSameSizeAs(PriceFile.shipped().models());
    assertThat(out.toString()).contains("command-r7b  cohere  " + PriceFile.shipped().version());
  }
}
