package io.streamrelay.metrics;

import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.Histogram;
import io.streamrelay.ExchangeRecord;
import io.streamrelay.observe.Usage;
import io.streamrelay.price.Cost;
import io.streamrelay.price.Unpriced;

/**
 * What is told by route and model: tokens, cost, and how quickly they came.
 *
 * <p>A series begins with the first exchange that knows its number: what is not known leaves no
 * zero behind.
 */
final class ModelMetrics {
  private static final double PICO_PER_USD = 1e12;

  private static final double[] FIRST_TOKEN_BOUNDS = {
    .01, .025, .05, .1, .2, .3, .5, .75, 1, 1.5, 2.5, 5, 10, 20, 40, 60
  };
  private static final double[] PER_TOKEN_BOUNDS = {
    .001, .0025, .005, .01, .015, .025, .05, .075, .1, .2, .4, 1, 2.5
  };

  private final Histogram timeToFirstToken;
  private final Histogram timePerToken;
  private final Counter tokens;
  private final Counter details;
  private final Counter characters;
  private final Counter cost;
  private final Counter unpriced;

  ModelMetrics(Instruments make) {
    timeToFirstToken =
        make.traced(
            "relay_time_to_first_token_seconds",
            "Seconds from a request to the first event with content handed to the client.",
            FIRST_TOKEN_BOUNDS,
            "route",
            "model");
    timePerToken =
        make.histogram(
            "relay_time_per_output_token_seconds",
            "Seconds from the first event with content to the last, divided by the output tokens"
                + " less one: of streams with two tokens or more whose provider reported them.",
            PER_TOKEN_BOUNDS,
            "route",
            "model");
    tokens =
        make.counter(
            "relay_tokens_total",
            "Tokens, input with cached ones and output with reasoning, as reported by the provider"
                + " or else estimated.",
            "route",
            "model",
            "type");
    details =
        make.counter(
            "relay_token_details_total",
            "Parts of relay_tokens_total, not to be added to it or to each other.",
            "route",
            "model",
            "type");
    characters =
        make.counter(
            "relay_characters_total",
            "Characters of text that were to be spoken.",
            "route",
            "model");
    cost =
        make.counter(
            "relay_cost_usd_total",
            "US dollars by list prices, without exchanges that could not be priced.",
            "route",
            "model");
    unpriced =
        make.counter(
            "relay_unpriced_total",
            "Answers with a 2xx to requests to a model whose cost is not known, by why.",
            "route",
            "model",
            "reason");
  }

  Tally forModel(String route, String model) {
    return new PerModel(route, model);
  }

  private final class PerModel implements Tally {
    private final String route;
    private final String model;
    private final LazyCounter input;
    private final LazyCounter output;
    private final LazyCounter cacheRead;
    private final LazyCounter cacheWrite;
    private final LazyCounter reasoning;
    private final LazyCounter audioInput;
    private final LazyCounter audioOutput;
    private final LazyCounter text;
    private final LazyCounter usd;
    private final LazyHistogram firstToken;
    private final LazyHistogram perToken;

    PerModel(String route, String model) {
      this.route = route;
      this.model = model;
      input = new LazyCounter(tokens, route, model, "input");
      output = new LazyCounter(tokens, route, model, "output");
      cacheRead = new LazyCounter(details, route, model, "cache_read");
      cacheWrite = new LazyCounter(details, route, model, "cache_write");
      reasoning = new LazyCounter(details, route, model, "reasoning");
      audioInput = new LazyCounter(details, route, model, "audio_input");
      audioOutput = new LazyCounter(details, route, model, "audio_output");
      text = new LazyCounter(characters, route, model);
      usd = new LazyCounter(cost, route, model);
      firstToken = new LazyHistogram(timeToFirstToken, route, model);
      perToken = new LazyHistogram(timePerToken, route, model);
    }

    @Override
    public void add(ExchangeRecord record) {
      Usage usage = record.usage();
      input.add(usage.inputTokens());
      output.add(usage.outputTokens());
      cacheRead.add(usage.cacheReadTokens());
      cacheWrite.add(usage.cacheWriteTokens());
      reasoning.add(usage.reasoningTokens());
      audioInput.add(usage.audioInputTokens());
      audioOutput.add(usage.audioOutputTokens());
      text.add(usage.inputCharacters());
      Cost known = record.cost();
      if (known != null) {
        usd.add(known.picoUsd() / PICO_PER_USD);
      }
      Unpriced why = record.unpriced();
      if (why != null) {
        unpriced.labelValues(route, model, why.label()).inc();
      }
      firstToken.observe(
          Instruments.secondsIfKnown(record.timings().timeToFirstTokenNanos()),
          Traces.exemplar(record));
      perToken.observe(secondsPerToken(record));
    }
  }

  /** Negative if it cannot be told. */
  static double secondsPerToken(ExchangeRecord record) {
    Usage usage = record.usage();
    long output = record.timings().outputNanos();
    return !record.isStream()
            || usage.source() != Usage.Source.REPORTED
            || usage.outputTokens() < 2
            || output < 0
        ? -1
        : Instruments.seconds(output) / (usage.outputTokens() - 1);
  }
}
