package io.streamrelay.jetty.demo;

import io.streamrelay.jetty.demo.Reply.End;
import io.streamrelay.jetty.demo.Reply.Step;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import org.eclipse.jetty.http.HttpField;
import org.eclipse.jetty.http.HttpFields;
import org.jspecify.annotations.Nullable;

/**
 * What each API has of its own: where the key is, the request id's header, the form of an error.
 *
 * <p>From the OpenAI API reference ("Authentication", "Error codes"), the Anthropic API reference
 * ("Authentication", "Errors") and Azure's "Text to speech REST API".
 */
enum Api {
  OPENAI("Authorization", "x-request-id"),
  ANTHROPIC("x-api-key", "request-id"),
  AZURE("Ocp-Apim-Subscription-Key", "X-RequestId");

  /** What a key of the relay's own begins with. */
  private static final String RELAY_KEY = "sk-relay";

  private final String keyHeader;
  private final String requestIdHeader;

  Api(String keyHeader, String requestIdHeader) {
    this.keyHeader = keyHeader;
    this.requestIdHeader = requestIdHeader;
  }

  /** Guesses whose client asks for a path that nobody serves. */
  static Api guess(String path) {
    if (path.startsWith("/cognitiveservices")) {
      return AZURE;
    }
    return path.startsWith("/v1/messages") ? ANTHROPIC : OPENAI;
  }

  String requestIdHeader() {
    return requestIdHeader;
  }

  String requestId(String id) {
    return this == AZURE ? id : "req_" + id;
  }

  /** Throws unless there is a key, any but one of the relay's own. */
  void checkKey(HttpFields headers) throws Refusal {
    for (HttpField header : headers) {
      String value = header.getValue();
      if (value != null && value.contains(RELAY_KEY)) {
        throw new Refusal(
            401,
            "relay_key_leaked",
            "The header "
                + header.getName()
                + " holds a relay key, which must not reach a provider. Set the route's upstream"
                + " credential, so that the relay puts the provider's key in its place.");
      }
    }
    if (!hasKey(headers)) {
      String expected = this == OPENAI ? "Authorization: Bearer <any>" : keyHeader + ": <any>";
      throw new Refusal(401, "invalid_api_key", "No key (expected: " + expected + ").");
    }
  }

  private boolean hasKey(HttpFields headers) {
    return switch (this) {
      case OPENAI -> hasBearer(headers);
      // Anthropic's SDKs send the one or, of late, the other.
      case ANTHROPIC -> hasText(headers.get(keyHeader)) || hasBearer(headers);
      case AZURE -> hasText(headers.get(keyHeader));
    };
  }

  private static boolean hasBearer(HttpFields headers) {
    String value = headers.get("Authorization");
    return value != null
        && value.toLowerCase(Locale.ROOT).startsWith("bearer ")
        && hasText(value.substring("bearer ".length()));
  }

  private static boolean hasText(@Nullable String value) {
    return value != null && !value.isBlank();
  }

  Reply error(Refusal refusal, String id) {
    Step body = Step.of(Duration.ZERO, errorBody(refusal, id));
    return new Reply(refusal.status(), Reply.JSON, List.of(body), End.CLEAN);
  }

  private String errorBody(Refusal refusal, String id) {
    String message = Json.quote(refusal.message());
    return switch (this) {
      case OPENAI ->
          """
          {"error":{"message":%s,"type":"%s","param":null,"code":"%s"}}"""
              .formatted(message, openAiType(refusal.status()), refusal.code());
      case ANTHROPIC ->
          """
          {"type":"error","error":{"type":"%s","message":%s},"request_id":"%s"}"""
              .formatted(anthropicType(refusal.status()), message, requestId(id));
      case AZURE ->
          """
          {"error":{"code":"%d","message":%s}}"""
              .formatted(refusal.status(), message);
    };
  }

  private static String openAiType(int status) {
    return switch (status) {
      case 429 -> "requests";
      case 500 -> "server_error";
      default -> "invalid_request_error";
    };
  }

  private static String anthropicType(int status) {
    return switch (status) {
      case 401 -> "authentication_error";
      case 404 -> "not_found_error";
      case 413 -> "request_too_large";
      case 429 -> "rate_limit_error";
      case 500 -> "api_error";
      default -> "invalid_request_error";
    };
  }
}
