package io.streamrelay.metrics;

import io.prometheus.metrics.core.metrics.Histogram;
import io.streamrelay.ExchangeRecord;
import io.streamrelay.metrics.GenAiMetrics.ByError;
import io.streamrelay.metrics.GenAiMetrics.Kind;

/** The first generation, which other gateways emit. */
final class GenAiA implements GenAiMetrics.Generation {
  private final Histogram tokens;
  private final Histogram operation;
  private final Histogram request;
  private final Histogram firstToken;
  private final Histogram perToken;

  GenAiA(Instruments make) {
    tokens =
        make.histogram(
            "gen_ai_client_token_usage",
            "Input and output tokens of an operation, where they are known.",
            GenAiMetrics.TOKEN_BOUNDS,
            Kind.names("gen_ai_token_type"));
    operation =
        make.histogram(
            "gen_ai_client_operation_duration_seconds",
            "Seconds from sending a request upstream to the end of its exchange.",
            GenAiMetrics.DURATION_BOUNDS,
            Kind.names(GenAiMetrics.ERROR));
    request =
        make.histogram(
            "gen_ai_server_request_duration_seconds",
            "Seconds from a request to the relay to the end of its exchange.",
            GenAiMetrics.DURATION_BOUNDS,
            Kind.names(GenAiMetrics.ERROR));
    firstToken =
        make.histogram(
            "gen_ai_server_time_to_first_token_seconds",
            "Seconds from a request to the relay to the first event with content.",
            GenAiMetrics.FIRST_BOUNDS,
            Kind.names());
    perToken =
        make.histogram(
            "gen_ai_server_time_per_output_token_seconds",
            "Seconds for each output token after the first, where the provider reported them.",
            GenAiMetrics.EACH_BOUNDS,
            Kind.names());
  }

  @Override
  public Tally forKind(Kind kind) {
    return new PerKind(kind);
  }

  private final class PerKind implements Tally {
    private final LazyHistogram input;
    private final LazyHistogram output;
    private final ByError operations;
    private final ByError requests;
    private final LazyHistogram first;
    private final LazyHistogram each;

    PerKind(Kind kind) {
      input = new LazyHistogram(tokens, kind.with("input"));
      output = new LazyHistogram(tokens, kind.with("output"));
      operations = new ByError(operation, kind);
      requests = new ByError(request, kind);
      first = new LazyHistogram(firstToken, kind.with());
      each = new LazyHistogram(perToken, kind.with());
    }

    @Override
    public void add(ExchangeRecord record) {
      input.observe((double) record.usage().inputTokens());
      output.observe((double) record.usage().outputTokens());
      String error = GenAiMetrics.errorType(record);
      operations.observe(error, GenAiMetrics.sinceSent(record, record.durationNanos()));
      requests.observe(error, Instruments.seconds(record.durationNanos()));
      first.observe(Instruments.secondsIfKnown(record.timings().timeToFirstTokenNanos()));
      each.observe(ModelMetrics.secondsPerToken(record));
    }
  }
}
