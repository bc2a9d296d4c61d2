package io.streamrelay.metrics;

import io.prometheus.metrics.core.metrics.Histogram;
import io.streamrelay.ExchangeRecord;
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
    return record -> add(kind, record);
  }

  private void add(Kind kind, ExchangeRecord record) {
    if (record.usage().inputTokens() >= 0) {
      tokens.labelValues(kind.with("input")).observe((double) record.usage().inputTokens());
    }
    if (record.usage().outputTokens() >= 0) {
      tokens.labelValues(kind.with("output")).observe((double) record.usage().outputTokens());
    }
    String[] withError = kind.with(GenAiMetrics.errorType(record));
    operation
        .labelValues(withError)
        .observe(GenAiMetrics.sinceSent(record, record.durationNanos()));
    request.labelValues(withError).observe(Instruments.seconds(record.durationNanos()));
    long first = record.timings().timeToFirstTokenNanos();
    if (first >= 0) {
      firstToken.labelValues(kind.with()).observe(Instruments.seconds(first));
    }
    double each = ModelMetrics.secondsPerToken(record);
    if (each >= 0) {
      perToken.labelValues(kind.with()).observe(each);
    }
  }
}
