package io.streamrelay.forward;

import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * Gives a request body piece by piece, without blocking.
 *
 * <p>Implemented by container adapters; read by the relay while it admits a request and by the
 * forwarder afterwards, never by two threads at once.
 */
public interface BodySource {
  /**
   * Returns the declared length.
   *
   * @return bytes; -1 if unknown
   */
  long length();

  /**
   * Sets what to run when a read that returned 0 is worth repeating. Set anew when the reader
   * changes.
   *
   * @param callback runs on any thread; must not block
   */
  void onReadable(Runnable callback);

  /**
   * Reads what is there.
   *
   * @param into gets at most its remaining bytes
   * @return how many were read; 0 if none are there now (the callback will run); -1 at the end
   * @throws java.io.EOFException if the client left
   * @throws IOException if its framing is broken, or if it cannot be told from a client that left
   */
  int read(ByteBuffer into) throws IOException;
}
