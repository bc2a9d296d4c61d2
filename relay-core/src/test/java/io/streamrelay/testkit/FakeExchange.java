package io.streamrelay.testkit;

import io.streamrelay.EndReason;
import io.streamrelay.Exchange;
import io.streamrelay.ExchangeKey;
import io.streamrelay.ExchangeRecord;
import io.streamrelay.error.RelayError;
import io.streamrelay.http.Headers;
import io.streamrelay.policy.RequestBody;
import io.streamrelay.route.ClientGonePolicy;
import io.streamrelay.route.Route;
import io.streamrelay.trace.TraceContext;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * An exchange without a relay, to test a policy as a plain object.
 *
 * <pre>{@code
 * FakeExchange exchange = new FakeExchange().header("Authorization", "Bearer sk-1");
 * Decision decision = policy.onRequest(exchange);
 * Decision more = policy.onRequestBody(exchange.model("gpt-5"), FakeExchange.body("{}"));
 * exchange.end(EndReason.CLIENT_GONE);
 * }</pre>
 *
 * <p>The relay reads the model out of the body; here the test says it by {@link #model}.
 *
 * <p>Starts as a {@code GET /v1/models} without headers on a route called {@code fake}, tenant
 * {@link Exchange#DEFAULT_TENANT}. Not thread-safe, as the real one.
 */
public final class FakeExchange implements Exchange {
  private final FakeTicker ticker;
  private final long startedNanos;
  private final Headers.Builder clientRequest = Headers.builder();
  private final Deque<Consumer<ExchangeRecord>> endActions = new ArrayDeque<>();
  private final Map<ExchangeKey<?>, Object> attachments = new HashMap<>();
  private @Nullable TraceContext trace;
  private String id = "fake-1";
  private String method = "GET";
  private String path = "/v1/models";
  private @Nullable String clientAddress;
  private Route route =
      Route.builder("fake").path("/").upstream(URI.create("http://upstream.test")).build();
  private String tenant = DEFAULT_TENANT;
  private @Nullable String keyName;
  private @Nullable String model;
  private int identified;
  private @Nullable ClientGonePolicy clientGonePolicy;
  private boolean ended;
  private @Nullable RelayError stopped;

  /** Makes an exchange with a ticker of its own. */
  public FakeExchange() {
    this(new FakeTicker());
  }

  /**
   * Makes an exchange.
   *
   * @param ticker its time source
   */
  public FakeExchange(FakeTicker ticker) {
    this.ticker = ticker;
    this.startedNanos = ticker.nanos();
  }

  /**
   * Makes what a policy is shown of a request's body.
   *
   * @param text the whole body, as UTF-8
   * @return for {@link io.streamrelay.policy.Policy#onRequestBody}
   */
  public static RequestBody body(String text) {
    ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
    return new RequestBody(bytes, true, bytes.remaining());
  }

  /**
   * Sets the id.
   *
   * @param id default {@code fake-1}
   * @return this
   */
  public FakeExchange id(String id) {
    this.id = id;
    return this;
  }

  /**
   * Sets the method.
   *
   * @param method in upper case
   * @return this
   */
  public FakeExchange method(String method) {
    this.method = method;
    return this;
  }

  /**
   * Sets the raw path.
   *
   * @param path without a query
   * @return this
   */
  public FakeExchange path(String path) {
    this.path = path;
    return this;
  }

  /**
   * Adds a client's request header.
   *
   * @param name in any case
   * @param value as it came
   * @return this
   */
  public FakeExchange header(String name, String value) {
    clientRequest.add(name, value);
    return this;
  }

  /**
   * Sets the client's address.
   *
   * @param clientAddress null if the container does not tell
   * @return this
   */
  public FakeExchange clientAddress(@Nullable String clientAddress) {
    this.clientAddress = clientAddress;
    return this;
  }

  /**
   * Sets the route.
   *
   * @param route default: one called {@code fake} for every path
   * @return this
   */
  public FakeExchange route(Route route) {
    this.route = route;
    return this;
  }

  /**
   * Sets the model.
   *
   * @param model null if the body names none
   * @return this
   */
  public FakeExchange model(@Nullable String model) {
    this.model = model;
    return this;
  }

  /**
   * Sets the tenant, as if a policy had identified it.
   *
   * @param tenant the name
   * @return this
   */
  public FakeExchange tenant(String tenant) {
    this.tenant = tenant;
    return this;
  }

  /**
   * Sets the relay key's name, as if a policy had identified it.
   *
   * @param keyName null for none
   * @return this
   */
  public FakeExchange keyName(@Nullable String keyName) {
    this.keyName = keyName;
    return this;
  }

  /**
   * Returns what a policy said by {@link #whenClientGone}.
   *
   * @return null if none did
   */
  public @Nullable ClientGonePolicy clientGonePolicy() {
    return clientGonePolicy;
  }

  /**
   * Returns how often a policy called {@link #identify}.
   *
   * @return zero or more
   */
  public int timesIdentified() {
    return identified;
  }

  /**
   * Ends the exchange as the relay does: runs what was registered, last first, all of it.
   *
   * @param reason how it ended
   * @return the record that the actions were given
   * @throws IllegalStateException if it has ended already
   * @throws RuntimeException what the first failing action threw; the relay would log it
   */
  public ExchangeRecord end(EndReason reason) {
    ExchangeRecord record =
        ExchangeRecord.builder()
            .requestId(id)
            .receivedAt(receivedAt())
            .route(route.name())
            .tenant(tenant)
            .keyName(keyName)
            .clientAddress(clientAddress)
            .trace(trace())
            .method(method)
            .path(path)
            .model(model)
            .status(status(reason))
            .end(reason)
            .durationNanos(ticker.nanos() - startedNanos)
            .build();
    end(record);
    return record;
  }

  /**
   * Ends the exchange with a record of the test's own.
   *
   * @param record how it ended
   * @throws IllegalStateException if it has ended already
   * @throws RuntimeException what the first failing action threw; the relay would log it
   */
  public void end(ExchangeRecord record) {
    if (ended) {
      throw new IllegalStateException(
          "exchange '" + id + "' has ended already (expected: one end)");
    }
    ended = true;
    RuntimeException failure = null;
    while (!endActions.isEmpty()) {
      try {
        endActions.pop().accept(record);
      } catch (RuntimeException e) {
        if (failure == null) {
          failure = e;
        } else {
          failure.addSuppressed(e);
        }
      }
    }
    if (failure != null) {
      throw failure;
    }
  }

  private static int status(EndReason reason) {
    return switch (reason) {
      case COMPLETE, UPSTREAM_TRUNCATED, BUDGET_CUT, DRAINED, TOTAL_TIMEOUT -> 200;
      case REJECTED -> 403;
      case UPSTREAM_REFUSED -> 429;
      case UPSTREAM_ERROR -> 502;
      case CONNECT_TIMEOUT, FIRST_BYTE_TIMEOUT, IDLE_TIMEOUT -> 504;
      case CLIENT_GONE -> 499;
      case RELAY_ERROR -> 500;
    };
  }

  @Override
  public String id() {
    return id;
  }

  @Override
  public Instant receivedAt() {
    return Instant.EPOCH;
  }

  @Override
  public FakeTicker ticker() {
    return ticker;
  }

  @Override
  public String method() {
    return method;
  }

  @Override
  public String path() {
    return path;
  }

  @Override
  public Headers clientRequest() {
    return clientRequest.build();
  }

  @Override
  public @Nullable String clientAddress() {
    return clientAddress;
  }

  @Override
  public Route route() {
    return route;
  }

  @Override
  public String tenant() {
    return tenant;
  }

  @Override
  public @Nullable String keyName() {
    return keyName;
  }

  @Override
  public void identify(@Nullable String keyName, String tenant) {
    this.keyName = keyName;
    this.tenant = tenant;
    identified++;
  }

  @Override
  public void whenClientGone(ClientGonePolicy policy) {
    clientGonePolicy = policy;
  }

  @Override
  public @Nullable String model() {
    return model;
  }

  @Override
  public TraceContext trace() {
    TraceContext place = trace;
    if (place == null) {
      place = TraceContext.from(clientRequest());
      trace = place;
    }
    return place;
  }

  @Override
  public <T> void attach(ExchangeKey<T> key, @Nullable T value) {
    if (value == null) {
      attachments.remove(key);
    } else {
      attachments.put(key, value);
    }
  }

  @Override
  public <T> @Nullable T attached(ExchangeKey<T> key) {
    Object value = attachments.get(key);
    return value == null ? null : key.cast(value);
  }

  @Override
  public void onEnd(Consumer<ExchangeRecord> action) {
    if (ended) {
      throw new IllegalStateException(
          "exchange '" + id + "' has ended (expected: registered before its end)");
    }
    endActions.push(action);
  }

  @Override
  public void stop(RelayError error) {
    Objects.requireNonNull(error, "error");
    if (stopped == null) {
      stopped = error;
    }
  }

  /**
   * Returns why a policy ended the exchange in mid-stream.
   *
   * @return what was given to {@link #stop} first; null if it was not called
   */
  public @Nullable RelayError stopped() {
    return stopped;
  }
}
