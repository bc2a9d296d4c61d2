package io.streamrelay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import io.streamrelay.error.ErrorCode;
import io.streamrelay.http.Headers;
import io.streamrelay.policy.Decision;
import io.streamrelay.policy.Policy;
import io.streamrelay.route.Route;
import io.streamrelay.testkit.FakeClient;
import io.streamrelay.testkit.FakeRequest;
import io.streamrelay.trace.TraceContext;
import io.streamrelay.trace.Tracing;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** What an upstream is told of a trace, and that all else of the exchange names the same one. */
class TracePropagationTest extends ExchangeFixture {
  private static final String TRACE = "12345678901234567890123456789012";
  private static final String SPAN = "1234567890123456";
  private static final String PARENT = "00-" + TRACE + "-" + SPAN + "-01";
  private static final ExchangeKey<String> SEEN = ExchangeKey.of(String.class);

  private static FakeRequest request() {
    return FakeRequest.get("/v1/models");
  }

  private Headers sentFor(FakeRequest request) {
    FakeClient client = send(request);
    forwarder.call().connected().head(204).complete();
    assertComplete(client, "");
    return forwarder.call().headers();
  }

  private TraceContext trace() {
    return Objects.requireNonNull(record().trace());
  }

  @Test
  void theClientsTraceGoesOnUpstreamWithASpanOfTheRelays() {
    Headers sent =
        sentFor(
            request()
                .header("TraceParent", PARENT)
                .header("tracestate", "foo=1")
                .header("tracestate", "bar=2"));
    assertThat(trace().traceId()).isEqualTo(TRACE);
    assertThat(trace().parentSpanId()).isEqualTo(SPAN);
    assertThat(sent.all("traceparent"))
        .containsExactly("00-" + TRACE + "-" + trace().spanId() + "-01");
    assertThat(sent.all("tracestate")).containsExactly("foo=1,bar=2");
  }

  @Test
  void aTraceThatBeginsHereIsSentToo() {
    Headers sent = sentFor(request().header("tracestate", "foo=1"));
    assertThat(sent.all("traceparent"))
        .containsExactly("00-" + trace().traceId() + "-" + trace().spanId() + "-00");
    assertThat(sent.contains("tracestate")).isFalse();
  }

  @Test
  void aRouteThatDoesNotPropagateSendsNothingOfIt() {
    serve(route().propagateTrace(false).forwardHeaders("baggage"));
    Headers sent =
        sentFor(
            request()
                .header("traceparent", PARENT)
                .header("tracestate", "foo=1")
                .header("baggage", "user=7"));
    assertThat(sent.size()).isZero();
    assertThat(trace().traceId()).isEqualTo(TRACE);
  }

  @Test
  void baggageGoesUpstreamOnlyWhereARouteNamesIt() {
    serve(
        route(),
        Route.builder("open")
            .path("/open")
            .upstream(route().build().upstream())
            .forwardHeaders("baggage"));
    send(request().header("baggage", "user=7"));
    assertThat(forwarder.call().headers().contains("baggage")).isFalse();
    forwarder.call().connected().head(204).complete();
    send(FakeRequest.get("/open/models").header("baggage", "user=7"));
    assertThat(forwarder.call().headers().first("baggage")).isEqualTo("user=7");
    forwarder.call().connected().head(204).complete();
  }

  @Test
  void aRouteCannotLetTheClientsOwnThrough() {
    serve(route().forwardHeaders("traceparent", "TraceState"));
    Headers sent = sentFor(request().header("traceparent", "00").header("tracestate", "foo=1"));
    assertThat(sent.all("traceparent")).containsExactly(trace().traceparent());
    assertThat(sent.contains("tracestate")).isFalse();
  }

  @Test
  void aPolicyCannotGiveTheUpstreamAnotherTraceThanTheRecords() {
    policies.add(
        new Policy() {
          @Override
          public void onUpstreamRequest(Exchange exchange, Headers.Builder upstreamRequest) {
            upstreamRequest.set("traceparent", PARENT).set("tracestate", "foo=1");
          }
        });
    Headers sent = sentFor(request());
    assertThat(sent.all("traceparent")).containsExactly(trace().traceparent());
    assertThat(sent.contains("tracestate")).isFalse();
  }

  @Test
  void policiesAndListenersSeeThePlace() {
    policies.add(
        onRequest(
            exchange -> {
              exchange.attach(SEEN, exchange.trace().traceId());
              return Decision.admit();
            }));
    sentFor(request().header("traceparent", PARENT));
    assertThat(started.get(0).attached(SEEN)).isEqualTo(TRACE);
    assertThat(started.get(0).trace()).isEqualTo(trace());
  }

  @Test
  void whatIsAttachedIsFoundByItsKeyOnly() {
    ExchangeKey<String> other = ExchangeKey.of(String.class);
    sentFor(request());
    Exchange exchange = started.get(0);
    assertThat(exchange.attached(SEEN)).isNull();
    exchange.attach(SEEN, "one");
    exchange.attach(other, "two");
    exchange.attach(SEEN, "three");
    assertThat(exchange.attached(SEEN)).isEqualTo("three");
    assertThat(exchange.attached(other)).isEqualTo("two");
    exchange.attach(SEEN, null);
    assertThat(exchange.attached(SEEN)).isNull();
    assertThat(exchange.attached(other)).isEqualTo("two");
  }

  @Test
  void aRefusedRequestHasAPlaceToo() {
    FakeClient client = send(FakeRequest.get("/nowhere").header("traceparent", PARENT));
    assertRefused(client, ErrorCode.ROUTE_NOT_FOUND);
    assertThat(trace().traceId()).isEqualTo(TRACE);
  }

  /** A source of ids that a test leads. */
  private static class Source implements Tracing {
    private static final TraceContext PLACE =
        new TraceContext(TRACE, "aaaaaaaaaaaaaaaa", SPAN, true, null);

    @Override
    public TraceContext start(Exchange exchange, @Nullable Route route) {
      assertThatIllegalStateException().isThrownBy(exchange::trace);
      return PLACE;
    }

    @Override
    public Headers startAttempt(Exchange exchange, int attempt) {
      return Headers.of("traceparent", PARENT, "b3", exchange.trace().spanId() + attempt);
    }
  }

  @Test
  void idsAndWhatTheUpstreamIsToldComeFromOneSource() {
    tracing(new Source());
    Headers sent = sentFor(request());
    assertThat(trace()).isEqualTo(Source.PLACE);
    assertThat(sent.first("traceparent")).isEqualTo(PARENT);
    assertThat(sent.first("b3")).isEqualTo("aaaaaaaaaaaaaaaa1");
  }

  @Test
  void aSourceThatFailsIsReplacedByTheHeaders() {
    tracing(
        new Source() {
          @Override
          public TraceContext start(Exchange exchange, @Nullable Route route) {
            throw new IllegalStateException("start");
          }

          @Override
          public Headers startAttempt(Exchange exchange, int attempt) {
            throw new IllegalStateException("attempt");
          }
        });
    Headers sent = sentFor(request().header("traceparent", PARENT));
    assertThat(trace().traceId()).isEqualTo(TRACE);
    assertThat(trace().parentSpanId()).isEqualTo(SPAN);
    assertThat(sent.first("traceparent")).isEqualTo(trace().traceparent());
  }
}
