package io.streamrelay.jetty;

import java.io.ByteArrayOutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.http.HttpURI;
import org.eclipse.jetty.http.HttpVersion;
import org.eclipse.jetty.http.MetaData;
import org.eclipse.jetty.http2.ErrorCode;
import org.eclipse.jetty.http2.HTTP2Session;
import org.eclipse.jetty.http2.api.Session;
import org.eclipse.jetty.http2.api.Stream;
import org.eclipse.jetty.http2.client.HTTP2Client;
import org.eclipse.jetty.http2.frames.DataFrame;
import org.eclipse.jetty.http2.frames.GoAwayFrame;
import org.eclipse.jetty.http2.frames.HeadersFrame;
import org.eclipse.jetty.http2.frames.ResetFrame;
import org.eclipse.jetty.io.ClientConnector;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.component.LifeCycle;
import org.eclipse.jetty.util.ssl.SslContextFactory;
import org.jspecify.annotations.Nullable;

/**
 * One HTTP/2 connection of a client, whose every frame the test sends and sees.
 *
 * <p>Every wait is bounded; one that fails shows what was received.
 */
final class Http2Client implements AutoCloseable {
  private final HTTP2Client client;
  private final HTTP2Session session;
  private final String origin;
  private final CompletableFuture<GoAwayFrame> closed = new CompletableFuture<>();

  private Http2Client(int port, boolean tls, int streamWindow) throws Exception {
    origin = (tls ? "https" : "http") + "://127.0.0.1:" + port;
    ClientConnector connector = new ClientConnector();
    SslContextFactory.Client trusting = new SslContextFactory.Client();
    trusting.setTrustStore(JettyContainers.trustStore());
    connector.setSslContextFactory(trusting);
    client = new HTTP2Client(connector);
    client.setIdleTimeout(60_000);
    client.setInitialStreamRecvWindow(streamWindow);
    client.start();
    InetSocketAddress address = new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
    Session.Listener listener =
        new Session.Listener() {
          @Override
          public void onClose(Session session, GoAwayFrame frame, Callback callback) {
            closed.complete(frame);
            callback.succeeded();
          }

          @Override
          public void onFailure(Session session, Throwable failure, Callback callback) {
            closed.completeExceptionally(failure);
            callback.succeeded();
          }
        };
    session =
        (HTTP2Session)
            (tls ? client.connect(trusting, address, listener) : client.connect(address, listener))
                .get(Wire.LIMIT_MILLIS, TimeUnit.MILLISECONDS);
  }

  /** Connects; gives each stream a window of 64 KiB, and the connection one of megabytes. */
  static Http2Client connect(int port, boolean tls) throws Exception {
    return new Http2Client(port, tls, 64 * 1024);
  }

  /** Begins a request that goes on with {@link Exchange#send}. */
  Exchange begin(String method, String path, String... fields) throws Exception {
    return start(method, path, false, true, fields);
  }

  /** Sends a request without a body. */
  Exchange request(String method, String path, String... fields) throws Exception {
    return start(method, path, true, true, fields);
  }

  /** Sends a request with a body of known length. */
  Exchange post(String path, String body, String... fields) throws Exception {
    byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
    return withLength(path, bytes.length, true, fields).send(bytes, true);
  }

  /** As {@link #post}, by a client that takes no byte of the answer until it is told to. */
  Exchange postStalled(String path, String body, String... fields) throws Exception {
    byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
    return withLength(path, bytes.length, false, fields).send(bytes, true);
  }

  private Exchange withLength(String path, int length, boolean reads, String... fields)
      throws Exception {
    String[] all = Arrays.copyOf(fields, fields.length + 1);
    all[fields.length] = "content-length: " + length;
    return start("POST", path, false, reads, all);
  }

  private Exchange start(String method, String path, boolean ends, boolean reads, String... fields)
      throws Exception {
    HttpFields.Mutable headers = HttpFields.build();
    for (String field : fields) {
      String[] parts = field.split(": ", 2);
      headers.add(parts[0], parts[1]);
    }
    MetaData.Request request =
        new MetaData.Request(method, HttpURI.from(origin + path), HttpVersion.HTTP_2, headers);
    Exchange exchange = new Exchange(reads);
    exchange.stream =
        session
            .newStream(new HeadersFrame(request, null, ends), exchange)
            .get(Wire.LIMIT_MILLIS, TimeUnit.MILLISECONDS);
    return exchange;
  }

  /** Says GOAWAY: no further streams, but those that run may end. */
  void goAway() {
    session.close(ErrorCode.NO_ERROR.code, "bye", Callback.NOOP);
  }

  /** Goes without a word. */
  void hangUp() {
    session.getEndPoint().close();
  }

  /** Waits until the server has ended the connection. */
  void awaitClosed() throws Exception {
    closed.handle((frame, failure) -> frame).get(Wire.LIMIT_MILLIS, TimeUnit.MILLISECONDS);
  }

  boolean isClosed() {
    return closed.isDone();
  }

  @Override
  public void close() {
    LifeCycle.stop(client);
  }

  /** One stream. */
  static final class Exchange implements Stream.Listener {
    // All guarded by this.
    private final List<Integer> interim = new ArrayList<>();
    private final ByteArrayOutputStream body = new ByteArrayOutputStream();
    private MetaData.@Nullable Response head;
    private boolean ended;
    private @Nullable ErrorCode reset;
    private @Nullable Throwable failure;
    private boolean reads;
    private int taken;
    @Nullable Stream stream;

    private Exchange(boolean reads) {
      this.reads = reads;
    }

    private Stream stream() {
      Stream opened = stream;
      if (opened == null) {
        throw new IllegalStateException("the stream was not opened");
      }
      return opened;
    }

    // ---- sending

    /** Waits for windows as far as needed. */
    Exchange send(byte[] bytes, boolean last) throws Exception {
      stream()
          .data(new DataFrame(stream().getId(), ByteBuffer.wrap(bytes), last))
          .get(Wire.LIMIT_MILLIS, TimeUnit.MILLISECONDS);
      return this;
    }

    void reset() throws Exception {
      stream()
          .reset(new ResetFrame(stream().getId(), ErrorCode.CANCEL_STREAM_ERROR.code))
          .get(Wire.LIMIT_MILLIS, TimeUnit.MILLISECONDS);
    }

    /** Resets it, unless it has ended meanwhile. */
    void leave() throws Exception {
      try {
        reset();
      } catch (ExecutionException e) {
        if (!isOver()) {
          throw e;
        }
      }
    }

    /** Takes the answer from now on, and so opens the window. */
    void readOn() {
      synchronized (this) {
        reads = true;
      }
      stream().demand();
    }

    // ---- what came

    @Override
    public void onHeaders(Stream from, HeadersFrame frame) {
      boolean wantsMore;
      synchronized (this) {
        if (frame.getMetaData() instanceof MetaData.Response response) {
          if (response.getStatus() < 200) {
            interim.add(response.getStatus());
          } else {
            head = response;
          }
        }
        ended |= frame.isEndStream();
        wantsMore = reads && !ended && head != null;
        notifyAll();
      }
      if (wantsMore) {
        from.demand();
      }
    }

    @Override
    public void onDataAvailable(Stream from) {
      while (true) {
        Stream.Data data = from.readData();
        if (data == null) {
          from.demand();
          return;
        }
        ByteBuffer bytes = data.frame().getByteBuffer();
        byte[] copy = new byte[bytes.remaining()];
        bytes.get(copy);
        boolean last = data.frame().isEndStream();
        data.release();
        synchronized (this) {
          body.writeBytes(copy);
          ended |= last;
          notifyAll();
        }
        if (last) {
          return;
        }
      }
    }

    @Override
    public void onReset(Stream from, ResetFrame frame, Callback callback) {
      synchronized (this) {
        reset = ErrorCode.from(frame.getError());
        notifyAll();
      }
      callback.succeeded();
    }

    @Override
    public void onFailure(
        Stream from, int error, String reason, Throwable cause, Callback callback) {
      synchronized (this) {
        failure = cause;
        notifyAll();
      }
      callback.succeeded();
    }

    synchronized MetaData.Response head() throws InterruptedException {
      await("a head", () -> head != null || isOver());
      MetaData.Response came = head;
      if (came == null) {
        throw new AssertionError("the stream ended without a head: " + this);
      }
      return came;
    }

    /** The body's next bytes. */
    synchronized byte[] next(int length) throws InterruptedException {
      await("further " + length + " bytes", () -> body.size() >= taken + length || isOver());
      byte[] all = body.toByteArray();
      int from = taken;
      taken = Math.min(all.length, taken + length);
      return Arrays.copyOfRange(all, from, taken);
    }

    /** All that is left of a body that ends by END_STREAM. */
    synchronized byte[] rest() throws InterruptedException {
      await("the end", this::isOver);
      if (!ended) {
        throw new AssertionError("the stream was not ended as whole: " + this);
      }
      return next(body.size() - taken);
    }

    /** All that is left of a body that ends by RST_STREAM alone. */
    synchronized byte[] restOfBroken() throws InterruptedException {
      await("the end", this::isOver);
      if (ended || reset == null) {
        throw new AssertionError("the stream was not reset: " + this);
      }
      return next(body.size() - taken);
    }

    synchronized void awaitInterim(int status) throws InterruptedException {
      await("a " + status, () -> interim.contains(status));
    }

    synchronized List<Integer> interim() {
      return List.copyOf(interim);
    }

    synchronized void awaitOver() throws InterruptedException {
      await("the end", this::isOver);
    }

    synchronized boolean isOver() {
      return ended || reset != null || failure != null;
    }

    private void await(String what, BooleanSupplier condition) throws InterruptedException {
      long deadline = System.nanoTime() + Duration.ofMillis(Wire.LIMIT_MILLIS).toNanos();
      while (!condition.getAsBoolean()) {
        long leftMillis = (deadline - System.nanoTime()) / 1_000_000;
        if (leftMillis <= 0) {
          throw new AssertionError(
              "not within " + Wire.LIMIT_MILLIS + " ms: " + what + "; received " + this);
        }
        wait(leftMillis);
      }
    }

    @Override
    public synchronized String toString() {
      String text = body.toString(StandardCharsets.UTF_8);
      return "interim "
          + interim
          + ", head "
          + head
          + ", "
          + body.size()
          + " bytes <"
          + text.substring(0, Math.min(500, text.length()))
          + ">, ended "
          + ended
          + ", reset "
          + reset
          + ", failure "
          + failure;
    }
  }
}
