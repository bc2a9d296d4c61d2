package io.streamrelay.jetty.demo;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;

/** OpenAI Responses, as in the OpenAI API reference ("Responses", "Streaming events"). */
final class OpenAiResponses {
  /** What names the only text there is. */
  private final String place;

  private final Call call;
  private final String model;
  private final Answer answer;
  private final long createdSeconds;
  private final List<String> events = new ArrayList<>();

  private OpenAiResponses(Call call, String model, Answer answer) {
    this.call = call;
    this.model = model;
    this.answer = answer;
    this.createdSeconds = call.createdSeconds();
    this.place =
        "\"item_id\":\"msg_%s\",\"output_index\":0,\"content_index\":0".formatted(call.id());
  }

  static Reply create(Call call) throws Refusal {
    JsonNode request = Json.object(call.body());
    String model = Json.text(request, "model");
    Fault fault = call.fault(model, null);
    JsonNode input = request.path("input");
    if (!input.isTextual() && !input.isArray()) {
      throw Refusal.badRequest("input: a string or an array is required.");
    }
    Answer answer = Answer.to(input, Json.limit(request, "max_output_tokens"));
    OpenAiResponses responses = new OpenAiResponses(call, model, answer);
    Pace pace = fault.pace(call.pace());
    if (!request.path("stream").asBoolean()) {
      return fault.json(pace, answer.tokens().size(), responses.ended());
    }
    int before = answer.eventsBeforeFault(4);
    return fault.events(pace, responses.events(), before, responses.error(before));
  }

  private List<String> events() {
    String begun = response("in_progress", "", "null");
    event("response.created", "\"response\":" + begun);
    event("response.in_progress", "\"response\":" + begun);
    event("response.output_item.added", "\"output_index\":0,\"item\":" + item("in_progress", ""));
    event("response.content_part.added", place + ",\"part\":" + part(""));
    for (String token : answer.tokens()) {
      String delta = ",\"delta\":" + Json.quote(token) + ",\"logprobs\":[]";
      event("response.output_text.delta", place + delta);
    }
    String text = ",\"text\":" + Json.quote(answer.text()) + ",\"logprobs\":[]";
    event("response.output_text.done", place + text);
    event("response.content_part.done", place + ",\"part\":" + part(answer.text()));
    event("response.output_item.done", "\"output_index\":0,\"item\":" + endedItem());
    event("response." + endStatus(), "\"response\":" + ended());
    return events;
  }

  private void event(String type, String fields) {
    events.add(event(type, events.size(), fields));
  }

  private static String event(String type, int sequenceNumber, String fields) {
    return """
        event: %s
        data: {"type":"%s","sequence_number":%d,%s}

        """
        .formatted(type, type, sequenceNumber, fields);
  }

  private String error(int sequenceNumber) {
    String message = "\"message\":\"The server had an error, as demo-error asks for.\"";
    return event(
        "error", sequenceNumber, "\"code\":\"server_error\"," + message + ",\"param\":null");
  }

  private String ended() {
    return response(endStatus(), endedItem(), usage());
  }

  private String endStatus() {
    return answer.limited() ? "incomplete" : "completed";
  }

  private String endedItem() {
    return item(endStatus(), part(answer.text()));
  }

  private String response(String status, String output, String usage) {
    boolean incomplete = status.equals("incomplete");
    return """
        {"id":"resp_%s","object":"response","created_at":%d,"status":"%s","background":false,\
        "error":null,"incomplete_details":%s,"instructions":null,"max_output_tokens":null,\
        "model":%s,"output":[%s],"parallel_tool_calls":true,"previous_response_id":null,\
        "reasoning":{"effort":null,"summary":null},"service_tier":"default","store":false,\
        "temperature":1.0,"text":{"format":{"type":"text"}},"tool_choice":"auto","tools":[],\
        "top_p":1.0,"truncation":"disabled","usage":%s,"user":null,"metadata":{}}"""
        .formatted(
            call.id(),
            createdSeconds,
            status,
            incomplete ? "{\"reason\":\"max_output_tokens\"}" : "null",
            Json.quote(model),
            output,
            usage);
  }

  private String item(String status, String content) {
    return """
        {"id":"msg_%s","type":"message","status":"%s","role":"assistant","content":[%s]}"""
        .formatted(call.id(), status, content);
  }

  private static String part(String text) {
    return """
        {"type":"output_text","text":%s,"annotations":[],"logprobs":[]}"""
        .formatted(Json.quote(text));
  }

  private String usage() {
    return """
        {"input_tokens":%d,"input_tokens_details":{"cached_tokens":0,"cache_write_tokens":0},\
        "output_tokens":%d,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":%d}"""
        .formatted(answer.promptTokens(), answer.tokens().size(), answer.totalTokens());
  }
}
