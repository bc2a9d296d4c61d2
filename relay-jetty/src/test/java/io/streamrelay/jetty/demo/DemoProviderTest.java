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

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the demo provider says, and when. */
@Timeout(60)
class DemoProviderTest {
  private static final ObjectMapper JSON = new ObjectMapper();

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

  @Test
  void chatStreamsRoleTokensFinishAndDone() throws Exception {
    HttpResponse<String> response = client.send(client.post(CHAT, streaming("gpt-demo")));

    assertThat(response.statusCode()).isEqualTo(200);
    assertThat(response.headers().firstValue("content-type"))
        .hasValue("text/event-stream; charset=utf-8");
    assertThat(response.headers().firstValue("x-request-id"))
        .hasValueSatisfying(id -> assertThat(id).startsWith("req_"));
    List<String> events = events(response.body());
    assertThat(events.get(events.size() - 1)).isEqualTo("data: [DONE]");
    List<JsonNode> chunks = chunks(events);
    assertThat(chunks).hasSizeBetween(40, 60);
    assertThat(chunks)
        .allSatisfy(
            chunk -> {
              assertThat(chunk.path("id").asText()).startsWith("chatcmpl-");
              assertThat(chunk.path("object").asText()).isEqualTo("chat.completion.chunk");
              assertThat(chunk.path("model").asText()).isEqualTo("gpt-demo");
              assertThat(chunk.has("usage")).isFalse();
            });
    assertThat(choice(chunks.get(0)).path("delta").toString())
        .isEqualTo("{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null}");
    JsonNode last = choice(chunks.get(chunks.size() - 1));
    assertThat(last.path("delta")).isEmpty();
    assertThat(last.path("finish_reason").asText()).isEqualTo("stop");
    assertThat(text(chunks)).startsWith("You said: “Hi é!” I am").contains("café", "—", "🚀");
  }

  @Test
  void chatEndsWithUsageWhereAskedFor() throws Exception {
    String body =
        """
        {"model":"m","stream":true,"stream_options":{"include_usage":true},"max_tokens":3,
         "messages":[{"role":"system","content":"Be brief."},
                     {"role":"user","content":[{"type":"text","text":"Part one, "},
                                               {"type":"text","text":"part two"}]}]}""";

    List<JsonNode> chunks = chunks(events(client.send(client.post(CHAT, body)).body()));

    assertThat(chunks).hasSize(1 + 3 + 1 + 1);
    assertThat(choice(chunks.get(4)).path("finish_reason").asText()).isEqualTo("length");
    assertThat(chunks.subList(0, 5))
        .allSatisfy(
            chunk -> assertThat(chunk.path("usage").isNull() && chunk.has("usage")).isTrue());
    assertThat(chunks.get(5).path("choices")).isEmpty();
    JsonNode usage = chunks.get(5).path("usage");
    assertThat(usage.path("completion_tokens").intValue()).isEqualTo(3);
    assertThat(usage.path("total_tokens").intValue())
        .isEqualTo(3 + usage.path("prompt_tokens").intValue());
  }

  @Test
  void chatReadsPartsOfContent() throws Exception {
    String body =
        """
        {"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"one "},
                                                           {"type":"text","text":"two"}]},
                                 {"role":"assistant","content":"before"}]}""";

    JsonNode answer = JSON.readTree(client.send(client.post(CHAT, body)).body());

    assertThat(choice(answer).path("message").path("content").asText())
        .startsWith("You said: “one two” I am");
  }

  @Test
  void messagesStreamInTheOrderOfTheApi() throws Exception {
    HttpResponse<String> response = client.send(client.post(MESSAGES, streaming("claude-demo")));

    assertThat(response.headers().firstValue("request-id")).isPresent();
    List<String> types = types(events(response.body()));
    assertThat(types)
        .startsWith("message_start", "content_block_start", "ping", "content_block_delta");
    assertThat(types)
        .endsWith("content_block_delta", "content_block_stop", "message_delta", "message_stop");
  }

  @Test
  void responsesStreamInTheOrderOfTheApi() throws Exception {
    List<String> events = events(client.send(client.post(RESPONSES, streaming("m"))).body());

    assertThat(types(events))
        .startsWith(
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.content_part.added",
            "response.output_text.delta")
        .endsWith(
            "response.output_text.delta",
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.completed");
    List<Integer> numbers = new ArrayList<>();
    for (JsonNode event : chunks(events)) {
      numbers.add(event.path("sequence_number").intValue());
    }
    assertThat(numbers)
        .isSorted()
        .doesNotHaveDuplicates()
        .startsWith(0)
        .endsWith(events.size() - 1);
  }

  @Test
  void modelsAreListed() throws Exception {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(provider.uri().resolve("/v1/models"))
            .header("Authorization", "Bearer any");

    JsonNode list = JSON.readTree(client.send(request).body());

    assertThat(list.path("object").asText()).isEqualTo("list");
    assertThat(list.path("data")).isNotEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {CHAT, MESSAGES, RESPONSES})
  void anEventArrivesBeforeTheNextIsSent(String path) throws Exception {
    CompletableFuture<HttpResponse<InputStream>> opened =
        steppedClient.open(steppedClient.post(path, streaming("m")));

    assertThat(hand.step()).isEqualTo(Pace.LIFELIKE.thinkTime());
    InputStream body = opened.get().body();
    String event = DemoClient.readEvent(body);
    int count = 1;
    while (!event.contains("[DONE]")
        && !event.contains("\"message_stop\"")
        && !event.contains("\"response.completed\"")) {
      // Had more been sent, the client would see it here or, at the latest, as a shorter loop.
      assertThat(body.available()).isZero();
      assertThat(hand.step()).isEqualTo(Pace.LIFELIKE.tokenGap());
      event = DemoClient.readEvent(body);
      count++;
    }
    assertThat(count).isGreaterThan(40);
    assertThat(body.read()).isEqualTo(-1);
    assertThat(hand.holdsNothing()).isTrue();
  }

  @Test
  void theServersOwnSchedulerPacesToo() throws Exception {
    Duration gap = Duration.ofMillis(2);
    try (DemoProvider paced =
        DemoProvider.start("127.0.0.1", 0, new Pace(gap, gap, gap, gap, gap), null)) {
      DemoClient pacedClient = new DemoClient(paced.uri());
      long start = System.nanoTime();

      String body = pacedClient.send(pacedClient.post(CHAT, streaming("m"))).body();

      assertThat(body).endsWith("data: [DONE]\n\n");
      assertThat(Duration.ofNanos(System.nanoTime() - start))
          .isGreaterThanOrEqualTo(gap.multipliedBy(events(body).size()));
    }
  }

  @Test
  void playingStopsSoonAfterTheClientHasLeft() throws Exception {
    // A socket of our own, because closing it takes effect before close() returns.
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), steppedProvider.port())) {
      String body = streaming("m").replace("é", "e");
      String request =
          "POST %s HTTP/1.1\r\nHost: demo\r\nAuthorization: Bearer any\r\nContent-Length: %d\r\n\r\n%s"
              .formatted(CHAT, body.length(), body);
      socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
      hand.step();
      DemoClient.readEvent(socket.getInputStream());
      socket.setSoLinger(true, 0);
    }

    int written = 0;
    while (hand.stepIfAny()) {
      written++;
    }
    assertThat(written).isLessThanOrEqualTo(2);
  }

  @Test
  void aWholeAnswerTakesAsLongAsItsTokens() throws Exception {
    CompletableFuture<HttpResponse<InputStream>> opened =
        steppedClient.open(
            steppedClient.post(
                CHAT, whole("m").replace("\"max_tokens\":1000", "\"max_tokens\":2")));

    assertThat(hand.step()).isEqualTo(Duration.ofMillis(300 + 2 * 40));
    assertThat(opened.get().headers().firstValue("content-length")).isPresent();
  }

  @Test
  void aKeyIsRequiredInTheApisOwnPlace() throws Exception {
    HttpResponse<String> chat =
        client.send(client.postWithoutKey(CHAT, whole("m")).header("x-api-key", "k"));
    HttpResponse<String> messages =
        client.send(
            client.postWithoutKey(MESSAGES, whole("m")).header("Ocp-Apim-Subscription-Key", "k"));
    HttpResponse<String> azure = client.send(client.postWithoutKey(AZURE, ssml("v", "Hi")));

    assertThat(List.of(chat.statusCode(), messages.statusCode(), azure.statusCode()))
        .containsOnly(401);
    assertThat(JSON.readTree(chat.body()).at("/error/code").asText()).isEqualTo("invalid_api_key");
    assertThat(JSON.readTree(messages.body()).at("/error/type").asText())
        .isEqualTo("authentication_error");
    assertThat(JSON.readTree(azure.body()).at("/error/code").asText()).isEqualTo("401");
  }

  @Test
  void aLeakedRelayKeyIsNamed() throws Exception {
    HttpResponse<String> response =
        client.send(client.post(CHAT, whole("m")).header("x-api-key", "sk-relay-alice"));

    assertThat(response.statusCode()).isEqualTo(401);
    assertThat(response.body()).contains("x-api-key holds a relay key").doesNotContain("alice");
  }

  @ParameterizedTest
  @ValueSource(strings = {"{", "", "[]", "{\"model\":\"m\"}", "{\"model\":7,\"messages\":[]}"})
  void aMalformedBodyIsABadRequest(String body) throws Exception {
    for (String path : List.of(CHAT, RESPONSES, SPEECH)) {
      HttpResponse<String> response = client.send(client.post(path, body));
      assertThat(response.statusCode()).isEqualTo(400);
      assertThat(JSON.readTree(response.body()).at("/error/type").asText())
          .isEqualTo("invalid_request_error");
    }
    HttpResponse<String> response = client.send(client.post(MESSAGES, body));
    assertThat(response.statusCode()).isEqualTo(400);
    assertThat(JSON.readTree(response.body()).path("type").asText()).isEqualTo("error");
  }

  @Test
  void anUnknownPathIsNotFound() throws Exception {
    HttpResponse<String> response = client.send(client.post("/v1/nothing", "{}"));

    assertThat(response.statusCode()).isEqualTo(404);
    assertThat(response.body()).contains("POST /v1/nothing");
  }

  @Test
  void aBodyOverTenMegabytesIsTooLarge() throws Exception {
    HttpResponse<String> response =
        client.send(client.post(CHAT, " ".repeat(10 * 1024 * 1024 + 1)));

    assertThat(response.statusCode()).isEqualTo(413);
  }

  @Test
  void aTakenPortIsNamed() {
    assertThatThrownBy(() -> DemoProvider.start("127.0.0.1", provider.port()))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("127.0.0.1:" + provider.port());
  }

  static List<String> events(String body) {
    return List.of(body.split("\n\n"));
  }

  private static List<String> types(List<String> events) throws Exception {
    List<String> types = new ArrayList<>();
    for (String event : events) {
      String type = event.substring("event: ".length(), event.indexOf('\n'));
      assertThat(
              JSON.readTree(event.substring(event.indexOf("\ndata: ") + 7)).path("type").asText())
          .isEqualTo(type);
      types.add(type);
    }
    return types;
  }

  private static List<JsonNode> chunks(List<String> events) throws Exception {
    List<JsonNode> chunks = new ArrayList<>();
    for (String event : events) {
      String data = event.substring(event.indexOf("data: ") + 6);
      if (!data.equals("[DONE]")) {
        chunks.add(JSON.readTree(data));
      }
    }
    return chunks;
  }

  private static JsonNode choice(JsonNode chunk) {
    return chunk.path("choices").path(0);
  }

  private static String text(List<JsonNode> chunks) {
    StringBuilder text = new StringBuilder();
    for (JsonNode chunk : chunks) {
      text.append(choice(chunk).path("delta").path("content").asText());
    }
    return text.toString();
  }
}
