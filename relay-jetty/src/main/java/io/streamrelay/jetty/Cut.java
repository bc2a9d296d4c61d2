package io.streamrelay.jetty;

import jakarta.servlet.AsyncContext;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.util.concurrent.RejectedExecutionException;

/**
 * Ends answers: as whole, or so that the client can tell that it is not.
 *
 * <p>The Servlet API has no word for it. Jetty takes status -1 for it; on Undertow the connection
 * is closed; elsewhere the request is dispatched once more and the servlet throws, upon which
 * Tomcat closes the connection without the body's last chunk.
 */
final class Cut {
  static final String ATTRIBUTE = Cut.class.getName();

  private Cut() {}

  /** Ends an answer as whole, on a thread of the container's. */
  static void completeElsewhere(AsyncContext async) {
    onContainersThread(async, () -> complete(async));
  }

  /** Ends an answer as whole. */
  static void complete(AsyncContext async) {
    try {
      async.complete();
    } catch (IllegalStateException | RejectedExecutionException e) {
      // The container has ended it meanwhile, because the client left; or it stops.
    }
  }

  /** Breaks an answer off, where the container closes the connection when it is told so. */
  static void off(
      boolean jetty, HttpServletRequest request, HttpServletResponse response, AsyncContext async) {
    if (jetty) {
      onContainersThread(async, () -> abort(response, async));
      return;
    }
    try {
      // Tomcat may have taken the request back without a word, because its client left.
      request.setAttribute(ATTRIBUTE, true);
      async.dispatch();
    } catch (IllegalStateException | UnsupportedOperationException e) {
      // The container has ended or failed it meanwhile, or is stopping.
      complete(async);
    }
  }

  /**
   * Jetty runs its end of a request, with a host's listeners and request log, right where it is
   * told of it; on the thread that carries the streams these would hold all of them up. Undertow
   * takes a lock for it that it also holds while it calls listeners, which wait for the gate.
   */
  private static void onContainersThread(AsyncContext async, Runnable task) {
    try {
      async.start(task);
    } catch (IllegalStateException | RejectedExecutionException e) {
      // Ended meanwhile, or a server that stops and takes nothing more.
      task.run();
    }
  }

  private static void abort(HttpServletResponse response, AsyncContext async) {
    try {
      response.sendError(-1);
    } catch (IOException | RuntimeException e) {
      // It is broken already.
    }
    complete(async);
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
