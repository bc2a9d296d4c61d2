package io.streamrelay.internal;

import io.streamrelay.error.ErrorCode;
import io.streamrelay.error.RelayError;
import io.streamrelay.http.HeaderPolicy;
import io.streamrelay.http.Headers;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The headers of what goes back to clients. */
final class Answers {
  static final String REQUEST_ID = "X-Request-ID";

  /** What providers call their id for a request. */
  private static final List<String> UPSTREAM_IDS =
      List.of(
          "x-request-id",
          "request-id",
          "x-requestid",
          "apim-request-id",
          "x-goog-request-id",
          "cf-ray");

  private static final int MAX_ID_LENGTH = 128;

  private Answers() {}

  /** The upstream's own, filtered, with the exchange's id. */
  static Headers headers(int status, Headers upstreamResponse, String requestId, boolean events) {
    Headers.Builder headers = HeaderPolicy.toClient(upstreamResponse).set(REQUEST_ID, requestId);
    if (status == 204 || events) {
      // With 204 RFC 9110 §8.6 forbids it, and containers refuse to send it. Events whose length
      // was kept could neither be cut once it is reached nor be followed by an error event.
      headers.remove("Content-Length");
    }
    if (events && !headers.contains("X-Accel-Buffering")) {
      // Keeps an nginx in front from gathering events.
      headers.add("X-Accel-Buffering", "no");
    }
    return headers.build();
  }

  /** Those of a stream that the relay begins before the upstream answers. */
  static Headers earlyHead(String requestId) {
    return Headers.builder()
        .add("Content-Type", "text/event-stream; charset=utf-8")
        .add("Cache-Control", "no-cache")
        .add("X-Accel-Buffering", "no")
        .add(REQUEST_ID, requestId)
        .build();
  }

  /** What a client is told of an answer that is no stream of events when it has a 200 already. */
  static RelayError tooLate(int status, Headers upstreamResponse) {
    boolean refused = status >= 400 && status <= 599;
    String wait = refused ? upstreamResponse.first("retry-after") : null;
    String message =
        refused
            ? "the upstream refused the request with status " + status
            : "the upstream answered with status " + status + " and no stream of events";
    if (wait != null && wait.matches("[0-9]{1,9}")) {
      message += "; retry after " + wait + " s";
    } else if (wait != null && wait.matches("[A-Za-z0-9 ,:+-]{1,40}")) {
      message += "; retry after " + wait;
    }
    ErrorCode code = ErrorCode.UPSTREAM_REFUSED;
    return new RelayError(code, code.code(), refused ? status : code.status(), message, null);
  }

  /** Those of an error that the relay itself answers with. */
  static Headers headers(RelayError error, String requestId, int length) {
    Headers.Builder headers =
        Headers.builder()
            .add("Content-Type", "application/json")
            .add("Content-Length", Integer.toString(length))
            .add("Cache-Control", "no-store")
            .add(REQUEST_ID, requestId);
    String seconds = error.retryAfterSeconds();
    Duration wait = error.retryAfter();
    if (seconds != null && wait != null) {
      headers.add("Retry-After", seconds);
      // Read by OpenAI's and Anthropic's SDKs before Retry-After.
      headers.add("Retry-After-Ms", Long.toString(Math.max(1, wait.plusNanos(999_999).toMillis())));
    }
    if (error.status() == 401) {
      headers.add("WWW-Authenticate", "Bearer");
    }
    if (error.code() == ErrorCode.METHOD_NOT_ALLOWED) {
      headers.add("Allow", Requests.ALLOWED_METHODS);
    }
    if (error.code() == ErrorCode.DRAINING || error.code() == ErrorCode.DRAINED) {
      headers.add("Connection", "close");
    }
    return headers.build();
  }

  static @Nullable String upstreamRequestId(Headers upstreamResponse) {
    for (String name : UPSTREAM_IDS) {
      String id = upstreamResponse.first(name);
      if (id != null) {
        return id.length() > MAX_ID_LENGTH ? id.substring(0, MAX_ID_LENGTH) : id;
      }
    }
    return null;
  }
}
