package io.streamrelay.forward;

import io.streamrelay.http.Headers;
import java.nio.ByteBuffer;

/**
 * Takes one upstream answer: the relay's side of {@link StreamingForwarder}.
 *
 * <p>Implemented by the relay and by test fakes; called by forwarders, never by two threads at
 * once. No method blocks or throws.
 */
public interface ResponseSink {
  /**
   * Sets what to run when the sink turns ready again, or has no more use for the last buffer
   * because its client is gone. Called once, before anything else.
   *
   * @param callback runs on any thread, possibly within a call to the sink; must not block
   */
  void onReady(Runnable callback);

  /** Says that the request is being sent: a connection has taken it. */
  void connected();

  /**
   * Takes the response head. Interim (1xx) heads are not passed on.
   *
   * @param status 200 to 599
   * @param headers as they came
   */
  void head(int status, Headers headers);

  /**
   * Tells whether {@link #write} or {@link #flush} may be called, and whether the buffer of the
   * last write is free again, unless {@link #mayReuse} says otherwise.
   *
   * @return false if the callback of {@link #onReady} will run later
   */
  boolean isReady();

  /**
   * Writes and flushes bytes. Only while ready.
   *
   * @param chunk its remaining bytes; stays untouched by the caller until this call has returned
   *     and {@link #isReady} is true again or the callback ran
   */
  void write(ByteBuffer chunk);

  /**
   * Tells whether the buffer of the last write may be used again, if the sink is ready. It may not
   * where the client was given up while that write was pending: nobody will tell when the container
   * has let go of the buffer, so it is left to the garbage collector.
   *
   * @return true but in that case
   */
  default boolean mayReuse() {
    return true;
  }

  /** Sends the head now, if it was not sent with a chunk. Only while ready. */
  void flush();

  /**
   * Has a turn of its own, as {@link ForwardCall#nudge} asked: the sink may write to its client
   * here, and is then not ready for a while. Only while ready; also before {@link #head} and before
   * {@link #connected}. Afterwards, as after a write, {@link #isReady} is asked until it is true.
   */
  void nudged();
}
