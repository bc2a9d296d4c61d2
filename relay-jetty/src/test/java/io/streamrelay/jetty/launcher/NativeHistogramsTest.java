package io.streamrelay.jetty.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import io.streamrelay.config.AuthConfig;
import io.streamrelay.config.ObservabilityConfig;
import io.streamrelay.config.PrometheusConfig;
import io.streamrelay.config.RelayConfig;
import io.streamrelay.config.ServerConfig;
import io.streamrelay.route.Route;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** That the launcher can give a Prometheus the one format that has native histograms. */
@Timeout(60)
class NativeHistogramsTest {
  /** As a Prometheus that takes native histograms asks. */
  private static final String PROTOBUF =
      "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";

  private static final String NAME = "relay_request_duration_seconds";

  private static HttpResponse<byte[]> scrape(boolean nativeHistograms) throws Exception {
    RelayConfig config =
        RelayConfig.builder()
            .server(ServerConfig.DEFAULT.withHost("127.0.0.1").withPort(0))
            .auth(AuthConfig.DISABLED)
            .route(
                Route.builder("api")
                    .path("/api")
                    .upstream(URI.create("http://127.0.0.1:9"))
                    .build())
            .observability(
                ObservabilityConfig.builder()
                    .prometheus(
                        PrometheusConfig.builder().nativeHistograms(nativeHistograms).build())
                    .build())
            .build();
    try (RelayServer server = RelayServer.start(config, () -> 0)) {
      return HttpClient.newHttpClient()
          .send(
              HttpRequest.newBuilder(server.uri().resolve("/metrics?name%5B%5D=" + NAME))
                  .header("Accept", PROTOBUF)
                  .build(),
              HttpResponse.BodyHandlers.ofByteArray());
    }
  }

  @Test
  void theyTravelAsProtobufAndOnlyIfAskedFor() throws Exception {
    HttpResponse<byte[]> classic = scrape(false);
    HttpResponse<byte[]> both = scrape(true);
    assertThat(both.statusCode()).isEqualTo(200);
    assertThat(both.headers().firstValue("Content-Type").orElse(""))
        .startsWith("application/vnd.google.protobuf");
    assertThat(new String(both.body(), StandardCharsets.ISO_8859_1)).contains(NAME);
    // Each series has a schema and a zero threshold more.
    assertThat(both.body()).hasSizeGreaterThan(classic.body().length);
  }
}
