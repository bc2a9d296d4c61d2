package io.streamrelay.internal;

import io.streamrelay.ExchangeRecord;
import io.streamrelay.Scheduler;
import io.streamrelay.Ticker;
import io.streamrelay.forward.StreamingForwarder;
import io.streamrelay.policy.PolicyChain;

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
   * Takes the one record of an exchange.
   *
   * @param run which ended
   * @param record how
   */
  void ended(ExchangeRun run, ExchangeRecord record);
}
