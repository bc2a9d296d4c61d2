package io.streamrelay.trace;

import io.streamrelay.Exchange;
import io.streamrelay.RelayListener;
import io.streamrelay.http.Headers;
import io.streamrelay.route.Route;
import org.jspecify.annotations.Nullable;

/**
 * Gives every exchange its place in a trace, and says what an upstream is told of it: the one
 * source of the ids in headers, logs, records and exemplars.
 *
 * <p>The relay has one, set by {@link io.streamrelay.Relay.Builder#tracing}; by default {@link
 * #headersOnly}. It is a listener too, told before all others, so that one that makes spans can
 * complete and end them. Implemented for OpenTelemetry by {@code
 * io.streamrelay.otel.OpenTelemetryTracing}.
 *
 * <p><b>Called</b> by the relay on I/O threads; must not block. T1: {@link #start} first of all,
 * once per exchange, also for one that no route serves and for one that is refused. T2: {@link
 * #startAttempt} before each upstream request, when all policies have admitted it. T3: calls for
 * one exchange never overlap; {@link RelayListener#onEnd(Exchange, io.streamrelay.ExchangeRecord)}
 * is the last. T4: what it throws is logged, and the relay goes on as {@link #headersOnly} would.
 */
public interface Tracing extends RelayListener {
  /**
   * Returns one that makes no spans: it reads the client's headers and makes up ids.
   *
   * @return stateless
   */
  static Tracing headersOnly() {
    return HeadersOnly.INSTANCE;
  }

  /**
   * Gives an exchange its place.
   *
   * @param exchange the request; its {@link Exchange#trace()} cannot be asked yet
   * @param route where it goes; null if no route serves it, and then the exchange has none either
   * @return the relay's own span in it
   */
  TraceContext start(Exchange exchange, @Nullable Route route);

  /**
   * Begins what is sent upstream.
   *
   * @param exchange whose
   * @param attempt 1 for the first
   * @return fields for the upstream, sent if the route propagates traces
   */
  Headers startAttempt(Exchange exchange, int attempt);
}
