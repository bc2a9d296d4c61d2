package io.streamrelay.forward;

import java.util.concurrent.CompletionStage;

/** One running call of a {@link StreamingForwarder}. Thread-safe. */
public interface ForwardCall {
  /** Ends the upstream call; the result becomes {@link ForwardResult.Cancelled} unless it is in. */
  void cancel();

  /**
   * Returns how the call ended.
   *
   * @return completed once, never exceptionally, after the last call to the sink
   */
  CompletionStage<ForwardResult> result();
}
