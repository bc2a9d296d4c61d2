package io.streamrelay.metrics;

import static org.assertj.core.api.Assertions.assertThat;

import io.prometheus.metrics.model.registry.PrometheusRegistry;
import io.streamrelay.EndReason;
import io.streamrelay.config.PrometheusConfig;
import io.streamrelay.config.Semconv;
import io.streamrelay.error.ErrorCode;
import io.streamrelay.observe.Usage;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** The numbers under the names of OpenTelemetry's conventions. */
class GenAiMetricsTest {
  private static final String[] LABELS = {
    "gen_ai_operation_name", "chat",
    "gen_ai_provider_name", "openai",
    "gen_ai_request_model", "gpt-4o",
    "gen_ai_response_model", "gpt-4o-2024-08-06"
  };

  private final PrometheusRegistry registry = new PrometheusRegistry();

  private RelayMetrics metrics(Semconv semconv) {
    return new RelayMetrics(
        registry, PrometheusConfig.builder().semconv(semconv).build(), Set.of());
  }

  private double sum(String name, String... labels) {
    return Scraped.of(registry).sum(name, labels);
  }

  private static String[] labelsAnd(String... more) {
    String[] all = java.util.Arrays.copyOf(LABELS, LABELS.length + more.length);
    System.arraycopy(more, 0, all, LABELS.length, more.length);
    return all;
  }

  @Test
  void theFirstGenerationHasItsFiveNames() {
    metrics(Semconv.A).onEnd(Samples.full().build());
    assertThat(sum("gen_ai_client_token_usage_sum", labelsAnd("gen_ai_token_type", "input")))
        .isEqualTo(100);
    assertThat(sum("gen_ai_client_token_usage_sum", labelsAnd("gen_ai_token_type", "output")))
        .isEqualTo(11);
    assertThat(sum("gen_ai_client_operation_duration_seconds_sum", LABELS)).isEqualTo(2);
    assertThat(sum("gen_ai_server_request_duration_seconds_sum", LABELS)).isEqualTo(2.005);
    assertThat(sum("gen_ai_server_time_to_first_token_seconds_sum", LABELS)).isEqualTo(.305);
    assertThat(sum("gen_ai_server_time_per_output_token_seconds_sum", LABELS)).isEqualTo(.1);
    assertThat(Scraped.of(registry).names().stream().filter(name -> name.startsWith("gen_ai_")))
        .hasSize(5);
  }

  @Test
  void theNewestCountsFromWhenTheRequestWentUpstream() {
    metrics(Semconv.C).onEnd(Samples.full().build());
    assertThat(sum("gen_ai_client_inference_duration_seconds_sum", LABELS)).isEqualTo(2);
    assertThat(sum("gen_ai_client_inference_time_to_first_chunk_seconds_sum", LABELS))
        .isEqualTo(.2);
    assertThat(sum("gen_ai_client_inference_operation_input_tokens_sum", LABELS)).isEqualTo(100);
    assertThat(sum("gen_ai_client_inference_operation_output_tokens_sum", LABELS)).isEqualTo(11);
  }

  @Test
  void theNewestCountsEveryGapBetweenChunks() {
    RelayMetrics metrics = metrics(Semconv.C);
    metrics.onEnd(Samples.full().build());
    metrics.onEnd(Samples.full().build());
    String name = "gen_ai_client_inference_time_per_output_chunk_seconds";
    assertThat(sum(name + "_count", LABELS)).isEqualTo(6);
    assertThat(sum(name + "_sum", LABELS)).isEqualTo(2 * 9.07);
    assertThat(sum(name + "_bucket", labelsAnd("le", "0.01"))).isEqualTo(2);
    assertThat(sum(name + "_bucket", labelsAnd("le", "0.05"))).isEqualTo(2);
    assertThat(sum(name + "_bucket", labelsAnd("le", "0.075"))).isEqualTo(4);
    assertThat(sum(name + "_bucket", labelsAnd("le", "2.5"))).isEqualTo(4);
    assertThat(sum(name + "_bucket", labelsAnd("le", "+Inf"))).isEqualTo(6);
  }

  @Test
  void theNewestTellsAudioFromWhatIsNotToldApart() {
    metrics(Semconv.C).onEnd(Samples.full().build());
    String input = "gen_ai_client_inference_usage_input_tokens_total";
    assertThat(sum(input, labelsAnd("gen_ai_token_modality", "audio"))).isEqualTo(30);
    assertThat(sum(input, labelsAnd("gen_ai_token_modality", "unknown"))).isEqualTo(70);
    assertThat(sum("gen_ai_client_inference_usage_output_tokens_total")).isEqualTo(11);
    assertThat(sum("gen_ai_client_inference_usage_cache_read_input_tokens_total")).isEqualTo(60);
    assertThat(sum("gen_ai_client_inference_usage_cache_write_input_tokens_total")).isEqualTo(20);
    assertThat(sum("gen_ai_client_inference_usage_reasoning_output_tokens_total")).isEqualTo(4);
  }

  @Test
  void theNewestCountsAnInferenceWithoutUsageAsNoTokens() {
    metrics(Semconv.C).onEnd(Samples.full().usage(Usage.NONE).build());
    assertThat(
            sum(
                "gen_ai_client_inference_usage_input_tokens_total",
                "gen_ai_token_modality",
                "unknown"))
        .isZero();
    assertThat(sum("gen_ai_client_inference_operation_input_tokens_count")).isEqualTo(1);
  }

  @Test
  void theNewestTimesOtherOperationsByThemselves() {
    metrics(Semconv.C).onEnd(Samples.full().operation("embeddings").build());
    assertThat(
            sum(
                "gen_ai_client_operation_duration_seconds_count",
                "gen_ai_operation_name",
                "embeddings"))
        .isEqualTo(1);
    assertThat(sum("gen_ai_client_inference_duration_seconds_count")).isEqualTo(-1);
  }

  @Test
  void anAnswerThatIsNoStreamHasNoChunks() {
    metrics(Semconv.C).onEnd(Samples.full().stream(false).build());
    assertThat(sum("gen_ai_client_inference_time_to_first_chunk_seconds_count")).isEqualTo(-1);
    assertThat(sum("gen_ai_client_inference_time_per_output_chunk_seconds_count")).isEqualTo(-1);
  }

  @Test
  void errorsHaveAType() {
    RelayMetrics metrics = metrics(Semconv.A);
    metrics.onEnd(Samples.full().build());
    metrics.onEnd(
        Samples.bare().status(429).upstreamStatus(429).end(EndReason.UPSTREAM_REFUSED).build());
    metrics.onEnd(
        Samples.bare()
            .upstreamStatus(0)
            .end(EndReason.FIRST_BYTE_TIMEOUT)
            .error(ErrorCode.UPSTREAM_FIRST_BYTE_TIMEOUT)
            .build());
    metrics.onEnd(Samples.bare().end(EndReason.CLIENT_GONE).build());
    metrics.onEnd(Samples.bare().upstreamStatus(999).end(EndReason.UPSTREAM_REFUSED).build());
    String name = "gen_ai_server_request_duration_seconds_count";
    assertThat(sum(name, "error_type", "")).isEqualTo(1);
    assertThat(sum(name, "error_type", "429")).isEqualTo(1);
    assertThat(sum(name, "error_type", "upstream_first_byte_timeout")).isEqualTo(1);
    assertThat(sum(name, "error_type", "client_gone")).isEqualTo(1);
    assertThat(sum(name, "error_type", "_OTHER")).isEqualTo(1);
  }

  @Test
  void whatIsNoOperationOrWasNeverSentIsNotCounted() {
    RelayMetrics metrics = metrics(Semconv.A);
    metrics.onEnd(Samples.full().operation(null).build());
    metrics.onEnd(Samples.full().attempts(0).build());
    assertThat(sum("gen_ai_server_request_duration_seconds_count")).isEqualTo(-1);
  }
}
