package io.streamrelay.jetty;

import java.nio.ByteBuffer;
import org.eclipse.jetty.client.Request;
import org.eclipse.jetty.io.Content;
import org.jspecify.annotations.Nullable;

/**
 * A request body that is in memory, until it is sent: Jetty keeps a request for as long as its
 * answer comes, and that may be hours.
 *
 * <p>Jetty's sender keeps the last buffer that it wrote, too, so a large body is given in copied
 * pieces.
 *
 * <p>Read by Jetty's client, one call at a time.
 */
final class WholeBody implements Request.Content {
  private static final int PIECE_BYTES = 16 * 1024;

  private final int length;
  private @Nullable ByteBuffer bytes;
  private volatile @Nullable Throwable failure;

  WholeBody(ByteBuffer bytes) {
    this.length = bytes.remaining();
    this.bytes = bytes.duplicate();
  }

  @Override
  public @Nullable String getContentType() {
    return null;
  }

  @Override
  public long getLength() {
    return length;
  }

  @Override
  public Content.Chunk read() {
    Throwable failed = failure;
    if (failed != null) {
      return Content.Chunk.from(failed, true);
    }
    ByteBuffer left = bytes;
    if (left == null) {
      return Content.Chunk.EOF;
    }
    boolean last = left.remaining() <= PIECE_BYTES;
    if (last) {
      bytes = null;
    }
    if (length <= PIECE_BYTES) {
      return Content.Chunk.from(left, true);
    }
    byte[] piece = new byte[Math.min(left.remaining(), PIECE_BYTES)];
    left.get(piece);
    return Content.Chunk.from(ByteBuffer.wrap(piece), last);
  }

  @Override
  public void demand(Runnable callback) {
    callback.run();
  }

  @Override
  public void fail(Throwable cause) {
    failure = cause;
  }
}
