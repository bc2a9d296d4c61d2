package io.streamrelay.examples;

import io.streamrelay.Relay;
import io.streamrelay.Secret;
import io.streamrelay.config.AuthConfig;
import io.streamrelay.config.RelayConfig;
import io.streamrelay.jetty.HealthServlet;
import io.streamrelay.jetty.JettyForwarder;
import io.streamrelay.jetty.RelayServlet;
import io.streamrelay.jetty.demo.DemoProvider;
import io.streamrelay.policy.ApiKey;
import io.streamrelay.route.Route;
import io.streamrelay.route.UpstreamCredential;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.net.URI;
import java.util.List;
import org.eclipse.jetty.ee10.servlet.ServletContextHandler;
import org.eclipse.jetty.ee10.servlet.ServletHolder;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.util.component.LifeCycle;

/** Mounts the relay at {@code /ai/*} of a Jetty that has a servlet of its own. */
public final class JettyHost implements AutoCloseable {
  private static final int PORT = 8081;

  private final DemoProvider provider;
  private final Relay relay;
  private final Server server = new Server();
  private final ServerConnector connector = new ServerConnector(server);

  private JettyHost(int port) {
    provider = DemoProvider.start("127.0.0.1", 0);
    relay = Relay.builder(config(provider.uri()), JettyForwarder.create()).build();

    connector.setHost("127.0.0.1");
    connector.setPort(port);
    server.addConnector(connector);
    ServletContextHandler context = new ServletContextHandler();
    context.addServlet(new ServletHolder(new Hello()), "/hello");
    // Servlets made in code are async-supported on Jetty unless told otherwise.
    context.addServlet(new ServletHolder(new RelayServlet(relay)), "/ai/*");
    ServletHolder health = new ServletHolder(new HealthServlet(relay));
    context.addServlet(health, "/healthz");
    context.addServlet(health, "/readyz");
    server.setHandler(context);
  }

  /** What a file in {@code configs/} could say, said in code. */
  private static RelayConfig config(URI upstream) {
    return RelayConfig.builder()
        .route(
            Route.builder("chat")
                .path("/v1/chat/completions")
                .upstream(upstream)
                .credential(
                    new UpstreamCredential(
                        "Authorization", Secret.of("demo-provider-key"), "JettyHost"))
                .build())
        .auth(new AuthConfig(true, List.of(ApiKey.bound("app", "sk-relay-example", "team-a"))))
        .build();
  }

  /**
   * Starts the server and a demo provider behind it.
   *
   * @param port TCP port on the loopback address; 0 takes any free one
   * @return the running host
   * @throws Exception if it cannot listen there
   */
  public static JettyHost start(int port) throws Exception {
    JettyHost host = new JettyHost(port);
    try {
      host.server.start();
      return host;
    } catch (Exception e) {
      host.close();
      throw e;
    }
  }

  /**
   * Returns where it listens.
   *
   * @return an http URI without a path
   */
  public URI uri() {
    return URI.create("http://127.0.0.1:" + connector.getLocalPort());
  }

  /** Lets live streams end, at most for the drain time of 30 s, and only then stops the server. */
  @Override
  public void close() {
    relay.drain().join();
    relay.close();
    LifeCycle.stop(server);
    provider.close();
  }

  /** The host's own business. */
  private static final class Hello extends HttpServlet {
    private static final long serialVersionUID = 1L;

    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response)
        throws IOException {
      response.getOutputStream().print("hello from the host\n");
    }
  }

  /**
   * Runs until it is told to stop.
   *
   * @param args the port, 8081 without one
   * @throws Exception if it cannot listen there
   */
  public static void main(String[] args) throws Exception {
    JettyHost host = start(args.length == 0 ? PORT : Integer.parseInt(args[0]));
    Runtime.getRuntime().addShutdownHook(new Thread(host::close));
    System.out.printf(
        """
        Try, in another terminal (Ctrl-C here ends it, after the streams that run):
        curl -N %s/ai/v1/chat/completions -H 'Authorization: Bearer sk-relay-example' \
        -H 'Content-Type: application/json' \
        -d '{"model":"demo","stream":true,"messages":[{"role":"user","content":"hi"}]}'
        """,
        host.uri());
  }
}
