package io.streamrelay.otel;

import static io.opentelemetry.api.common.AttributeKey.booleanKey;
import static io.opentelemetry.api.common.AttributeKey.doubleKey;
import static io.opentelemetry.api.common.AttributeKey.longKey;
import static io.opentelemetry.api.common.AttributeKey.stringArrayKey;
import static io.opentelemetry.api.common.AttributeKey.stringKey;

import io.opentelemetry.api.common.AttributeKey;
import java.util.List;

/**
 * Names of attributes: OpenTelemetry's semantic conventions for HTTP (stable, 1.44) and GenAI (in
 * development, 0.1), and what only a relay has to tell.
 */
final class Keys {
  static final AttributeKey<String> HTTP_METHOD = stringKey("http.request.method");
  static final AttributeKey<String> HTTP_ROUTE = stringKey("http.route");
  static final AttributeKey<Long> HTTP_STATUS = longKey("http.response.status_code");
  static final AttributeKey<String> URL_PATH = stringKey("url.path");
  static final AttributeKey<String> SERVER_ADDRESS = stringKey("server.address");
  static final AttributeKey<Long> SERVER_PORT = longKey("server.port");
  static final AttributeKey<String> ERROR_TYPE = stringKey("error.type");

  static final AttributeKey<String> OPERATION = stringKey("gen_ai.operation.name");
  static final AttributeKey<String> PROVIDER = stringKey("gen_ai.provider.name");
  static final AttributeKey<String> REQUEST_MODEL = stringKey("gen_ai.request.model");
  static final AttributeKey<Boolean> REQUEST_STREAM = booleanKey("gen_ai.request.stream");
  static final AttributeKey<String> RESPONSE_MODEL = stringKey("gen_ai.response.model");
  static final AttributeKey<List<String>> FINISH_REASONS =
      stringArrayKey("gen_ai.response.finish_reasons");
  static final AttributeKey<Double> TIME_TO_FIRST_CHUNK =
      doubleKey("gen_ai.response.time_to_first_chunk");
  static final AttributeKey<Long> INPUT_TOKENS = longKey("gen_ai.usage.input_tokens");
  static final AttributeKey<Long> OUTPUT_TOKENS = longKey("gen_ai.usage.output_tokens");
  static final AttributeKey<Long> CACHE_READ = longKey("gen_ai.usage.cache_read.input_tokens");
  static final AttributeKey<Long> CACHE_WRITE = longKey("gen_ai.usage.cache_write.input_tokens");
  static final AttributeKey<Long> REASONING = longKey("gen_ai.usage.reasoning.output_tokens");
  static final AttributeKey<Long> AUDIO_INPUT = longKey("gen_ai.usage.audio.input_tokens");
  static final AttributeKey<Long> AUDIO_OUTPUT = longKey("gen_ai.usage.audio.output_tokens");

  static final AttributeKey<String> REQUEST_ID = stringKey("relay.request_id");
  static final AttributeKey<String> ROUTE = stringKey("relay.route");
  static final AttributeKey<String> TENANT = stringKey("relay.tenant");
  static final AttributeKey<String> END = stringKey("relay.end");
  static final AttributeKey<Long> ATTEMPT = longKey("relay.attempt");
  static final AttributeKey<String> USAGE_SOURCE = stringKey("relay.usage");
  static final AttributeKey<Double> COST = doubleKey("relay.cost_usd");
  static final AttributeKey<Double> STALL = doubleKey("relay.stall_seconds");
  static final AttributeKey<String> STALL_BY = stringKey("relay.stall_by");

  private Keys() {}
}
