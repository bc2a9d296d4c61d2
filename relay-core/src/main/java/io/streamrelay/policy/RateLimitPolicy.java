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
  private final RateLimiter perTenant;
  private final @Nullable RateLimiter perKey;

  /**
   * Makes the policy.
   *
   * @param perTenant asked with {@link Exchange#tenant}
   * @param perKey asked with {@link Exchange#keyName} where there is one; null for no such limit;
   *     not the same limiter as {@code perTenant}, since a key may be called like a tenant
   */
  public RateLimitPolicy(RateLimiter perTenant, @Nullable RateLimiter perKey) {
    if (perTenant == perKey) {
      throw new IllegalArgumentException(
          "tenants and keys share one limiter (expected: one each, or null for no limit per key)");
    }
    this.perTenant = perTenant;
    this.perKey = perKey;
  }

  @Override
  public Decision onRequest(Exchange exchange) {
    RateLimiter keyLimiter = perKey;
    String keyName = exchange.keyName();
    if (keyLimiter == null || keyName == null) {
      return tenantDecision(exchange.tenant());
    }
    long wait = keyLimiter.peekNanos(keyName);
    if (wait > 0) {
      return rejected("this API key", keyLimiter, wait);
    }
    Decision decision = tenantDecision(exchange.tenant());
    if (decision instanceof Decision.Reject) {
      return decision;
    }
    wait = keyLimiter.tryAcquireNanos(keyName);
    return wait > 0 ? rejected("this API key", keyLimiter, wait) : decision;
  }

  private Decision tenantDecision(String tenant) {
    long wait = perTenant.tryAcquireNanos(tenant);
    return wait > 0 ? rejected("tenant '" + tenant + "'", perTenant, wait) : Decision.admit();
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
