package io.streamrelay;

import static org.assertj.core.api.Assertions.assertThat;

import io.streamrelay.error.ErrorCode;
import io.streamrelay.error.RelayError;
import io.streamrelay.policy.Decision;
import io.streamrelay.testkit.FakeClient;
import io.streamrelay.testkit.FakeForwarder;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** An exchange that a policy ends before its time. */
class StoppedByPolicyTest extends ExchangeFixture {
  private static final RelayError SPENT = RelayError.of(ErrorCode.BUDGET_SPENT, "no budget left");

  private Exchange exchange() {
    return started.get(0);
  }

  @Test
  void inMidStreamTheClientIsToldAndCut() {
    FakeClient client = streaming();
    exchange().stop(SPENT);
    ExchangeRecord record = assertCutWithEvent(client, EVENT, ErrorCode.BUDGET_SPENT);
    assertThat(record.end()).isEqualTo(EndReason.BUDGET_CUT);
    assertThat(client.text()).contains("no budget left");
  }

  @Test
  void beforeTheHeadTheStatusTells() {
    FakeClient client = chat();
    exchange().stop(SPENT);
    assertRefused(client, ErrorCode.BUDGET_SPENT);
  }

  @Test
  void whileAPolicyDecidesNothingIsSent() {
    CompletableFuture<Decision> never = new CompletableFuture<>();
    policies.add(onRequest(exchange -> Decision.later(never)));
    FakeClient client = chat();
    exchange().stop(SPENT);
    assertRefused(client, ErrorCode.BUDGET_SPENT);
    assertThat(forwarder.calls()).isEmpty();
  }

  @Test
  void aPolicyMayStopAndAdmit() {
    policies.add(
        onRequest(
            exchange -> {
              exchange.stop(SPENT);
              return Decision.admit();
            }));
    FakeClient client = chat();
    assertRefused(client, ErrorCode.BUDGET_SPENT);
    assertThat(forwarder.calls()).isEmpty();
  }

  @Test
  void theFirstReasonWins() {
    FakeClient client = streaming();
    forwarder.slowToCancel();
    exchange().stop(SPENT);
    exchange().stop(RelayError.of(ErrorCode.FORBIDDEN, "not you"));
    ticker.advance(IDLE);
    for (FakeForwarder.Call call : forwarder.calls()) {
      call.finishCancel();
    }
    assertCutWithEvent(client, EVENT, ErrorCode.BUDGET_SPENT);
  }

  @Test
  void afterTheEndNothingHappens() {
    FakeClient client = streaming();
    forwarder.call().chunk(FINISH).chunk(DONE).complete();
    exchange().stop(SPENT);
    assertComplete(client, EVENT + FINISH + DONE);
  }

  @Test
  void anyErrorMayBeTheReason() {
    FakeClient client = streaming();
    exchange().stop(RelayError.of(ErrorCode.FORBIDDEN, "not any more"));
    assertThat(assertCutWithEvent(client, EVENT, ErrorCode.FORBIDDEN).end())
        .isEqualTo(EndReason.REJECTED);
  }
}
