package io.streamrelay.jetty;

import jakarta.servlet.ServletRequest;
import jakarta.servlet.http.HttpServletRequest;

/**
 * What the relay wants of a client's connection, beyond what the Servlet API has a word for.
 *
 * <p>On Jetty, Tomcat and Undertow the connection of an HTTP/1 request can be reached. Elsewhere,
 * and where the server's classes are hidden from a web application, nothing is done: a departure
 * then shows at a later write, and the container's own idle time is another clock beside the
 * route's.
 */
interface ClientConnection {
  /** A connection that cannot be reached. */
  ClientConnection UNREACHABLE =
      new ClientConnection() {
        @Override
        public void watch(Runnable onGone) {}

        @Override
        public boolean breakOff(Runnable closed) {
          return false;
        }

        @Override
        public void release() {}
      };

  /**
   * Notices from now on that the client leaves while nothing is written to it. Called once, when
   * the request has been read to its end, by the thread that read it.
   *
   * <p>Not before that: a departure then shows to whoever reads the body, behind the bytes that
   * came before it. While the upstream takes none they are left with the system, which keeps memory
   * bounded and the connection's end out of sight. A reset's too: even behind one a read first
   * gives the bytes that came before it. The route's idle clock bounds it.
   *
   * @param onGone runs at most once, on an I/O thread or that of {@link DepartureWatch}
   */
  void watch(Runnable onGone);

  /**
   * Makes the coming close one that no client takes for the end of a whole answer.
   *
   * @param closed ends the exchange; runs after the close, if that is done here
   * @return false if the container closes by itself when it is told that the answer is broken
   */
  boolean breakOff(Runnable closed);

  /**
   * Tells, once a request body broke off, whether the client is still there, so that what it sent
   * must be wrong; where the container itself tells the two apart, it is not asked.
   *
   * @return false if the client has left or nobody can tell
   */
  default boolean isClientThere() {
    return false;
  }

  /** Gives the connection back to its container; to be called before the answer is ended. */
  void release();

  /**
   * Takes a request's connection for the time of its exchange.
   *
   * @param request as the container made it, perhaps wrapped by filters
   * @param gate the exchange's; nothing is done to the connection but with its lock held
   * @return the connection, or {@link #UNREACHABLE}
   */
  static ClientConnection of(HttpServletRequest request, Gate gate) {
    try {
      if (Containers.isJetty(request)) {
        return JettyConnection.of(request);
      }
      ServletRequest made = Containers.unwrapped(request);
      if (Containers.isTomcatsOwn(made)) {
        return TomcatConnection.of(made, gate);
      }
      if (Containers.isUndertowsOwn(made)) {
        return UndertowConnection.of(made, gate);
      }
    } catch (LinkageError | RuntimeException e) {
      // The server's classes are hidden from this web application, or are another version's.
      return UNREACHABLE;
    }
    return UNREACHABLE;
  }
}
