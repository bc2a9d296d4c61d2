package io.streamrelay.jetty;

import io.streamrelay.forward.ForwardCall;
import io.streamrelay.forward.ResponseSink;
import io.streamrelay.forward.StreamingForwarder;
import io.streamrelay.forward.UpstreamPool;
import io.streamrelay.forward.UpstreamRequest;
import java.net.InetAddress;
import java.time.Duration;
import java.util.List;
import org.eclipse.jetty.client.AbstractConnectionPool;
import org.eclipse.jetty.client.ContinueProtocolHandler;
import org.eclipse.jetty.client.EarlyHintsProtocolHandler;
import org.eclipse.jetty.client.HttpClient;
import org.eclipse.jetty.client.ProtocolHandlers;
import org.eclipse.jetty.client.Request;
import org.eclipse.jetty.client.Response;
import org.eclipse.jetty.client.ValidatingConnectionPool;
import org.eclipse.jetty.client.transport.HttpClientTransportOverHTTP;
import org.eclipse.jetty.client.transport.HttpDestination;
import org.eclipse.jetty.http.HttpCompliance;
import org.eclipse.jetty.http.HttpCookieStore;
import org.eclipse.jetty.http.HttpStatus;
import org.eclipse.jetty.io.ByteBufferPool;
import org.eclipse.jetty.io.ClientConnector;
import org.eclipse.jetty.util.thread.Invocable;
import org.eclipse.jetty.util.thread.QueuedThreadPool;
import org.eclipse.jetty.util.thread.ScheduledExecutorScheduler;
import org.eclipse.jetty.util.thread.Scheduler;
import org.jspecify.annotations.Nullable;

/**
 * Forwards on Jetty's HTTP client, over HTTP/1.1, without blocking.
 *
 * <p>It keeps its own few threads, so that it works the same in every container. Chunks travel on
 * the client's selector thread from the upstream's socket to the client's, without a hop.
 */
public final class JettyForwarder implements StreamingForwarder {
  /**
   * Shorter than the 60 s after which many servers close an idle connection, so that a pooled one
   * is rarely found dead.
   */
  private static final long POOLED_IDLE_MILLIS = 55_000;

  /**
   * How long a connection rests after an answer. Some servers close it right then without having
   * said so, and a request that went out meanwhile would fail.
   */
  static final long POOLED_REST_MILLIS = 10;

  /** The route's own clock is the one that counts; this ends what nobody waits for any more. */
  private static final Duration CONNECT_CEILING = Duration.ofSeconds(60);

  private static final int MAX_RESPONSE_HEAD_BYTES = 32 * 1024;

  /** No more have a port to one address. */
  private static final int ALL_PORTS = 65_535;

  /**
   * Left to itself the system would take megabytes in for a stream whose client reads slowly. As
   * much as the launcher has it send to a client.
   */
  private static final int RECEIVE_BUFFER_BYTES = 256 * 1024;

  private static final int MAX_REQUEST_HEAD_BYTES = 64 * 1024;

  private final HttpClient client;
  private final NameResolver names;

  private JettyForwarder(Builder b) {
    QueuedThreadPool threads = new QueuedThreadPool(16, 2);
    threads.setName("relay-upstream");
    threads.setDaemon(true);
    ClientConnector connector = new ResetTellingConnector();
    connector.setSelectors(b.selectors);
    connector.setExecutor(threads);
    connector.setReceiveBufferSize(RECEIVE_BUFFER_BYTES);
    HttpClientTransportOverHTTP transport = new HttpClientTransportOverHTTP(connector);
    // Without this every chunk costs a hop to another thread.
    transport.setInvocationType(Invocable.InvocationType.NON_BLOCKING);
    // Else a value comes in the case in which it was seen first, or in Jetty's own.
    transport.setHeaderCacheCaseSensitive(true);
    client = new HttpClient(transport);
    transport.setConnectionPoolFactory(
        destination ->
            new ValidatingConnectionPool(
                destination,
                b.maxConnectionsPerUpstream,
                client.getScheduler(),
                POOLED_REST_MILLIS));
    client.setExecutor(threads);
    if (b.byteBufferPool != null) {
      client.setByteBufferPool(b.byteBufferPool);
    }
    client.setScheduler(b.timer);
    names = new NameResolver(b.lookup);
    client.setSocketAddressResolver(names);
    client.setFollowRedirects(false);
    client.setUserAgentField(null);
    client.setDefaultRequestContentType(null);
    client.setHttpCookieStore(new HttpCookieStore.Empty());
    client.setConnectTimeout(CONNECT_CEILING.toMillis());
    client.setIdleTimeout(POOLED_IDLE_MILLIS);
    client.setMaxConnectionsPerDestination(b.maxConnectionsPerUpstream);
    client.setMaxRequestsQueuedPerDestination(b.maxQueuedPerUpstream);
    client.setMaxResponseHeadersSize(MAX_RESPONSE_HEAD_BYTES);
    client.setMaxRequestHeadersSize(MAX_REQUEST_HEAD_BYTES);
    client.setHttpCompliance(
        HttpCompliance.RFC9110.with("relay", HttpCompliance.Violation.CASE_SENSITIVE_FIELD_NAME));
    start();
  }

  private void start() {
    try {
      client.start();
    } catch (Exception e) {
      throw new IllegalStateException("the upstream client could not start", e);
    }
    // Found by the start; with them gone the client neither asks for a coding nor undoes one.
    client.getContentDecoderFactories().clear();
    // Redirects and challenges belong to the client of the relay.
    ProtocolHandlers handlers = client.getProtocolHandlers();
    handlers.clear();
    handlers.put(new ContinueProtocolHandler());
    handlers.put(new InterimHandler());
  }

  /**
   * Makes a forwarder with every option at its default.
   *
   * @return a started forwarder; the relay it is given to closes it
   */
  public static JettyForwarder create() {
    return builder().build();
  }

  /**
   * Starts a forwarder.
   *
   * @return a builder with every option at its default
   */
  public static Builder builder() {
    return new Builder();
  }

  @Override
  public ForwardCall forward(UpstreamRequest request, ResponseSink sink) {
    JettyCall call = new JettyCall(client, request, sink);
    call.send();
    return call;
  }

  @Override
  public List<UpstreamPool> pools() {
    return client.getDestinations().stream()
        .filter(HttpDestination.class::isInstance)
        .map(destination -> pool((HttpDestination) destination))
        .toList();
  }

  private static UpstreamPool pool(HttpDestination destination) {
    int active = 0;
    int idle = 0;
    if (destination.getConnectionPool() instanceof AbstractConnectionPool connections) {
      active = connections.getActiveConnectionCount();
      idle = connections.getIdleConnectionCount();
    }
    return new UpstreamPool(
        destination.getOrigin().getAddress().asString(),
        active,
        idle,
        destination.getQueuedRequestCount());
  }

  @Override
  public void close() {
    try {
      client.stop();
    } catch (Exception e) {
      throw new IllegalStateException("the upstream client could not stop", e);
    } finally {
      names.close();
    }
  }

  /**
   * Swallows interim answers whatever their number. Jetty's own handlers know one status each, and
   * the one for 100 takes it once; what they leave would be taken for the answer.
   */
  private static final class InterimHandler extends EarlyHintsProtocolHandler {
    @Override
    public boolean accept(Request request, Response response) {
      return HttpStatus.isInterim(response.getStatus());
    }
  }

  /** Collects a forwarder's options; not thread-safe. */
  public static final class Builder {
    private int maxConnectionsPerUpstream = ALL_PORTS;
    private int maxQueuedPerUpstream = ALL_PORTS;
    private @Nullable ByteBufferPool byteBufferPool;
    private NameResolver.Lookup lookup = InetAddress::getAllByName;
    private Scheduler timer = new ScheduledExecutorScheduler("relay-upstream-timer", true);
    private int selectors = Math.max(1, Runtime.getRuntime().availableProcessors() / 4);

    private Builder() {}

    /**
     * Bounds how many connections one upstream gets, and so how many streams it serves at once.
     *
     * @param connections at least 1; by default {@code server.max_streams} alone counts
     * @return this
     */
    public Builder maxConnectionsPerUpstream(int connections) {
      this.maxConnectionsPerUpstream = atLeastOne("maxConnectionsPerUpstream", connections);
      return this;
    }

    /**
     * Bounds how many requests may wait for a connection, also for one that is being made; more are
     * refused with a 503.
     *
     * @param requests at least 1; by default {@code server.max_streams} alone counts
     * @return this
     */
    public Builder maxQueuedPerUpstream(int requests) {
      this.maxQueuedPerUpstream = atLeastOne("maxQueuedPerUpstream", requests);
      return this;
    }

    /**
     * Sets how many threads carry streams.
     *
     * @param selectors at least 1; by default one for every four cores
     * @return this
     */
    public Builder selectors(int selectors) {
      this.selectors = atLeastOne("selectors", selectors);
      return this;
    }

    /** For tests that look for leaks. */
    Builder byteBufferPool(ByteBufferPool pool) {
      this.byteBufferPool = pool;
      return this;
    }

    /** For tests of slow names. */
    Builder lookup(NameResolver.Lookup lookup) {
      this.lookup = lookup;
      return this;
    }

    /** For tests that hold its timers. */
    Builder timer(Scheduler timer) {
      this.timer = timer;
      return this;
    }

    /**
     * Builds and starts the forwarder.
     *
     * @return the forwarder
     */
    public JettyForwarder build() {
      return new JettyForwarder(this);
    }

    private static int atLeastOne(String name, int value) {
      if (value < 1) {
        throw new IllegalArgumentException(name + " is " + value + " (expected: at least 1)");
      }
      return value;
    }
  }
}
