package io.streamrelay.jetty.demo;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.TextNode;

/** Reads requests; quotes what goes into answers, whose shape is written out as the API's. */
final class Json {
  private static final ObjectMapper MAPPER = new ObjectMapper();

  private Json() {}

  static JsonNode object(String body) throws Refusal {
    JsonNode node;
    try {
      node = MAPPER.readTree(body);
    } catch (JsonProcessingException e) {
      throw Refusal.badRequest("The body is not JSON: " + e.getOriginalMessage());
    }
    if (!node.isObject()) {
      throw Refusal.badRequest("The body is not a JSON object.");
    }
    return node;
  }

  /** Returns a field that must be there and be text. */
  static String text(JsonNode object, String field) throws Refusal {
    JsonNode value = object.path(field);
    if (!value.isTextual() || value.textValue().isEmpty()) {
      throw Refusal.badRequest(field + ": a string is required.");
    }
    return value.textValue();
  }

  /** Returns the first of the fields that is set, as a count; without any, no limit. */
  static int limit(JsonNode object, String... fields) throws Refusal {
    for (String field : fields) {
      JsonNode value = object.path(field);
      if (value.isMissingNode() || value.isNull()) {
        continue;
      }
      if (!value.canConvertToExactIntegral() || value.longValue() < 1) {
        throw Refusal.badRequest(
            field + ": is " + value + " (expected: a whole number from 1 up).");
      }
      return (int) Math.min(value.longValue(), Integer.MAX_VALUE);
    }
    return Integer.MAX_VALUE;
  }

  static String quote(String text) {
    return TextNode.valueOf(text).toString();
  }
}
