package io.streamrelay.internal;

import io.streamrelay.Exchange;
import io.streamrelay.ExchangeRecord;
import io.streamrelay.RelayListener;
import java.util.List;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells listeners of one exchange as {@link RelayListener} says: one call at a time, nothing after
 * the end.
 *
 * <p>Calls come from the exchange's steps and from the forwarder's pump, which take turns, and so
 * the monitor is free. Only where a defect ends an exchange while its call still runs do they meet.
 */
final class ListenerCalls {
  private static final Logger LOG = LoggerFactory.getLogger("io.streamrelay");

  private final Exchange exchange;
  private final List<RelayListener> listeners;
  private boolean ended;

  /**
   * @param exchange whose calls these are
   * @param listeners in the order in which they are told
   */
  ListenerCalls(Exchange exchange, List<RelayListener> listeners) {
    this.exchange = exchange;
    this.listeners = listeners;
  }

  void start() {
    tell(listener -> listener.onStart(exchange));
  }

  void upstreamRequest(int attempt) {
    tell(listener -> listener.onUpstreamRequest(exchange, attempt));
  }

  void head(int status) {
    tell(listener -> listener.onHead(exchange, status));
  }

  void firstByte() {
    tell(listener -> listener.onFirstByte(exchange));
  }

  void firstToken() {
    tell(listener -> listener.onFirstToken(exchange));
  }

  void stall(long nanos, boolean byClient) {
    tell(listener -> listener.onStall(exchange, nanos, byClient));
  }

  synchronized void end(ExchangeRecord record) {
    tell(listener -> listener.onEnd(exchange, record));
    ended = true;
  }

  private synchronized void tell(Consumer<RelayListener> what) {
    if (ended) {
      return;
    }
    for (RelayListener listener : listeners) {
      try {
        what.accept(listener);
      } catch (RuntimeException | Error e) {
        ExchangeLog.about(exchange, LOG.atError())
            .setCause(e)
            .log("listener {} failed", listener.getClass().getName());
      }
    }
  }
}
