package io.streamrelay.policy;

import static org.assertj.core.api.Assertions.assertThat;

import io.streamrelay.error.ErrorCode;
import io.streamrelay.error.RelayError;
import io.streamrelay.testkit.FakeExchange;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class TenantPolicyTest {
  private final TenantPolicy policy = new TenantPolicy();

  static List<String> wrongNames() {
    return List.of("a b", "a/b", "a\nb", "ü", "a\u0000", "{tenant}", "x".repeat(129));
  }

  static List<String> names() {
    return List.of("a", "Acme.Shop_7:eu-1", "default", "0", "x".repeat(128));
  }

  @ParameterizedTest
  @MethodSource("names")
  void theHeaderNamesTheTenant(String name) {
    FakeExchange exchange = new FakeExchange().header("x-tenant-id", name);
    assertThat(policy.onRequest(exchange)).isEqualTo(Decision.admit());
    assertThat(exchange.tenant()).isEqualTo(name);
    assertThat(exchange.keyName()).isNull();
  }

  @Test
  void withoutTheHeaderItIsTheDefaultTenant() {
    FakeExchange exchange = new FakeExchange();
    assertThat(policy.onRequest(exchange)).isEqualTo(Decision.admit());
    assertThat(exchange.tenant()).isEqualTo("default");
    assertThat(exchange.timesIdentified()).isEqualTo(1);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", " ", "\t "})
  void anEmptyHeaderIsNone(String value) {
    FakeExchange exchange = new FakeExchange().header("X-Tenant-ID", value);
    assertThat(policy.onRequest(exchange)).isEqualTo(Decision.admit());
    assertThat(exchange.tenant()).isEqualTo("default");
    assertThat(exchange.timesIdentified()).isEqualTo(1);
  }

  @ParameterizedTest
  @MethodSource("wrongNames")
  void whatIsNoNameIsRefusedAndNotRepeated(String value) {
    FakeExchange exchange = new FakeExchange().header("X-Tenant-ID", value);
    RelayError error = ((Decision.Reject) policy.onRequest(exchange)).error();
    assertThat(error.code()).isEqualTo(ErrorCode.INVALID_HEADER);
    assertThat(error.message())
        .contains("X-Tenant-ID has a value of " + value.strip().length() + " characters")
        .contains("1 to 128 letters, digits, '.', '_', ':' or '-'");
    if (value.length() > 1) {
      assertThat(error.message()).doesNotContain(value);
    }
    assertThat(exchange.timesIdentified()).isZero();
  }

  @ParameterizedTest
  @ValueSource(strings = {"a", "b", ""})
  void twoTenantHeadersAreRefusedEvenIfTheyAgree(String second) {
    FakeExchange exchange =
        new FakeExchange().header("X-Tenant-ID", "a").header("X-Tenant-ID", second);
    RelayError error = ((Decision.Reject) policy.onRequest(exchange)).error();
    assertThat(error.code()).isEqualTo(ErrorCode.INVALID_HEADER);
    assertThat(error.message()).contains("comes 2 times");
  }
}
