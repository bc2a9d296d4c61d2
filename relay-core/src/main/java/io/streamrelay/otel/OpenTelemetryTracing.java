package io.streamrelay.otel;

import io.opentelemetry.api.OpenTelemetry;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.api.trace.TraceState;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.propagation.TextMapPropagator;
import io.streamrelay.Exchange;
import io.streamrelay.ExchangeKey;
import io.streamrelay.ExchangeRecord;
import io.streamrelay.http.Headers;
import io.streamrelay.log.LogText;
import io.streamrelay.route.Route;
import io.streamrelay.trace.TraceContext;
import io.streamrelay.trace.Tracing;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Makes OpenTelemetry spans of exchanges: one of kind SERVER for the exchange, and under it one of
 * kind CLIENT for each request upstream.
 *
 * <pre>{@code
 * Relay relay = Relay.builder(config, forwarder)
 *     .tracing(OpenTelemetryTracing.of(openTelemetry))
 *     .build();
 * }</pre>
 *
 * <p><b>Ids.</b> The exchange's place in the trace is that of the SERVER span, and so are the ids
 * in logs, records and exemplars; the upstream is told of the CLIENT span. If the API has no SDK
 * behind it, the relay makes up its ids as without this class.
 *
 * <p><b>Parent.</b> The span that is current where the request arrives, such as that of a host's or
 * an agent's servlet instrumentation; the relay's is then of kind INTERNAL. Without one, what the
 * instance's propagators find in the client's headers. They also write what the upstream is told;
 * of the context they see only the span there, so that a client's baggage does not reach a third
 * party.
 *
 * <p><b>Names and attributes</b> are those of OpenTelemetry's conventions for HTTP servers and for
 * GenAI clients, the latter in their newest form, which is still in development. Token counts are
 * told if the provider told them; an estimate is not. Neither prompt nor answer, key nor query is
 * ever in a span.
 *
 * <p><b>Errors.</b> The SERVER span has status ERROR if its client got a 5xx, no whole answer, or
 * left; the CLIENT span if the upstream answered with 4xx or 5xx, or its answer was not whole.
 * {@code error.type} then is the relay's error code, the status or the {@linkplain
 * io.streamrelay.EndReason#label() end}.
 *
 * <p>Thread-safe.
 */
public final class OpenTelemetryTracing implements Tracing {
  private static final String SCOPE = "io.streamrelay";
  private static final ExchangeKey<Spans> SPANS = ExchangeKey.of(Spans.class);
  private static final int MAX_CHARS = 256;

  /** RFC 9110 and RFC 5789; others count as one, since a client can make up any number. */
  private static final Set<String> METHODS =
      Set.of("CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE");

  private final Tracer tracer;
  private final TextMapPropagator propagator;

  /** Of one exchange. */
  private static final class Spans {
    final Span server;
    final Context context;
    @Nullable Span client;
    long attemptNanos;
    long toFirstByteNanos = -1;

    Spans(Span server, Context context) {
      this.server = server;
      this.context = context;
    }
  }

  private OpenTelemetryTracing(OpenTelemetry openTelemetry) {
    tracer = openTelemetry.getTracer(SCOPE);
    propagator = openTelemetry.getPropagators().getTextMapPropagator();
  }

  /**
   * Makes spans through an instance of the host's.
   *
   * @param openTelemetry an SDK's, or an agent's as {@code GlobalOpenTelemetry.getOrNoop()} gives
   *     it; the relay does not close it
   * @return for {@link io.streamrelay.Relay.Builder#tracing}
   */
  public static OpenTelemetryTracing of(OpenTelemetry openTelemetry) {
    return new OpenTelemetryTracing(Objects.requireNonNull(openTelemetry, "openTelemetry"));
  }

  @Override
  public TraceContext start(Exchange exchange, @Nullable Route route) {
    Context current = Context.current();
    boolean nested = Span.fromContext(current).getSpanContext().isValid();
    Context parent =
        nested
            ? current
            : propagator.extract(current, exchange.clientRequest(), HeaderGetter.INSTANCE);
    SpanContext caller = Span.fromContext(parent).getSpanContext();
    String method = METHODS.contains(exchange.method()) ? exchange.method() : "_OTHER";
    String verb = method.equals("_OTHER") ? "HTTP" : method;
    var builder =
        tracer
            .spanBuilder(route == null ? verb : verb + ' ' + route.path())
            .setParent(parent)
            .setSpanKind(nested ? SpanKind.INTERNAL : SpanKind.SERVER)
            .setAttribute(Keys.HTTP_METHOD, method);
    if (route != null) {
      builder
          .setAttribute(Keys.HTTP_ROUTE, route.path())
          .setAttribute(Keys.URL_PATH, clean(exchange.path()))
          .setAttribute(Keys.ROUTE, route.name());
    }
    Span server = builder.startSpan();
    SpanContext own = server.getSpanContext();
    if (!own.isValid() || own.getSpanId().equals(caller.getSpanId())) {
      // Without an SDK the caller's span comes back, or none.
      return TraceContext.from(exchange.clientRequest());
    }
    exchange.attach(SPANS, new Spans(server, parent.with(server)));
    return new TraceContext(
        own.getTraceId(),
        own.getSpanId(),
        caller.isValid() ? caller.getSpanId() : null,
        own.isSampled(),
        text(own.getTraceState()));
  }

  private static @Nullable String text(TraceState state) {
    StringBuilder out = new StringBuilder();
    state.forEach(
        (key, value) -> out.append(out.isEmpty() ? "" : ",").append(key).append('=').append(value));
    return out.isEmpty() ? null : out.toString();
  }

  @Override
  public Headers startAttempt(Exchange exchange, int attempt) {
    Spans spans = exchange.attached(SPANS);
    if (spans == null) {
      return exchange.trace().headers();
    }
    Span earlier = spans.client;
    if (earlier != null) {
      earlier.end();
    }
    Route route = exchange.route();
    String host = route.upstream().getHost();
    Span client =
        tracer
            .spanBuilder(exchange.method())
            .setParent(spans.context)
            .setSpanKind(SpanKind.CLIENT)
            .setAttribute(Keys.HTTP_METHOD, exchange.method())
            .setAttribute(Keys.SERVER_ADDRESS, host)
            .setAttribute(Keys.SERVER_PORT, port(route))
            .setAttribute(Keys.PROVIDER, route.provider())
            .setAttribute(Keys.ATTEMPT, (long) attempt)
            .startSpan();
    String model = exchange.model();
    if (model != null) {
      client.setAttribute(Keys.REQUEST_MODEL, clean(model));
    }
    spans.client = client;
    spans.attemptNanos = exchange.ticker().nanos();
    Headers.Builder told = Headers.builder();
    propagator.inject(Context.root().with(client), told, OpenTelemetryTracing::set);
    return told.build();
  }

  private static void set(Headers.@Nullable Builder carrier, String name, String value) {
    if (carrier != null) {
      carrier.set(name, value);
    }
  }

  private static long port(Route route) {
    String authority = route.upstreamAuthority();
    return Long.parseLong(authority.substring(authority.lastIndexOf(':') + 1));
  }

  @Override
  public void onHead(Exchange exchange, int status) {
    Spans spans = exchange.attached(SPANS);
    Span client = spans == null ? null : spans.client;
    if (client != null) {
      client.setAttribute(Keys.HTTP_STATUS, (long) status);
      if (status >= 400) {
        client.setAttribute(Keys.ERROR_TYPE, Integer.toString(status));
        client.setStatus(StatusCode.ERROR);
      }
    }
  }

  @Override
  public void onFirstByte(Exchange exchange) {
    Spans spans = exchange.attached(SPANS);
    if (spans != null) {
      spans.toFirstByteNanos = exchange.ticker().nanos() - spans.attemptNanos;
    }
  }

  @Override
  public void onFirstToken(Exchange exchange) {
    Spans spans = exchange.attached(SPANS);
    if (spans != null) {
      spans.server.addEvent("relay.first_token");
    }
  }

  @Override
  public void onStall(Exchange exchange, long nanos, boolean byClient) {
    Spans spans = exchange.attached(SPANS);
    if (spans != null) {
      spans.server.addEvent(
          "relay.stall",
          Attributes.of(Keys.STALL, nanos / 1e9, Keys.STALL_BY, byClient ? "client" : "upstream"));
    }
  }

  @Override
  public void onEnd(Exchange exchange, ExchangeRecord record) {
    Spans spans = exchange.attached(SPANS);
    if (spans == null) {
      return;
    }
    exchange.attach(SPANS, null);
    try {
      Span client = spans.client;
      if (client != null) {
        EndOfSpans.client(client, record, spans.toFirstByteNanos);
        client.end();
      }
      EndOfSpans.server(spans.server, record);
    } finally {
      spans.server.end();
    }
  }

  /** Text that a client or upstream chose. */
  static String clean(String text) {
    return LogText.clean(text, MAX_CHARS);
  }
}
