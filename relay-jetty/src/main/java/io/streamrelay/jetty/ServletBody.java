package io.streamrelay.jetty;

import io.streamrelay.forward.BodySource;
import jakarta.servlet.ReadListener;
import jakarta.servlet.ServletInputStream;
import jakarta.servlet.http.HttpServletRequest;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Reads a request body without blocking.
 *
 * <p>Jetty is not asked for a byte before the relay wants one, so that a client which sent {@code
 * Expect: 100-continue} is told to go on only after it was admitted.
 */
final class ServletBody implements BodySource, ReadListener {

  private final HttpServletRequest request;
  private final Gate gate;
  private final long length;
  private final boolean isLazy;
  private volatile @Nullable Runnable readable;
  private volatile @Nullable Runnable onEnd;
  private volatile boolean available;
  private volatile @Nullable Throwable failure;
  private volatile boolean ended;
  private @Nullable ServletInputStream in;
  private byte[] scratch = new byte[0];

  ServletBody(HttpServletRequest request, Gate gate) {
    this.request = request;
    this.gate = gate;
    this.length = length(request);
    this.ended = length == 0;
    this.isLazy = Containers.isJetty(request);
  }

  /**
   * Asks the container for the body where that must not wait until the relay wants it: Tomcat takes
   * its socket's lock for it, and may keep whoever asks later, on another thread, waiting for that.
   * Called on the request's own thread, with no lock held.
   */
  void open() throws IOException {
    if (isLazy || ended) {
      return;
    }
    ServletInputStream stream = request.getInputStream();
    synchronized (gate) {
      in = stream;
    }
    stream.setReadListener(this);
  }

  private static long length(HttpServletRequest request) {
    long declared = request.getContentLengthLong();
    boolean none =
        declared < 0
            && request.getProtocol().startsWith("HTTP/1")
            && request.getHeader("Transfer-Encoding") == null;
    return none ? 0 : declared;
  }

  /** Whether nothing more comes. */
  boolean hasEnded() {
    return ended;
  }

  /** Sets what to run once, when the body has been read to its end. */
  void onEnd(Runnable callback) {
    onEnd = callback;
  }

  @Override
  public long length() {
    return length;
  }

  @Override
  public void onReadable(Runnable callback) {
    readable = callback;
  }

  @Override
  public int read(ByteBuffer into) throws IOException {
    Throwable failed = failure;
    if (failed != null) {
      throw new IOException("reading client: the request broke off", failed);
    }
    if (ended) {
      return -1;
    }
    int count;
    synchronized (gate) {
      if (!gate.isOpen()) {
        throw new IOException("reading client: the exchange is over");
      }
      count = readOpen(into);
    }
    if (count < 0) {
      ended = true;
      run(onEnd);
    }
    return count;
  }

  private int readOpen(ByteBuffer into) throws IOException {
    ServletInputStream stream = in;
    if (stream == null) {
      if (!isLazy) {
        return 0;
      }
      stream = request.getInputStream();
      in = stream;
      // Its first callback says when to begin; containers differ on reads before it.
      stream.setReadListener(this);
      return 0;
    }
    if (!available) {
      return 0;
    }
    if (stream.isFinished()) {
      return -1;
    }
    // Lowered first: the container may raise it again while isReady is still returning false.
    available = false;
    if (!stream.isReady()) {
      return 0;
    }
    available = true;
    return read(stream, into);
  }

  private int read(ServletInputStream stream, ByteBuffer into) throws IOException {
    if (into.hasArray()) {
      int at = into.position();
      int count = stream.read(into.array(), into.arrayOffset() + at, into.remaining());
      if (count > 0) {
        into.position(at + count);
      }
      return count;
    }
    if (scratch.length < into.remaining()) {
      scratch = new byte[into.remaining()];
    }
    int count = stream.read(scratch, 0, into.remaining());
    if (count > 0) {
      into.put(scratch, 0, count);
    }
    return count;
  }

  @Override
  public void onDataAvailable() {
    available = true;
    run(readable);
  }

  @Override
  public void onAllDataRead() {
    available = true;
    run(readable);
  }

  @Override
  public void onError(Throwable cause) {
    synchronized (gate) {
      failure = cause;
    }
    run(readable);
  }

  private static void run(@Nullable Runnable callback) {
    if (callback != null) {
      callback.run();
    }
  }
}
