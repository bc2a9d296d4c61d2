package io.streamrelay.trace;

import io.streamrelay.Exchange;
import io.streamrelay.http.Headers;
import io.streamrelay.route.Route;
import org.jspecify.annotations.Nullable;

/** W3C Trace Context alone. */
final class HeadersOnly implements Tracing {
  static final HeadersOnly INSTANCE = new HeadersOnly();

  private HeadersOnly() {}

  @Override
  public TraceContext start(Exchange exchange, @Nullable Route route) {
    return TraceContext.from(exchange.clientRequest());
  }

  @Override
  public Headers startAttempt(Exchange exchange, int attempt) {
    return exchange.trace().headers();
  }
}
