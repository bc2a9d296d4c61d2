package io.streamrelay.jetty.launcher;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.io.ManagedSelector;
import org.eclipse.jetty.io.SocketChannelEndPoint;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.util.thread.Scheduler;

/**
 * A connector that gives each request's head so long to arrive, from its first byte on.
 *
 * <p>Jetty's idle timeout begins anew with each byte, so by itself it lets a client that sends one
 * now and then keep a connection for hours. The time is looked at when bytes come, and silence is
 * the idle timeout's; so a head is over at the latest after both.
 */
final class HeadClock extends ServerConnector {
  private static final byte[] TOO_SLOW =
      "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
          .getBytes(StandardCharsets.US_ASCII);

  private final long limitNanos;
  private final Runnable onTooSlow;

  HeadClock(
      Server server,
      int selectors,
      HttpConnectionFactory http,
      Duration limit,
      Runnable onTooSlow) {
    super(server, 1, selectors, http);
    this.limitNanos = limit.toNanos();
    this.onTooSlow = onTooSlow;
  }

  /** To be called when a head has arrived: what comes until the answer's end is no head. */
  static void arrived(Request request) {
    EndPoint endPoint = request.getConnectionMetaData().getConnection().getEndPoint();
    if (endPoint instanceof Timed timed) {
      timed.served.incrementAndGet();
      timed.began = false;
      Request.addCompletionListener(request, failure -> timed.served.decrementAndGet());
    }
  }

  @Override
  protected SocketChannelEndPoint newEndPoint(
      SocketChannel channel, ManagedSelector selector, SelectionKey key) {
    Timed endPoint = new Timed(channel, selector, key, getScheduler());
    endPoint.setIdleTimeout(getIdleTimeout());
    return endPoint;
  }

  private final class Timed extends SocketChannelEndPoint {
    /** Requests whose answers are not complete; more than one only while one ends. */
    private final AtomicInteger served = new AtomicInteger();

    private volatile boolean began;
    private volatile long beganNanos;

    Timed(SocketChannel channel, ManagedSelector selector, SelectionKey key, Scheduler scheduler) {
      super(channel, selector, key, scheduler);
    }

    @Override
    public int fill(ByteBuffer buffer) throws IOException {
      int count = super.fill(buffer);
      if (count <= 0 || served.get() > 0) {
        return count;
      }
      long now = System.nanoTime();
      if (!began) {
        began = true;
        beganNanos = now;
        return count;
      }
      if (now - beganNanos <= limitNanos) {
        return count;
      }
      onTooSlow.run();
      flush(ByteBuffer.wrap(TOO_SLOW));
      close();
      buffer.limit(buffer.position());
      return -1;
    }
  }
}
