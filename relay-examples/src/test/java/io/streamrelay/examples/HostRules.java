package io.streamrelay.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What every example host does: extended once per host. */
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
abstract class HostRules {
  private final HttpClient http =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

  /** Where the host that the test class started listens. */
  abstract URI uri();

  /** Stops it; may be called again. */
  abstract void stop() throws Exception;

  @AfterEach
  void stopHost() throws Exception {
    stop();
  }

  @Test
  void streamsThroughTheRelayBesideItsOwnServlet() throws Exception {
    assertThat(get("/hello").body()).isEqualTo("hello from the host\n");
    assertThat(get("/readyz").statusCode()).isEqualTo(200);

    HttpResponse<String> answer =
        http.send(chat("demo-fast"), BodyHandlers.ofString(StandardCharsets.UTF_8));

    assertThat(answer.statusCode()).isEqualTo(200);
    assertThat(answer.headers().firstValue("Content-Type").orElse(""))
        .startsWith("text/event-stream");
    assertThat(answer.body()).startsWith("data: {").endsWith("data: [DONE]\n\n");
  }

  @Test
  void aStreamThatRunsWhenItStopsEndsWhole() throws Exception {
    HttpResponse<InputStream> answer = http.send(chat("demo"), BodyHandlers.ofInputStream());
    try (BufferedReader lines =
        new BufferedReader(new InputStreamReader(answer.body(), StandardCharsets.UTF_8))) {
      assertThat(lines.readLine()).startsWith("data: {");

      FutureTask<Void> stopping =
          new FutureTask<>(
              () -> {
                stop();
                return null;
              });
      new Thread(stopping, "stopping").start();

      List<String> rest = lines.lines().filter(line -> !line.isEmpty()).toList();
      assertThat(rest).last().isEqualTo("data: [DONE]");
      stopping.get(30, TimeUnit.SECONDS);
    }
  }

  private HttpResponse<String> get(String path) throws Exception {
    HttpRequest request =
        HttpRequest.newBuilder(uri().resolve(path)).timeout(Duration.ofSeconds(20)).build();
    return http.send(request, BodyHandlers.ofString(StandardCharsets.UTF_8));
  }

  private HttpRequest chat(String model) {
    return HttpRequest.newBuilder(uri().resolve("/ai/v1/chat/completions"))
        .timeout(Duration.ofSeconds(20))
        .header("Authorization", "Bearer sk-relay-example")
        .header("Content-Type", "application/json")
        .POST(
            BodyPublishers.ofString(
                """
                {"model":"%s","stream":true,"messages":[{"role":"user","content":"hi"}]}"""
                    .formatted(model)))
        .build();
  }
}
