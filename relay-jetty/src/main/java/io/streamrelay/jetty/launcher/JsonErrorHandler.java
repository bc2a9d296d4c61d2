package io.streamrelay.jetty.launcher;

import io.prometheus.metrics.core.metrics.Counter;
import io.streamrelay.error.ErrorCode;
import io.streamrelay.error.ErrorFormat;
import io.streamrelay.error.RelayError;
import io.streamrelay.route.Dialect;
import java.nio.ByteBuffer;
import java.util.Set;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.HttpStatus;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.handler.ErrorHandler;
import org.eclipse.jetty.util.Callback;

/**
 * Answers what Jetty refuses before the relay sees it (broken requests, ambiguous paths, too large
 * headers) in the form of the relay's own errors, with no page and no exception text.
 */
final class JsonErrorHandler extends ErrorHandler {
  /** What Jetty refuses with; anything else is counted as one, so that the metric stays small. */
  private static final Set<Integer> COUNTED =
      Set.of(400, 404, 405, 408, 413, 414, 417, 426, 431, 500, 501, 503, 505);

  private final Counter refused;

  /**
   * @param refused counts by a label {@code status}
   */
  JsonErrorHandler(Counter refused) {
    this.refused = refused;
  }

  /** Shows every status with its zero, so that the first refusal is an increase. */
  static void initialize(Counter refused) {
    COUNTED.forEach(status -> refused.initLabelValues(Integer.toString(status)));
    refused.initLabelValues("other");
  }

  @Override
  public boolean handle(Request request, Response response, Callback callback) {
    int status = response.getStatus() < 400 ? 500 : response.getStatus();
    if (request.getConnectionMetaData().getConnection().getEndPoint().isOpen()) {
      // What is closed was refused, and counted, by HeadClock.
      refused.labelValues(COUNTED.contains(status) ? Integer.toString(status) : "other").inc();
    }
    ErrorCode code = code(status);
    RelayError error =
        new RelayError(code, code.code(), status, HttpStatus.getMessage(status), null);
    byte[] body = ErrorFormat.body(Dialect.OPENAI, error, "");
    response.setStatus(status);
    response.getHeaders().put(HttpHeader.CONTENT_TYPE, "application/json");
    response.getHeaders().put(HttpHeader.CONTENT_LENGTH, body.length);
    response.getHeaders().put(HttpHeader.CACHE_CONTROL, "no-store");
    response.write(true, ByteBuffer.wrap(body), callback);
    return true;
  }

  private static ErrorCode code(int status) {
    return switch (status) {
      case 500, 503 -> ErrorCode.RELAY_ERROR;
      case 404 -> ErrorCode.ROUTE_NOT_FOUND;
      case 405 -> ErrorCode.METHOD_NOT_ALLOWED;
      case 408 -> ErrorCode.REQUEST_TIMEOUT;
      case 413 -> ErrorCode.BODY_TOO_LARGE;
      case 431 -> ErrorCode.INVALID_HEADER;
      case 414 -> ErrorCode.INVALID_PATH;
      default -> ErrorCode.INVALID_REQUEST;
    };
  }
}
