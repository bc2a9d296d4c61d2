package io.streamrelay.jetty;

import io.streamrelay.http.Headers;
import io.streamrelay.transport.ClientResponse;
import jakarta.servlet.AsyncContext;
import jakarta.servlet.AsyncEvent;
import jakarta.servlet.AsyncListener;
import jakarta.servlet.ServletOutputStream;
import jakarta.servlet.WriteListener;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/** Writes to a servlet response without blocking, and notices when its client leaves. */
final class ServletResponseAdapter implements ClientResponse, WriteListener, AsyncListener {

  private final HttpServletRequest request;
  private final HttpServletResponse response;
  private final AsyncContext async;
  private final ServletBody body;
  private final Gate gate;
  private final ServletOutputStream out;
  private final ChunkWriter writer;
  private final ClientConnection connection;
  private final boolean jetty;
  private final boolean undertow;
  private final AtomicBoolean over = new AtomicBoolean();
  private volatile @Nullable Runnable onReady;
  private volatile @Nullable Runnable onGone;
  private volatile boolean writable;
  private volatile boolean failed;

  ServletResponseAdapter(
      HttpServletRequest request,
      HttpServletResponse response,
      AsyncContext async,
      ServletBody body,
      Gate gate)
      throws IOException {
    this.request = request;
    this.response = response;
    this.async = async;
    this.body = body;
    this.gate = gate;
    // Asked now: later the context may be destroyed, and with it Undertow's answer.
    this.jetty = Containers.isJetty(request);
    this.undertow = Containers.isUndertow(request);
    if (undertow) {
      ChunkWriter.writeThrough(response);
    }
    this.out = response.getOutputStream();
    this.writer = ChunkWriter.of(out);
    this.connection = ClientConnection.of(request, gate);
    body.comesOver(connection);
  }

  /** Lets the container's callbacks in; called last, on the request's own thread. */
  void open() throws IOException {
    async.addListener(this);
    if (!over.get()) {
      try {
        out.setWriteListener(this);
        body.open();
      } catch (IllegalStateException e) {
        // The exchange has ended already, on another thread.
        if (!over.get()) {
          throw e;
        }
      }
    }
  }

  @Override
  public void listen(Runnable ready, Runnable gone) {
    onReady = ready;
    onGone = gone;
    body.onEnd(this::watch);
    if (body.hasEnded()) {
      watch();
    }
  }

  /** Once the whole request is read nobody reads the connection, so nobody sees its end. */
  private void watch() {
    synchronized (gate) {
      if (gate.isOpen()) {
        connection.watch(this::gone);
      }
    }
  }

  @Override
  public boolean isReady() {
    if (!writable || failed) {
      return false;
    }
    try {
      synchronized (gate) {
        return mayWrite() && writer.isReady();
      }
    } catch (IOException | RuntimeException e) {
      failed = true;
      gone();
      return false;
    }
  }

  private boolean mayWrite() {
    return gate.isOpen() && !failed;
  }

  @Override
  public void head(int status, Headers headers) {
    try {
      synchronized (gate) {
        if (mayWrite()) {
          setHead(status, headers);
        }
      }
    } catch (IllegalStateException e) {
      // The container has taken its objects back.
      failed = true;
      gone();
    }
  }

  private void setHead(int status, Headers headers) {
    response.setStatus(status);
    headers.forEach(
        (name, value) -> {
          if (name.equalsIgnoreCase("Content-Length")) {
            setContentLength(value);
          } else {
            response.addHeader(name, value);
          }
        });
    if (mustAskForChunks(status, headers)) {
      response.setHeader("Transfer-Encoding", "chunked");
    }
  }

  /**
   * Jetty and Undertow end an answer of unknown length by closing if the client wants the
   * connection closed, and then nobody could tell a cut from an end.
   */
  private boolean mustAskForChunks(int status, Headers headers) {
    return (jetty || undertow)
        && request.getProtocol().equals("HTTP/1.1")
        && !request.getMethod().equals("HEAD")
        && status != 204
        && status != 304
        && !headers.contains("Content-Length");
  }

  private void setContentLength(String value) {
    try {
      response.setContentLengthLong(Long.parseLong(value.strip()));
    } catch (NumberFormatException e) {
      // Not a length: the body goes out in chunks instead.
      response.setContentLengthLong(-1);
    }
  }

  @Override
  public void write(ByteBuffer chunk) {
    try {
      synchronized (gate) {
        if (mayWrite()) {
          writer.write(chunk);
        }
      }
    } catch (IOException | RuntimeException e) {
      failed = true;
      gone();
    }
  }

  @Override
  public void flush() {
    synchronized (gate) {
      if (mayWrite()) {
        writer.flush();
      }
    }
  }

  @Override
  public void complete() {
    if (over.compareAndSet(false, true)) {
      synchronized (gate) {
        connection.release();
        if (gate.close()) {
          if (jetty || undertow) {
            Cut.completeElsewhere(async);
          } else {
            Cut.complete(async);
          }
        }
      }
    }
  }

  @Override
  public void cut() {
    if (over.compareAndSet(false, true)) {
      synchronized (gate) {
        boolean closes = gate.isOpen() && connection.breakOff(() -> Cut.completeElsewhere(async));
        connection.release();
        if (gate.close() && !closes) {
          Cut.off(jetty, request, response, async);
        }
      }
    }
  }

  private void gone() {
    run(onGone);
  }

  @Override
  public void onWritePossible() {
    writable = true;
    run(onReady);
  }

  /** From the write listener: a write failed. */
  @Override
  public void onError(Throwable cause) {
    writesFailed();
  }

  /** From the async listener: the container gave the exchange up. */
  @Override
  public void onError(AsyncEvent event) {
    writesFailed();
  }

  private void writesFailed() {
    synchronized (gate) {
      failed = true;
    }
    gone();
    run(onReady);
  }

  @Override
  public void onTimeout(AsyncEvent event) {
    // The timeout is off, but a Tomcat that stops has every exchange time out at once.
    writesFailed();
  }

  @Override
  public void onStartAsync(AsyncEvent event) {
    // Only the cut dispatches, and it starts nothing.
  }

  @Override
  public void onComplete(AsyncEvent event) {
    gate.close();
    if (over.compareAndSet(false, true)) {
      // Completed by the container itself.
      failed = true;
      gone();
    }
  }

  private static void run(@Nullable Runnable callback) {
    if (callback != null) {
      callback.run();
    }
  }
}
