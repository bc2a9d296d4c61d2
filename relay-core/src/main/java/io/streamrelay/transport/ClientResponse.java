package io.streamrelay.transport;

import io.streamrelay.http.Headers;
import java.nio.ByteBuffer;

/**
 * The way back to one client.
 *
 * <p>Implemented by container adapters and by test fakes; called by the relay, never by two threads
 * at once (but {@link #listen} comes first and its callbacks may run at any time). No method blocks
 * or throws: a failed write shows as {@code onGone}.
 *
 * <p>T1: nothing is sent before the first {@link #write} or {@link #flush}. T2: a written chunk is
 * on its way at once, never held for more. T3: {@link #isReady} is false while the last write is
 * pending; {@code onReady} runs when it is done. T4: exactly one of {@link #complete} and {@link
 * #cut} is called, last. T5: after {@code cut} the client can tell that the answer is not whole, if
 * anything of it was sent.
 */
public interface ClientResponse {
  /**
   * Sets the callbacks. Called once, before anything else.
   *
   * @param onReady runs when {@link #isReady} may have turned true, and when the buffer of a
   *     pending write is free because the write failed; any thread, possibly within a call
   * @param onGone runs when the client is known to have left, perhaps more than once; any thread
   */
  void listen(Runnable onReady, Runnable onGone);

  /**
   * Tells whether {@link #write}, {@link #flush} or {@link #complete} may be called.
   *
   * @return false if {@code onReady} will run later
   */
  boolean isReady();

  /**
   * Sets status and headers, to be sent with the first chunk. Called at most once.
   *
   * @param status 200 to 599
   * @param headers all but the connection's own
   */
  void head(int status, Headers headers);

  /**
   * Writes and flushes. Only while ready.
   *
   * @param chunk its remaining bytes, untouched by the relay until ready again; the position may be
   *     moved, the limit stays
   */
  void write(ByteBuffer chunk);

  /** Sends the head if it was not sent. Only while ready. */
  void flush();

  /** Ends the answer as whole. Only while ready. */
  void complete();

  /** Ends the answer so that the client can tell it is not whole. At any time. */
  void cut();
}
