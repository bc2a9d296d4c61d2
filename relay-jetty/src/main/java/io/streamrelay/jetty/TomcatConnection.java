package io.streamrelay.jetty;

import jakarta.servlet.ServletRequest;
import java.io.IOException;
import java.lang.invoke.MethodHandle;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.ByteChannel;
import java.nio.channels.SocketChannel;
import java.util.concurrent.locks.Lock;
import org.jspecify.annotations.Nullable;

/**
 * A Tomcat HTTP/1 connection for the time of one exchange.
 *
 * <p>Nobody reads it while an answer is awaited, so its end shows to nobody; {@link DepartureWatch}
 * does so once a second, without blocking, into Tomcat's own buffer, from where the next request is
 * read. Once that buffer is full of further requests nothing is read and the watch is over.
 *
 * <p>So with the NIO connector, which is Tomcat's own choice; with NIO2 only the timeouts are
 * taken.
 *
 * <p>Two locks keep others out. The gate, because no relay's thread writes meanwhile and nothing is
 * read once the exchange is over. Tomcat's lock of the socket, which every thread of Tomcat holds
 * that works on the connection, because the connection and its buffers are passed on to others when
 * it is closed; it is only tried, so that nobody waits for a slow filter.
 */
final class TomcatConnection implements ClientConnection, DepartureWatch.Probe {
  /** What of Tomcat is used: public but for the three ways from a request to its socket. */
  private record Access(
      MethodHandle request,
      MethodHandle coyoteRequest,
      MethodHandle hook,
      Class<?> processor,
      MethodHandle socketWrapper,
      MethodHandle lock,
      MethodHandle socket,
      MethodHandle readTimeout,
      MethodHandle setReadTimeout,
      MethodHandle writeTimeout,
      MethodHandle setWriteTimeout,
      MethodHandle buffers,
      MethodHandle toFill,
      MethodHandle readBuffer,
      Class<?> channel,
      MethodHandle socketChannel) {

    static Access of(Class<?> facade) throws ReflectiveOperationException {
      ClassLoader loader = facade.getClassLoader();
      Class<?> request = Class.forName("org.apache.catalina.connector.Request", false, loader);
      Class<?> coyote = Class.forName("org.apache.coyote.Request", false, loader);
      Class<?> processor = Class.forName("org.apache.coyote.AbstractProcessor", false, loader);
      Class<?> http11 = Class.forName("org.apache.coyote.http11.Http11Processor", false, loader);
      String net = "org.apache.tomcat.util.net.";
      Class<?> wrapper = Class.forName(net + "SocketWrapperBase", false, loader);
      Class<?> buffers = Class.forName(net + "SocketBufferHandler", false, loader);
      Class<?> channel = Class.forName(net + "NioChannel", false, loader);
      return new Access(
          Reflect.field(facade, "request"),
          Reflect.publicMethod(request, "getCoyoteRequest"),
          Reflect.field(coyote, "hook"),
          http11,
          Reflect.method(processor, "getSocketWrapper"),
          Reflect.publicMethod(wrapper, "getLock"),
          Reflect.publicMethod(wrapper, "getSocket"),
          Reflect.publicMethod(wrapper, "getReadTimeout"),
          Reflect.publicMethod(wrapper, "setReadTimeout", long.class),
          Reflect.publicMethod(wrapper, "getWriteTimeout"),
          Reflect.publicMethod(wrapper, "setWriteTimeout", long.class),
          Reflect.publicMethod(wrapper, "getSocketBufferHandler"),
          Reflect.publicMethod(buffers, "configureReadBufferForWrite"),
          Reflect.publicMethod(buffers, "getReadBuffer"),
          channel,
          Reflect.publicMethod(channel, "getIOChannel"));
    }
  }

  /** Null for a Tomcat that is another than expected, or that hides its classes. */
  private static final ClassValue<@Nullable Access> ACCESS =
      new ClassValue<>() {
        @Override
        protected @Nullable Access computeValue(Class<?> facade) {
          try {
            return Access.of(facade);
          } catch (ReflectiveOperationException | LinkageError | RuntimeException e) {
            return null;
          }
        }
      };

  private final Access access;
  private final Object wrapper;
  private final Lock lock;
  private final Object channel;
  private final @Nullable SocketChannel socket;
  private final Gate gate;
  private final boolean endsByClose;
  private final long readMillis;
  private final long writeMillis;

  // Guarded by the gate's lock.
  private @Nullable Runnable onGone;

  private TomcatConnection(
      Access access,
      Object wrapper,
      Object channel,
      @Nullable SocketChannel socket,
      Gate gate,
      boolean endsByClose)
      throws Throwable {
    this.access = access;
    this.wrapper = wrapper;
    this.lock = (Lock) access.lock.invoke(wrapper);
    this.channel = channel;
    this.socket = socket;
    this.gate = gate;
    this.endsByClose = endsByClose;
    this.readMillis = (long) access.readTimeout.invoke(wrapper);
    this.writeMillis = (long) access.writeTimeout.invoke(wrapper);
    // The route's clocks count for the exchange; Tomcat's would end a write to a slow client.
    setTimeouts(-1, -1);
  }

  /**
   * Takes a connection.
   *
   * @param facade a request as Tomcat made it
   * @param gate the exchange's
   */
  static ClientConnection of(ServletRequest facade, Gate gate) {
    Access access = ACCESS.get(facade.getClass());
    if (access == null) {
      return UNREACHABLE;
    }
    try {
      Object request = access.request.invoke((Object) facade);
      Object hook = access.hook.invoke(access.coyoteRequest.invoke(request));
      if (!access.processor.isInstance(hook)) {
        // HTTP/2 tells of a reset by itself, and its connection is others' too.
        return UNREACHABLE;
      }
      Object wrapper = access.socketWrapper.invoke(hook);
      if (wrapper == null) {
        return UNREACHABLE;
      }
      Object channel = access.socket.invoke(wrapper);
      // NIO2 reads only by leaving a read behind, with a timeout that the next request would
      // inherit, and its sockets know no reset: there only the timeouts are taken.
      SocketChannel socket =
          access.channel.isInstance(channel)
              ? (SocketChannel) access.socketChannel.invoke(channel)
              : null;
      boolean endsByClose = facade.getProtocol().equals("HTTP/1.0");
      return new TomcatConnection(access, wrapper, channel, socket, gate, endsByClose);
    } catch (Throwable e) {
      throw Reflect.unchecked(e);
    }
  }

  private void setTimeouts(long read, long write) {
    try {
      access.setReadTimeout.invoke(wrapper, read);
      access.setWriteTimeout.invoke(wrapper, write);
    } catch (Throwable e) {
      throw Reflect.unchecked(e);
    }
  }

  @Override
  public void watch(Runnable gone) {
    synchronized (gate) {
      if (gate.isOpen() && socket != null) {
        onGone = gone;
        DepartureWatch.add(this);
      }
    }
  }

  @Override
  public void look() {
    Runnable gone = null;
    synchronized (gate) {
      if (!gate.isOpen()) {
        DepartureWatch.remove(this);
      } else if (lock.tryLock()) {
        try {
          gone = read();
        } finally {
          lock.unlock();
        }
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
      if (access.socket.invoke(wrapper) != channel) {
        // Closed, and on its way to another connection.
        count = -1;
      } else {
        Object buffers = access.buffers.invoke(wrapper);
        access.toFill.invoke(buffers);
        ByteBuffer buffer = (ByteBuffer) access.readBuffer.invoke(buffers);
        if (!buffer.hasRemaining()) {
          DepartureWatch.remove(this);
          return null;
        }
        count = ((ByteChannel) channel).read(buffer);
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
    SocketChannel closing = socket;
    if (endsByClose && closing != null) {
      // HTTP/1.0 knows no chunks: only a reset differs from an end.
      try {
        closing.setOption(StandardSocketOptions.SO_LINGER, 0);
      } catch (IOException e) {
        // It is closed already.
      }
    }
    return false;
  }

  @Override
  public void release() {
    synchronized (gate) {
      DepartureWatch.remove(this);
      setTimeouts(readMillis, writeMillis);
    }
  }
}
