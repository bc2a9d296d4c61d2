package io.streamrelay.otel;

import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.StatusCode;
import io.streamrelay.Abandonment;
import io.streamrelay.EndReason;
import io.streamrelay.ExchangeRecord;
import io.streamrelay.error.ErrorCode;
import io.streamrelay.observe.Usage;
import io.streamrelay.price.Cost;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Tells spans what the record of their exchange knows. */
final class EndOfSpans {
  /** Of a dollar. */
  private static final double PICO = 1e-12;

  /** What stands in a record where a client left before there was a status; nobody got it. */
  private static final int LEFT_BEFORE_STATUS = 499;

  private EndOfSpans() {}

  /** The exchange's: OpenTelemetry's conventions for HTTP servers. */
  static void server(Span span, ExchangeRecord record) {
    span.setAttribute(Keys.REQUEST_ID, record.requestId());
    span.setAttribute(Keys.TENANT, record.tenant());
    span.setAttribute(Keys.END, record.end().label());
    boolean left = record.end() == EndReason.CLIENT_GONE;
    int status = record.status();
    if (!left || status != LEFT_BEFORE_STATUS || record.upstreamStatus() == status) {
      span.setAttribute(Keys.HTTP_STATUS, (long) status);
    }
    Cost cost = record.cost();
    if (cost != null) {
      span.setAttribute(Keys.COST, cost.picoUsd() * PICO);
    }
    boolean toldOtherwise = status < 400 && record.end() != EndReason.COMPLETE;
    if (left || status >= 500 || toldOtherwise) {
      failed(span, record, status);
    }
  }

  /**
   * The upstream request's: OpenTelemetry's conventions for GenAI clients. Its status was told with
   * the head.
   */
  static void client(Span span, ExchangeRecord record, long toFirstByteNanos) {
    String operation = record.operation();
    String model = record.model();
    if (operation != null) {
      span.updateName(
          model == null ? operation : operation + ' ' + OpenTelemetryTracing.clean(model));
      span.setAttribute(Keys.OPERATION, operation);
      span.setAttribute(Keys.REQUEST_STREAM, record.isStream());
    }
    text(span, Keys.RESPONSE_MODEL, record.responseModel());
    String finish = record.finishReason();
    if (finish != null) {
      span.setAttribute(Keys.FINISH_REASONS, List.of(OpenTelemetryTracing.clean(finish)));
    }
    if (record.isStream() && toFirstByteNanos >= 0) {
      span.setAttribute(Keys.TIME_TO_FIRST_CHUNK, toFirstByteNanos / 1e9);
    }
    usage(span, record.usage());
    boolean readOn = record.abandonment() == Abandonment.DRAIN;
    boolean refused = record.upstreamStatus() >= 400;
    if (!refused && !readOn && record.end() != EndReason.COMPLETE) {
      failed(span, record, 0);
    }
  }

  private static void usage(Span span, Usage usage) {
    if (usage.source() == Usage.Source.NONE) {
      return;
    }
    span.setAttribute(Keys.USAGE_SOURCE, usage.source().label());
    if (usage.source() == Usage.Source.ESTIMATED) {
      return;
    }
    count(span, Keys.INPUT_TOKENS, usage.inputTokens());
    count(span, Keys.OUTPUT_TOKENS, usage.outputTokens());
    count(span, Keys.CACHE_READ, usage.cacheReadTokens());
    count(span, Keys.CACHE_WRITE, usage.cacheWriteTokens());
    count(span, Keys.REASONING, usage.reasoningTokens());
    count(span, Keys.AUDIO_INPUT, usage.audioInputTokens());
    count(span, Keys.AUDIO_OUTPUT, usage.audioOutputTokens());
  }

  private static void failed(Span span, ExchangeRecord record, int status) {
    ErrorCode error = record.error();
    boolean upstreams = error == null && status >= 500;
    span.setAttribute(
        Keys.ERROR_TYPE,
        upstreams ? Integer.toString(status) : error != null ? error.code() : record.end().label());
    span.setStatus(StatusCode.ERROR);
  }

  private static void count(Span span, AttributeKey<Long> key, long count) {
    if (count >= 0) {
      span.setAttribute(key, count);
    }
  }

  private static void text(Span span, AttributeKey<String> key, @Nullable String value) {
    if (value != null) {
      span.setAttribute(key, OpenTelemetryTracing.clean(value));
    }
  }
}
