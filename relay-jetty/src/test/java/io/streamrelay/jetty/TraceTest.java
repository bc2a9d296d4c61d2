package io.streamrelay.jetty;

import static org.assertj.core.api.Assertions.assertThat;

import io.opentelemetry.api.GlobalOpenTelemetry;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.propagation.W3CTraceContextPropagator;
import io.opentelemetry.context.propagation.ContextPropagators;
import io.opentelemetry.sdk.OpenTelemetrySdk;
import io.opentelemetry.sdk.testing.exporter.InMemorySpanExporter;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.opentelemetry.sdk.trace.export.SimpleSpanProcessor;
import io.streamrelay.config.AuthConfig;
import io.streamrelay.config.ObservabilityConfig;
import io.streamrelay.config.RelayConfig;
import io.streamrelay.config.ServerConfig;
import io.streamrelay.config.TracingConfig;
import io.streamrelay.jetty.launcher.RelayServer;
import io.streamrelay.route.Route;
import io.streamrelay.testkit.FakeUpstream;
import io.streamrelay.testkit.RawClient;
import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What an upstream's socket gets of a client's trace, and what the log says of it. */
@Timeout(60)
class TraceTest {
  private static final String TRACE = "12345678901234567890123456789012";
  private static final String PARENT = "00-" + TRACE + "-1234567890123456-01";
  private static final Pattern TRACEPARENT =
      Pattern.compile("(?i)traceparent: 00-([0-9a-f]{32})-([0-9a-f]{16})-(0[01])");

  private final CapturedLogs logs = new CapturedLogs();
  private final FakeUpstream upstream = FakeUpstream.start();
  private RelayServer server;

  @BeforeEach
  void start() throws IOException {
    start(TracingConfig.DEFAULT);
  }

  private void start(TracingConfig tracing) throws IOException {
    upstream.answerWith(
        request -> "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
    ServerConfig local = ServerConfig.DEFAULT;
    server =
        RelayServer.start(
            RelayConfig.builder()
                .server(
                    new ServerConfig(
                        "127.0.0.1",
                        0,
                        local.maxBodySize(),
                        local.preStopDelay(),
                        local.drainTimeout()))
                .auth(new AuthConfig(false, List.of()))
                .observability(ObservabilityConfig.builder().tracing(tracing).build())
                .route(Route.builder("open").path("/open").upstream(upstream.origin()).build())
                .route(
                    Route.builder("closed")
                        .path("/closed")
                        .upstream(upstream.origin())
                        .propagateTrace(false)
                        .forwardHeaders("baggage")
                        .build())
                .build(),
            () -> 0);
  }

  @AfterEach
  void stop() {
    server.close();
    upstream.close();
    logs.close();
  }

  /** The head's lines as the upstream got them. */
  private List<String> sent(String path, String... fields) {
    StringBuilder request = new StringBuilder("GET " + path + " HTTP/1.1\r\nHost: relay\r\n");
    for (String field : fields) {
      request.append(field).append("\r\n");
    }
    try (RawClient client = RawClient.connect(server.uri())) {
      client.send(request + "\r\n").awaitText("ok");
    }
    return upstream.awaitRequests(1).lines();
  }

  private static List<String> traceLines(List<String> head) {
    return head.stream()
        .filter(
            line -> line.toLowerCase(Locale.ROOT).matches("(trace|baggage|b3|x-b3|uber-trace).*"))
        .toList();
  }

  @Test
  void aClientsTraceReachesTheUpstreamWithTheSpanThatTheLogNames() {
    List<String> lines =
        traceLines(
            sent(
                "/open",
                "TRACEPARENT: " + PARENT,
                "tracestate: foo=1 , bar=2",
                "Tracestate: baz=3",
                "baggage: user=7"));
    assertThat(lines).hasSize(2);
    Matcher parent = TRACEPARENT.matcher(lines.get(0));
    assertThat(parent.matches()).as("%s", lines).isTrue();
    assertThat(parent.group(1)).isEqualTo(TRACE);
    assertThat(parent.group(2)).isNotEqualTo("1234567890123456");
    assertThat(parent.group(3)).isEqualTo("01");
    assertThat(lines.get(1)).isEqualToIgnoringCase("tracestate: foo=1,bar=2,baz=3");
    server.relay().drain().join();
    assertThat(logs.all())
        .filteredOn(line -> line.contains("io.streamrelay.access"))
        .singleElement()
        .asString()
        .contains("trace_id=\"" + TRACE + "\"", "span_id=\"" + parent.group(2) + "\"");
  }

  @Test
  void aTraceThatBeginsInTheRelayReachesIt() {
    List<String> lines = traceLines(sent("/open", "tracestate: foo=1"));
    assertThat(lines).hasSize(1);
    assertThat(lines.get(0)).matches(TRACEPARENT).endsWith("-00");
  }

  @Test
  void withTheGlobalOpenTelemetryHeaderLogAndSpansAgree() throws IOException {
    InMemorySpanExporter exporter = InMemorySpanExporter.create();
    OpenTelemetrySdk sdk =
        OpenTelemetrySdk.builder()
            .setTracerProvider(
                SdkTracerProvider.builder()
                    .addSpanProcessor(SimpleSpanProcessor.create(exporter))
                    .build())
            .setPropagators(ContextPropagators.create(W3CTraceContextPropagator.getInstance()))
            .build();
    GlobalOpenTelemetry.resetForTest();
    GlobalOpenTelemetry.set(sdk);
    try {
      server.close();
      start(new TracingConfig(true));
      String parent = traceLines(sent("/open", "traceparent: " + PARENT)).get(0);
      server.relay().drain().join();
      SpanData serverSpan = span(exporter, SpanKind.SERVER);
      SpanData clientSpan = span(exporter, SpanKind.CLIENT);
      assertThat(serverSpan.getTraceId()).isEqualTo(TRACE);
      assertThat(clientSpan.getParentSpanId()).isEqualTo(serverSpan.getSpanId());
      assertThat(parent).endsWith("00-" + TRACE + "-" + clientSpan.getSpanId() + "-01");
      assertThat(logs.all())
          .filteredOn(line -> line.contains("io.streamrelay.access"))
          .singleElement()
          .asString()
          .contains("span_id=\"" + serverSpan.getSpanId() + "\"");
    } finally {
      GlobalOpenTelemetry.resetForTest();
      sdk.close();
    }
  }

  private static SpanData span(InMemorySpanExporter exporter, SpanKind kind) {
    return exporter.getFinishedSpanItems().stream()
        .filter(span -> span.getKind() == kind)
        .findFirst()
        .orElseThrow(() -> new AssertionError("no " + kind + " span"));
  }

  @Test
  void withoutOneTheLauncherSaysThatNothingMakesSpans() throws IOException {
    GlobalOpenTelemetry.resetForTest();
    server.close();
    start(new TracingConfig(true));
    assertThat(logs.all()).anyMatch(line -> line.contains("nothing makes spans"));
    assertThat(traceLines(sent("/open", "traceparent: " + PARENT)).get(0)).contains(TRACE);
  }

  @Test
  void aRouteThatDoesNotPropagateTellsNothing() {
    assertThat(
            traceLines(
                sent("/closed", "traceparent: " + PARENT, "tracestate: a=1", "baggage: user=7")))
        .isEmpty();
  }
}
