package io.streamrelay.jetty;

import jakarta.servlet.AsyncContext;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;

/**
 * Breaks an answer off so that its client can tell it is not whole.
 *
 * <p>The Servlet API has no word for it. Jetty takes status -1 for it; elsewhere the request is
 * dispatched once more and the servlet throws, upon which Tomcat closes the connection without the
 * body's last chunk.
 */
final class Cut {
  static final String ATTRIBUTE = Cut.class.getName();

  private Cut() {}

  static void off(HttpServletRequest request, HttpServletResponse response, AsyncContext async) {
    if (Containers.isJetty(request)) {
      try {
        response.sendError(-1);
      } catch (IOException | RuntimeException e) {
        // It is broken already.
      }
      complete(async);
    } else {
      request.setAttribute(ATTRIBUTE, true);
      try {
        async.dispatch();
      } catch (IllegalStateException | UnsupportedOperationException e) {
        // The container has ended or failed it meanwhile, or is stopping.
        complete(async);
      }
    }
  }

  static void complete(AsyncContext async) {
    try {
      async.complete();
    } catch (IllegalStateException e) {
      // The container has ended it meanwhile, because the client left.
    }
  }

  static IOException exception() {
    String message = "the relay cut this answer off";
    try {
      // Tomcat logs any other exception as a defect of the servlet.
      return Class.forName("org.apache.catalina.connector.ClientAbortException")
          .asSubclass(IOException.class)
          .getConstructor(String.class)
          .newInstance(message);
    } catch (ReflectiveOperationException | LinkageError e) {
      return new IOException(message);
    }
  }
}
