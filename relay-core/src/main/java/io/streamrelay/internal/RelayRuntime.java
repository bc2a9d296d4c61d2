package io.streamrelay.internal;

import io.streamrelay.ExchangeRecord;
import io.streamrelay.RelayListener;
import io.streamrelay.Scheduler;
import io.streamrelay.Ticker;
import io.streamrelay.forward.StreamingForwarder;
import io.streamrelay.internal.detail.DetailedLog;
import io.streamrelay.policy.PolicyChain;
import io.streamrelay.price.PriceTable;
import io.streamrelay.trace.Tracing;
import java.util.List;
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
   * Gives exchanges their place in a trace.
   *
   * @return the one source of ids
   */
  Tracing tracing();

  /**
   * Returns who is told of exchanges.
   *
   * @return in the order in which they are told
   */
  List<RelayListener> listeners();

  /**
   * Remembers who does not take the relay's own request for usage.
   *
   * @return one for all routes
   */
  UsageRefusals usageRefusals();

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
   * Tells whether the times between an answer's chunks are counted for its record.
   *
   * @return false unless a metric needs them
   */
  boolean countsChunkGaps();

  /**
   * Takes the one record of an exchange, when the listeners have been told.
   *
   * @param run which ended
   * @param record how
   */
  void ended(ExchangeRun run, ExchangeRecord record);
}
