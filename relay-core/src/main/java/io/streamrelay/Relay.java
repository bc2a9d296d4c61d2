package io.streamrelay;

import io.prometheus.metrics.model.registry.PrometheusRegistry;
import io.streamrelay.config.DetailedLogsConfig;
import io.streamrelay.config.PrometheusConfig;
import io.streamrelay.config.RateLimitConfig;
import io.streamrelay.config.RelayConfig;
import io.streamrelay.config.Semconv;
import io.streamrelay.forward.StreamingForwarder;
import io.streamrelay.internal.RelayCore;
import io.streamrelay.internal.detail.DetailedLog;
import io.streamrelay.internal.jfr.FlightRecording;
import io.streamrelay.limit.GcraRateLimiter;
import io.streamrelay.limit.RateLimiter;
import io.streamrelay.log.AccessLog;
import io.streamrelay.metrics.RelayMetrics;
import io.streamrelay.policy.ApiKeyPolicy;
import io.streamrelay.policy.Policy;
import io.streamrelay.policy.PolicyChain;
import io.streamrelay.policy.RateLimitPolicy;
import io.streamrelay.policy.TenantPolicy;
import io.streamrelay.route.Route;
import io.streamrelay.route.RouteRegistry;
import io.streamrelay.trace.Tracing;
import io.streamrelay.transport.ClientRequest;
import io.streamrelay.transport.ClientResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The relay: takes requests from a container adapter, asks the policies, forwards, accounts.
 *
 * <p>Made once by whoever starts it, then called from any thread:
 *
 * <pre>{@code
 * Relay relay = Relay.builder(RelayConfig.load(Path.of("relay.yaml")).config(), forwarder).build();
 * }</pre>
 *
 * <p>It owns its forwarder and closes it.
 */
public final class Relay implements AutoCloseable {
  private final RelayCore core;
  private final RelayConfig config;
  private final PrometheusRegistry registry;

  private Relay(Builder b) {
    this.config = b.config;
    this.registry = b.registry;
    PrometheusConfig measured = config.observability().prometheus();
    RelayMetrics metrics = new RelayMetrics(registry, measured, config.prices().names());
    config.routes().forEach(route -> metrics.addRoute(route.name()));
    List<RelayListener> listeners = new ArrayList<>();
    listeners.add(b.tracing);
    listeners.add(metrics);
    listeners.add(new AccessLog());
    listeners.addAll(FlightRecording.listeners());
    listeners.addAll(b.listeners);
    this.core =
        new RelayCore(
            RouteRegistry.of(config.routes()),
            new PolicyChain(b.policies(metrics)),
            b.forwarder,
            b.tracing,
            listeners,
            b.ticker,
            b.scheduler == null ? Scheduler.create() : b.scheduler,
            config.server().maxBodySize(),
            config.server().minUploadRate(),
            config.server().maxStreams(),
            config.prices(),
            detailedLog(config.observability().detailedLogs(), b.ticker),
            measured.semconv() == Semconv.C);
    metrics.watchState(core::state);
    metrics.watchStreams(core::sentUpstream, core::streams, config.server().maxStreams());
    metrics.watchPools(
        b.forwarder::pools,
        config.routes().stream().map(Route::upstreamAuthority).collect(Collectors.toSet()));
  }

  private static @Nullable DetailedLog detailedLog(DetailedLogsConfig wanted, Ticker ticker) {
    return wanted.enabled() ? new DetailedLog(wanted, ticker) : null;
  }

  /**
   * Starts a relay.
   *
   * @param config what to serve and on which terms
   * @param forwarder how to send upstream; the relay closes it
   * @return a builder for what only code can give
   */
  public static Builder builder(RelayConfig config, StreamingForwarder forwarder) {
    return new Builder(config, forwarder);
  }

  /**
   * Serves one request. Called by a container adapter, on the request's own thread; returns at
   * once.
   *
   * @param request the client's
   * @param response the way back
   */
  public void handle(ClientRequest request, ClientResponse response) {
    core.handle(request, response);
  }

  /**
   * Returns where the relay is in its life.
   *
   * @return the state
   */
  public RelayState state() {
    return core.state();
  }

  /**
   * Returns how many exchanges run now.
   *
   * @return zero or more
   */
  public int activeExchanges() {
    return core.active();
  }

  /**
   * Returns the routes served.
   *
   * @return in the order configured
   */
  public List<Route> routes() {
    return config.routes();
  }

  /**
   * Returns what the relay was made from.
   *
   * @return the configuration
   */
  public RelayConfig config() {
    return config;
  }

  /**
   * Returns where the relay's metrics are.
   *
   * @return the registry
   */
  public PrometheusRegistry registry() {
    return registry;
  }

  /**
   * Stops without cutting streams, with the delays of the configuration: readiness goes down at
   * once; after the pre-stop delay new requests get a 503; live ones may end within the drain time;
   * what is left then gets a terminal event and is cut.
   *
   * <p>The stage is completed on a daemon thread of its own, or by {@link #close}: what follows may
   * block, and may close the relay, as in {@code relay.drain().thenRun(relay::close)}.
   *
   * @return completed when nothing runs any more; the same stage for every call
   */
  public CompletableFuture<DrainResult> drain() {
    return drain(config.server().preStopDelay(), config.server().drainTimeout());
  }

  /**
   * As {@link #drain()}, with delays of the caller's. The first call's count.
   *
   * @param preStopDelay how long new requests are still served
   * @param timeout how long live ones may go on after that
   * @return completed when nothing runs any more
   */
  public CompletableFuture<DrainResult> drain(Duration preStopDelay, Duration timeout) {
    return core.drain(preStopDelay, timeout).copy();
  }

  /** Cuts what still runs and gives back threads and connections. Idempotent. */
  @Override
  public void close() {
    core.close();
  }

  /** Collects what only code can give; not thread-safe. */
  public static final class Builder {
    private final RelayConfig config;
    private final StreamingForwarder forwarder;
    private final List<Policy> policies = new ArrayList<>();
    private final List<RelayListener> listeners = new ArrayList<>();
    private Tracing tracing = Tracing.headersOnly();
    private PrometheusRegistry registry = new PrometheusRegistry();
    private Ticker ticker = Ticker.system();
    private @Nullable Scheduler scheduler;
    private @Nullable RateLimiter rateLimiter;

    private Builder(RelayConfig config, StreamingForwarder forwarder) {
      this.config = Objects.requireNonNull(config, "config");
      this.forwarder = Objects.requireNonNull(forwarder, "forwarder");
    }

    /**
     * Adds a policy, asked after authentication and limits and in the order added.
     *
     * @param policy the policy
     * @return this
     */
    public Builder policy(Policy policy) {
      policies.add(Objects.requireNonNull(policy, "policy"));
      return this;
    }

    /**
     * Adds a listener.
     *
     * @param listener told of every exchange
     * @return this
     */
    public Builder listener(RelayListener listener) {
      listeners.add(Objects.requireNonNull(listener, "listener"));
      return this;
    }

    /**
     * Sets where exchanges get their place in a trace.
     *
     * @param tracing also told as a listener; by default {@link Tracing#headersOnly}
     * @return this
     */
    public Builder tracing(Tracing tracing) {
      this.tracing = Objects.requireNonNull(tracing, "tracing");
      return this;
    }

    /**
     * Sets where metrics are registered.
     *
     * @param registry one that no other relay uses; by default a new one
     * @return this
     */
    public Builder registry(PrometheusRegistry registry) {
      this.registry = Objects.requireNonNull(registry, "registry");
      return this;
    }

    /**
     * Replaces the engine of the limit per tenant; {@code rate_limit.enabled} still decides whether
     * there is one.
     *
     * @param rateLimiter by default {@link GcraRateLimiter} with the configured numbers
     * @return this
     */
    public Builder rateLimiter(RateLimiter rateLimiter) {
      this.rateLimiter = Objects.requireNonNull(rateLimiter, "rateLimiter");
      return this;
    }

    /**
     * Sets how elapsed time is told.
     *
     * @param ticker by default {@link Ticker#system()}
     * @return this
     */
    public Builder ticker(Ticker ticker) {
      this.ticker = Objects.requireNonNull(ticker, "ticker");
      return this;
    }

    /**
     * Sets what runs timers.
     *
     * @param scheduler closed with the relay; by default one with a thread of its own
     * @return this
     */
    public Builder scheduler(Scheduler scheduler) {
      this.scheduler = Objects.requireNonNull(scheduler, "scheduler");
      return this;
    }

    /**
     * Builds the relay; it serves at once.
     *
     * @return the relay
     * @throws IllegalArgumentException if two routes share a name or path, or the registry is taken
     */
    public Relay build() {
      return new Relay(this);
    }

    private List<Policy> policies(RelayMetrics metrics) {
      List<Policy> chain = new ArrayList<>();
      chain.add(
          config.auth().enabled() ? new ApiKeyPolicy(config.auth().keys()) : new TenantPolicy());
      RateLimitConfig limit = config.rateLimit();
      if (limit.enabled()) {
        RateLimiter perTenant =
            rateLimiter != null
                ? rateLimiter
                : limiter(limit.perMinute(), limit.burst(), limit.maxTenants());
        RateLimiter perKey =
            limit.keyPerMinute() == 0
                ? null
                : limiter(limit.keyPerMinute(), limit.keyBurst(), limit.maxTenants());
        chain.add(new RateLimitPolicy(perTenant, perKey, metrics::rateLimited));
        metrics.watchLimiter(perTenant::trackedKeys);
      }
      chain.addAll(policies);
      return chain;
    }

    private RateLimiter limiter(int perMinute, int burst, int maxKeys) {
      return new GcraRateLimiter(perMinute, burst, maxKeys, ticker);
    }
  }
}
