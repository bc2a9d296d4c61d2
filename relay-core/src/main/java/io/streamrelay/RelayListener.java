package io.streamrelay;

/**
 * Is told of exchanges: the door for metrics, logs, traces and stores.
 *
 * <p><b>Called</b> by the relay, by each call for one listener after the other in the order in
 * which they were added.
 *
 * <p><b>Threads.</b> L1: on I/O threads, so no call may block. L2: calls for one exchange never
 * overlap, though they may come from different threads; what one has written the next one sees.
 * Those for different exchanges do overlap: a listener is thread-safe.
 *
 * <p><b>Order.</b> L3: as the methods stand here, {@link #onStall} apart, which comes between the
 * first byte and the end, any number of times. L4: what did not happen is left out: an exchange
 * that is refused has a start and an end. L5: start and end come in pairs; where no route matched
 * there is an end alone. L6: the end is the last call, and the exchange's {@link Exchange#onEnd}
 * actions have run by then.
 *
 * <p><b>Cost.</b> L7: nothing is called for each chunk or event.
 *
 * <p><b>Failures.</b> L8: what a listener throws is logged and disturbs nothing else.
 *
 * <p>State of its own a listener keeps by {@link Exchange#attach}.
 */
public interface RelayListener {
  /**
   * A request was taken and has a route. Not called for requests that match none.
   *
   * @param exchange the request; identity and model are not known yet
   */
  default void onStart(Exchange exchange) {}

  /**
   * The request is handed to the forwarder.
   *
   * @param exchange the request, admitted
   * @param attempt 1, then 2 and so on if it is sent again
   */
  default void onUpstreamRequest(Exchange exchange, int attempt) {}

  /**
   * The upstream's head has come; once for each attempt that gets so far.
   *
   * @param exchange whose
   * @param status the upstream's
   */
  default void onHead(Exchange exchange, int status) {}

  /**
   * The first bytes of the upstream's body were handed to the client.
   *
   * @param exchange whose
   */
  default void onFirstByte(Exchange exchange) {}

  /**
   * The first event with content was handed to the client: text, reasoning, audio or a tool call.
   *
   * @param exchange whose
   */
  default void onFirstToken(Exchange exchange) {}

  /**
   * The answer stood still for a second or more. Told when it went on, or at the end.
   *
   * @param exchange whose
   * @param nanos for how long
   * @param byClient whether a write waited for the client in that time, rather than the relay for
   *     the upstream
   */
  default void onStall(Exchange exchange, long nanos, boolean byClient) {}

  /**
   * An exchange ended.
   *
   * @param exchange which; its route is not known where {@code onStart} was not called
   * @param record how
   */
  default void onEnd(Exchange exchange, ExchangeRecord record) {
    onEnd(record);
  }

  /**
   * An exchange ended; for listeners that need its record only.
   *
   * @param record how; its route is {@link ExchangeRecord#NO_ROUTE} where {@code onStart} was not
   *     called
   */
  default void onEnd(ExchangeRecord record) {}
}
