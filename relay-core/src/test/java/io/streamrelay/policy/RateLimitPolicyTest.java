package io.streamrelay.policy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.streamrelay.error.ErrorCode;
import io.streamrelay.error.RelayError;
import io.streamrelay.limit.GcraRateLimiter;
import io.streamrelay.limit.RateLimiter;
import io.streamrelay.testkit.FakeExchange;
import io.streamrelay.testkit.FakeTicker;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class RateLimitPolicyTest {
  private final FakeTicker ticker = new FakeTicker();
  private final RateLimiter perTenant = new GcraRateLimiter(100, 2, 100, ticker);
  private final RateLimiter perKey = new GcraRateLimiter(60, 3, 100, ticker);
  private final RateLimitPolicy both = new RateLimitPolicy(perTenant, perKey);

  private FakeExchange from(@Nullable String keyName, String tenant) {
    return new FakeExchange(ticker).keyName(keyName).tenant(tenant);
  }

  private static RelayError rejection(Decision decision) {
    assertThat(decision).isInstanceOf(Decision.Reject.class);
    return ((Decision.Reject) decision).error();
  }

  private static int left(RateLimiter limiter, String key) {
    int left = 0;
    while (limiter.tryAcquireNanos(key) == 0) {
      left++;
    }
    return left;
  }

  @Test
  void aTenantOverItsRateIsToldExactlyWhenToComeBack() {
    RateLimitPolicy policy = new RateLimitPolicy(perTenant, null);
    assertThat(policy.onRequest(from("k", "acme"))).isEqualTo(Decision.admit());
    assertThat(policy.onRequest(from("k", "acme"))).isEqualTo(Decision.admit());
    ticker.advance(Duration.ofNanos(99_000_001));
    RelayError error = rejection(policy.onRequest(from("k", "acme")));
    assertThat(error.code()).isEqualTo(ErrorCode.RATE_LIMITED);
    assertThat(error.status()).isEqualTo(429);
    assertThat(error.retryAfter()).isEqualTo(Duration.ofNanos(500_999_999));
    assertThat(error.message())
        .isEqualTo(
            "tenant 'acme' is over its rate limit of 100 requests a minute, 2 at once; try again"
                + " in 501 ms");
    ticker.advance(Duration.ofNanos(500_999_999));
    assertThat(policy.onRequest(from("k", "acme"))).isEqualTo(Decision.admit());
  }

  @Test
  void tenantsDoNotShareButTheSameNameBehindTwoKeysIsOneTenant() {
    RateLimitPolicy policy = new RateLimitPolicy(perTenant, null);
    policy.onRequest(from("k1", "acme"));
    policy.onRequest(from("k2", "acme"));
    rejection(policy.onRequest(from("k3", "acme")));
    assertThat(policy.onRequest(from("k1", "other"))).isEqualTo(Decision.admit());
  }

  @Test
  void aKeyIsLimitedOverAllItsTenants() {
    for (int i = 0; i < 3; i++) {
      assertThat(both.onRequest(from("k", "made-up-" + i))).isEqualTo(Decision.admit());
    }
    RelayError error = rejection(both.onRequest(from("k", "made-up-3")));
    assertThat(error.code()).isEqualTo(ErrorCode.RATE_LIMITED);
    assertThat(error.retryAfter()).isEqualTo(Duration.ofSeconds(1));
    assertThat(error.message())
        .isEqualTo(
            "this API key is over its rate limit of 60 requests a minute, 3 at once; try again in"
                + " 1000 ms");
    assertThat(both.onRequest(from("other", "made-up-3"))).isEqualTo(Decision.admit());
  }

  @Test
  void aRequestRefusedForItsKeyCostsItsTenantNothing() {
    for (int i = 0; i < 3; i++) {
      both.onRequest(from("k", "made-up-" + i));
    }
    int tracked = perTenant.trackedKeys();
    for (int i = 0; i < 50; i++) {
      rejection(both.onRequest(from("k", "acme")));
    }
    assertThat(perTenant.trackedKeys()).as("no state for made-up tenants").isEqualTo(tracked);
    assertThat(left(perTenant, "acme")).isEqualTo(2);
  }

  @Test
  void aRequestRefusedForItsTenantCostsItsKeyNothing() {
    both.onRequest(from("k", "noisy"));
    both.onRequest(from("k", "noisy"));
    for (int i = 0; i < 50; i++) {
      assertThat(rejection(both.onRequest(from("k", "noisy"))).message())
          .startsWith("tenant 'noisy'");
    }
    assertThat(left(perKey, "k")).isEqualTo(1);
  }

  @Test
  void aRequestWithoutKeyIsHeldToItsTenantsRateOnly() {
    both.onRequest(from(null, "a"));
    assertThat(perKey.trackedKeys()).isZero();
    assertThat(perTenant.trackedKeys()).isEqualTo(1);
  }

  @Test
  void theLastPermitOfAKeyIsGivenOnceHoweverTheLookWent() {
    RateLimiter taken =
        new RateLimiter() {
          @Override
          public long tryAcquireNanos(String key) {
            return Duration.ofSeconds(70).toNanos() - 1;
          }

          @Override
          public int trackedKeys() {
            return 1;
          }
        };
    RelayError error =
        rejection(new RateLimitPolicy(perTenant, taken).onRequest(from("k", "acme")));
    assertThat(error.message()).isEqualTo("this API key is over its rate limit; try again in 70 s");
  }

  @Test
  void oneLimiterForBothIsRefused() {
    assertThatThrownBy(() -> new RateLimitPolicy(perTenant, perTenant))
        .hasMessageContaining("one each");
  }
}
