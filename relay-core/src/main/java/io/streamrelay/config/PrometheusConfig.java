package io.streamrelay.config;

import io.streamrelay.policy.TenantPolicy;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.Set;

/** What is measured for Prometheus, and where the launcher serves it. Immutable. */
public final class PrometheusConfig {
  /** More labels than a Prometheus server takes gladly. */
  static final int MOST_MODELS = 10_000;

  /** Metrics at {@code /metrics}. */
  public static final PrometheusConfig DEFAULT = builder().build();

  private final boolean enabled;
  private final String path;
  private final boolean compatMetrics;
  private final int maxModels;
  private final Set<String> tenants;
  private final Semconv semconv;
  private final boolean nativeHistograms;

  private PrometheusConfig(Builder b) {
    this.enabled = b.enabled;
    this.path = b.path;
    this.compatMetrics = b.compatMetrics;
    this.maxModels = b.maxModels;
    this.tenants = Set.copyOf(b.tenants);
    this.semconv = b.semconv;
    this.nativeHistograms = b.nativeHistograms;
  }

  /**
   * Starts with every option at its default.
   *
   * @return a builder
   */
  public static Builder builder() {
    return new Builder();
  }

  /**
   * Tells whether the launcher serves metrics.
   *
   * @return true unless set
   */
  public boolean enabled() {
    return enabled;
  }

  /**
   * Returns where.
   *
   * @return a path, {@code /metrics} unless set
   */
  public String path() {
    return path;
  }

  /**
   * Tells whether the original's five metrics are there, {@code relay_requests_total} and so on.
   *
   * @return true unless set
   */
  public boolean compatMetrics() {
    return compatMetrics;
  }

  /**
   * Returns how many models get a label of their own beside those of the price table; further ones
   * share the label {@code other}.
   *
   * @return 0 or more, 100 unless set
   */
  public int maxModels() {
    return maxModels;
  }

  /**
   * Returns the tenants that get a label of their own in the metrics per tenant; others share the
   * label {@code other}.
   *
   * @return empty, as by default, if there are no metrics per tenant
   */
  public Set<String> tenants() {
    return tenants;
  }

  /**
   * Returns which of OpenTelemetry's names the numbers also have.
   *
   * @return off unless set
   */
  public Semconv semconv() {
    return semconv;
  }

  /**
   * Tells whether histograms are also kept as native ones, which a scraper gets by protobuf alone.
   *
   * @return false unless set
   */
  public boolean nativeHistograms() {
    return nativeHistograms;
  }

  /** Collects the options; not thread-safe. */
  public static final class Builder {
    private boolean enabled = true;
    private String path = "/metrics";
    private boolean compatMetrics = true;
    private int maxModels = 100;
    private Set<String> tenants = Set.of();
    private Semconv semconv = Semconv.OFF;
    private boolean nativeHistograms;

    private Builder() {}

    /**
     * Says whether the launcher serves metrics.
     *
     * @param enabled default true
     * @return this
     */
    public Builder enabled(boolean enabled) {
      this.enabled = enabled;
      return this;
    }

    /**
     * Sets where.
     *
     * @param path default {@code /metrics}
     * @return this
     */
    public Builder path(String path) {
      this.path = path;
      return this;
    }

    /**
     * Says whether the original's five metrics are there.
     *
     * @param compatMetrics default true
     * @return this
     */
    public Builder compatMetrics(boolean compatMetrics) {
      this.compatMetrics = compatMetrics;
      return this;
    }

    /**
     * Bounds how many models get a label of their own.
     *
     * @param maxModels from 0 to 10000, default 100
     * @return this
     */
    public Builder maxModels(int maxModels) {
      if (maxModels < 0 || maxModels > MOST_MODELS) {
        throw new IllegalArgumentException(
            "maxModels is " + maxModels + " (expected: from 0 to " + MOST_MODELS + ")");
      }
      this.maxModels = maxModels;
      return this;
    }

    /**
     * Names the tenants that get a label of their own.
     *
     * @param tenants default none, and then there are no metrics per tenant
     * @return this
     */
    public Builder tenants(Collection<String> tenants) {
      for (String tenant : tenants) {
        if (!TenantPolicy.isTenantName(tenant)) {
          throw new IllegalArgumentException(
              "tenants has a value of "
                  + tenant.length()
                  + " characters that is no tenant's name (expected: 1 to 128 letters, digits, '.',"
                  + " '_', ':' or '-')");
        }
      }
      this.tenants = new LinkedHashSet<>(tenants);
      return this;
    }

    /**
     * Says which of OpenTelemetry's names the numbers also have.
     *
     * @param semconv default off
     * @return this
     */
    public Builder semconv(Semconv semconv) {
      this.semconv = semconv;
      return this;
    }

    /**
     * Says whether histograms are also kept as native ones.
     *
     * @param nativeHistograms default false
     * @return this
     */
    public Builder nativeHistograms(boolean nativeHistograms) {
      this.nativeHistograms = nativeHistograms;
      return this;
    }

    /**
     * Freezes the options.
     *
     * @return the configuration
     */
    public PrometheusConfig build() {
      return new PrometheusConfig(this);
    }
  }
}
