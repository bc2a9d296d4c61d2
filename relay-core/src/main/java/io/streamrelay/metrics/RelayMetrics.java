package io.streamrelay.metrics;

import io.prometheus.metrics.model.registry.PrometheusRegistry;
import io.streamrelay.Exchange;
import io.streamrelay.ExchangeRecord;
import io.streamrelay.RelayListener;
import io.streamrelay.RelayState;
import io.streamrelay.config.PrometheusConfig;
import io.streamrelay.config.Semconv;
import io.streamrelay.forward.UpstreamPool;
import io.streamrelay.policy.RateLimitPolicy;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.IntSupplier;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Counts exchanges.
 *
 * <p>Told by the relay at each exchange's start and end, on I/O threads; nothing is counted per
 * chunk. All but what runs is drawn from the {@link ExchangeRecord}, once. Labels are closed sets,
 * names from the configuration, and models, of which there are at most {@link
 * PrometheusConfig#maxModels} beside those of the price table; so the number of series is bounded.
 */
public final class RelayMetrics implements RelayListener {
  private final Instruments make;
  private final @Nullable CompatMetrics compat;
  private final RouteMetrics routeMetrics;
  private final UpstreamMetrics upstreamMetrics;
  private final AudioMetrics audioMetrics;
  private final ModelMetrics modelMetrics;
  private final List<Tally> byThemselves = new ArrayList<>();
  private final ModelLabels models;

  /** Bounded by the configured routes and {@link ExchangeRecord#NO_ROUTE}. */
  private final Map<String, PerRoute> routes = new ConcurrentHashMap<>();

  /**
   * Registers the relay's metrics as they are by default.
   *
   * @param registry one that no other relay uses
   * @throws IllegalArgumentException if another relay's metrics are there already
   */
  public RelayMetrics(PrometheusRegistry registry) {
    this(registry, PrometheusConfig.DEFAULT, Set.of());
  }

  /**
   * Registers the relay's metrics.
   *
   * @param registry one that no other relay uses
   * @param config which of them, and how many labels
   * @param pricedModels exact names of models that always get a label of their own
   * @throws IllegalArgumentException if another relay's metrics are there already
   */
  public RelayMetrics(
      PrometheusRegistry registry, PrometheusConfig config, Set<String> pricedModels) {
    Set<String> priced = Set.copyOf(pricedModels);
    make = new Instruments(registry, config.nativeHistograms());
    models = new ModelLabels(priced, config.maxModels());
    compat = config.compatMetrics() ? new CompatMetrics(make) : null;
    routeMetrics = new RouteMetrics(make);
    upstreamMetrics = new UpstreamMetrics(make);
    audioMetrics = new AudioMetrics(make);
    modelMetrics = new ModelMetrics(make);
    if (!config.tenants().isEmpty()) {
      byThemselves.add(new TenantMetrics(make, config.tenants()));
    }
    if (config.semconv() != Semconv.OFF) {
      byThemselves.add(
          new GenAiMetrics(make, config.semconv(), models, priced, config.maxModels()));
    }
    make.info("relay_build_info", "The relay's version.", "version", BuildVersion.get());
  }

  /**
   * Makes a route's series exist before its first request, so that rates start from zero.
   *
   * @param route the route's name
   */
  public void addRoute(String route) {
    of(route);
  }

  /**
   * Draws where the relay is in its life. Called once.
   *
   * @param state asked at each scrape
   */
  public void watchState(Supplier<RelayState> state) {
    make.gauge(
        "relay_state",
        "0 while running, 1 while draining, 2 when stopped.",
        callback -> callback.call(number(state.get())));
  }

  private static int number(RelayState state) {
    return switch (state) {
      case RUNNING -> 0;
      case DRAINING -> 1;
      case STOPPED -> 2;
    };
  }

  /**
   * Draws how many streams there are, and how many there may be. Called once, after {@link
   * #addRoute}.
   *
   * @param sentUpstream asked at each scrape for how many exchanges of each route were sent
   *     upstream and have not ended
   * @param taken asked at each scrape
   * @param limit {@code server.max_streams}
   */
  public void watchStreams(
      Supplier<Map<String, Integer>> sentUpstream, IntSupplier taken, int limit) {
    Set<String> known = Set.copyOf(routes.keySet());
    make.gauge(
        "relay_active_streams",
        "Exchanges that were sent upstream and have not ended.",
        callback -> {
          Map<String, Integer> now = sentUpstream.get();
          known.forEach(route -> callback.call(now.getOrDefault(route, 0), route));
        },
        "route");
    make.gauge(
        "relay_streams",
        "Exchanges that count towards max_streams now: all that were not refused at once.",
        callback -> callback.call(taken.getAsInt()));
    make.gauge(
        "relay_streams_limit",
        "How many exchanges may run at once: max_streams.",
        callback -> callback.call(limit));
  }

  /**
   * Draws how many tenants the rate limit tracks. Called once, if there is a limit.
   *
   * @param keys asked at each scrape
   */
  public void watchLimiter(IntSupplier keys) {
    make.gauge(
        "relay_rate_limiter_keys",
        "Tenants whose rate is tracked now.",
        callback -> callback.call(keys.getAsInt()));
  }

  /**
   * Draws what the forwarder holds for each upstream. Called once.
   *
   * @param pools asked at each scrape
   * @param upstreams those of the configuration, each as in {@code api.openai.com:443}; others are
   *     not drawn
   */
  public void watchPools(Supplier<List<UpstreamPool>> pools, Set<String> upstreams) {
    Map<String, String> known =
        upstreams.stream()
            .distinct()
            .collect(Collectors.toMap(RelayMetrics::fold, name -> name, (one, same) -> one));
    make.gauge(
        "relay_upstream_connections",
        "Connections to upstreams, active or idle; with state waiting, calls that wait for one.",
        callback -> {
          Map<String, UpstreamPool> sums = new TreeMap<>();
          for (UpstreamPool pool : pools.get()) {
            String upstream = known.get(fold(pool.upstream()));
            if (upstream != null) {
              sums.merge(upstream, pool, RelayMetrics::sum);
            }
          }
          sums.forEach(
              (upstream, pool) -> {
                callback.call(pool.active(), upstream, "active");
                callback.call(pool.idle(), upstream, "idle");
                callback.call(pool.waiting(), upstream, "waiting");
              });
        },
        "upstream",
        "state");
  }

  /** Host names know no case (RFC 9110 §4.2.3). */
  private static String fold(String upstream) {
    return upstream.toLowerCase(Locale.ROOT);
  }

  private static UpstreamPool sum(UpstreamPool a, UpstreamPool b) {
    return new UpstreamPool(
        a.upstream(), a.active() + b.active(), a.idle() + b.idle(), a.waiting() + b.waiting());
  }

  /**
   * Counts a request that a rate limit refused. Any thread.
   *
   * @param exchange the request
   * @param limit whose
   */
  public void rateLimited(Exchange exchange, RateLimitPolicy.Limit limit) {
    routeMetrics.refused(exchange.route().name(), limit);
  }

  @Override
  public void onStart(Exchange exchange) {
    String route = exchange.route().name();
    of(route);
    if (compat != null) {
      compat.started(route);
    }
  }

  @Override
  public void onEnd(ExchangeRecord record) {
    of(record.route()).add(record);
    for (Tally each : byThemselves) {
      each.add(record);
    }
  }

  private PerRoute of(String route) {
    PerRoute known = routes.get(route);
    return known != null ? known : routes.computeIfAbsent(route, PerRoute::new);
  }

  /** One route's series, looked up once. */
  private final class PerRoute implements Tally {
    private final String route;
    private final @Nullable Tally asTheOriginal;
    private final Tally all;
    private final Tally audio;

    /** Bounded by the configuration. */
    private final Map<String, Tally> byUpstream = new ConcurrentHashMap<>();

    /** Bounded by {@link #models}. */
    private final Map<String, Tally> byModel = new ConcurrentHashMap<>();

    PerRoute(String route) {
      this.route = route;
      asTheOriginal = compat == null ? null : compat.forRoute(route);
      all = routeMetrics.forRoute(route);
      audio = audioMetrics.forRoute(route);
    }

    @Override
    public void add(ExchangeRecord record) {
      if (asTheOriginal != null) {
        asTheOriginal.add(record);
      }
      all.add(record);
      String upstream = record.upstream();
      if (upstream == null || record.attempts() == 0) {
        return;
      }
      upstream(upstream).add(record);
      audio.add(record);
      model(models.of(record.model(), RouteMetrics.isOk(record))).add(record);
    }

    private Tally upstream(String upstream) {
      Tally known = byUpstream.get(upstream);
      return known != null
          ? known
          : byUpstream.computeIfAbsent(upstream, name -> upstreamMetrics.forUpstream(route, name));
    }

    private Tally model(String model) {
      Tally known = byModel.get(model);
      return known != null
          ? known
          : byModel.computeIfAbsent(model, name -> modelMetrics.forModel(route, name));
    }
  }
}
