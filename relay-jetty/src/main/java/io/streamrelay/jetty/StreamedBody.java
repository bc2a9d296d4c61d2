package io.streamrelay.jetty;

import io.streamrelay.forward.BodySource;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.eclipse.jetty.client.Request;
import org.eclipse.jetty.io.ByteBufferPool;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.io.RetainableByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Lets a large request body through: each slice is read from the client when the upstream takes it.
 *
 * <p>Read by Jetty's client, one call at a time.
 */
final class StreamedBody implements Request.Content {
  private static final int SLICE_BYTES = 16 * 1024;

  private final ByteBufferPool pool;
  private final BodySource body;
  private final long length;

  /**
   * Held while the body is read, which never blocks: after the call's end it is another's to read.
   */
  private final Object reading = new Object();

  private volatile @Nullable Throwable failure;
  private volatile boolean stopped;
  private boolean ended;
  private boolean starved;
  private long bytesRead;

  // Guarded by this, for a few instructions.
  private @Nullable Runnable waiting;
  private boolean signalled;

  StreamedBody(ByteBufferPool pool, BodySource body, long length) {
    this.pool = pool;
    this.body = body;
    this.length = length;
    body.onReadable(this::readable);
  }

  /** What reading the client's body threw; null if nothing. */
  @Nullable Throwable failure() {
    return failure;
  }

  /** Nothing more is read, also not by a read that is under way on another thread. */
  void stop() {
    synchronized (reading) {
      stopped = true;
    }
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
  public Content.@Nullable Chunk read() {
    Throwable failed = failure;
    if (failed != null || stopped) {
      return Content.Chunk.from(
          failed == null ? new IOException("the exchange is over") : failed, true);
    }
    if (ended) {
      return Content.Chunk.EOF;
    }
    RetainableByteBuffer slice = pool.acquire(SLICE_BYTES, false);
    ByteBuffer bytes = slice.getByteBuffer();
    bytes.clear();
    int count;
    try {
      count = readUnlessStopped(bytes);
      checkLength(count);
    } catch (IOException | RuntimeException e) {
      slice.release();
      if (!stopped) {
        failure = e;
      }
      return Content.Chunk.from(e, true);
    }
    bytes.flip();
    starved = count == 0;
    if (count <= 0) {
      slice.release();
      ended = count < 0;
      return ended ? Content.Chunk.EOF : null;
    }
    return Content.Chunk.asChunk(bytes, false, slice);
  }

  private int readUnlessStopped(ByteBuffer bytes) throws IOException {
    synchronized (reading) {
      if (stopped) {
        throw new IOException("the exchange is over");
      }
      return body.read(bytes);
    }
  }

  /** A body that is not as long as declared would leave the connection out of step. */
  private void checkLength(int count) throws IOException {
    bytesRead += Math.max(0, count);
    if (length >= 0 && (bytesRead > length || (count < 0 && bytesRead < length))) {
      throw new IOException(
          "the request body has "
              + (count < 0 ? "only " : "at least ")
              + bytesRead
              + " bytes (declared: "
              + length
              + ")");
    }
  }

  @Override
  public void demand(Runnable callback) {
    if (!starved || failure != null || stopped || !park(callback)) {
      callback.run();
    }
  }

  /** False if it turned readable since the read that found nothing. */
  private synchronized boolean park(Runnable callback) {
    if (signalled) {
      signalled = false;
      return false;
    }
    waiting = callback;
    return true;
  }

  private void readable() {
    Runnable callback = unpark();
    if (callback != null) {
      callback.run();
    }
  }

  private synchronized @Nullable Runnable unpark() {
    Runnable callback = waiting;
    waiting = null;
    signalled = callback == null;
    return callback;
  }

  @Override
  public void fail(Throwable cause) {
    stopped = true;
    // Whoever waits for the client's bytes must not wait for ever.
    readable();
  }
}
