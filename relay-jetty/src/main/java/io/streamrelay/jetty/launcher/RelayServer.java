package io.streamrelay.jetty.launcher;

import io.opentelemetry.api.GlobalOpenTelemetry;
import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.CounterWithCallback;
import io.prometheus.metrics.exporter.servlet.jakarta.PrometheusMetricsServlet;
import io.prometheus.metrics.instrumentation.jvm.JvmMetrics;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import io.streamrelay.DrainResult;
import io.streamrelay.Relay;
import io.streamrelay.config.DemoProviderConfig;
import io.streamrelay.config.RelayConfig;
import io.streamrelay.config.ServerConfig;
import io.streamrelay.jetty.HealthServlet;
import io.streamrelay.jetty.JettyForwarder;
import io.streamrelay.jetty.RelayServlet;
import io.streamrelay.jetty.demo.DemoProvider;
import io.streamrelay.otel.OpenTelemetryTracing;
import io.streamrelay.trace.Tracing;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.function.LongSupplier;
import org.eclipse.jetty.ee10.servlet.ServletContextHandler;
import org.eclipse.jetty.ee10.servlet.ServletHolder;
import org.eclipse.jetty.http.HttpCompliance;
import org.eclipse.jetty.http.HttpStatus;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.NetworkConnectionLimit;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.component.LifeCycle;
import org.eclipse.jetty.util.thread.QueuedThreadPool;
import org.jspecify.annotations.Nullable;
import org.slf4j.LoggerFactory;

/**
 * A whole relay on a Jetty server of its own: proxy, health, metrics, and the demo provider if
 * asked.
 *
 * <p>What the launcher runs; also handy in tests.
 */
public final class RelayServer implements AutoCloseable {
  private static final int MAX_REQUEST_HEAD_BYTES = 16 * 1024;

  /** More than the forwarder takes from an upstream, so that every head it takes can be sent on. */
  private static final int MAX_RESPONSE_HEAD_BYTES = 64 * 1024;

  /**
   * Left to itself the system would take megabytes in for a client that reads slowly: memory, and a
   * stream that seems to stand still while they drain.
   */
  private static final int SEND_BUFFER_BYTES = 256 * 1024;

  private static final Patience PATIENCE =
      new Patience(Duration.ofSeconds(60), Duration.ofSeconds(30));

  /** Jetty's default backlog of 50 resets clients that connect all at once. */
  private static final int ACCEPT_QUEUE = 1024;

  private static final String REMEDY =
      "a free port at an address of this machine; change server.port or server.host, or give --port";
  private static final String DEMO_REMEDY =
      "a free port at an address of this machine; change demo_provider.port or demo_provider.host";

  /**
   * How long clients may take.
   *
   * @param idle a connection may be silent so long, between requests and within a head
   * @param head a head may take so long from its first byte on
   */
  record Patience(Duration idle, Duration head) {}

  private final Server server;
  private final ServerConnector connector;
  private final Relay relay;
  private final @Nullable DemoProvider demo;

  private RelayServer(
      RelayConfig config, Relay relay, @Nullable DemoProvider demo, Patience patience) {
    this.relay = relay;
    this.demo = demo;
    int cores = Runtime.getRuntime().availableProcessors();
    QueuedThreadPool threads = new QueuedThreadPool(64, 4);
    threads.setName("relay-server");
    server = new Server(threads);
    HttpConfiguration http = new HttpConfiguration();
    http.setSendServerVersion(false);
    http.setRequestHeaderSize(MAX_REQUEST_HEAD_BYTES);
    http.setResponseHeaderSize(MAX_RESPONSE_HEAD_BYTES);
    http.setHttpCompliance(
        HttpCompliance.RFC9110.without("relay", HttpCompliance.Violation.LF_HEADER_TERMINATION));
    Counter refused =
        Counter.builder()
            .name("relay_refused_requests_total")
            .help("Requests that the server refused by itself, unseen by any route.")
            .labelNames("status")
            .register(relay.registry());
    JsonErrorHandler.initialize(refused);
    connector =
        new HeadClock(
            server,
            Math.max(1, cores / 4),
            new HttpConnectionFactory(http),
            patience.head(),
            () -> refused.labelValues("408").inc());
    connector.setHost(config.server().host());
    connector.setPort(config.server().port());
    connector.setIdleTimeout(patience.idle().toMillis());
    connector.setAcceptQueueSize(ACCEPT_QUEUE);
    connector.setAcceptedSendBufferSize(SEND_BUFFER_BYTES);
    server.addConnector(connector);
    // More are left in the accept queue until one leaves.
    server.addBean(new NetworkConnectionLimit(config.server().maxConnections(), connector));
    JsonErrorHandler errors = new JsonErrorHandler(refused);
    server.setErrorHandler(errors);
    server.setHandler(new Threshold(handler(config, relay.registry(), errors)));
  }

  private ServletContextHandler handler(
      RelayConfig config, PrometheusRegistry registry, JsonErrorHandler errors) {
    ServletContextHandler context = new ServletContextHandler();
    context.setErrorHandler(errors);
    context.addServlet(new ServletHolder("relay", new RelayServlet(relay)), "/*");
    ServletHolder health = new ServletHolder("health", new HealthServlet(relay));
    context.addServlet(health, "/healthz");
    context.addServlet(health, "/readyz");
    if (config.observability().prometheus().enabled()) {
      context.addServlet(
          new ServletHolder("metrics", new PrometheusMetricsServlet(registry)),
          config.observability().prometheus().path());
    }
    return context;
  }

  private static void registerProcess(PrometheusRegistry registry, LongSupplier droppedLogLines) {
    JvmMetrics.builder().register(registry);
    CounterWithCallback.builder()
        .name("relay_log_lines_dropped_total")
        .help("Log lines dropped because the log's destination was too slow.")
        .callback(callback -> callback.call((double) droppedLogLines.getAsLong()))
        .register(registry);
  }

  /**
   * Starts everything.
   *
   * @param config what to serve
   * @param droppedLogLines how many log lines were lost so far, for a metric
   * @return the running server
   * @throws IOException if an address cannot be listened on; the message names it
   */
  public static RelayServer start(RelayConfig config, LongSupplier droppedLogLines)
      throws IOException {
    return start(config, droppedLogLines, PATIENCE);
  }

  static RelayServer start(RelayConfig config, LongSupplier droppedLogLines, Patience patience)
      throws IOException {
    DemoProvider demo = startDemo(config.demoProvider());
    Relay relay = null;
    try {
      relay = relay(config, droppedLogLines);
      RelayServer server = new RelayServer(config, relay, demo, patience);
      server.listen(config.server());
      return server;
    } catch (IOException | RuntimeException e) {
      // Nobody else knows of these yet.
      if (relay != null) {
        relay.close();
      }
      if (demo != null) {
        demo.close();
      }
      throw e;
    }
  }

  private static @Nullable DemoProvider startDemo(DemoProviderConfig wanted) throws IOException {
    if (!wanted.enabled()) {
      return null;
    }
    try {
      return DemoProvider.start(wanted.host(), wanted.port());
    } catch (IllegalStateException e) {
      throw cannotListen(wanted.host(), wanted.port(), " for the demo provider", DEMO_REMEDY, e);
    }
  }

  private static Relay relay(RelayConfig config, LongSupplier droppedLogLines) {
    PrometheusRegistry registry = new PrometheusRegistry();
    registerProcess(registry, droppedLogLines);
    JettyForwarder forwarder = JettyForwarder.create();
    try {
      Relay.Builder relay = Relay.builder(config, forwarder).registry(registry);
      if (config.observability().tracing().openTelemetry()) {
        relay.tracing(openTelemetry());
      }
      return relay.build();
    } catch (RuntimeException e) {
      forwarder.close();
      throw e;
    }
  }

  private static Tracing openTelemetry() {
    if (!GlobalOpenTelemetry.isSet()) {
      LoggerFactory.getLogger(RelayServer.class)
          .warn(
              "observability.tracing.opentelemetry is true but nothing makes spans (expected: java"
                  + " -javaagent:opentelemetry-javaagent.jar)");
    }
    return OpenTelemetryTracing.of(GlobalOpenTelemetry.getOrNoop());
  }

  private void listen(ServerConfig wanted) throws IOException {
    try {
      server.start();
    } catch (Exception e) {
      LifeCycle.stop(server);
      throw cannotListen(wanted.host(), wanted.port(), "", REMEDY, e);
    }
  }

  private static IOException cannotListen(
      String host, int port, String what, String remedy, Exception cause) {
    return new IOException(
        "cannot listen on "
            + host
            + ":"
            + port
            + what
            + ": "
            + rootMessage(cause)
            + " (expected: "
            + remedy
            + ")",
        cause);
  }

  private static String rootMessage(Throwable failure) {
    Throwable root = failure;
    while (root.getCause() != null && root.getCause() != root) {
      root = root.getCause();
    }
    return String.valueOf(root.getMessage());
  }

  /**
   * Returns where clients reach the relay from this machine.
   *
   * @return an http URI without a path
   */
  public URI uri() {
    String host = connector.getHost();
    boolean any = host == null || host.equals("0.0.0.0") || host.equals("::");
    String shown = any ? "127.0.0.1" : host.contains(":") ? "[" + host + "]" : host;
    return URI.create("http://" + shown + ":" + connector.getLocalPort());
  }

  /**
   * Returns the relay that is served.
   *
   * @return the relay
   */
  public Relay relay() {
    return relay;
  }

  /**
   * Returns where the demo provider is.
   *
   * @return null if none was asked for
   */
  public @Nullable URI demoUri() {
    DemoProvider running = demo;
    return running == null ? null : running.uri();
  }

  /**
   * Drains with the configured delays, then closes. Blocks until all is over.
   *
   * @return how the drain went
   */
  public DrainResult stop() {
    DrainResult result = relay.drain().join();
    close();
    return result;
  }

  /** Stops at once; what still runs is cut. Idempotent. */
  @Override
  public void close() {
    try {
      relay.close();
      server.stop();
    } catch (Exception e) {
      throw new IllegalStateException("the server could not stop", e);
    } finally {
      if (demo != null) {
        demo.close();
      }
    }
  }

  /** What every request passes first. */
  private static final class Threshold extends Handler.Wrapper {
    Threshold(Handler handler) {
      super(handler);
    }

    @Override
    public boolean handle(Request request, Response response, Callback callback) throws Exception {
      HeadClock.arrived(request);
      if (request.getMethod().equals("TRACE")) {
        // A servlet's own TRACE would send a client's credentials back (RFC 9110 §9.3.8).
        Response.writeError(request, response, callback, HttpStatus.METHOD_NOT_ALLOWED_405);
        return true;
      }
      return super.handle(request, response, callback);
    }
  }
}
