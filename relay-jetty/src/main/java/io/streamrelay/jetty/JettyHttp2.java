package io.streamrelay.jetty;

import org.eclipse.jetty.http2.HTTP2Connection;
import org.eclipse.jetty.http2.api.Session;
import org.eclipse.jetty.http2.api.Stream;
import org.eclipse.jetty.server.Request;
import org.jspecify.annotations.Nullable;

/**
 * A Jetty HTTP/2 stream for the time of one exchange.
 *
 * <p>HTTP/2 tells that a client left, by a reset or by the end of its connection. But a servlet is
 * told only if no thread of the container's is in it at that moment; so the request itself is asked
 * to tell.
 */
final class JettyHttp2 implements ClientConnection {
  private final Request request;
  private final Session session;
  private final int streamId;
  private volatile @Nullable Runnable onGone;

  private JettyHttp2(Request request, Session session, int streamId) {
    this.request = request;
    this.session = session;
    this.streamId = streamId;
  }

  /**
   * Takes a request's stream.
   *
   * @param request of HTTP/2
   * @return the stream, or {@link #UNREACHABLE}
   */
  static ClientConnection of(Request request) {
    if (request.getConnectionMetaData().getConnection() instanceof HTTP2Connection connection) {
      int id = Integer.parseInt(request.getId());
      Stream stream = connection.getSession().getStream(id);
      if (stream != null) {
        // The route's clocks count; Jetty's would reset a stream that has no window for a while.
        stream.setIdleTimeout(0);
      }
      return new JettyHttp2(request, connection.getSession(), id);
    }
    return UNREACHABLE;
  }

  @Override
  public void watch(Runnable gone) {
    onGone = gone;
    request.addFailureListener(failure -> tell());
    Stream stream = session.getStream(streamId);
    if (stream == null || stream.isReset()) {
      // It left before the listener was there; told elsewhere, because the caller holds a lock.
      request.getComponents().getExecutor().execute(this::tell);
    }
  }

  private void tell() {
    Runnable gone = onGone;
    if (gone != null) {
      gone.run();
    }
  }

  @Override
  public boolean breakOff(Runnable closed) {
    // Jetty resets the stream of an answer that is broken off.
    return false;
  }

  @Override
  public void release() {
    onGone = null;
  }
}
