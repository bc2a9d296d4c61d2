package io.streamrelay.internal;

import io.streamrelay.ExchangeRecord;
import io.streamrelay.Scheduler;
import io.streamrelay.Ticker;
import io.streamrelay.forward.StreamingForwarder;
import io.streamrelay.internal.detail.DetailedLog;
import io.streamrelay.policy.PolicyChain;
import io.streamrelay.price.PriceTable;
import org.jspecify.annotations.Nullable;

/** What all exchanges of one relay share. Thread-safe. */
public interface RelayRuntime {
  /**
   * Tells elapsed time.
   *
   * @return the relay's ticker
   */
  Ticker ticker();

  /**
   * Runs timers.
   *
   * @return the relay's scheduler
   */
  Scheduler scheduler();

  /**
   * Decides.
   *
   * @return the policies in order
   */
  PolicyChain policies();

  /**
   * Sends upstream.
   *
   * @return the forwarder
   */
  StreamingForwarder forwarder();

  /**
   * Limits request bodies.
   *
   * @return bytes
   */
  long maxBodySize();

  /**
   * Bounds how slowly request bodies may come.
   *
   * @return bytes per second in which the client is waited for; 0 for any
   */
  long minUploadRate();

  /**
   * Tells what models cost.
   *
   * @return the price table
   */
  PriceTable prices();

  /**
   * Shows exchanges in detail.
   *
   * @return null if the operator did not ask for it
   */
  @Nullable DetailedLog detailedLog();

  /**
   * Takes the one record of an exchange.
   *
   * @param run which ended
   * @param record how
   */
  void ended(ExchangeRun run, ExchangeRecord record);
}
