package io.streamrelay.config;

/**
 * How often a tenant may ask, and optionally each API key over all its tenants.
 *
 * @param enabled whether there is a limit at all
 * @param perMinute requests a minute for each tenant, at least 1 if enabled
 * @param burst requests a tenant may send at once, at least 1 if enabled
 * @param keyPerMinute requests a minute for each API key over all its tenants; 0 for no such limit
 * @param keyBurst requests an API key may send at once; at least 1 if {@code keyPerMinute} is set
 * @param maxTenants tenants (and keys) whose state is kept; further names share what is left
 */
public record RateLimitConfig(
    boolean enabled, int perMinute, int burst, int keyPerMinute, int keyBurst, int maxTenants) {
  /** No limit. */
  public static final RateLimitConfig DISABLED = new RateLimitConfig(false, 0, 0, 0, 0, 100_000);

  /** Refuses an enabled limit without numbers. */
  public RateLimitConfig {
    if (enabled && (perMinute < 1 || burst < 1)) {
      throw new IllegalArgumentException(
          "rate_limit.default is "
              + perMinute
              + ", rate_limit.burst is "
              + burst
              + " (expected: at least 1 each, or rate_limit.enabled: false)");
    }
    if (keyPerMinute < 0 || (keyPerMinute > 0 && keyBurst < 1)) {
      throw new IllegalArgumentException(
          "rate_limit.per_key.default is "
              + keyPerMinute
              + ", rate_limit.per_key.burst is "
              + keyBurst
              + " (expected: at least 1 each, or no per_key)");
    }
    if (maxTenants < 1) {
      throw new IllegalArgumentException(
          "rate_limit.max_tenants is " + maxTenants + " (expected: at least 1)");
    }
  }

  /**
   * Makes a limit for each tenant.
   *
   * @param perMinute requests a minute
   * @param burst requests at once
   * @return the limit, for at most 100,000 tenants
   */
  public static RateLimitConfig perTenant(int perMinute, int burst) {
    return new RateLimitConfig(true, perMinute, burst, 0, 0, 100_000);
  }
}
