package io.streamrelay.policy;

import java.nio.ByteBuffer;

/**
 * What is known of a request's body before anything is sent upstream.
 *
 * @param start the first bytes, read-only; the whole body if {@code whole}
 * @param whole whether {@code start} is all of it; a body above 64 KiB streams through and is not
 * @param length the declared length in bytes; -1 if unknown
 */
public record RequestBody(ByteBuffer start, boolean whole, long length) {
  /** Makes the view read-only: the bytes sent upstream are the client's own. */
  public RequestBody {
    start = start.asReadOnlyBuffer();
  }
}
