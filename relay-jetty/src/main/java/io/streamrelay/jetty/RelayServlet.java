package io.streamrelay.jetty;

import io.streamrelay.Relay;
import io.streamrelay.config.RelayConfig;
import io.streamrelay.http.Headers;
import io.streamrelay.route.PathGuard;
import io.streamrelay.transport.ClientRequest;
import jakarta.servlet.AsyncContext;
import jakarta.servlet.DispatcherType;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import jakarta.servlet.http.MappingMatch;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Collections;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The relay as a servlet, for any container of Servlet 6.0 or later.
 *
 * <p>Mount it with {@code async-supported} true, and so every filter in front of it. Routes match
 * the path below the mount: mounted at {@code /ai/*}, a route with path {@code /v1/messages} serves
 * {@code /ai/v1/messages}. Requests are served without holding a container thread.
 *
 * <p>A client that sends {@code Expect: 100-continue} is told to go on once it was admitted; not so
 * on Tomcat, which tells every such client to go on before it asks a servlet. Leave Tomcat's {@code
 * continueResponseTiming} at that: with {@code onRead} it never tells a client whose body is read
 * without blocking. Jetty says so to a client of HTTP/1.0 too, which should not be told (RFC 9110
 * §10.1.1), and gives a servlet no way to prevent it.
 *
 * <p>Made in code with a relay, whose owner drains and closes it; or by the container, and then the
 * init parameter {@code config} names the YAML file, and the servlet closes its relay when it is
 * destroyed. A container stops taking connections before it destroys servlets, so a host that must
 * not cut streams calls {@link Relay#drain()} before it stops.
 */
public final class RelayServlet extends HttpServlet {
  private static final long serialVersionUID = 1L;
  private static final Logger LOG = LoggerFactory.getLogger(RelayServlet.class);

  private transient @Nullable Relay relay;
  private final boolean ownsRelay;

  /** For containers that make servlets themselves; needs the init parameter {@code config}. */
  public RelayServlet() {
    this.ownsRelay = true;
  }

  /**
   * Serves with a relay made in code.
   *
   * @param relay stays its owner's to drain and close
   */
  public RelayServlet(Relay relay) {
    this.relay = relay;
    this.ownsRelay = false;
  }

  @Override
  public void init() throws ServletException {
    if (relay != null) {
      return;
    }
    String file = getServletConfig().getInitParameter("config");
    if (file == null) {
      throw new ServletException(
          "init parameter 'config' of servlet '"
              + getServletName()
              + "' is missing (expected: the path of the relay's YAML file)");
    }
    var loaded = RelayConfig.load(Path.of(file));
    loaded.warnings().forEach(LOG::warn);
    JettyForwarder forwarder = JettyForwarder.create();
    try {
      relay = Relay.builder(loaded.config(), forwarder).build();
    } catch (RuntimeException e) {
      forwarder.close();
      throw e;
    }
  }

  @Override
  public void destroy() {
    Relay running = relay;
    if (ownsRelay && running != null) {
      running.close();
      relay = null;
    }
    DepartureWatch.endIfIdle();
  }

  @Override
  protected void service(HttpServletRequest request, HttpServletResponse response)
      throws ServletException, IOException {
    if (request.getDispatcherType() == DispatcherType.ASYNC
        && request.getAttribute(Cut.ATTRIBUTE) != null) {
      // The one way that all containers know to break an answer off.
      throw Cut.exception();
    }
    Relay running = relay;
    if (running == null) {
      throw new ServletException("the servlet was not initialised (expected: init() ran)");
    }
    if (!request.isAsyncSupported()) {
      throw new ServletException(
          "RelayServlet is mounted without async support (expected: async-supported is true for the"
              + " servlet and for every filter in front of it)");
    }
    AsyncContext async = request.startAsync(request, response);
    // The relay has four clocks of its own.
    async.setTimeout(0);
    Gate gate = new Gate();
    ServletBody body = new ServletBody(request, gate);
    ServletResponseAdapter adapter =
        new ServletResponseAdapter(request, response, async, body, gate);
    ClientRequest clientRequest =
        new ClientRequest(
            request.getMethod(),
            pathBelowMount(request),
            request.getQueryString(),
            headers(request),
            body,
            request.getRemoteAddr());
    try {
      running.handle(clientRequest, adapter);
    } catch (RuntimeException | Error e) {
      LOG.error("a request could not be taken", e);
      adapter.cut();
    }
    adapter.open();
  }

  private static String pathBelowMount(HttpServletRequest request) {
    String uri = request.getRequestURI();
    if (PathGuard.check(uri).isPresent()) {
      // To be refused as it is; some containers cannot even tell the servlet path of such a one.
      return uri;
    }
    String mount = request.getContextPath();
    if (request.getHttpServletMapping().getMappingMatch() == MappingMatch.PATH) {
      mount += request.getServletPath();
    }
    if (mount.isEmpty() || !uri.startsWith(mount)) {
      return uri;
    }
    String below = uri.substring(mount.length());
    return below.isEmpty() ? "/" : below;
  }

  private static Headers headers(HttpServletRequest request) {
    boolean tomcat = Containers.isTomcat(request);
    Headers.Builder headers = Headers.builder();
    for (String name : Collections.list(request.getHeaderNames())) {
      for (String value : Collections.list(request.getHeaders(name))) {
        headers.add(name, value);
      }
    }
    if (tomcat) {
      // Answered already: the client is sending, and what it sends must be read before it is
      // refused.
      headers.remove("Expect");
    }
    String coding = request.getHeader("Transfer-Encoding");
    if (coding != null && request.getProtocol().equals("HTTP/1.0")) {
      // RFC 9112 §6.1: a proxy of that version may have framed the request otherwise. Named, it is
      // refused.
      headers.set("Transfer-Encoding", coding + ", HTTP/1.0");
    }
    return headers.build();
  }
}
