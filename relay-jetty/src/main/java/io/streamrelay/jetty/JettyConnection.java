package io.streamrelay.jetty;

import jakarta.servlet.http.HttpServletRequest;
import java.io.IOException;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.util.concurrent.CancellationException;
import java.util.concurrent.TimeoutException;
import org.eclipse.jetty.ee10.servlet.ServletContextRequest;
import org.eclipse.jetty.http.HttpVersion;
import org.eclipse.jetty.io.AbstractConnection;
import org.eclipse.jetty.io.AbstractEndPoint;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.SelectableChannelEndPoint;
import org.eclipse.jetty.server.ConnectionMetaData;
import org.eclipse.jetty.util.BufferUtil;
import org.eclipse.jetty.util.Callback;
import org.jspecify.annotations.Nullable;

/**
 * A Jetty HTTP/1 connection for the time of one exchange.
 *
 * <p>Its end is noticed by taking an interest in reading it: once a request is read Jetty takes
 * none until the answer is complete, so the place is free. What comes is the next request's and is
 * given back, as far as Jetty's buffer for it has room; beyond that nothing is read and the watch
 * is over. Costs nothing while all is quiet.
 */
final class JettyConnection implements ClientConnection, Callback {
  private static final int READ_BYTES = 1024;

  private final AbstractEndPoint endPoint;
  private final AbstractConnection connection;
  private final boolean endsByClose;
  private final long idleMillis;

  // Guarded by this: reading and giving back must not meet Jetty's own reading after release().
  private @Nullable Runnable onGone;
  private boolean off;
  private int room;

  private JettyConnection(
      AbstractEndPoint endPoint, AbstractConnection connection, boolean endsByClose) {
    this.endPoint = endPoint;
    this.connection = connection;
    this.endsByClose = endsByClose;
    this.idleMillis = endPoint.getIdleTimeout();
    // The route's clocks count for the exchange; Jetty's would end a write to a slow client.
    endPoint.setIdleTimeout(0);
  }

  static ClientConnection of(HttpServletRequest request) {
    ServletContextRequest jettys = ServletContextRequest.getServletContextRequest(request);
    ConnectionMetaData metaData = jettys.getConnectionMetaData();
    HttpVersion version = metaData.getHttpVersion();
    if (version == HttpVersion.HTTP_2) {
      return JettyHttp2.of(jettys);
    }
    if (metaData.getConnection() instanceof AbstractConnection connection
        && connection instanceof Connection.UpgradeTo
        && connection instanceof Connection.UpgradeFrom
        && connection.getEndPoint() instanceof AbstractEndPoint endPoint) {
      return new JettyConnection(endPoint, connection, version.compareTo(HttpVersion.HTTP_1_1) < 0);
    }
    return UNREACHABLE;
  }

  @Override
  public synchronized void watch(Runnable gone) {
    if (off) {
      return;
    }
    onGone = gone;
    room = connection.getInputBufferSize();
    ByteBuffer pipelined = ((Connection.UpgradeFrom) connection).onUpgradeFrom();
    if (pipelined != null) {
      giveBack(pipelined);
    }
    arm();
  }

  private void giveBack(ByteBuffer bytes) {
    room -= bytes.remaining();
    ((Connection.UpgradeTo) connection).onUpgradeTo(bytes);
  }

  private void arm() {
    if (!off && room > 0) {
      // Refused only if somebody else reads, and then nothing is to be done here.
      endPoint.tryFillInterested(this);
    }
  }

  @Override
  public void succeeded() {
    tell(read());
  }

  private static void tell(@Nullable Runnable gone) {
    if (gone != null) {
      gone.run();
    }
  }

  /** Whom to tell that the client is gone; null if it is not. */
  private synchronized @Nullable Runnable read() {
    if (off) {
      return null;
    }
    ByteBuffer bytes = BufferUtil.allocate(Math.min(READ_BYTES, room));
    int count;
    try {
      count = endPoint.fill(bytes);
    } catch (IOException e) {
      count = -1;
    }
    if (count < 0) {
      return onGone;
    }
    if (count > 0) {
      giveBack(bytes);
    }
    arm();
    return null;
  }

  @Override
  public void failed(Throwable cause) {
    tell(failure(cause));
  }

  private synchronized @Nullable Runnable failure(Throwable cause) {
    if (off) {
      return null;
    }
    if (cause instanceof TimeoutException) {
      arm();
      return null;
    }
    return onGone;
  }

  /** Jetty calls broken chunks an early end too, but has not seen an end then. */
  @Override
  public boolean isClientThere() {
    return endPoint.isOpen() && !endPoint.isInputShutdown();
  }

  @Override
  public boolean breakOff(Runnable closed) {
    // HTTP/1.0 knows no chunks: only a reset differs from an end.
    if (endsByClose
        && endPoint instanceof SelectableChannelEndPoint selectable
        && selectable.getChannel() instanceof SocketChannel channel) {
      try {
        channel.setOption(StandardSocketOptions.SO_LINGER, 0);
      } catch (IOException e) {
        // It is closed already.
      }
    }
    return false;
  }

  @Override
  public synchronized void release() {
    if (!off) {
      off = true;
      if (onGone != null) {
        // Jetty takes a pending interest at the answer's end for a misuse and closes the
        // connection.
        endPoint.getFillInterest().onFail(new CancellationException("the answer is complete"));
      }
      endPoint.setIdleTimeout(idleMillis);
    }
  }

  @Override
  public InvocationType getInvocationType() {
    return InvocationType.NON_BLOCKING;
  }
}
