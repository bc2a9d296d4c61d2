package io.streamrelay.jetty;

import io.streamrelay.Relay;
import io.streamrelay.RelayState;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.util.Locale;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Answers {@code /healthz} and {@code /readyz} for load balancers.
 *
 * <p>{@code /healthz} is 200 as long as the process serves requests at all. {@code /readyz} is 200
 * only while the relay is {@link RelayState#RUNNING}: it is 503 while starting, and from the moment
 * draining begins. Mount it at both paths.
 */
public final class HealthServlet extends HttpServlet {
  private static final long serialVersionUID = 1L;

  private final transient Supplier<@Nullable Relay> relay;

  /**
   * Answers for a relay that runs.
   *
   * @param relay whose state is told
   */
  public HealthServlet(Relay relay) {
    this(() -> relay);
  }

  /**
   * Answers for a relay that may still be starting.
   *
   * @param relay gives null until there is one
   */
  public HealthServlet(Supplier<@Nullable Relay> relay) {
    this.relay = relay;
  }

  @Override
  protected void doGet(HttpServletRequest request, HttpServletResponse response)
      throws IOException {
    Relay running = relay.get();
    RelayState state = running == null ? null : running.state();
    boolean ready = request.getRequestURI().endsWith("/readyz");
    response.setStatus(!ready || state == RelayState.RUNNING ? 200 : 503);
    response.setContentType("application/json");
    response.setHeader("Cache-Control", "no-store");
    String name = state == null ? "starting" : state.name().toLowerCase(Locale.ROOT);
    int active = running == null ? 0 : running.activeExchanges();
    response
        .getOutputStream()
        .print("{\"status\":\"" + name + "\",\"active_exchanges\":" + active + "}\n");
  }

  /** Would send a client's credentials back. */
  @Override
  protected void doTrace(HttpServletRequest request, HttpServletResponse response)
      throws IOException {
    response.sendError(HttpServletResponse.SC_METHOD_NOT_ALLOWED);
  }
}
