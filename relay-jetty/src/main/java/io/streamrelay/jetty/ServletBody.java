package io.streamrelay.jetty;

import io.streamrelay.forward.BodySource;
import jakarta.servlet.ReadListener;
import jakarta.servlet.ServletInputStream;
import jakarta.servlet.http.HttpServletRequest;
import java.io.EOFException;
import java.io.IOException;
import java.net.SocketException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import org.jspecify.annotations.Nullable;

/**
 * Reads a request body without blocking.
 *
 * <p>Jetty and Undertow are not asked for a byte before the relay wants one, so that a client which
 * sent {@code Expect: 100-continue} is told to go on only after it was admitted.
 */
final class ServletBody implements BodySource, ReadListener {

  private final HttpServletRequest request;
  private final Gate gate;
  private final long length;
  private final boolean isLazy;
  private final boolean isUndertow;
  private volatile @Nullable Runnable readable;
  private volatile @Nullable Runnable onEnd;
  private volatile ClientConnection connection = ClientConnection.UNREACHABLE;
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
    this.isUndertow = Containers.isUndertow(request);
    this.isLazy = isUndertow || Containers.isJetty(request);
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

  /** Sets whom to ask if the body breaks off. */
  void comesOver(ClientConnection its) {
    connection = its;
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
      throw brokenOff(failed);
    }
    if (ended) {
      return -1;
    }
    if (isUndertow && in == null) {
      // Not with the gate's lock held, as Undertow holds one of its own when it calls for that;
      // and a request of Undertow's is never another's.
      ask();
      return 0;
    }
    int count;
    synchronized (gate) {
      if (!gate.isOpen()) {
        throw new IOException("reading client: the exchange is over");
      }
      try {
        count = readOpen(into);
      } catch (IOException e) {
        throw brokenOff(e);
      }
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
      ask();
      return 0;
    }
    int count = 0;
    // Once more after nothing: Tomcat calls itself ready when all it has is the end of a chunk's
    // line, and calls back only whoever was told that it is not.
    while (count == 0 && available && into.hasRemaining()) {
      if (stream.isFinished()) {
        return -1;
      }
      // Lowered first: the container may raise it again while isReady is still returning false.
      available = false;
      if (stream.isReady()) {
        available = true;
        count = read(stream, into);
      }
    }
    return count;
  }

  private void ask() throws IOException {
    ServletInputStream stream = request.getInputStream();
    in = stream;
    // Its first callback says when to begin; containers differ on reads before it.
    stream.setReadListener(this);
  }

  /** An {@link EOFException} if the client left, and not if what it sent is wrong. */
  private IOException brokenOff(Throwable cause) {
    IOException broken =
        hasLeft(cause) && !connection.isClientThere()
            ? new EOFException("reading client: the client left")
            : new IOException("reading client: the request broke off");
    broken.initCause(cause);
    return broken;
  }

  private static boolean hasLeft(Throwable cause) {
    for (Throwable part = cause; part != null; part = part.getCause()) {
      String type = part.getClass().getSimpleName();
      if (type.equals("BadMessageException") || type.equals("BadRequestException")) {
        // Jetty's and Tomcat's word for what breaks HTTP's rules.
        return false;
      }
      String message = String.valueOf(part.getMessage());
      if (part instanceof EOFException
          || part instanceof ClosedChannelException
          || part instanceof SocketException
          || message.startsWith("Connection reset")
          || message.startsWith("Broken pipe")
          // Undertow's word for the end of the connection within a body of known length.
          || message.startsWith("UT000128:")) {
        return true;
      }
    }
    return false;
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
