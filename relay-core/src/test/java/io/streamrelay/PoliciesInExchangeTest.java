package io.streamrelay;

import static org.assertj.core.api.Assertions.assertThat;

import io.streamrelay.error.ErrorCode;
import io.streamrelay.http.Headers;
import io.streamrelay.policy.Decision;
import io.streamrelay.policy.Policy;
import io.streamrelay.testkit.FakeClient;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Policies and listeners that are late, wrong or broken. */
class PoliciesInExchangeTest extends ExchangeFixture {
  private void answer(FakeClient client) {
    forwarder.call().connected().head(200).chunk("ok").complete();
    assertComplete(client, "ok");
  }

  @Test
  void aDecisionThatComesLaterIsWaitedFor() {
    CompletableFuture<Decision> first = new CompletableFuture<>();
    CompletableFuture<Decision> second = new CompletableFuture<>();
    policies.add(onRequest(exchange -> Decision.later(first)));
    policies.add(onBody((exchange, body) -> Decision.later(second)));
    FakeClient client = chat();
    assertRunning(client);
    first.complete(Decision.admit());
    assertThat(forwarder.calls()).isEmpty();
    second.complete(Decision.admit());
    answer(client);
  }

  @Test
  void aLaterRejectionRefuses() {
    CompletableFuture<Decision> stage = new CompletableFuture<>();
    policies.add(onBody((exchange, body) -> Decision.later(stage)));
    FakeClient client = chat();
    stage.complete(Decision.reject(403, "late", "no"));
    assertThat(client.text()).contains("\"late\"");
    assertEnded(client, 403, EndReason.REJECTED, ErrorCode.POLICY_REJECTED);
  }

  @Test
  void aPolicyThatAnswersAfterTheEndGivesBackWhatItTakes() {
    List<String> slots = new ArrayList<>();
    CompletableFuture<Decision> stage = new CompletableFuture<>();
    policies.add(onRequest(exchange -> Decision.later(stage)));
    policies.add(
        onRequest(
            exchange -> {
              slots.add("taken");
              exchange.onEnd(record -> slots.add("back: " + record.end()));
              return Decision.admit();
            }));
    FakeClient client = chat();
    client.leave();
    assertThat(slots).isEmpty();
    stage.complete(Decision.admit());
    assertThat(slots).containsExactly("taken", "back: CLIENT_GONE");
    assertEnded(client, 499, EndReason.CLIENT_GONE, null);
    assertThat(forwarder.calls()).isEmpty();
  }

  @Test
  void aPolicyThatThrowsIsADefectAndNothingIsSent() {
    policies.add(
        onRequest(
            exchange -> {
              throw new IllegalStateException("secret");
            }));
    FakeClient client = chat();
    assertRefused(client, ErrorCode.RELAY_ERROR);
    assertThat(client.text()).doesNotContain("secret");
    assertThat(forwarder.calls()).isEmpty();
  }

  @Test
  @SuppressWarnings("NullAway") // What a policy without null analysis may do.
  void aPolicyThatDecidesNullIsADefect() {
    policies.add(onBody((exchange, body) -> null));
    assertRefused(chat(), ErrorCode.RELAY_ERROR);
    assertThat(forwarder.calls()).isEmpty();
  }

  @Test
  void aPolicyWhoseStageFailsIsADefect() {
    policies.add(
        onRequest(exchange -> Decision.later(CompletableFuture.failedStage(new Error("secret")))));
    assertRefused(chat(), ErrorCode.RELAY_ERROR);
  }

  @Test
  void aPolicyThatFailsToShapeTheRequestIsADefectAndNothingIsSent() {
    policies.add(
        new Policy() {
          @Override
          public void onUpstreamRequest(Exchange exchange, Headers.Builder upstreamRequest) {
            throw new IllegalStateException("secret");
          }
        });
    assertRefused(chat(), ErrorCode.RELAY_ERROR);
    assertThat(forwarder.calls()).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({
    "X-A, 'a\r\nAuthorization: b'",
    "X-A, 'a\nb'",
    "X-A, 'a\0b'",
    "'X-A: b\r\nX-B', c",
    "'', a",
    "'X A', b",
    "Content-Length, 3",
    "transfer-encoding, chunked"
  })
  void aPolicyCannotSplitOrFrameTheUpstreamRequest(String name, String value) {
    policies.add(
        new Policy() {
          @Override
          public void onUpstreamRequest(Exchange exchange, Headers.Builder upstreamRequest) {
            upstreamRequest.add(name, value);
          }
        });
    assertRefused(chat(), ErrorCode.RELAY_ERROR);
    assertThat(forwarder.calls()).isEmpty();
  }

  @Test
  void anActionThatThrowsHindersNoOther() {
    policies.add(
        onRequest(
            exchange -> {
              exchange.onEnd(
                  record -> {
                    throw new IllegalStateException("broken");
                  });
              exchange.onEnd(
                  record -> {
                    throw new AssertionError("more broken");
                  });
              return Decision.admit();
            }));
    answer(chat());
  }

  @Test
  void aListenerThatThrowsDisturbsNothing() {
    List<String> told = new ArrayList<>();
    listeners.add(
        new RelayListener() {
          @Override
          public void onStart(Exchange exchange) {
            throw new IllegalStateException("broken");
          }

          @Override
          public void onEnd(ExchangeRecord record) {
            throw new AssertionError("more broken");
          }
        });
    listeners.add(
        new RelayListener() {
          @Override
          public void onStart(Exchange exchange) {
            told.add("start");
          }

          @Override
          public void onEnd(ExchangeRecord record) {
            told.add("end");
          }
        });
    answer(chat());
    assertThat(told).containsExactly("start", "end");
  }

  @Test
  void listenersAreToldBeforeTheDrainIsDone() {
    List<String> told = new CopyOnWriteArrayList<>();
    listeners.add(
        new RelayListener() {
          @Override
          public void onEnd(ExchangeRecord record) {
            told.add("end " + relay().activeExchanges());
          }
        });
    chat();
    var drained = relay().drain().thenRun(() -> told.add("drained " + relay().state()));
    forwarder.call().connected().head(200).complete();
    assertThat(drained).succeedsWithin(Duration.ofSeconds(30));
    assertThat(told).containsExactly("end 1", "drained STOPPED");
  }
}
