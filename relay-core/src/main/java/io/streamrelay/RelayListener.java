package io.streamrelay;

/**
 * Is told of exchanges: the door for metrics, logs, traces and stores.
 *
 * <p>Called by the relay on I/O threads; must not block. Calls for one exchange never overlap and
 * come in the order of the methods here, {@link #onStall} apart. Start and end come in pairs, also
 * for requests that are refused; where no route matched there is an end alone. What a listener
 * throws is logged and disturbs nothing else.
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
   * @param record how; its route is {@link ExchangeRecord#NO_ROUTE} where {@code onStart} was not
   *     called
   */
  default void onEnd(ExchangeRecord record) {}
}
