package io.streamrelay.jetty.demo;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;

/** Anthropic Messages, as in the Anthropic API reference ("Messages", "Streaming"). */
final class Anthropic {
  private final Call call;
  private final String model;
  private final Answer answer;

  private Anthropic(Call call, String model, Answer answer) {
    this.call = call;
    this.model = model;
    this.answer = answer;
  }

  static Reply messages(Call call) throws Refusal {
    if (call.headers().get("anthropic-version") == null) {
      throw Refusal.badRequest("anthropic-version: header is required");
    }
    JsonNode request = Json.object(call.body());
    String model = Json.text(request, "model");
    Fault fault = call.fault(model, null);
    JsonNode messages = request.path("messages");
    if (!messages.isArray() || messages.isEmpty()) {
      throw Refusal.badRequest("messages: at least one message is required");
    }
    if (!request.hasNonNull("max_tokens")) {
      throw Refusal.badRequest("max_tokens: Field required");
    }
    Answer answer = Answer.to(messages, Json.limit(request, "max_tokens"));
    Anthropic anthropic = new Anthropic(call, model, answer);
    Pace pace = fault.pace(call.pace());
    return request.path("stream").asBoolean()
        ? fault.events(pace, anthropic.events(), answer.eventsBeforeFault(3), anthropic.error())
        : fault.json(pace, answer.tokens().size(), anthropic.whole());
  }

  private List<String> events() {
    List<String> events = new ArrayList<>();
    events.add(event("message_start", ",\"message\":" + message("", "null", 1)));
    String block =
        ",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\",\"citations\":null}";
    events.add(event("content_block_start", block));
    events.add(event("ping", ""));
    for (String token : answer.tokens()) {
      String delta =
          """
          ,"index":0,"delta":{"type":"text_delta","text":%s}"""
              .formatted(Json.quote(token));
      events.add(event("content_block_delta", delta));
    }
    events.add(event("content_block_stop", ",\"index\":0"));
    String end =
        """
        ,"delta":{"stop_reason":%s,"stop_sequence":null},"usage":{"output_tokens":%d}"""
            .formatted(stopReason(), answer.tokens().size());
    events.add(event("message_delta", end));
    events.add(event("message_stop", ""));
    return events;
  }

  private static String event(String type, String fields) {
    return """
        event: %s
        data: {"type":"%s"%s}

        """
        .formatted(type, type, fields);
  }

  private String error() {
    String message = "\"message\":\"Overloaded, as demo-error asks for.\"";
    String error = ",\"error\":{\"type\":\"overloaded_error\"," + message + "}";
    return event("error", error + ",\"request_id\":\"" + Api.ANTHROPIC.requestId(call.id()) + "\"");
  }

  private String whole() {
    String block =
        """
        {"type":"text","text":%s,"citations":null}"""
            .formatted(Json.quote(answer.text()));
    return message(block, stopReason(), answer.tokens().size());
  }

  private String message(String content, String stopReason, int outputTokens) {
    return """
        {"id":"msg_%s","type":"message","role":"assistant","model":%s,"content":[%s],\
        "stop_reason":%s,"stop_sequence":null,"usage":{"input_tokens":%d,\
        "cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":%d,\
        "service_tier":"standard"}}"""
        .formatted(
            call.id(), Json.quote(model), content, stopReason, answer.promptTokens(), outputTokens);
  }

  private String stopReason() {
    return answer.limited() ? "\"max_tokens\"" : "\"end_turn\"";
  }
}
