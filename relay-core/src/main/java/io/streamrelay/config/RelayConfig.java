package io.streamrelay.config;

import io.streamrelay.price.PriceTable;
import io.streamrelay.route.Route;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * All that an operator can set: the routes, and on which terms they are served.
 *
 * <p>Immutable; made by {@link #builder()} or from a file, with the same reach.
 */
public final class RelayConfig {
  private final ServerConfig server;
  private final List<Route> routes;
  private final AuthConfig auth;
  private final RateLimitConfig rateLimit;
  private final ObservabilityConfig observability;
  private final PriceTable prices;
  private final DemoProviderConfig demoProvider;

  private RelayConfig(Builder b) {
    this.server = b.server;
    this.routes = List.copyOf(b.routes);
    this.auth = b.auth;
    this.rateLimit = b.rateLimit;
    this.observability = b.observability;
    this.prices = b.prices == null ? PriceFile.defaultTable() : b.prices;
    this.demoProvider = b.demoProvider;
  }

  /**
   * Starts a configuration with every option at its default: no routes, no keys, no limit.
   *
   * @return a builder
   */
  public static Builder builder() {
    return new Builder();
  }

  /**
   * Reads a YAML file, with variables from this process and from the file {@code .env} in the
   * working directory. {@link RelayConfigLoader} takes them from elsewhere.
   *
   * @param file UTF-8, at most 3 MiB
   * @return the configuration, with the warnings its operator should see
   * @throws RelayConfigException if a file cannot be read or anything in it is wrong
   */
  public static LoadedConfig load(Path file) {
    return RelayConfigLoader.standard().load(file);
  }

  /**
   * Returns the listening side.
   *
   * @return never null
   */
  public ServerConfig server() {
    return server;
  }

  /**
   * Returns the routes.
   *
   * @return in the order given
   */
  public List<Route> routes() {
    return routes;
  }

  /**
   * Returns the keys.
   *
   * @return never null
   */
  public AuthConfig auth() {
    return auth;
  }

  /**
   * Returns the limits.
   *
   * @return never null
   */
  public RateLimitConfig rateLimit() {
    return rateLimit;
  }

  /**
   * Returns metrics and logs.
   *
   * @return never null
   */
  public ObservabilityConfig observability() {
    return observability;
  }

  /**
   * Returns what models cost.
   *
   * @return never null
   */
  public PriceTable prices() {
    return prices;
  }

  /**
   * Returns the demo provider.
   *
   * @return never null
   */
  public DemoProviderConfig demoProvider() {
    return demoProvider;
  }

  /**
   * Starts a configuration from this one.
   *
   * @return a builder with all of it
   */
  public Builder toBuilder() {
    Builder builder =
        builder()
            .server(server)
            .auth(auth)
            .rateLimit(rateLimit)
            .observability(observability)
            .prices(prices)
            .demoProvider(demoProvider);
    routes.forEach(builder::route);
    return builder;
  }

  /** Collects the options; not thread-safe. */
  public static final class Builder {
    private ServerConfig server = ServerConfig.DEFAULT;
    private final List<Route> routes = new ArrayList<>();
    private AuthConfig auth = AuthConfig.DISABLED;
    private RateLimitConfig rateLimit = RateLimitConfig.DISABLED;
    private ObservabilityConfig observability = ObservabilityConfig.DEFAULT;
    private @Nullable PriceTable prices;
    private DemoProviderConfig demoProvider = DemoProviderConfig.DISABLED;

    private Builder() {}

    /**
     * Sets the listening side.
     *
     * @param server default {@link ServerConfig#DEFAULT}
     * @return this
     */
    public Builder server(ServerConfig server) {
      this.server = server;
      return this;
    }

    /**
     * Adds a route.
     *
     * @param route its name and path must differ from those of all others
     * @return this
     */
    public Builder route(Route route) {
      routes.add(route);
      return this;
    }

    /**
     * Sets the keys.
     *
     * @param auth default {@link AuthConfig#DISABLED}
     * @return this
     */
    public Builder auth(AuthConfig auth) {
      this.auth = auth;
      return this;
    }

    /**
     * Sets the limits.
     *
     * @param rateLimit default {@link RateLimitConfig#DISABLED}
     * @return this
     */
    public Builder rateLimit(RateLimitConfig rateLimit) {
      this.rateLimit = rateLimit;
      return this;
    }

    /**
     * Sets metrics and logs.
     *
     * @param observability default {@link ObservabilityConfig#DEFAULT}
     * @return this
     */
    public Builder observability(ObservabilityConfig observability) {
      this.observability = observability;
      return this;
    }

    /**
     * Sets what models cost.
     *
     * @param prices default {@link PriceFile#defaultTable}, to which {@link PriceTable#override}
     *     adds a file's
     * @return this
     */
    public Builder prices(PriceTable prices) {
      this.prices = prices;
      return this;
    }

    /**
     * Sets the demo provider.
     *
     * @param demoProvider default {@link DemoProviderConfig#DISABLED}
     * @return this
     */
    public Builder demoProvider(DemoProviderConfig demoProvider) {
      this.demoProvider = demoProvider;
      return this;
    }

    /**
     * Freezes the options.
     *
     * @return the configuration
     */
    public RelayConfig build() {
      return new RelayConfig(this);
    }
  }
}
