package io.streamrelay.forward;

import java.util.concurrent.CompletionStage;

/** One running call of a {@link StreamingForwarder}. Thread-safe. */
public interface ForwardCall {
  /** Ends the upstream call; the result becomes {@link ForwardResult.Cancelled} unless it is in. */
  void cancel();

  /**
   * Asks the forwarder to give its sink a turn: one call of {@link ResponseSink#nudged}, as soon as
   * the sink is ready. Never blocks. After the result it does nothing.
   */
  void nudge();

  /**
   * Returns how the call ended.
   *
   * @return completed once, never exceptionally, after the last call to the sink
   */
  CompletionStage<ForwardResult> result();
}
