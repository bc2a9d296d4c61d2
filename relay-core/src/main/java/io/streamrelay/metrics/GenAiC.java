package io.streamrelay.metrics;

import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.Histogram;
import io.streamrelay.ExchangeRecord;
import io.streamrelay.metrics.GenAiMetrics.ByError;
import io.streamrelay.metrics.GenAiMetrics.Kind;
import io.streamrelay.observe.ChunkGaps;
import io.streamrelay.observe.Usage;
import java.util.Set;

/**
 * The newest generation. Inference has metrics of its own there; other operations, such as
 * embeddings, have their duration alone. As it wants it, an inference without known usage counts as
 * one of 0 tokens.
 */
final class GenAiC implements GenAiMetrics.Generation {
  private static final Set<String> INFERENCE =
      Set.of("chat", "text_completion", "generate_content");

  private static final String UNKNOWN = "unknown";
  private static final String AUDIO = "audio";

  private final Histogram otherDuration;
  private final Histogram duration;
  private final Histogram firstChunk;
  private final GapHistogram perChunk;
  private final Counter input;
  private final Counter output;
  private final Counter cacheRead;
  private final Counter cacheWrite;
  private final Counter reasoning;
  private final Histogram inputPerOperation;
  private final Histogram outputPerOperation;

  GenAiC(Instruments make) {
    otherDuration =
        make.histogram(
            "gen_ai_client_operation_duration_seconds",
            "Seconds from sending a request other than for inference upstream to the end of its"
                + " exchange.",
            GenAiMetrics.DURATION_BOUNDS,
            Kind.names(GenAiMetrics.ERROR));
    duration =
        make.histogram(
            "gen_ai_client_inference_duration_seconds",
            "Seconds from sending a request for inference upstream to the end of its exchange.",
            GenAiMetrics.DURATION_BOUNDS,
            Kind.names(GenAiMetrics.ERROR));
    firstChunk =
        make.histogram(
            "gen_ai_client_inference_time_to_first_chunk_seconds",
            "Seconds from sending a request for a stream upstream to its first chunk.",
            GenAiMetrics.FIRST_BOUNDS,
            Kind.names());
    perChunk =
        make.add(
            new GapHistogram(
                "gen_ai_client_inference_time_per_output_chunk_seconds",
                "Seconds from each chunk of a stream to the next, as they were handed on.",
                Kind.names()));
    String[] byModality = Kind.names("gen_ai_token_modality");
    input =
        make.counter(
            "gen_ai_client_inference_usage_input_tokens_total",
            "Input tokens, with cached ones.",
            byModality);
    output =
        make.counter(
            "gen_ai_client_inference_usage_output_tokens_total",
            "Output tokens, with reasoning.",
            byModality);
    cacheRead =
        make.counter(
            "gen_ai_client_inference_usage_cache_read_input_tokens_total",
            "Input tokens that came from the provider's cache: a part of all input tokens.",
            byModality);
    cacheWrite =
        make.counter(
            "gen_ai_client_inference_usage_cache_write_input_tokens_total",
            "Input tokens that went to the provider's cache: a part of all input tokens.",
            byModality);
    reasoning =
        make.counter(
            "gen_ai_client_inference_usage_reasoning_output_tokens_total",
            "Output tokens of reasoning: a part of all output tokens.",
            byModality);
    inputPerOperation =
        make.histogram(
            "gen_ai_client_inference_operation_input_tokens",
            "Input tokens of an operation; 0 where they are not known.",
            GenAiMetrics.TOKEN_BOUNDS,
            Kind.names(GenAiMetrics.ERROR));
    outputPerOperation =
        make.histogram(
            "gen_ai_client_inference_operation_output_tokens",
            "Output tokens of an operation; 0 where they are not known.",
            GenAiMetrics.TOKEN_BOUNDS,
            Kind.names(GenAiMetrics.ERROR));
  }

  @Override
  public Tally forKind(Kind kind) {
    if (INFERENCE.contains(kind.operation())) {
      return new PerKind(kind);
    }
    ByError durations = new ByError(otherDuration, kind);
    return record ->
        durations.observe(
            GenAiMetrics.errorType(record), GenAiMetrics.sinceSent(record, record.durationNanos()));
  }

  private final class PerKind implements Tally {
    private final ByError durations;
    private final LazyHistogram first;
    private final String[] labels;
    private final ByModality inputs;
    private final ByModality outputs;
    private final ByModality cacheReads;
    private final ByModality cacheWrites;
    private final ByModality reasonings;
    private final ByError inputSizes;
    private final ByError outputSizes;

    PerKind(Kind kind) {
      durations = new ByError(duration, kind);
      first = new LazyHistogram(firstChunk, kind.with());
      labels = kind.with();
      inputs = new ByModality(input, kind);
      outputs = new ByModality(output, kind);
      cacheReads = new ByModality(cacheRead, kind);
      cacheWrites = new ByModality(cacheWrite, kind);
      reasonings = new ByModality(reasoning, kind);
      inputSizes = new ByError(inputPerOperation, kind);
      outputSizes = new ByError(outputPerOperation, kind);
    }

    @Override
    public void add(ExchangeRecord record) {
      Usage usage = record.usage();
      String error = GenAiMetrics.errorType(record);
      durations.observe(error, GenAiMetrics.sinceSent(record, record.durationNanos()));
      if (record.isStream() && record.timeToFirstByteNanos() >= 0) {
        first.observe(GenAiMetrics.sinceSent(record, record.timeToFirstByteNanos()));
      }
      ChunkGaps counted = record.chunkGaps();
      if (counted != null && record.isStream()) {
        perChunk.labelValues(labels).add(counted);
      }
      inputs.add(usage.inputTokens(), usage.audioInputTokens());
      outputs.add(usage.outputTokens(), usage.audioOutputTokens());
      cacheReads.add(usage.cacheReadTokens(), 0);
      cacheWrites.add(usage.cacheWriteTokens(), 0);
      reasonings.add(usage.reasoningTokens(), 0);
      inputSizes.observe(error, (double) Math.max(0, usage.inputTokens()));
      outputSizes.observe(error, (double) Math.max(0, usage.outputTokens()));
    }
  }

  /** Of what is not audio it is not told whether it is text or an image. */
  private static final class ByModality {
    private final LazyCounter audio;
    private final LazyCounter unknown;

    ByModality(Counter counter, Kind kind) {
      audio = new LazyCounter(counter, kind.with(AUDIO));
      unknown = new LazyCounter(counter, kind.with(UNKNOWN));
    }

    void add(long all, long ofAudio) {
      long known = Math.max(0, all);
      long spoken = Math.min(Math.max(0, ofAudio), known);
      if (spoken > 0) {
        audio.add(spoken);
      }
      unknown.add(known - spoken);
    }
  }
}
