package io.streamrelay.policy;

import io.streamrelay.Exchange;
import io.streamrelay.error.ErrorCode;
import io.streamrelay.error.RelayError;
import io.streamrelay.limit.RateLimiter;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Holds each tenant to its rate, and optionally each API key over all its tenants.
 *
 * <p><b>Order.</b> Look at the key's limit, charge the tenant, charge the key. So a request refused
 * for its key costs its tenant nothing and makes no state for a made-up tenant; one refused for its
 * tenant costs the key nothing, and a noisy tenant does not use up what others behind the same key
 * may still send. Only when another request takes the key's last permit between look and charge is
 * the tenant's permit lost.
 *
 * <p>Tenants are one name space: the same name behind two keys is the same tenant. A permit is not
 * given back at the end: it stands for a request, not for a running stream. Comes after the policy
 * that identifies. Thread-safe as its limiters are.
 */
public final class RateLimitPolicy implements Policy {
  /** Whose rate a limit bounds. */
  public enum Limit {
    /** The tenant's. */
    TENANT,
    /** The API key's, over all its tenants. */
    KEY
  }

  /** Is told of refusals, for a metric. */
  @FunctionalInterface
  public interface Refusals {
    /**
     * A request is refused. Called on its own thread; must not block.
     *
     * @param exchange the request
     * @param limit which limit refuses it
     */
    void refused(Exchange exchange, Limit limit);
  }

  private final RateLimiter perTenant;
  private final @Nullable RateLimiter perKey;
  private final Refusals refusals;

  /**
   * Makes the policy.
   *
   * @param perTenant asked with {@link Exchange#tenant}
   * @param perKey asked with {@link Exchange#keyName} where there is one; null for no such limit;
   *     not the same limiter as {@code perTenant}, since a key may be called like a tenant
   */
  public RateLimitPolicy(RateLimiter perTenant, @Nullable RateLimiter perKey) {
    this(perTenant, perKey, (exchange, limit) -> {});
  }

  /**
   * Makes the policy, and tells of what it refuses.
   *
   * @param perTenant as above
   * @param perKey as above
   * @param refusals told of each refusal
   */
  public RateLimitPolicy(RateLimiter perTenant, @Nullable RateLimiter perKey, Refusals refusals) {
    if (perTenant == perKey) {
      throw new IllegalArgumentException(
          "tenants and keys share one limiter (expected: one each, or null for no limit per key)");
    }
    this.perTenant = perTenant;
    this.perKey = perKey;
    this.refusals = refusals;
  }

  @Override
  public Decision onRequest(Exchange exchange) {
    RateLimiter keyLimiter = perKey;
    String keyName = exchange.keyName();
    if (keyLimiter == null || keyName == null) {
      return tenantDecision(exchange);
    }
    long wait = keyLimiter.peekNanos(keyName);
    if (wait > 0) {
      return keyRejected(exchange, keyLimiter, wait);
    }
    Decision decision = tenantDecision(exchange);
    if (decision instanceof Decision.Reject) {
      return decision;
    }
    wait = keyLimiter.tryAcquireNanos(keyName);
    return wait > 0 ? keyRejected(exchange, keyLimiter, wait) : decision;
  }

  private Decision keyRejected(Exchange exchange, RateLimiter keyLimiter, long wait) {
    refusals.refused(exchange, Limit.KEY);
    return rejected("this API key", keyLimiter, wait);
  }

  private Decision tenantDecision(Exchange exchange) {
    String tenant = exchange.tenant();
    long wait = perTenant.tryAcquireNanos(tenant);
    if (wait == 0) {
      return Decision.admit();
    }
    refusals.refused(exchange, Limit.TENANT);
    return rejected("tenant '" + tenant + "'", perTenant, wait);
  }

  private static Decision rejected(String who, RateLimiter limiter, long waitNanos) {
    String limit = limiter.describe();
    return Decision.reject(
        RelayError.of(
                ErrorCode.RATE_LIMITED,
                who
                    + " is over its rate limit"
                    + (limit.isEmpty() ? "" : " of " + limit)
                    + "; try again in "
                    + inWords(waitNanos))
            .retryAfter(Duration.ofNanos(waitNanos)));
  }

  /** Rounded up, so that who waits this long is not refused for it. */
  private static String inWords(long nanos) {
    long millis = (nanos - 1) / 1_000_000 + 1;
    return millis < 10_000 ? millis + " ms" : ((millis - 1) / 1000 + 1) + " s";
  }
}
