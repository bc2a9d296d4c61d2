package io.streamrelay.jetty;

import jakarta.servlet.ServletRequest;
import java.io.IOException;
import java.lang.invoke.MethodHandle;
import java.nio.ByteBuffer;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;

/**
 * An Undertow HTTP/1 connection for the time of one exchange.
 *
 * <p>Undertow reads nothing while an answer is awaited, so {@link DepartureWatch} has it read once
 * a second, on the connection's own I/O thread. What comes is the next request's and is put behind
 * what Undertow already keeps of it; once that is {@value #MAX_KEPT_BYTES} bytes nothing is read
 * and the watch is over.
 *
 * <p>Undertow has no way to end an answer as broken but to close the connection.
 */
final class UndertowConnection implements ClientConnection, DepartureWatch.Probe {
  private static final int READ_BYTES = 1024;
  private static final int MAX_KEPT_BYTES = 8 * 1024;

  /** What of Undertow is used, all of it public. */
  private record Access(
      MethodHandle exchange,
      MethodHandle endExchange,
      MethodHandle connection,
      Class<?> http1,
      MethodHandle ioThread,
      MethodHandle source,
      MethodHandle read,
      MethodHandle kept,
      MethodHandle keep,
      MethodHandle pooled,
      MethodHandle buffer,
      MethodHandle closeBuffer,
      MethodHandle close,
      MethodHandle getOption,
      MethodHandle setOption,
      Object writeTimeout,
      Object readTimeout,
      Object closeAbort) {

    static Access of(Class<?> requestType) throws ReflectiveOperationException {
      MethodHandle exchange = Reflect.publicMethod(requestType, "getExchange");
      Class<?> exchangeType = requestType.getMethod("getExchange").getReturnType();
      ClassLoader core = exchangeType.getClassLoader();
      Class<?> http1 =
          Class.forName("io.undertow.server.protocol.http.HttpServerConnection", false, core);
      Class<?> pooled = Class.forName("io.undertow.connector.PooledByteBuffer", false, core);
      Class<?> plain = Class.forName("io.undertow.util.ImmediatePooledByteBuffer", false, core);
      Class<?> source = http1.getMethod("getOriginalSourceConduit").getReturnType();
      Class<?> option = Class.forName("org.xnio.Option", false, core);
      Class<?> options = Class.forName("org.xnio.Options", false, core);
      return new Access(
          exchange,
          Reflect.publicMethod(exchangeType, "endExchange"),
          Reflect.publicMethod(exchangeType, "getConnection"),
          http1,
          Reflect.publicMethod(http1, "getIoThread"),
          Reflect.publicMethod(http1, "getOriginalSourceConduit"),
          Reflect.publicMethod(source, "read", ByteBuffer.class),
          Reflect.publicMethod(http1, "getExtraBytes"),
          Reflect.publicMethod(http1, "setExtraBytes", pooled),
          Reflect.constructor(plain, ByteBuffer.class),
          Reflect.publicMethod(pooled, "getBuffer"),
          Reflect.publicMethod(pooled, "close"),
          Reflect.publicMethod(http1, "close"),
          Reflect.publicMethod(http1, "getOption", option),
          Reflect.publicMethod(http1, "setOption", option, Object.class),
          options.getField("WRITE_TIMEOUT").get(null),
          options.getField("READ_TIMEOUT").get(null),
          options.getField("CLOSE_ABORT").get(null));
    }
  }

  /** Null for an Undertow that is another than expected, or that hides its classes. */
  private static final ClassValue<@Nullable Access> ACCESS =
      new ClassValue<>() {
        @Override
        protected @Nullable Access computeValue(Class<?> requestType) {
          try {
            return Access.of(requestType);
          } catch (ReflectiveOperationException | LinkageError | RuntimeException e) {
            return null;
          }
        }
      };

  private final Access access;
  private final Object exchange;
  private final Object connection;
  private final Executor ioThread;
  private final Object source;
  private final Gate gate;
  private final boolean endsByClose;
  private final @Nullable Object writeMillis;
  private final @Nullable Object readMillis;

  // Guarded by the gate's lock.
  private @Nullable Runnable onGone;

  private UndertowConnection(
      Access access, Object exchange, Object connection, Gate gate, boolean endsByClose)
      throws Throwable {
    this.access = access;
    this.exchange = exchange;
    this.connection = connection;
    this.ioThread = (Executor) access.ioThread.invoke(connection);
    this.source = access.source.invoke(connection);
    this.gate = gate;
    this.endsByClose = endsByClose;
    this.writeMillis = access.getOption.invoke(connection, access.writeTimeout);
    this.readMillis = access.getOption.invoke(connection, access.readTimeout);
    // The route's clocks count for the exchange; Undertow's would end a write to a slow client.
    // They are off unless a host has set them, and "off" now would leave an old deadline standing.
    setTimeouts(Integer.MAX_VALUE, Integer.MAX_VALUE);
  }

  /**
   * Takes a connection.
   *
   * @param request as Undertow made it
   * @param gate the exchange's
   */
  static ClientConnection of(ServletRequest request, Gate gate) {
    Access access = ACCESS.get(request.getClass());
    if (access == null) {
      return UNREACHABLE;
    }
    try {
      Object exchange = access.exchange.invoke((Object) request);
      Object connection = access.connection.invoke(exchange);
      if (!access.http1.isInstance(connection)) {
        return UNREACHABLE;
      }
      boolean endsByClose = request.getProtocol().equals("HTTP/1.0");
      return new UndertowConnection(access, exchange, connection, gate, endsByClose);
    } catch (Throwable e) {
      throw Reflect.unchecked(e);
    }
  }

  private void setTimeouts(Object write, Object read) throws Throwable {
    setTimeout(access.writeTimeout, writeMillis, write);
    setTimeout(access.readTimeout, readMillis, read);
  }

  private void setTimeout(Object option, @Nullable Object hosts, Object millis) throws Throwable {
    if (hosts instanceof Integer set && set > 0) {
      access.setOption.invoke(connection, option, millis);
    }
  }

  @Override
  public void watch(Runnable gone) {
    synchronized (gate) {
      if (gate.isOpen()) {
        onGone = gone;
        DepartureWatch.add(this);
      }
    }
  }

  @Override
  public void look() {
    try {
      ioThread.execute(this::lookOnIoThread);
    } catch (RejectedExecutionException e) {
      // The server stops.
      DepartureWatch.remove(this);
    }
  }

  private void lookOnIoThread() {
    Runnable gone = null;
    synchronized (gate) {
      if (gate.isOpen()) {
        gone = read();
      } else {
        DepartureWatch.remove(this);
      }
    }
    if (gone != null) {
      gone.run();
    }
  }

  /** Whom to tell that the client is gone; null if it is not. */
  private @Nullable Runnable read() {
    int count;
    try {
      Object pooled = access.kept.invoke(connection);
      ByteBuffer kept = pooled == null ? null : (ByteBuffer) access.buffer.invoke(pooled);
      int had = kept == null ? 0 : kept.remaining();
      if (had >= MAX_KEPT_BYTES) {
        DepartureWatch.remove(this);
        return null;
      }
      ByteBuffer bytes = ByteBuffer.allocate(READ_BYTES);
      count = (int) access.read.invoke(source, bytes);
      if (count > 0) {
        ByteBuffer all = ByteBuffer.allocate(had + count);
        if (kept != null) {
          all.put(kept);
          access.closeBuffer.invoke(pooled);
        }
        all.put(bytes.flip()).flip();
        access.keep.invoke(connection, access.pooled.invoke(all));
      }
    } catch (IOException e) {
      count = -1;
    } catch (Throwable e) {
      throw Reflect.unchecked(e);
    }
    if (count >= 0) {
      return null;
    }
    DepartureWatch.remove(this);
    return onGone;
  }

  @Override
  public boolean breakOff(Runnable closed) {
    Runnable close =
        () -> {
          try {
            close();
          } finally {
            closed.run();
          }
        };
    try {
      // On another thread Undertow would log each cut as an error of its own.
      ioThread.execute(close);
    } catch (RejectedExecutionException e) {
      // The server stops, and closes all connections.
      closed.run();
    }
    return true;
  }

  private void close() {
    try {
      if (endsByClose) {
        // HTTP/1.0 knows no chunks: only a reset differs from an end.
        access.setOption.invoke(connection, access.closeAbort, true);
      }
      access.close.invoke(connection);
      // Does nothing if the close has ended it; but one that was closed before has not.
      access.endExchange.invoke(exchange);
    } catch (IOException e) {
      // It is closed already.
    } catch (Throwable e) {
      throw Reflect.unchecked(e);
    }
  }

  @Override
  public void release() {
    synchronized (gate) {
      DepartureWatch.remove(this);
      try {
        setTimeouts(writeMillis == null ? 0 : writeMillis, readMillis == null ? 0 : readMillis);
      } catch (IOException e) {
        // It is closed already.
      } catch (Throwable e) {
        throw Reflect.unchecked(e);
      }
    }
  }
}
