package io.streamrelay;

import io.streamrelay.error.RelayError;
import io.streamrelay.http.Headers;
import io.streamrelay.route.ClientGonePolicy;
import io.streamrelay.route.Route;
import io.streamrelay.trace.TraceContext;
import java.time.Instant;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * One client request and all that happens until its single end.
 *
 * <p>Made by the relay; policies and listeners read it. Not thread-safe by itself: the relay never
 * lets two calls for one exchange overlap.
 */
public interface Exchange {
  /** The tenant of requests that name none. */
  String DEFAULT_TENANT = "default";

  /**
   * Returns the id that logs, errors and {@code X-Request-ID} carry.
   *
   * @return the client's own if it was sane, otherwise a new one
   */
  String id();

  /**
   * Returns when the request reached the relay.
   *
   * @return wall-clock time
   */
  Instant receivedAt();

  /**
   * Returns the time source for anything that is measured or limited.
   *
   * @return the relay's ticker
   */
  Ticker ticker();

  /**
   * Returns the request's method.
   *
   * @return in upper case
   */
  String method();

  /**
   * Returns the raw path.
   *
   * @return one that {@link io.streamrelay.route.PathGuard} passed
   */
  String path();

  /**
   * Returns the client's request headers.
   *
   * @return as they came, credentials included: never log a value
   */
  Headers clientRequest();

  /**
   * Returns the client's address.
   *
   * @return as the container tells it; null if it does not
   */
  @Nullable String clientAddress();

  /**
   * Returns where the request goes.
   *
   * @return the route
   */
  Route route();

  /**
   * Returns who is limited and billed.
   *
   * @return {@link #DEFAULT_TENANT} until a policy says otherwise
   */
  String tenant();

  /**
   * Returns the name of the relay key that was used.
   *
   * @return null until a policy says otherwise
   */
  @Nullable String keyName();

  /**
   * Says who sends this request. Called by the policy that authenticates.
   *
   * @param keyName the key's name; null for none
   * @param tenant the tenant; already checked to be a sane name
   */
  void identify(@Nullable String keyName, String tenant);

  /**
   * Says what becomes of the upstream request if the client leaves; wins over the route's setting.
   * Called by a policy, such as the one that authenticates.
   *
   * @param policy what to do; the last call counts
   */
  void whenClientGone(ClientGonePolicy policy);

  /**
   * Returns the model the request asks for.
   *
   * @return the top-level {@code model} of a JSON body; null if there is none or it is not known
   *     yet
   */
  @Nullable String model();

  /**
   * Returns the exchange's place in a distributed trace, for log lines and for what else is to be
   * found by it.
   *
   * @return taken up from the client's headers, or begun here
   */
  TraceContext trace();

  /**
   * Keeps something with the exchange until its end, for whoever has the key.
   *
   * @param key where
   * @param value what; null takes it out
   * @param <T> its type
   */
  <T> void attach(ExchangeKey<T> key, @Nullable T value);

  /**
   * Finds what {@link #attach} has kept.
   *
   * @param key where
   * @param <T> its type
   * @return null if nothing
   */
  <T> @Nullable T attached(ExchangeKey<T> key);

  /**
   * Registers what to do when the exchange ends: the one place to give back what was taken.
   *
   * @param action run exactly once, in reverse order of registration, on an I/O thread; must not
   *     block. What it throws is logged and hinders no other action.
   */
  void onEnd(Consumer<ExchangeRecord> action);

  /**
   * Ends the exchange before its time, for example because a budget was spent in mid-stream. The
   * client is told as well as it still can be: by an error answer, or in a stream by a terminal
   * event and a cut. The first reason wins; after the end nothing happens.
   *
   * <p>Any thread, at any time from {@code onRequest} on; does not block. A policy that can decide
   * at once rejects instead.
   *
   * @param error what the client is told; its code says how the exchange ends, such as {@link
   *     io.streamrelay.error.ErrorCode#BUDGET_SPENT}
   */
  void stop(RelayError error);
}
