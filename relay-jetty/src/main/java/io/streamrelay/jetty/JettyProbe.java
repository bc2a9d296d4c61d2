package io.streamrelay.jetty;

import jakarta.servlet.http.HttpServletRequest;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.CancellationException;
import java.util.concurrent.TimeoutException;
import org.eclipse.jetty.ee10.servlet.ServletContextRequest;
import org.eclipse.jetty.http.HttpVersion;
import org.eclipse.jetty.io.AbstractEndPoint;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.server.ConnectionMetaData;
import org.eclipse.jetty.util.BufferUtil;
import org.eclipse.jetty.util.Callback;

/**
 * Watches a Jetty HTTP/1.1 connection for its end, by taking an interest in reading it.
 *
 * <p>Once a request is read Jetty takes no such interest until the answer is complete, so the place
 * is free. Bytes that come are the next request's and are given back. Costs nothing while all is
 * quiet.
 */
final class JettyProbe implements DisconnectProbe, Callback {
  private static final int READ_BYTES = 1024;

  private final AbstractEndPoint endPoint;
  private final Connection.UpgradeTo connection;
  private final Runnable onGone;

  // Guarded by this: reading and giving back must not meet Jetty's own reading after stop().
  private boolean off;

  private JettyProbe(AbstractEndPoint endPoint, Connection.UpgradeTo connection, Runnable onGone) {
    this.endPoint = endPoint;
    this.connection = connection;
    this.onGone = onGone;
  }

  static DisconnectProbe start(HttpServletRequest request, Runnable onGone) {
    ConnectionMetaData metaData =
        ServletContextRequest.getServletContextRequest(request).getConnectionMetaData();
    Connection connection = metaData.getConnection();
    // HTTP/2 tells of a reset by itself.
    if (metaData.getHttpVersion().compareTo(HttpVersion.HTTP_2) < 0
        && connection instanceof Connection.UpgradeTo upgradable
        && connection.getEndPoint() instanceof AbstractEndPoint endPoint) {
      JettyProbe probe = new JettyProbe(endPoint, upgradable, onGone);
      probe.arm();
      return probe;
    }
    return () -> {};
  }

  private synchronized void arm() {
    if (!off && !endPoint.tryFillInterested(this)) {
      off = true;
    }
  }

  @Override
  public void succeeded() {
    if (clientIsGone()) {
      onGone.run();
    }
  }

  private synchronized boolean clientIsGone() {
    if (off) {
      return false;
    }
    ByteBuffer bytes = BufferUtil.allocate(READ_BYTES);
    int count;
    try {
      count = endPoint.fill(bytes);
    } catch (IOException e) {
      count = -1;
    }
    if (count < 0) {
      off = true;
      return true;
    }
    if (count == 0) {
      arm();
    } else {
      // A pipelined request: it is Jetty's to read, and shows that the client is there.
      off = true;
      connection.onUpgradeTo(bytes);
    }
    return false;
  }

  @Override
  public void failed(Throwable cause) {
    boolean gone;
    synchronized (this) {
      gone = !off && !(cause instanceof TimeoutException);
      if (gone) {
        off = true;
      }
    }
    if (gone) {
      onGone.run();
    } else {
      arm();
    }
  }

  @Override
  public synchronized void stop() {
    if (!off) {
      off = true;
      // Jetty takes a pending interest at the answer's end for a misuse and closes the connection.
      endPoint.getFillInterest().onFail(new CancellationException("the answer is complete"));
    }
  }

  @Override
  public InvocationType getInvocationType() {
    return InvocationType.NON_BLOCKING;
  }
}
