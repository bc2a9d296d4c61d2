package io.streamrelay.config;

/** What is measured for Prometheus, and where the launcher serves it. Immutable. */
public final class PrometheusConfig {
  /** Metrics at {@code /metrics}. */
  public static final PrometheusConfig DEFAULT = builder().build();

  private final boolean enabled;
  private final String path;

  private PrometheusConfig(Builder b) {
    this.enabled = b.enabled;
    this.path = b.path;
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

  /** Collects the options; not thread-safe. */
  public static final class Builder {
    private boolean enabled = true;
    private String path = "/metrics";

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
     * Freezes the options.
     *
     * @return the configuration
     */
    public PrometheusConfig build() {
      return new PrometheusConfig(this);
    }
  }
}
