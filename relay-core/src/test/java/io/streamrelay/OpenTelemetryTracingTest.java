package io.streamrelay;

import static io.opentelemetry.api.common.AttributeKey.booleanKey;
import static io.opentelemetry.api.common.AttributeKey.doubleKey;
import static io.opentelemetry.api.common.AttributeKey.longKey;
import static io.opentelemetry.api.common.AttributeKey.stringArrayKey;
import static io.opentelemetry.api.common.AttributeKey.stringKey;
import static org.assertj.core.api.Assertions.assertThat;

import io.opentelemetry.api.OpenTelemetry;
import io.opentelemetry.api.baggage.propagation.W3CBaggagePropagator;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanId;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.api.trace.propagation.W3CTraceContextPropagator;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.propagation.ContextPropagators;
import io.opentelemetry.context.propagation.TextMapPropagator;
import io.opentelemetry.sdk.OpenTelemetrySdk;
import io.opentelemetry.sdk.testing.exporter.InMemorySpanExporter;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.opentelemetry.sdk.trace.export.SimpleSpanProcessor;
import io.opentelemetry.sdk.trace.samplers.Sampler;
import io.streamrelay.error.ErrorCode;
import io.streamrelay.forward.ForwardResult.Phase;
import io.streamrelay.observe.Usage;
import io.streamrelay.otel.OpenTelemetryTracing;
import io.streamrelay.policy.Decision;
import io.streamrelay.price.Cost;
import io.streamrelay.route.ClientGonePolicy;
import io.streamrelay.testkit.FakeClient;
import io.streamrelay.testkit.FakeExchange;
import io.streamrelay.testkit.FakeRequest;
import io.streamrelay.trace.TraceContext;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The spans of exchanges, as an OpenTelemetry SDK gets them. */
class OpenTelemetryTracingTest extends ExchangeFixture {
  private static final String TRACE = "12345678901234567890123456789012";
  private static final String SPAN = "1234567890123456";
  private static final String PARENT = "00-" + TRACE + "-" + SPAN + "-01";
  private static final String SECRET = "sk-secret";

  private final InMemorySpanExporter exporter = InMemorySpanExporter.create();
  private OpenTelemetrySdk sdk = sdk(Sampler.parentBased(Sampler.alwaysOn()));

  private OpenTelemetrySdk sdk(Sampler sampler) {
    return OpenTelemetrySdk.builder()
        .setTracerProvider(
            SdkTracerProvider.builder()
                .setSampler(sampler)
                .addSpanProcessor(SimpleSpanProcessor.create(exporter))
                .build())
        .setPropagators(
            ContextPropagators.create(
                TextMapPropagator.composite(
                    W3CTraceContextPropagator.getInstance(), W3CBaggagePropagator.getInstance())))
        .build();
  }

  @BeforeEach
  void trace() {
    tracing(OpenTelemetryTracing.of(sdk));
  }

  @AfterEach
  void close() {
    sdk.close();
  }

  private SpanData span(SpanKind kind) {
    List<SpanData> found =
        exporter.getFinishedSpanItems().stream().filter(each -> each.getKind() == kind).toList();
    assertThat(found).as("%s", exporter.getFinishedSpanItems()).hasSize(1);
    return found.get(0);
  }

  private TraceContext recorded() {
    return Objects.requireNonNull(record().trace());
  }

  private static @Nullable String text(SpanData span, String name) {
    return span.getAttributes().get(stringKey(name));
  }

  private static @Nullable Long number(SpanData span, String name) {
    return span.getAttributes().get(longKey(name));
  }

  private static void assertFailed(SpanData span, String type) {
    assertThat(span.getStatus().getStatusCode()).isEqualTo(StatusCode.ERROR);
    assertThat(text(span, "error.type")).isEqualTo(type);
  }

  private static void assertNotFailed(SpanData span) {
    assertThat(span.getStatus().getStatusCode()).isEqualTo(StatusCode.UNSET);
    assertThat(text(span, "error.type")).isNull();
  }

  @Test
  void headersRecordAndSpansHaveTheSameIds() {
    send(
        FakeRequest.post(CHAT)
            .header("traceparent", PARENT)
            .header("tracestate", "foo=1")
            .header("tracestate", "bar=2")
            .json("{\"model\":\"m\",\"stream\":true}"));
    forwarder.call().connected().head(200, SSE).chunk(EVENT).chunk(DONE).complete();

    SpanData server = span(SpanKind.SERVER);
    SpanData client = span(SpanKind.CLIENT);
    assertThat(server.getTraceId()).isEqualTo(TRACE);
    assertThat(server.getParentSpanId()).isEqualTo(SPAN);
    assertThat(client.getTraceId()).isEqualTo(TRACE);
    assertThat(client.getParentSpanId()).isEqualTo(server.getSpanId());
    assertThat(recorded())
        .isEqualTo(new TraceContext(TRACE, server.getSpanId(), SPAN, true, "foo=1,bar=2"));
    assertThat(forwarder.call().headers().all("traceparent"))
        .containsExactly("00-" + TRACE + "-" + client.getSpanId() + "-01");
    assertThat(forwarder.call().headers().all("tracestate")).containsExactly("foo=1,bar=2");
  }

  @Test
  void withoutAClientsTraceTheSdkBeginsOne() {
    FakeClient client = streaming();
    forwarder.call().chunk(DONE).complete();
    assertComplete(client, EVENT + DONE);
    SpanData server = span(SpanKind.SERVER);
    assertThat(server.getParentSpanId()).isEqualTo(SpanId.getInvalid());
    assertThat(recorded())
        .isEqualTo(new TraceContext(server.getTraceId(), server.getSpanId(), null, true, null));
  }

  @Test
  void twoTraceparentsAreAsNone() {
    send(FakeRequest.get("/v1/models").header("traceparent", PARENT).header("traceparent", PARENT));
    forwarder.call().connected().head(204).complete();
    assertThat(span(SpanKind.SERVER).getTraceId()).isNotEqualTo(TRACE);
  }

  @Test
  void aTraceThatIsNotSampledHasIdsAndNoSpans() {
    String unsampled = PARENT.replace("-01", "-00");
    send(FakeRequest.get("/v1/models").header("traceparent", unsampled));
    forwarder.call().connected().head(204).complete();
    assertThat(exporter.getFinishedSpanItems()).isEmpty();
    assertThat(recorded().traceId()).isEqualTo(TRACE);
    assertThat(recorded().spanId()).isNotEqualTo(SPAN);
    assertThat(recorded().sampled()).isFalse();
    assertThat(forwarder.call().headers().first("traceparent"))
        .startsWith("00-" + TRACE)
        .endsWith("-00");
  }

  @Test
  void aSpanThatIsCurrentIsTheParentAndCountsAsTheServers() {
    Span host = sdk.getTracer("host").spanBuilder("POST").setSpanKind(SpanKind.SERVER).startSpan();
    Context.current()
        .with(host)
        .wrap(
            () -> {
              send(FakeRequest.get("/v1/models").header("traceparent", PARENT));
            })
        .run();
    forwarder.call().connected().head(204).complete();
    host.end();
    SpanData relays = span(SpanKind.INTERNAL);
    assertThat(relays.getTraceId()).isEqualTo(host.getSpanContext().getTraceId());
    assertThat(relays.getParentSpanId()).isEqualTo(host.getSpanContext().getSpanId());
    assertThat(recorded().parentSpanId()).isEqualTo(host.getSpanContext().getSpanId());
    assertThat(span(SpanKind.CLIENT).getParentSpanId()).isEqualTo(relays.getSpanId());
  }

  @Test
  void withoutAnSdkTheRelaysOwnIdsGoOn() {
    tracing(
        OpenTelemetryTracing.of(
            OpenTelemetry.propagating(
                ContextPropagators.create(W3CTraceContextPropagator.getInstance()))));
    send(FakeRequest.get("/v1/models").header("traceparent", PARENT));
    forwarder.call().connected().head(204).complete();
    assertThat(recorded().traceId()).isEqualTo(TRACE);
    assertThat(recorded().parentSpanId()).isEqualTo(SPAN);
    assertThat(recorded().spanId()).isNotEqualTo(SPAN);
    assertThat(forwarder.call().headers().all("traceparent"))
        .containsExactly(recorded().traceparent());
  }

  @Test
  void aRouteThatDoesNotPropagateHasSpansAllTheSame() {
    serve(route().propagateTrace(false));
    send(FakeRequest.get("/v1/models").header("traceparent", PARENT));
    forwarder.call().connected().head(204).complete();
    assertThat(forwarder.call().headers().size()).isZero();
    assertThat(span(SpanKind.CLIENT).getTraceId()).isEqualTo(TRACE);
  }

  @Test
  void aClientsBaggageDoesNotReachTheUpstream() {
    send(FakeRequest.get("/v1/models").header("traceparent", PARENT).header("baggage", "user=7"));
    forwarder.call().connected().head(204).complete();
    assertThat(forwarder.call().headers().contains("baggage")).isFalse();
    assertThat(forwarder.call().headers().contains("traceparent")).isTrue();
  }

  @Test
  void theServersSpanTellsOfTheRequest() {
    FakeClient client = streaming();
    ticker.advance(Duration.ofSeconds(2));
    forwarder.call().chunk(DONE).complete();
    assertComplete(client, EVENT + DONE);
    SpanData server = span(SpanKind.SERVER);
    assertThat(server.getName()).isEqualTo("POST /v1");
    assertThat(text(server, "http.request.method")).isEqualTo("POST");
    assertThat(text(server, "http.route")).isEqualTo("/v1");
    assertThat(text(server, "url.path")).isEqualTo(CHAT);
    assertThat(number(server, "http.response.status_code")).isEqualTo(200);
    assertThat(text(server, "relay.request_id")).isEqualTo(record().requestId());
    assertThat(text(server, "relay.route")).isEqualTo("chat");
    assertThat(text(server, "relay.tenant")).isEqualTo("default");
    assertThat(text(server, "relay.end")).isEqualTo("complete");
    assertNotFailed(server);
    assertThat(server.getEvents())
        .extracting(event -> event.getName())
        .containsExactly("relay.first_token", "relay.stall");
    assertThat(server.getEvents().get(1).getAttributes().get(doubleKey("relay.stall_seconds")))
        .isEqualTo(2.0);
  }

  @Test
  void theClientsSpanTellsOfTheUpstream() {
    chat();
    ticker.advance(Duration.ofMillis(1500));
    forwarder.call().connected().head(200, SSE).chunk(EVENT).chunk(DONE).complete();
    SpanData client = span(SpanKind.CLIENT);
    assertThat(text(client, "http.request.method")).isEqualTo("POST");
    assertThat(number(client, "http.response.status_code")).isEqualTo(200);
    assertThat(text(client, "server.address")).isEqualTo("upstream.test");
    assertThat(number(client, "server.port")).isEqualTo(443);
    assertThat(text(client, "gen_ai.provider.name")).isEqualTo("openai");
    assertThat(text(client, "gen_ai.request.model")).isEqualTo("m");
    assertThat(client.getAttributes().get(doubleKey("gen_ai.response.time_to_first_chunk")))
        .isEqualTo(1.5);
    assertNotFailed(client);
  }

  private void end(ExchangeRecord.Builder record) {
    OpenTelemetryTracing tracing = OpenTelemetryTracing.of(sdk);
    FakeExchange exchange = new FakeExchange();
    tracing.start(exchange, exchange.route());
    tracing.startAttempt(exchange, 1);
    tracing.onEnd(exchange, record.end(EndReason.COMPLETE).status(200).build());
  }

  @Test
  void aModelsCallHasTheNamesOfGenAi() {
    end(
        ExchangeRecord.builder()
            .operation("chat")
            .model("gpt-5")
            .responseModel("gpt-5-2026")
            .finishReason("stop")
            .stream(true)
            .cost(new Cost(1_500_000_000L, "test", false))
            .usage(
                Usage.builder()
                    .inputTokens(10)
                    .outputTokens(20)
                    .cacheReadTokens(4)
                    .cacheWriteTokens(3)
                    .reasoningTokens(5)
                    .source(Usage.Source.REPORTED)
                    .build()));
    SpanData client = span(SpanKind.CLIENT);
    assertThat(client.getName()).isEqualTo("chat gpt-5");
    assertThat(text(client, "gen_ai.operation.name")).isEqualTo("chat");
    assertThat(text(client, "gen_ai.response.model")).isEqualTo("gpt-5-2026");
    assertThat(client.getAttributes().get(booleanKey("gen_ai.request.stream"))).isTrue();
    assertThat(client.getAttributes().get(stringArrayKey("gen_ai.response.finish_reasons")))
        .containsExactly("stop");
    assertThat(number(client, "gen_ai.usage.input_tokens")).isEqualTo(10);
    assertThat(number(client, "gen_ai.usage.output_tokens")).isEqualTo(20);
    assertThat(number(client, "gen_ai.usage.cache_read.input_tokens")).isEqualTo(4);
    assertThat(number(client, "gen_ai.usage.cache_write.input_tokens")).isEqualTo(3);
    assertThat(number(client, "gen_ai.usage.reasoning.output_tokens")).isEqualTo(5);
    assertThat(number(client, "gen_ai.usage.audio.input_tokens")).isNull();
    assertThat(text(client, "relay.usage")).isEqualTo("reported");
    assertThat(span(SpanKind.SERVER).getAttributes().get(doubleKey("relay.cost_usd")))
        .isEqualTo(0.0015);
  }

  @Test
  void anEstimateIsNotToldAsUsage() {
    end(
        ExchangeRecord.builder()
            .usage(Usage.builder().outputTokens(20).source(Usage.Source.ESTIMATED).build()));
    SpanData client = span(SpanKind.CLIENT);
    assertThat(number(client, "gen_ai.usage.output_tokens")).isNull();
    assertThat(text(client, "relay.usage")).isEqualTo("estimated");
    assertThat(client.getName()).isEqualTo("GET");
  }

  @Test
  void aRefusalOfTheRelaysIsNoErrorOfTheServerIfItIsTheClients() {
    policies.add(onRequest(exchange -> Decision.reject(403, "no", "no")));
    chat();
    SpanData server = span(SpanKind.SERVER);
    assertThat(number(server, "http.response.status_code")).isEqualTo(403);
    assertNotFailed(server);
    assertThat(exporter.getFinishedSpanItems()).hasSize(1);
  }

  @Test
  void aRequestThatNoRouteServesHasASpanWithoutItsPath() {
    send(FakeRequest.of("BREW", "/nowhere/" + SECRET));
    SpanData server = span(SpanKind.SERVER);
    assertThat(server.getName()).isEqualTo("HTTP");
    assertThat(text(server, "http.request.method")).isEqualTo("_OTHER");
    assertThat(number(server, "http.response.status_code")).isEqualTo(404);
    assertThat(text(server, "url.path")).isNull();
    assertNotFailed(server);
  }

  @Test
  void anUpstreamsRefusalIsAnErrorOfItsCallAndOfTheServerOnlyFrom500On() {
    chat();
    forwarder.call().connected().head(429).chunk("{}").complete();
    assertFailed(span(SpanKind.CLIENT), "429");
    assertNotFailed(span(SpanKind.SERVER));
    exporter.reset();
    chat();
    forwarder.call().connected().head(503).chunk("{}").complete();
    assertFailed(span(SpanKind.CLIENT), "503");
    assertFailed(span(SpanKind.SERVER), "503");
  }

  @Test
  void anUpstreamThatCannotBeReachedIsAnErrorOfBoth() {
    chat();
    forwarder.call().fail(Phase.CONNECT);
    assertFailed(span(SpanKind.CLIENT), "upstream_unreachable");
    assertFailed(span(SpanKind.SERVER), "upstream_unreachable");
    assertThat(number(span(SpanKind.CLIENT), "http.response.status_code")).isNull();
    assertThat(number(span(SpanKind.SERVER), "http.response.status_code")).isEqualTo(502);
  }

  @Test
  void aStreamThatWasCutIsAnErrorOfBothThoughItsStatusIs200() {
    streaming();
    forwarder.call().complete();
    assertFailed(span(SpanKind.CLIENT), "upstream_truncated");
    assertFailed(span(SpanKind.SERVER), "upstream_truncated");
    assertThat(number(span(SpanKind.SERVER), "http.response.status_code")).isEqualTo(200);
  }

  @Test
  void aClientThatLeftIsAnErrorOfBoth() {
    streaming().leave();
    assertFailed(span(SpanKind.CLIENT), "client_gone");
    assertFailed(span(SpanKind.SERVER), "client_gone");
  }

  @Test
  void aStatusThatNobodyGotIsNotTold() {
    chat().leave();
    assertFailed(span(SpanKind.SERVER), "client_gone");
    assertThat(number(span(SpanKind.SERVER), "http.response.status_code")).isNull();
  }

  @Test
  void anAnswerThatWasReadToItsEndIsNoErrorOfItsCall() {
    serve(route().onClientGone(ClientGonePolicy.drain()));
    streaming().leave();
    forwarder.call().chunk(DONE).complete();
    assertNotFailed(span(SpanKind.CLIENT));
    assertFailed(span(SpanKind.SERVER), "client_gone");
  }

  @Test
  void aDefectOfTheRelayIsAnErrorOfTheServer() {
    forwarder.throwing(new IllegalStateException("test"));
    chat();
    assertFailed(span(SpanKind.SERVER), ErrorCode.RELAY_ERROR.code());
  }

  @Test
  void neitherPromptNorAnswerNorKeyNorQueryIsInASpan() {
    serve(route().forwardHeaders("x-more"));
    send(
        FakeRequest.post(CHAT)
            .query("key=" + SECRET)
            .header("Authorization", "Bearer " + SECRET)
            .header("x-more", SECRET)
            .json("{\"model\":\"m\",\"messages\":[{\"content\":\"" + SECRET + "\"}]}"));
    forwarder
        .call()
        .connected()
        .head(200, "Content-Type", "text/event-stream", "X-Answer", SECRET)
        .chunk(EVENT.replace("hi", SECRET))
        .chunk(DONE)
        .complete();
    assertThat(exporter.getFinishedSpanItems()).hasSize(2);
    assertThat(exporter.getFinishedSpanItems().toString()).contains("upstream.test", "gen_ai");
    assertThat(exporter.getFinishedSpanItems().toString()).doesNotContain(SECRET);
  }
}
