package io.streamrelay.jetty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.anthropic.client.AnthropicClient;
import com.anthropic.client.okhttp.AnthropicOkHttpClient;
import com.anthropic.models.messages.Message;
import com.anthropic.models.messages.MessageCreateParams;
import com.anthropic.models.messages.RawMessageStreamEvent;
import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.errors.BadRequestException;
import com.openai.errors.InternalServerException;
import com.openai.errors.NotFoundException;
import com.openai.errors.RateLimitException;
import com.openai.errors.SseException;
import com.openai.errors.UnauthorizedException;
import com.openai.models.chat.completions.ChatCompletion;
import com.openai.models.chat.completions.ChatCompletionChunk;
import com.openai.models.chat.completions.ChatCompletionCreateParams;
import io.streamrelay.config.RelayConfig;
import io.streamrelay.jetty.launcher.RelayServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import mockwebserver3.MockResponse;
import mockwebserver3.MockWebServer;
import okhttp3.Headers;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What the official SDKs see through the relay is what they see without it. */
@Timeout(60)
class RelayedSdkTest {
  private static final String RELAY_KEY = "sk-relay-sdk";
  private static final String WRONG_KEY = "sk-wrong-key";
  private static final String PROVIDER_KEY = "provider-key-1";
  private static final String BEGINNING = "You said: “Hi é!” I am";

  private static final String CHAT_EVENTS =
      """
      data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}

      data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"Voilà 日本 🚀"},"finish_reason":null}]}

      data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}

      data: [DONE]

      """;

  private static final String MESSAGE_EVENTS =
      """
      event: message_start
      data: {"type":"message_start","message":{"id":"m1","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":3,"output_tokens":1}}}

      event: content_block_start
      data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}

      event: ping
      data: {"type":"ping"}

      event: content_block_delta
      data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Voilà 日本 🚀"}}

      event: content_block_stop
      data: {"type":"content_block_stop","index":0}

      event: message_delta
      data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":5}}

      event: message_stop
      data: {"type":"message_stop"}

      """;

  @TempDir Path folder;

  private final CapturedLogs logs = new CapturedLogs();
  private final MockWebServer mock = new MockWebServer();
  private final List<AutoCloseable> clients = new ArrayList<>();
  private RelayServer server;

  @BeforeEach
  void start() throws IOException {
    mock.start();
    int demoPort;
    try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      demoPort = free.getLocalPort();
    }
    Path file = folder.resolve("relay.yaml");
    Files.writeString(
        file,
        """
        server: {host: 127.0.0.1, port: 0}
        demo_provider: {port: %1$d}
        routes:
          - {name: openai, path: /openai, strip_prefix: /openai, upstream: "http://127.0.0.1:%1$d",
             auth_header: Authorization, auth_value: %3$s}
          - {name: anthropic, path: /anthropic, strip_prefix: /anthropic,
             upstream: "http://127.0.0.1:%1$d", auth_header: x-api-key, auth_value: %3$s}
          - {name: mock-openai, path: /mock/openai, strip_prefix: /mock/openai, upstream: "%2$s",
             auth_header: Authorization, auth_value: %3$s}
          - {name: mock-anthropic, path: /mock/anthropic, strip_prefix: /mock/anthropic,
             upstream: "%2$s", auth_header: x-api-key, auth_value: %3$s}
          - {name: keyless, path: /keyless, strip_prefix: /keyless, upstream: "%2$s",
             auth_header: Authorization, auth_env: A_VARIABLE_THAT_NOBODY_SETS}
          - {name: down, path: /down, upstream: "http://127.0.0.1:1"}
        rate_limit: {enabled: true, default: 1, burst: 5}
        auth: {api_keys: [%4$s]}
        """
            .formatted(demoPort, "http://127.0.0.1:" + mock.getPort(), PROVIDER_KEY, RELAY_KEY));
    server = RelayServer.start(RelayConfig.load(file).config(), () -> 0);
  }

  @AfterEach
  void noKeyShowsAndNothingBroke() throws Exception {
    try {
      for (String key : List.of(RELAY_KEY, WRONG_KEY, PROVIDER_KEY)) {
        assertThat(logs.all()).noneMatch(line -> line.contains(key));
      }
      assertThat(logs.errors()).isEmpty();
    } finally {
      for (AutoCloseable client : clients) {
        client.close();
      }
      server.close();
      mock.close();
      logs.close();
    }
  }

  // ---- the same as without a relay

  @Test
  void chatEventsAreTheProvidersOwn() throws Exception {
    mock.enqueue(events(CHAT_EVENTS));
    mock.enqueue(events(CHAT_EVENTS));

    List<ChatCompletionChunk> direct = stream(openAi(mock.url("/v1").toString(), "any"));
    List<ChatCompletionChunk> relayed = stream(openAi("/mock/openai/v1"));

    assertThat(relayed).hasSize(3).isEqualTo(direct);
    Headers with = mock.takeRequest().getHeaders();
    assertThat(with.get("Authorization")).isEqualTo("Bearer any");
    Headers upstream = mock.takeRequest().getHeaders();
    assertThat(upstream.values("Authorization")).containsExactly("Bearer " + PROVIDER_KEY);
    assertThat(upstream.get("User-Agent")).isEqualTo(with.get("User-Agent"));
  }

  @Test
  void messageEventsAreTheProvidersOwn() throws Exception {
    mock.enqueue(events(MESSAGE_EVENTS));
    mock.enqueue(events(MESSAGE_EVENTS));

    List<RawMessageStreamEvent> direct = stream(anthropic(mock.url("/").toString(), "any"));
    List<RawMessageStreamEvent> relayed = stream(anthropic("/mock/anthropic"));

    assertThat(relayed).hasSize(6).isEqualTo(direct);
    Headers with = mock.takeRequest().getHeaders();
    // Of late the SDK sends its key so; the provider still gets the relay's where it is configured.
    assertThat(with.get("Authorization")).isEqualTo("Bearer any");
    Headers upstream = mock.takeRequest().getHeaders();
    assertThat(upstream.values("x-api-key")).containsExactly(PROVIDER_KEY);
    assertThat(upstream.get("Authorization")).isNull();
    assertThat(upstream.get("anthropic-version")).isEqualTo(with.get("anthropic-version"));
    assertThat(upstream.toString()).doesNotContain(RELAY_KEY);
  }

  @Test
  void theDemoProviderStreamsAndAnswersWhole() {
    StringBuilder chat = new StringBuilder();
    stream(openAi("/openai/v1"))
        .forEach(
            chunk ->
                chunk
                    .validate()
                    .choices()
                    .forEach(choice -> choice.delta().content().ifPresent(chat::append)));
    assertThat(chat).startsWith(BEGINNING);
    ChatCompletion completion =
        openAi("/openai/v1").chat().completions().create(chat("demo-fast")).validate();
    assertThat(completion.choices().get(0).message().content()).hasValue(chat.toString());

    assertThat(stream(anthropic("/anthropic")))
        .last()
        .satisfies(last -> assertThat(last.isMessageStop()).isTrue());
    Message message = anthropic("/anthropic").messages().create(message("demo-fast")).validate();
    assertThat(message.content().get(0).asText().text()).startsWith(BEGINNING);
  }

  // ---- errors are the SDK's own

  @Test
  void aWrongKeyIsUnauthorized() {
    assertThatThrownBy(() -> create(openAi(server.uri() + "/openai/v1", WRONG_KEY)))
        .isInstanceOf(UnauthorizedException.class)
        .hasMessageContaining("the API key is none of this relay's")
        .hasMessageNotContaining(WRONG_KEY);
    assertThatThrownBy(() -> create(anthropic(server.uri() + "/anthropic", WRONG_KEY)))
        .isInstanceOf(com.anthropic.errors.UnauthorizedException.class)
        .hasMessageContaining("the API key is none of this relay's")
        .hasMessageNotContaining(WRONG_KEY);
  }

  @Test
  void aTenantOverItsRateIsRateLimited() {
    for (int i = 0; i < 5; i++) {
      mock.enqueue(events(CHAT_EVENTS));
      stream(openAi("/mock/openai/v1"));
    }
    assertThatThrownBy(() -> create(openAi("/mock/openai/v1")))
        .isInstanceOf(RateLimitException.class)
        .hasMessageContaining(
            "is over its rate limit of 1 request a minute, 5 at once; try again in");
    assertThatThrownBy(() -> create(anthropic("/mock/anthropic")))
        .isInstanceOf(com.anthropic.errors.RateLimitException.class)
        .hasMessageContaining("is over its rate limit");
  }

  @Test
  void anUnknownPathIsNotFound() {
    assertThatThrownBy(() -> create(openAi("/nowhere/v1")))
        .isInstanceOf(NotFoundException.class)
        .hasMessageContaining("no route of this relay serves this path");
    assertThatThrownBy(() -> create(anthropic("/nowhere")))
        .isInstanceOf(com.anthropic.errors.NotFoundException.class)
        .hasMessageContaining("no route of this relay serves this path");
  }

  @Test
  void theRelaysOwnTroubleIsAServerError() {
    assertThatThrownBy(() -> create(openAi("/keyless/v1")))
        .isInstanceOf(InternalServerException.class)
        .hasMessageContaining("A_VARIABLE_THAT_NOBODY_SETS");
    assertThatThrownBy(() -> create(openAi("/down/v1")))
        .isInstanceOf(InternalServerException.class)
        .hasMessageContaining("the upstream could not be reached")
        .hasMessageNotContaining("127.0.0.1");
  }

  @Test
  void theProvidersErrorsPassAsTheyAre() {
    mock.enqueue(
        new MockResponse.Builder()
            .code(400)
            .addHeader("Content-Type", "application/json")
            .body("{\"error\":{\"message\":\"the provider's own words\",\"code\":\"bad\"}}")
            .build());
    assertThatThrownBy(() -> create(openAi("/mock/openai/v1")))
        .isInstanceOf(BadRequestException.class)
        .hasMessageContaining("the provider's own words");
    assertThatThrownBy(() -> openAi("/openai/v1").chat().completions().create(chat("demo-429")))
        .isInstanceOf(RateLimitException.class)
        .hasMessageContaining("as demo-429 asks for");
  }

  @Test
  void aStreamThatBreaksIsAnErrorAndNoShortAnswer() {
    assertThatThrownBy(() -> stream(openAi("/openai/v1"), "demo-cut"))
        .isInstanceOf(SseException.class)
        .hasMessageContaining("the upstream broke off its answer");
    assertThatThrownBy(() -> stream(openAi("/openai/v1"), "demo-truncate"))
        .isInstanceOf(SseException.class)
        .hasMessageContaining("without its last event");
    assertThatThrownBy(() -> stream(anthropic("/anthropic"), "demo-cut"))
        .isInstanceOf(com.anthropic.errors.SseException.class)
        .hasMessageContaining("the upstream broke off its answer");
    assertThatThrownBy(() -> stream(anthropic("/anthropic"), "demo-truncate"))
        .isInstanceOf(com.anthropic.errors.SseException.class)
        .hasMessageContaining("without its last event");
  }

  // ---- clients

  private OpenAIClient openAi(String path) {
    return openAi(server.uri() + path, RELAY_KEY);
  }

  private OpenAIClient openAi(String baseUrl, String key) {
    OpenAIClient client =
        OpenAIOkHttpClient.builder().baseUrl(baseUrl).apiKey(key).maxRetries(0).build();
    clients.add(client::close);
    return client;
  }

  private AnthropicClient anthropic(String path) {
    return anthropic(server.uri() + path, RELAY_KEY);
  }

  private AnthropicClient anthropic(String baseUrl, String key) {
    AnthropicClient client =
        AnthropicOkHttpClient.builder().baseUrl(baseUrl).apiKey(key).maxRetries(0).build();
    clients.add(client::close);
    return client;
  }

  private static ChatCompletion create(OpenAIClient client) {
    return client.chat().completions().create(chat("demo-fast"));
  }

  private static Message create(AnthropicClient client) {
    return client.messages().create(message("demo-fast"));
  }

  private static List<ChatCompletionChunk> stream(OpenAIClient client) {
    return stream(client, "demo-fast");
  }

  private static List<ChatCompletionChunk> stream(OpenAIClient client, String model) {
    try (var stream = client.chat().completions().createStreaming(chat(model))) {
      return stream.stream().toList();
    }
  }

  private static List<RawMessageStreamEvent> stream(AnthropicClient client) {
    return stream(client, "demo-fast");
  }

  private static List<RawMessageStreamEvent> stream(AnthropicClient client, String model) {
    try (var stream = client.messages().createStreaming(message(model))) {
      return stream.stream().toList();
    }
  }

  private static ChatCompletionCreateParams chat(String model) {
    return ChatCompletionCreateParams.builder().model(model).addUserMessage("Hi é!").build();
  }

  private static MessageCreateParams message(String model) {
    return MessageCreateParams.builder()
        .model(model)
        .maxTokens(1000)
        .addUserMessage("Hi é!")
        .build();
  }

  private static MockResponse events(String events) {
    return new MockResponse.Builder()
        .addHeader("Content-Type", "text/event-stream")
        .chunkedBody(events, 10)
        .build();
  }
}
