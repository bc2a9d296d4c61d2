package io.streamrelay.jetty;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.streamrelay.Relay;
import io.streamrelay.Secret;
import io.streamrelay.config.DetailedLogsConfig;
import io.streamrelay.config.ObservabilityConfig;
import io.streamrelay.config.RelayConfig;
import io.streamrelay.forward.ForwardResult;
import io.streamrelay.route.Route;
import io.streamrelay.route.UpstreamCredential;
import io.streamrelay.testkit.FakeClient;
import io.streamrelay.testkit.FakeForwarder;
import io.streamrelay.testkit.FakeRequest;
import io.streamrelay.testkit.FakeScheduler;
import io.streamrelay.testkit.FakeTicker;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Here rather than in relay-core, whose tests have no logging backend. */
class DetailedLogTest {
  private static final String EVENT = "data: {\"choices\":[{\"delta\":{\"content\":\"hi\"}}]}\n\n";
  private static final String DONE = "data: [DONE]\n\n";

  private final CapturedLogs logs = new CapturedLogs();
  private final FakeTicker ticker = new FakeTicker(0);
  private final FakeForwarder forwarder = new FakeForwarder();
  private @Nullable Relay relay;

  @AfterEach
  void nothingBroke() {
    relay().close();
    assertThat(logs.errors()).isEmpty();
    logs.close();
  }

  private void serve(DetailedLogsConfig.Builder detail) {
    ObservabilityConfig observability =
        ObservabilityConfig.builder().detailedLogs(detail.build()).build();
    RelayConfig.Builder config = RelayConfig.builder().observability(observability);
    for (String name : List.of("chat", "other")) {
      config.route(
          Route.builder(name)
              .path("/" + name)
              .upstream(URI.create("https://upstream.test"))
              .credential(
                  new UpstreamCredential("Authorization", Secret.of("provider-secret"), "test"))
              .build());
    }
    relay =
        Relay.builder(config.build(), forwarder)
            .ticker(ticker)
            .scheduler(new FakeScheduler(ticker))
            .build();
  }

  private Relay relay() {
    return Objects.requireNonNull(relay);
  }

  private static DetailedLogsConfig.Builder on() {
    return DetailedLogsConfig.builder().enabled(true);
  }

  private FakeForwarder.Call send(String path, String body) {
    relay()
        .handle(
            FakeRequest.post(path)
                .header("x-api-key", "client-secret")
                .header("X-Request-ID", "req-1")
                .json(body)
                .build(),
            new FakeClient());
    return forwarder.call();
  }

  /** The lines of the detailed log, once all is written. */
  private List<String> lines() {
    relay().close();
    return logs.all().stream().filter(line -> line.contains(" io.streamrelay.detail ")).toList();
  }

  private String line() {
    List<String> lines = lines();
    assertThat(lines).hasSize(1);
    return lines.get(0);
  }

  @Test
  void tellsHeadsAndTimesButNoBodies() {
    serve(on());
    FakeForwarder.Call call = send("/chat", "{\"stream\":true,\"prompt\":\"canary\"}");
    ticker.advance(Duration.ofMillis(20));
    call.connected().head(200, "Content-Type", "text/event-stream", "Set-Cookie", "canary");
    ticker.advance(Duration.ofMillis(5));
    call.chunk(EVENT);
    ticker.advance(Duration.ofMillis(100));
    call.chunk(DONE).complete();

    assertThat(line())
        .startsWith("INFO io.streamrelay.detail detail of req-1 ")
        .contains("request_id=\"req-1\"", "route=\"chat\"", "outcome=\"complete\"")
        .contains("policy_ms=\"0\"", "upstream_request_ms=\"0\"", "upstream_head_ms=\"20\"")
        .contains("ttfb_ms=\"25\"", "ttft_ms=\"25\"", "last_byte_ms=\"125\"")
        .contains("request_headers=\"{x-api-key=<13 bytes>, x-request-id=<5 bytes>")
        .contains("upstream_request_headers=\"{", "authorization=<22 bytes>")
        .contains("response_headers=\"{content-type=text/event-stream, set-cookie=<6 bytes>}")
        .contains("request_bytes=\"33\"", "response_bytes=\"" + (EVENT + DONE).length() + "\"")
        .doesNotContain("canary", "secret", "_body");
  }

  @Test
  void isNotThereUnlessAskedFor() {
    serve(DetailedLogsConfig.builder().bodies(true));
    send("/chat", "{}").connected().head(200).complete();
    assertThat(lines()).isEmpty();
  }

  @Test
  void bodiesAreShownOnceAskedForWithoutCredentials() {
    serve(on().bodies(true).redact("num[a-z]+"));
    send("/chat", "{\"prompt\":\"number client-secret\",\"api_key\":\"abc\"}")
        .connected()
        .head(200, "Content-Type", "application/json")
        .chunk("{\"text\":\"the provider-secret\\n")
        .chunk(" of numbers\"}\n")
        .complete();

    assertThat(lines()).hasSize(2);
    assertThat(lines().get(0))
        .startsWith("WARN")
        .contains("prompts and answers will be in the log");
    assertThat(lines().get(1))
        .contains("request_body=\"{\"prompt\":\"[redacted] [redacted]\",[redacted]}\"")
        .contains("response_body=\"{\"text\":\"the [redacted]\\n of [redacted]\"}\\n\"")
        .doesNotContain("truncated");
  }

  @Test
  void audioIsNeverShown() {
    serve(on().bodies(true));
    send("/chat", "{\"input\":\"hi\"}")
        .connected()
        .head(200, "Content-Type", "audio/mpeg")
        .chunk("sound")
        .complete();
    assertThat(lines().get(1))
        .contains("response_bytes=\"5\"", "request_body=")
        .doesNotContain("sound", "response_body");
  }

  @Test
  void whatIsCompressedOrUnnamedIsNotShown() {
    serve(on().bodies(true));
    send("/chat", "{}")
        .connected()
        .head(200, "Content-Type", "application/json", "Content-Encoding", "gzip")
        .chunk("zipped")
        .complete();
    assertThat(lines().get(1)).doesNotContain("zipped");
  }

  @Test
  void bodiesAreCutAtTheCapAndSaySo() {
    serve(on().bodies(true).maxBytes(10));
    send("/chat", "{\"a\":\"0123456789\"}")
        .connected()
        .head(200, "Content-Type", "text/plain")
        .chunk("ab".repeat(100))
        .complete();
    assertThat(lines().get(1))
        .contains("request_body=\"{\"a\":\"0123\"", "request_body_truncated=\"true\"")
        .contains("response_body=\"ababababab\"", "response_bytes=\"200\"");
  }

  @Test
  void allBodiesTogetherTakeNoMoreThanTheirMemory() {
    serve(on().bodies(true).maxMemory(600));
    send("/chat", "{}")
        .connected()
        .head(200, "Content-Type", "text/plain")
        .chunk("ab".repeat(100))
        .complete();
    // The request took 512 bytes of the 600.
    assertThat(lines().get(1))
        .contains("request_body=\"{}\"", "response_body_truncated=\"true\"")
        .doesNotContain("response_body=\"ab".repeat(50));
  }

  @Test
  void onlyTheRoutesNamedAreShown() {
    serve(on().route("other"));
    send("/chat", "{}").connected().head(200).complete();
    assertThat(lines()).isEmpty();
  }

  @Test
  void aRequestThatNoRouteServesIsShownToo() {
    serve(on());
    relay().handle(FakeRequest.get("/nowhere").build(), new FakeClient());
    assertThat(line())
        .contains("status_code=\"404\"", "outcome=\"rejected\"", "request_headers=")
        .doesNotContain("upstream_request", "response_headers", "policy_ms");
  }

  @Test
  void anUpstreamThatBreaksOffIsShownAsFarAsItCame() {
    serve(on().bodies(true));
    FakeForwarder.Call call =
        send("/chat", "{\"stream\":true}")
            .connected()
            .head(200, "Content-Type", "text/event-stream")
            .chunk(EVENT);
    call.fail(ForwardResult.Phase.BODY);
    assertThat(lines().get(1))
        .contains("outcome=\"upstream_error\"", "response_body=\"data: {")
        .contains("response_bytes=\"" + EVENT.getBytes(UTF_8).length + "\"");
  }

  @Test
  void aPatternThatTakesTooLongHidesTheBodyAndHoldsNothingUp() {
    serve(on().bodies(true).redact("(a+)+\\1!"));
    send("/chat", "{\"a\":\"" + "a".repeat(100) + "\"}")
        .connected()
        .head(200, "Content-Type", "text/plain")
        .chunk("short")
        .complete();
    assertThat(lines().get(1))
        .contains("request_body=\"[not shown: redaction took too long]\"")
        .contains("response_body=\"short\"");
  }
}
