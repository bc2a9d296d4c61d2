package io.streamrelay;

/**
 * Is told of exchanges: the door for metrics, logs and stores.
 *
 * <p>Called by the relay on I/O threads; must not block. Start and end come in pairs, also for
 * requests that are refused; where no route matched there is an end alone. What a listener throws
 * is logged and disturbs nothing else.
 */
public interface RelayListener {
  /**
   * A request was taken and has a route. Not called for requests that match none.
   *
   * @param exchange the request; identity and model are not known yet
   */
  default void onStart(Exchange exchange) {}

  /**
   * An exchange ended.
   *
   * @param record how; its route is {@link ExchangeRecord#NO_ROUTE} where {@code onStart} was not
   *     called
   */
  default void onEnd(ExchangeRecord record) {}
}
