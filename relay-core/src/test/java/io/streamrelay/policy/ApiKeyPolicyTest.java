package io.streamrelay.policy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.streamrelay.error.ErrorCode;
import io.streamrelay.error.RelayError;
import io.streamrelay.http.HeaderPolicy;
import io.streamrelay.testkit.FakeExchange;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class ApiKeyPolicyTest {
  private static final ApiKey BOUND = ApiKey.bound("team", "sk-bound", "acme");
  private static final ApiKey PLAIN = ApiKey.plain("sk-plain");
  private static final ApiKey CHOOSING =
      new ApiKey("choosing", ApiKey.bound("x", "sk-choosing", "y").sha256(), "acme", true);

  private final ApiKeyPolicy policy = new ApiKeyPolicy(List.of(BOUND, PLAIN, CHOOSING));

  static List<String> plainHeaders() {
    return HeaderPolicy.CREDENTIAL_HEADERS.subList(1, HeaderPolicy.CREDENTIAL_HEADERS.size());
  }

  private RelayError rejection(FakeExchange exchange) {
    Decision decision = policy.onRequest(exchange);
    assertThat(decision).isInstanceOf(Decision.Reject.class);
    assertThat(exchange.timesIdentified()).isZero();
    return ((Decision.Reject) decision).error();
  }

  private void assertAdmitted(FakeExchange exchange, String keyName, String tenant) {
    assertThat(policy.onRequest(exchange)).isEqualTo(Decision.admit());
    assertThat(exchange.keyName()).isEqualTo(keyName);
    assertThat(exchange.tenant()).isEqualTo(tenant);
    assertThat(exchange.timesIdentified()).isEqualTo(1);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"Bearer sk-bound", "bearer sk-bound", "BEARER    sk-bound", " Bearer sk-bound "})
  void aBearerKeyIsFoundWhateverTheSchemesCase(String value) {
    assertAdmitted(new FakeExchange().header("Authorization", value), "team", "acme");
  }

  @ParameterizedTest
  @MethodSource("plainHeaders")
  void aKeyIsFoundInEachProvidersHeader(String header) {
    assertAdmitted(
        new FakeExchange().header(header.toUpperCase(Locale.ROOT), " sk-bound "), "team", "acme");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "sk-bound",
        "Basic sk-bound",
        "Bearersk-bound",
        "Bearer",
        "Bearer ",
        "Bearer\tsk-bound",
        "Bearer: sk-bound",
        ""
      })
  void anotherFormOfAuthorizationIsNoKey(String value) {
    RelayError error = rejection(new FakeExchange().header("Authorization", value));
    assertThat(error.code()).isEqualTo(ErrorCode.MISSING_API_KEY);
  }

  @Test
  void withoutAKeyTheMessageSaysWhereToPutIt() {
    RelayError error = rejection(new FakeExchange());
    assertThat(error.code()).isEqualTo(ErrorCode.MISSING_API_KEY);
    assertThat(error.status()).isEqualTo(401);
    assertThat(error.message())
        .contains("Authorization: Bearer KEY")
        .contains(plainHeaders().toArray(new String[0]));
  }

  @ParameterizedTest
  @ValueSource(strings = {"sk-other", "sk-bound2", "SK-BOUND", "sk-bound,sk-bound", "sk bound"})
  void anUnknownKeyIsRefusedAndNotRepeated(String key) {
    for (String header : HeaderPolicy.CREDENTIAL_HEADERS) {
      String value = header.equals("authorization") ? "Bearer " + key : key;
      RelayError error = rejection(new FakeExchange().header(header, value));
      assertThat(error.code()).isEqualTo(ErrorCode.INVALID_API_KEY);
      assertThat(error.status()).isEqualTo(401);
      assertThat(error.message()).doesNotContain(key).contains("Authorization: Bearer KEY");
    }
  }

  @Test
  void theDigestItselfIsNoKey() {
    RelayError error = rejection(new FakeExchange().header("x-api-key", BOUND.sha256()));
    assertThat(error.code()).isEqualTo(ErrorCode.INVALID_API_KEY);
  }

  @Test
  void ofSeveralCredentialsTheFirstKnownOneInTheListsOrderWins() {
    assertAdmitted(
        new FakeExchange()
            .header("xi-api-key", "sk-plain")
            .header("x-api-key", "sk-bound")
            .header("Authorization", "Bearer sk-upstream"),
        "team",
        "acme");
    assertAdmitted(
        new FakeExchange()
            .header("Authorization", "Basic dXNlcg==")
            .header("Authorization", "Bearer sk-bound")
            .header("x-api-key", "sk-plain"),
        "team",
        "acme");
  }

  @Test
  void aBoundKeyIgnoresTheTenantHeaderEvenAWrongOne() {
    for (String claimed : List.of("victim", "not a name", "")) {
      assertAdmitted(
          new FakeExchange().header("x-api-key", "sk-bound").header("X-Tenant-ID", claimed),
          "team",
          "acme");
    }
  }

  @Test
  void anUnboundKeyGoesByTheTenantHeaderOrIsTheDefaultTenants() {
    assertAdmitted(
        new FakeExchange().header("x-api-key", "sk-plain").header("X-Tenant-ID", "shop-7"),
        PLAIN.name(),
        "shop-7");
    assertAdmitted(new FakeExchange().header("x-api-key", "sk-plain"), PLAIN.name(), "default");
    assertAdmitted(
        new FakeExchange().header("x-api-key", "sk-plain").header("X-Tenant-ID", ""),
        PLAIN.name(),
        "default");
  }

  @Test
  void aBoundKeyThatMayChooseIsItsOwnTenantsWithoutTheHeader() {
    assertAdmitted(
        new FakeExchange().header("x-api-key", "sk-choosing").header("X-Tenant-ID", "shop-7"),
        "choosing",
        "shop-7");
    assertAdmitted(new FakeExchange().header("x-api-key", "sk-choosing"), "choosing", "acme");
    assertAdmitted(
        new FakeExchange().header("x-api-key", "sk-choosing").header("X-Tenant-ID", " "),
        "choosing",
        "acme");
  }

  @Test
  void aWrongTenantNameIsRefusedWithItsLengthOnly() {
    RelayError error =
        rejection(
            new FakeExchange().header("x-api-key", "sk-plain").header("X-Tenant-ID", "a<script>"));
    assertThat(error.code()).isEqualTo(ErrorCode.INVALID_HEADER);
    assertThat(error.status()).isEqualTo(400);
    assertThat(error.message()).contains("9 characters").doesNotContain("script");
  }

  @Test
  void anUnknownKeyIsToldBeforeAWrongTenant() {
    RelayError error =
        rejection(new FakeExchange().header("x-api-key", "no").header("X-Tenant-ID", "a b"));
    assertThat(error.code()).isEqualTo(ErrorCode.INVALID_API_KEY);
  }

  @Test
  void theSameKeyTwiceIsFineUnlessItsTermsDiffer() {
    assertThat(new ApiKeyPolicy(List.of(PLAIN, ApiKey.plain("sk-plain")))).isNotNull();
    assertThatThrownBy(
            () -> new ApiKeyPolicy(List.of(BOUND, ApiKey.bound("other", "sk-bound", "b"))))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("'team'")
        .hasMessageContaining("'other'")
        .hasMessageNotContaining("sk-bound");
  }

  @Test
  void aPolicyThatNoKeyPassesIsRefused() {
    assertThatThrownBy(() -> new ApiKeyPolicy(List.of())).hasMessageContaining("at least one");
  }

  @Test
  void aKeyCannotBeBoundToWhatIsNoTenantName() {
    assertThatThrownBy(() -> ApiKey.bound("team", "sk", "a b"))
        .hasMessageStartingWith("API key 'team': tenant is 'a b'");
  }

  @Test
  void nobodyElseMayActForATenantWithKeysOfItsOwn() {
    FakeExchange exchange =
        new FakeExchange().header("x-api-key", "sk-plain").header("X-Tenant-ID", "acme");
    Decision decision = policy.onRequest(exchange);
    assertThat(decision).isInstanceOf(Decision.Reject.class);
    assertThat(((Decision.Reject) decision).error().code()).isEqualTo(ErrorCode.FORBIDDEN);
    assertThat(exchange.tenant()).isEqualTo("default");
    assertAdmitted(
        new FakeExchange().header("x-api-key", "sk-choosing").header("X-Tenant-ID", "acme"),
        "choosing",
        "acme");
  }
}
