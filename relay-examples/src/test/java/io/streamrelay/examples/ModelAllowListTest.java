package io.streamrelay.examples;

import static org.assertj.core.api.Assertions.assertThat;

import io.streamrelay.policy.Decision;
import io.streamrelay.testkit.FakeExchange;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** A policy is a plain object: no server, no network. */
final class ModelAllowListTest {
  private final ModelAllowList policy =
      new ModelAllowList(Map.of("team-a", Set.of("gpt-4o-mini", "demo")));

  @Test
  void aListedModelIsAdmitted() {
    assertThat(ask(new FakeExchange().tenant("team-a").model("demo"), "{\"model\":\"demo\"}"))
        .isEqualTo(Decision.admit());
  }

  @Test
  void anotherModelIsRefused() {
    Decision decision =
        ask(new FakeExchange().tenant("team-a").model("gpt-5"), "{\"model\":\"gpt-5\"}");

    assertThat(decision)
        .isInstanceOfSatisfying(
            Decision.Reject.class,
            reject -> {
              assertThat(reject.error().status()).isEqualTo(403);
              assertThat(reject.error().clientCode()).isEqualTo("model_not_allowed");
              assertThat(reject.error().message())
                  .isEqualTo("tenant 'team-a' may not use model 'gpt-5'");
            });
  }

  @Test
  void aTenantWithoutAListMayUseNoModel() {
    assertRefused(ask(new FakeExchange().model("demo"), "{\"model\":\"demo\"}"));
  }

  @Test
  void aBodyWithoutAReadableModelIsRefused() {
    assertRefused(ask(new FakeExchange().tenant("team-a"), "model=demo"));
  }

  @Test
  void aRequestWithoutABodyIsAdmitted() {
    assertThat(ask(new FakeExchange().tenant("team-a"), "")).isEqualTo(Decision.admit());
  }

  private Decision ask(FakeExchange exchange, String body) {
    return policy.onRequestBody(exchange, FakeExchange.body(body));
  }

  private static void assertRefused(Decision decision) {
    assertThat(decision)
        .isInstanceOfSatisfying(
            Decision.Reject.class,
            reject -> assertThat(reject.error().clientCode()).isEqualTo("model_not_allowed"));
  }
}
