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
import java.nio.file.Files;
import java.util.List;
import org.apache.catalina.Context;
import org.apache.catalina.LifecycleException;
import org.apache.catalina.LifecycleState;
import org.apache.catalina.Wrapper;
import org.apache.catalina.connector.Connector;
import org.apache.catalina.startup.Tomcat;

/** Mounts the relay at {@code /ai/*} of an embedded Tomcat that has a servlet of its own. */
public final class TomcatHost implements AutoCloseable {
  private static final int PORT = 8082;

  private final DemoProvider provider;
  private final Relay relay;
  private final Tomcat server = new Tomcat();
  private final Connector connector = new Connector();

  private TomcatHost(int port) throws IOException {
    provider = DemoProvider.start("127.0.0.1", 0);
    relay = Relay.builder(config(provider.uri()), JettyForwarder.create()).build();

    connector.setProperty("address", "127.0.0.1");
    connector.setPort(port);
    connector.setThrowOnFailure(true);
    server.setConnector(connector);
    server.setBaseDir(Files.createTempDirectory("tomcat-host").toString());
    Context context = server.addContext("", null);
    Tomcat.addServlet(context, "hello", new Hello()).addMapping("/hello");
    Wrapper relayServlet = Tomcat.addServlet(context, "relay", new RelayServlet(relay));
    relayServlet.addMapping("/ai/*");
    // Without this the relay refuses to serve; every filter in front of it needs the same.
    relayServlet.setAsyncSupported(true);
    Wrapper health = Tomcat.addServlet(context, "health", new HealthServlet(relay));
    health.addMapping("/healthz");
    health.addMapping("/readyz");
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
                        "Authorization", Secret.of("demo-provider-key"), "TomcatHost"))
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
  public static TomcatHost start(int port) throws Exception {
    TomcatHost host = new TomcatHost(port);
    try {
      host.server.start();
      return host;
    } catch (LifecycleException e) {
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
  public void close() throws LifecycleException {
    relay.drain().join();
    relay.close();
    if (server.getServer().getState() != LifecycleState.DESTROYED) {
      server.stop();
      server.destroy();
    }
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
   * @param args the port, 8082 without one
   * @throws Exception if it cannot listen there
   */
  public static void main(String[] args) throws Exception {
    TomcatHost host = start(args.length == 0 ? PORT : Integer.parseInt(args[0]));
    Runtime.getRuntime().addShutdownHook(new Thread(() -> stop(host)));
    System.out.printf(
        """
        Try, in another terminal (Ctrl-C here ends it, after the streams that run):
        curl -N %s/ai/v1/chat/completions -H 'Authorization: Bearer sk-relay-example' \
        -H 'Content-Type: application/json' \
        -d '{"model":"demo","stream":true,"messages":[{"role":"user","content":"hi"}]}'
        """,
        host.uri());
    // Tomcat's own threads are daemons.
    host.server.getServer().await();
  }

  private static void stop(TomcatHost host) {
    try {
      host.close();
    } catch (LifecycleException e) {
      System.err.println("stopping failed: " + e);
    }
  }
}
