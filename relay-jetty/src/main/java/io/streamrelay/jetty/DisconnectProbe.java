package io.streamrelay.jetty;

import jakarta.servlet.http.HttpServletRequest;

/**
 * Notices that a client leaves while nothing is written to it.
 *
 * <p>No Servlet API tells. On Jetty's HTTP/1.1 the connection itself does; where that cannot be
 * reached, a departure shows at a later write, and the route's clocks bound the wait.
 */
interface DisconnectProbe {
  /** Stops watching; to be called before the response is completed. Idempotent. */
  void stop();

  /**
   * Starts watching a connection whose request has been read to its end.
   *
   * @param request as the container made it, perhaps wrapped by filters
   * @param onGone runs at most once, on an I/O thread
   * @return a probe that watches, or one that does nothing where that is not possible
   */
  static DisconnectProbe start(HttpServletRequest request, Runnable onGone) {
    if (request.getServletContext().getServerInfo().startsWith("jetty/")) {
      try {
        return JettyProbe.start(request, onGone);
      } catch (LinkageError | RuntimeException e) {
        // The server's classes are hidden from this web application, or are another version's.
        return () -> {};
      }
    }
    return () -> {};
  }
}
