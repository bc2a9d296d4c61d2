package io.streamrelay.jetty.demo;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** OpenAI Chat Completions and Models, as in the OpenAI API reference. */
final class OpenAiChat {
  private final String head;
  private final Answer answer;
  private final boolean includeUsage;

  private OpenAiChat(Call call, String model, Answer answer, boolean includeUsage) {
    this.head =
        "\"id\":\"chatcmpl-%s\",\"created\":%d,\"model\":%s,\"service_tier\":\"default\",\"system_fingerprint\":\"fp_demo\""
            .formatted(call.id(), call.createdSeconds(), Json.quote(model));
    this.answer = answer;
    this.includeUsage = includeUsage;
  }

  static Reply complete(Call call) throws Refusal {
    JsonNode request = Json.object(call.body());
    String model = Json.text(request, "model");
    Fault fault = call.fault(model, null);
    JsonNode messages = request.path("messages");
    if (!messages.isArray() || messages.isEmpty()) {
      throw Refusal.badRequest("messages: an array of at least one message is required.");
    }
    Answer answer = Answer.to(messages, Json.limit(request, "max_completion_tokens", "max_tokens"));
    boolean includeUsage = request.path("stream_options").path("include_usage").asBoolean();
    OpenAiChat chat = new OpenAiChat(call, model, answer, includeUsage);
    Pace pace = fault.pace(call.pace());
    return request.path("stream").asBoolean()
        ? fault.events(pace, chat.events(), answer.eventsBeforeFault(1), chat.error())
        : fault.json(pace, answer.tokens().size(), chat.whole());
  }

  static Reply models(Call call) throws Refusal {
    Fault fault = call.fault(null, null);
    List<String> models = new ArrayList<>();
    for (String id : List.of("demo", "demo-fast", "demo-slow")) {
      models.add(
          """
          {"id":"%s","object":"model","created":1700000000,"owned_by":"demo"}"""
              .formatted(id));
    }
    String list = "{\"object\":\"list\",\"data\":[" + String.join(",", models) + "]}";
    return fault.json(fault.pace(call.pace()), 0, list);
  }

  private List<String> events() {
    List<String> events = new ArrayList<>();
    events.add(chunk("{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null}", null));
    for (String token : answer.tokens()) {
      events.add(chunk("{\"content\":" + Json.quote(token) + "}", null));
    }
    events.add(chunk("{}", finishReason()));
    if (includeUsage) {
      events.add(chunkOf("", usage()));
    }
    events.add("data: [DONE]\n\n");
    return events;
  }

  private String chunk(String delta, @Nullable String finishReason) {
    String finish = finishReason == null ? "null" : Json.quote(finishReason);
    return chunkOf(
        """
        {"index":0,"delta":%s,"logprobs":null,"finish_reason":%s}"""
            .formatted(delta, finish),
        "null");
  }

  private String chunkOf(String choice, String usage) {
    return """
        data: {%s,"object":"chat.completion.chunk","choices":[%s]%s}

        """
        .formatted(head, choice, includeUsage ? ",\"usage\":" + usage : "");
  }

  private String whole() {
    return """
        {%s,"object":"chat.completion","choices":[{"index":0,\
        "message":{"role":"assistant","content":%s,"refusal":null,"annotations":[]},\
        "logprobs":null,"finish_reason":"%s"}],"usage":%s}"""
        .formatted(head, Json.quote(answer.text()), finishReason(), usage());
  }

  private String finishReason() {
    return answer.limited() ? "length" : "stop";
  }

  private String usage() {
    return """
        {"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d,\
        "prompt_tokens_details":{"cached_tokens":0},\
        "completion_tokens_details":{"reasoning_tokens":0}}"""
        .formatted(answer.promptTokens(), answer.tokens().size(), answer.totalTokens());
  }

  private String error() {
    return """
        data: {"error":{"message":"The server had an error, as demo-error asks for.",\
        "type":"server_error","param":null,"code":"server_error"}}

        """;
  }
}
