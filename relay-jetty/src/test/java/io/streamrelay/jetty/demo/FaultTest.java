package io.streamrelay.jetty.demo;

import static io.streamrelay.jetty.demo.DemoClient.AZURE;
import static io.streamrelay.jetty.demo.DemoClient.CHAT;
import static io.streamrelay.jetty.demo.DemoClient.MESSAGES;
import static io.streamrelay.jetty.demo.DemoClient.RESPONSES;
import static io.streamrelay.jetty.demo.DemoClient.SPEECH;
import static io.streamrelay.jetty.demo.DemoClient.ssml;
import static io.streamrelay.jetty.demo.DemoClient.streaming;
import static io.streamrelay.jetty.demo.DemoClient.whole;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Each {@link Fault}, on each API. */
@Timeout(60)
class FaultTest {
  /** How many events come before the first token. */
  private static final Map<String, Integer> PREAMBLE = Map.of(CHAT, 1, MESSAGES, 3, RESPONSES, 4);

  private final HandPacer hand = new HandPacer();
  private final DemoProvider provider =
      DemoProvider.start("127.0.0.1", 0, Pace.LIFELIKE.unpaced(), null);
  private final DemoProvider steppedProvider =
      DemoProvider.start("127.0.0.1", 0, Pace.LIFELIKE, hand);
  private final DemoClient client = new DemoClient(provider.uri());
  private final DemoClient steppedClient = new DemoClient(steppedProvider.uri());

  @AfterEach
  void stop() {
    provider.close();
    steppedProvider.close();
  }

  @ParameterizedTest
  @ValueSource(strings = {CHAT, MESSAGES, RESPONSES})
  void demo429AsksToRetryLater(String path) throws Exception {
    HttpResponse<String> response = client.send(client.post(path, streaming("demo-429")));

    assertThat(response.statusCode()).isEqualTo(429);
    assertThat(response.headers().firstValue("retry-after")).hasValue("7");
    assertThat(response.body())
        .contains(path.equals(MESSAGES) ? "rate_limit_error" : "rate_limit_exceeded");
  }

  @ParameterizedTest
  @ValueSource(strings = {CHAT, MESSAGES, RESPONSES})
  void demo500IsAServerError(String path) throws Exception {
    HttpResponse<String> response = client.send(client.post(path, whole("demo-500")));

    assertThat(response.statusCode()).isEqualTo(500);
    assertThat(response.body()).contains(path.equals(MESSAGES) ? "api_error" : "server_error");
  }

  @ParameterizedTest
  @ValueSource(strings = {CHAT, MESSAGES, RESPONSES})
  void demoErrorSaysSoInMidStream(String path) throws Exception {
    HttpResponse<String> response = client.send(client.post(path, streaming("demo-error")));

    assertThat(response.statusCode()).isEqualTo(200);
    List<String> events = DemoProviderTest.events(response.body());
    assertThat(events).hasSize(PREAMBLE.getOrDefault(path, 0) + Fault.PIECES_BEFORE + 1);
    String last = events.get(events.size() - 1);
    assertThat(last)
        .startsWith(
            path.equals(CHAT) ? "data: {\"error\":{" : "event: error\ndata: {\"type\":\"error\",");
  }

  @Test
  void demoErrorWithoutAStreamIsAServerError() throws Exception {
    assertThat(client.send(client.post(CHAT, whole("demo-error"))).statusCode()).isEqualTo(500);
  }

  @ParameterizedTest
  @ValueSource(strings = {CHAT, MESSAGES, RESPONSES})
  void demoTruncateEndsCleanlyWithoutTheEndMark(String path) throws Exception {
    String body = client.send(client.post(path, streaming("demo-truncate"))).body();

    assertThat(DemoProviderTest.events(body))
        .hasSize(PREAMBLE.getOrDefault(path, 0) + Fault.PIECES_BEFORE);
    assertThat(body).endsWith("\n\n").doesNotContain("[DONE]", "_stop", "completed\"");
  }

  @ParameterizedTest
  @ValueSource(strings = {CHAT, MESSAGES, RESPONSES})
  void demoCutBreaksTheConnectionAfterSomeTokens(String path) throws Exception {
    int events = PREAMBLE.getOrDefault(path, 0) + Fault.PIECES_BEFORE;
    InputStream body = readEvents(path, "demo-cut", events);

    assertThat(hand.step()).isEqualTo(Pace.LIFELIKE.tokenGap());
    assertThatThrownBy(body::read).isInstanceOf(IOException.class);
  }

  @Test
  void demoCutBreaksAWholeAnswerInItsMiddle() {
    assertThatThrownBy(() -> client.send(client.post(CHAT, whole("demo-cut"))))
        .isInstanceOf(IOException.class);
  }

  @Test
  void demoStallFallsSilentThenBreaks() throws Exception {
    InputStream body = readEvents(CHAT, "demo-stall", 1 + Fault.PIECES_BEFORE);

    assertThat(hand.step()).isEqualTo(Duration.ofMinutes(10));
    assertThatThrownBy(body::read).isInstanceOf(IOException.class);
  }

  @Test
  void demoSlowThinksLonger() throws Exception {
    CompletableFuture<HttpResponse<InputStream>> opened =
        steppedClient.open(steppedClient.post(CHAT, streaming("demo-slow")));

    assertThat(hand.step()).isEqualTo(Duration.ofSeconds(5));
    assertThat(opened.get().statusCode()).isEqualTo(200);
  }

  @Test
  void demoFastDoesNotPause() throws Exception {
    String body = steppedClient.send(steppedClient.post(CHAT, streaming("demo-fast"))).body();

    assertThat(body).endsWith("data: [DONE]\n\n");
    assertThat(hand.holdsNothing()).isTrue();
  }

  @Test
  void theHeaderGoesBeforeTheModel() throws Exception {
    HttpResponse<String> response =
        client.send(client.post(CHAT, streaming("demo-500")).header("x-demo-fault", "demo-429"));

    assertThat(response.statusCode()).isEqualTo(429);
  }

  @Test
  void aVoiceOrAModelBreaksSpeech() throws Exception {
    assertThat(client.send(client.post(AZURE, ssml("demo-429", "Hi"))).statusCode()).isEqualTo(429);
    assertThatThrownBy(() -> client.sendForBytes(client.post(AZURE, ssml("demo-cut", "One two"))))
        .isInstanceOf(IOException.class);
    assertThatThrownBy(() -> client.sendForBytes(client.post(AZURE, ssml("demo-error", "One two"))))
        .isInstanceOf(IOException.class);
    String openAi =
        """
        {"model":"%s","voice":"%s","input":"One two three","response_format":"pcm"}""";
    assertThat(client.send(client.post(SPEECH, openAi.formatted("demo-500", "alloy"))).statusCode())
        .isEqualTo(500);
    assertThat(
            client.sendForBytes(client.post(SPEECH, openAi.formatted("m", "demo-truncate"))).body())
        .hasSize(Fault.PIECES_BEFORE * 24 * Speech.PIECE_MILLIS * 2);
  }

  /** Steps that many events to the client, which reads each. */
  private InputStream readEvents(String path, String model, int count) throws Exception {
    CompletableFuture<HttpResponse<InputStream>> opened =
        steppedClient.open(steppedClient.post(path, streaming(model)));
    hand.step();
    InputStream body = opened.get().body();
    DemoClient.readEvent(body);
    for (int i = 1; i < count; i++) {
      hand.step();
      DemoClient.readEvent(body);
    }
    return body;
  }
}
