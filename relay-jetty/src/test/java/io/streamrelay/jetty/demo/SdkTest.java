package io.streamrelay.jetty.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.anthropic.client.AnthropicClient;
import com.anthropic.client.okhttp.AnthropicOkHttpClient;
import com.anthropic.helpers.MessageAccumulator;
import com.anthropic.models.messages.Message;
import com.anthropic.models.messages.MessageCreateParams;
import com.anthropic.models.messages.RawMessageStreamEvent;
import com.anthropic.models.messages.StopReason;
import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.errors.RateLimitException;
import com.openai.helpers.ChatCompletionAccumulator;
import com.openai.helpers.ResponseAccumulator;
import com.openai.models.chat.completions.ChatCompletion;
import com.openai.models.chat.completions.ChatCompletionChunk;
import com.openai.models.chat.completions.ChatCompletionCreateParams;
import com.openai.models.chat.completions.ChatCompletionStreamOptions;
import com.openai.models.responses.Response;
import com.openai.models.responses.ResponseCreateParams;
import com.openai.models.responses.ResponseStatus;
import com.openai.models.responses.ResponseStreamEvent;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The official SDKs take the demo provider for the real one. */
@Timeout(60)
class SdkTest {
  private static final String BEGINNING = "You said: “Hi é!” I am";

  private final DemoProvider provider =
      DemoProvider.start("127.0.0.1", 0, Pace.LIFELIKE.unpaced(), null);
  private final OpenAIClient openAi =
      OpenAIOkHttpClient.builder()
          .baseUrl(provider.uri() + "/v1")
          .apiKey("any")
          .maxRetries(0)
          .build();
  private final AnthropicClient anthropic =
      AnthropicOkHttpClient.builder()
          .baseUrl(provider.uri().toString())
          .apiKey("any")
          .maxRetries(0)
          .build();

  @AfterEach
  void stop() {
    openAi.close();
    anthropic.close();
    provider.close();
  }

  @Test
  void chatStreams() {
    ChatCompletionCreateParams params =
        chat("m")
            .streamOptions(ChatCompletionStreamOptions.builder().includeUsage(true).build())
            .build();
    ChatCompletionAccumulator all = ChatCompletionAccumulator.create();

    try (var stream = openAi.chat().completions().createStreaming(params)) {
      stream.stream().map(ChatCompletionChunk::validate).forEach(all::accumulate);
    }

    ChatCompletion completion = all.chatCompletion();
    assertThat(completion.choices().get(0).message().content().orElseThrow()).startsWith(BEGINNING);
    assertThat(completion.usage().orElseThrow().completionTokens()).isGreaterThan(30);
  }

  @Test
  void chatAnswersWhole() {
    ChatCompletion completion = openAi.chat().completions().create(chat("m").build()).validate();

    assertThat(completion.choices().get(0).message().content().orElseThrow()).startsWith(BEGINNING);
    assertThat(completion.choices().get(0).finishReason())
        .isEqualTo(ChatCompletion.Choice.FinishReason.STOP);
  }

  @Test
  void responsesStream() {
    ResponseAccumulator all = ResponseAccumulator.create();

    try (var stream = openAi.responses().createStreaming(response("m").build())) {
      stream.stream().map(ResponseStreamEvent::validate).forEach(all::accumulate);
    }

    assertThat(text(all.response())).startsWith(BEGINNING);
    assertThat(all.response().usage().orElseThrow().outputTokens()).isGreaterThan(30);
  }

  @Test
  void responsesAnswerWhole() {
    Response whole = openAi.responses().create(response("m").build()).validate();
    Response limited =
        openAi.responses().create(response("m").maxOutputTokens(2).build()).validate();

    assertThat(text(whole)).startsWith(BEGINNING);
    assertThat(whole.status()).hasValue(ResponseStatus.COMPLETED);
    assertThat(limited.status()).hasValue(ResponseStatus.INCOMPLETE);
    assertThat(limited.usage().orElseThrow().outputTokens()).isEqualTo(2);
  }

  @Test
  void modelsAreListed() {
    assertThat(openAi.models().list().data()).allSatisfy(model -> model.validate());
  }

  @Test
  void messagesStream() {
    MessageAccumulator all = MessageAccumulator.create();

    try (var stream = anthropic.messages().createStreaming(message("m", 1000))) {
      stream.stream().map(RawMessageStreamEvent::validate).forEach(all::accumulate);
    }

    assertThat(text(all.message())).startsWith(BEGINNING);
    assertThat(all.message().stopReason()).hasValue(StopReason.END_TURN);
    assertThat(all.message().usage().outputTokens()).isGreaterThan(30);
  }

  @Test
  void messagesAnswerWhole() {
    Message whole = anthropic.messages().create(message("m", 1000)).validate();
    Message limited = anthropic.messages().create(message("m", 2)).validate();

    assertThat(text(whole)).startsWith(BEGINNING);
    assertThat(limited.stopReason()).hasValue(StopReason.MAX_TOKENS);
  }

  @Test
  void errorsAreTheSdksOwn() {
    assertThatThrownBy(() -> openAi.chat().completions().create(chat("demo-429").build()))
        .isInstanceOf(RateLimitException.class);
    assertThatThrownBy(() -> anthropic.messages().create(message("demo-429", 10)))
        .isInstanceOf(com.anthropic.errors.RateLimitException.class);
    assertThatThrownBy(
            () -> {
              try (var stream = anthropic.messages().createStreaming(message("demo-error", 1000))) {
                stream.stream().forEach(RawMessageStreamEvent::validate);
              }
            })
        .isInstanceOf(com.anthropic.errors.SseException.class);
    assertThatThrownBy(
            () -> {
              try (var stream =
                  openAi.chat().completions().createStreaming(chat("demo-error").build())) {
                stream.stream().forEach(ChatCompletionChunk::validate);
              }
            })
        .isInstanceOf(com.openai.errors.SseException.class);
  }

  private static ChatCompletionCreateParams.Builder chat(String model) {
    return ChatCompletionCreateParams.builder().model(model).addUserMessage("Hi é!");
  }

  private static ResponseCreateParams.Builder response(String model) {
    return ResponseCreateParams.builder().model(model).input("Hi é!");
  }

  private static MessageCreateParams message(String model, long maxTokens) {
    return MessageCreateParams.builder()
        .model(model)
        .maxTokens(maxTokens)
        .addUserMessage("Hi é!")
        .build();
  }

  private static String text(Response response) {
    return response.output().get(0).asMessage().content().get(0).asOutputText().text();
  }

  private static String text(Message message) {
    return message.content().get(0).asText().text();
  }
}
