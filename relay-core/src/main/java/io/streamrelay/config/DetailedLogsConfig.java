package io.streamrelay.config;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/**
 * What the log says of each exchange beyond its one line: heads, timeline and, if wanted, bodies.
 * Immutable.
 */
public final class DetailedLogsConfig {
  /** No detail. */
  public static final DetailedLogsConfig DISABLED = builder().build();

  /** The largest {@link #maxBytes()}: 1 MiB. */
  public static final int MOST_BYTES = 1 << 20;

  private final boolean enabled;
  private final boolean bodies;
  private final int maxBytes;
  private final long maxMemory;
  private final List<String> redact;
  private final List<String> routes;

  private DetailedLogsConfig(Builder b) {
    this.enabled = b.enabled;
    this.bodies = b.bodies;
    this.maxBytes = b.maxBytes;
    this.maxMemory = b.maxMemory;
    this.redact = List.copyOf(b.redact);
    this.routes = List.copyOf(b.routes);
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
   * Tells whether there is any detail.
   *
   * @return false unless set
   */
  public boolean enabled() {
    return enabled;
  }

  /**
   * Tells whether prompts and answers are logged.
   *
   * @return false unless set
   */
  public boolean bodies() {
    return bodies;
  }

  /**
   * Returns how much of each body is logged.
   *
   * @return bytes, 16 KiB unless set
   */
  public int maxBytes() {
    return maxBytes;
  }

  /**
   * Returns how much memory the bodies of all exchanges may take together.
   *
   * @return bytes, 16 MiB unless set
   */
  public long maxMemory() {
    return maxMemory;
  }

  /**
   * Returns what is taken out of bodies and heads, beside what looks like a credential.
   *
   * @return regular expressions; none unless set
   */
  public List<String> redact() {
    return redact;
  }

  /**
   * Returns of which routes.
   *
   * @return their names; empty for all exchanges, also those that no route serves
   */
  public List<String> routes() {
    return routes;
  }

  /** Collects the options; not thread-safe. */
  public static final class Builder {
    private boolean enabled;
    private boolean bodies;
    private int maxBytes = 16 << 10;
    private long maxMemory = 16 << 20;
    private final List<String> redact = new ArrayList<>();
    private final List<String> routes = new ArrayList<>();

    private Builder() {}

    /**
     * Says whether there is any detail.
     *
     * @param enabled default false
     * @return this
     */
    public Builder enabled(boolean enabled) {
      this.enabled = enabled;
      return this;
    }

    /**
     * Says whether prompts and answers are logged.
     *
     * @param bodies default false
     * @return this
     */
    public Builder bodies(boolean bodies) {
      this.bodies = bodies;
      return this;
    }

    /**
     * Sets how much of each body is logged.
     *
     * @param maxBytes default 16 KiB; from 1 to {@link #MOST_BYTES}
     * @return this
     */
    public Builder maxBytes(int maxBytes) {
      this.maxBytes = maxBytes;
      return this;
    }

    /**
     * Sets how much memory the bodies of all exchanges may take together.
     *
     * @param maxMemory bytes, default 16 MiB; at least 1
     * @return this
     */
    public Builder maxMemory(long maxMemory) {
      this.maxMemory = maxMemory;
      return this;
    }

    /**
     * Adds a pattern whose matches are taken out.
     *
     * @param pattern a regular expression of Java; one that takes too long on a text hides it whole
     * @return this
     * @throws java.util.regex.PatternSyntaxException if it is none
     */
    public Builder redact(String pattern) {
      redact.add(Pattern.compile(pattern).pattern());
      return this;
    }

    /**
     * Adds a route; by default the detail is of all.
     *
     * @param name of a route
     * @return this
     */
    public Builder route(String name) {
      routes.add(name);
      return this;
    }

    /**
     * Freezes the options.
     *
     * @return the configuration
     * @throws IllegalArgumentException if a size is out of range
     */
    public DetailedLogsConfig build() {
      if (maxBytes < 1 || maxBytes > MOST_BYTES || maxMemory < 1) {
        throw new IllegalArgumentException(
            "observability.detailed_logs: max_bytes is "
                + maxBytes
                + ", max_memory is "
                + maxMemory
                + " (expected: 1 to "
                + MOST_BYTES
                + " bytes, and at least 1)");
      }
      return new DetailedLogsConfig(this);
    }
  }
}
