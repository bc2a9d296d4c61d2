package io.streamrelay.error;

import com.fasterxml.jackson.core.io.JsonStringEncoder;
import io.streamrelay.route.Dialect;
import java.nio.charset.StandardCharsets;

/**
 * Writes errors in the form that a provider's SDK turns into its own exception.
 *
 * <p>Forms: OpenAI API reference "Errors", Anthropic API "Errors", Google {@code
 * google.rpc.Status}, Azure Speech REST, ElevenLabs API "Errors". Stateless.
 */
public final class ErrorFormat {
  private ErrorFormat() {}

  /**
   * Writes a response body.
   *
   * @param dialect whose form
   * @param error what to say
   * @param requestId the exchange's id
   * @return JSON in UTF-8
   */
  public static byte[] body(Dialect dialect, RelayError error, String requestId) {
    return json(dialect, error, requestId).getBytes(StandardCharsets.UTF_8);
  }

  /**
   * Writes the event that ends a stream which broke after its head was sent.
   *
   * @param dialect whose form
   * @param error what to say
   * @param requestId the exchange's id
   * @return one whole server-sent event in UTF-8
   */
  public static byte[] terminalEvent(Dialect dialect, RelayError error, String requestId) {
    String data = "data: " + json(dialect, error, requestId) + "\n\n";
    String event = dialect == Dialect.ANTHROPIC ? "event: error\n" + data : data;
    return event.getBytes(StandardCharsets.UTF_8);
  }

  private static String json(Dialect dialect, RelayError error, String requestId) {
    String message = quote(error.message());
    String code = quote(error.clientCode());
    return switch (dialect) {
      case OPENAI ->
          "{\"error\":{\"message\":"
              + message
              + ",\"type\":"
              + quote(openAiType(error.status()))
              + ",\"param\":null,\"code\":"
              + code
              + "}}";
      case ANTHROPIC ->
          "{\"type\":\"error\",\"error\":{\"type\":"
              + quote(anthropicType(error.status()))
              + ",\"message\":"
              + message
              + ",\"code\":"
              + code
              + "},\"request_id\":"
              + quote(requestId)
              + "}";
      case GEMINI ->
          "{\"error\":{\"code\":"
              + error.status()
              + ",\"message\":"
              + message
              + ",\"status\":"
              + quote(googleStatus(error.status()))
              + ",\"details\":[{\"@type\":\"type.googleapis.com/google.rpc.ErrorInfo\",\"reason\":"
              + code
              + "}]}}";
      case AZURE -> "{\"error\":{\"code\":" + code + ",\"message\":" + message + "}}";
      case ELEVENLABS -> "{\"detail\":{\"status\":" + code + ",\"message\":" + message + "}}";
    };
  }

  private static String openAiType(int status) {
    return switch (status) {
      case 401 -> "authentication_error";
      case 403 -> "permission_error";
      case 429 -> "rate_limit_error";
      default -> status >= 500 ? "server_error" : "invalid_request_error";
    };
  }

  private static String anthropicType(int status) {
    return switch (status) {
      case 401 -> "authentication_error";
      case 403 -> "permission_error";
      case 404 -> "not_found_error";
      case 413 -> "request_too_large";
      case 429 -> "rate_limit_error";
      case 503 -> "overloaded_error";
      case 504 -> "timeout_error";
      default -> status >= 500 ? "api_error" : "invalid_request_error";
    };
  }

  private static String googleStatus(int status) {
    return switch (status) {
      case 401 -> "UNAUTHENTICATED";
      case 403 -> "PERMISSION_DENIED";
      case 404 -> "NOT_FOUND";
      case 429 -> "RESOURCE_EXHAUSTED";
      case 502, 503 -> "UNAVAILABLE";
      case 408, 504 -> "DEADLINE_EXCEEDED";
      default -> status >= 500 ? "INTERNAL" : "INVALID_ARGUMENT";
    };
  }

  private static String quote(String text) {
    return "\"" + new String(JsonStringEncoder.getInstance().quoteAsString(text)) + "\"";
  }
}
