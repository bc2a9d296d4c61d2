package io.streamrelay.forward;

import java.util.List;

/**
 * Sends one admitted request upstream and hands the answer to a sink as it arrives.
 *
 * <p><b>Called</b> by the relay, once per exchange, after every policy has admitted it.
 *
 * <p><b>Threads.</b> F1: one instance serves all exchanges, so it is thread-safe. F2: {@code
 * forward} and {@code cancel} never block. F3: calls to one sink never overlap, though they may
 * come from different threads.
 *
 * <p><b>Demand.</b> F4: nothing more is read from upstream while the sink is not ready, so a slow
 * client slows its own upstream and no other. F5: a chunk is handed over as soon as it is read;
 * only what has already arrived together is handed over together. F6: a stream that never pauses
 * yields its thread after 64 KiB.
 *
 * <p><b>Bytes.</b> F7: the body reaches the sink exactly as the upstream framed its content:
 * content codings are not undone, redirects are not followed, nothing is retried. F8: {@code head}
 * is called at most once, before any chunk, and never for an interim (1xx) response. F9: the
 * request goes out as given; only {@code Host} and the body's framing are added.
 *
 * <p><b>Request body.</b> F10: it is read on demand, at most one slice ahead of what the upstream
 * takes. F11: if reading it fails, the upstream request is aborted, never ended as if whole.
 *
 * <p><b>Ending.</b> F12: {@code cancel} ends the upstream call promptly, also while the upstream is
 * silent or the connection is still being made. F13: the result completes exactly once, never
 * exceptionally, and after the last call to the sink and the last read of the body. F14: an answer
 * whose framing is broken or cut is a failure, never {@link ForwardResult.Completed}.
 *
 * <p><b>Turns.</b> F15: {@code nudge} never blocks and gives the sink one turn as soon as it is
 * ready, however silent the upstream is: before a connection exists, within the upload, before the
 * head, between chunks. Nudges that come together may share a turn; one that finds a chunk about to
 * go, or the answer at its end, may come to nothing. After a turn, as after a write, the sink is
 * asked whether it is ready until it is.
 */
public interface StreamingForwarder extends AutoCloseable {
  /**
   * Starts one exchange with an upstream.
   *
   * @param request what to send
   * @param sink takes the head, then the chunks, in upstream order and unchanged
   * @return the running call
   */
  ForwardCall forward(UpstreamRequest request, ResponseSink sink);

  /**
   * Counts what is held for each upstream, for a gauge. Called at each scrape, on any thread; does
   * not block, and may be a moment out of date.
   *
   * @return one for each upstream that was called so far; empty, as by default, if the forwarder
   *     does not tell
   */
  default List<UpstreamPool> pools() {
    return List.of();
  }

  /** Ends what is still running and gives back threads and connections. Idempotent. */
  @Override
  void close();
}
