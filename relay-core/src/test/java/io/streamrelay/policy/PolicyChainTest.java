package io.streamrelay.policy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.streamrelay.Exchange;
import io.streamrelay.error.ErrorCode;
import io.streamrelay.error.RelayError;
import io.streamrelay.http.Headers;
import io.streamrelay.testkit.FakeExchange;
import io.streamrelay.testkit.RecordingLogger;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BiConsumer;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

class PolicyChainTest {
  private final FakeExchange exchange = new FakeExchange();
  private final RecordingLogger log = new RecordingLogger();
  private final List<String> asked = Collections.synchronizedList(new ArrayList<>());
  private final List<Decision> done = Collections.synchronizedList(new ArrayList<>());

  /** A policy that notes its name and answers; its name is what failures are logged under. */
  private Policy policy(String name, Function<Exchange, Decision> answer) {
    return new Policy() {
      @Override
      public Decision onRequest(Exchange asking) {
        asked.add(name);
        return answer.apply(asking);
      }

      @Override
      public Decision onRequestBody(Exchange asking, RequestBody body) {
        asked.add(name);
        return answer.apply(asking);
      }

      @Override
      public String name() {
        return name;
      }
    };
  }

  private Policy admitting(String name) {
    return policy(name, e -> Decision.admit());
  }

  private Policy rejecting(String name) {
    return policy(name, e -> Decision.reject(403, name + "_says_no", "no"));
  }

  private PolicyChain chain(Policy... policies) {
    return new PolicyChain(List.of(policies), log);
  }

  private void ask(Policy... policies) {
    chain(policies).onRequest(exchange, done::add);
  }

  private RelayError onlyRejection() {
    assertThat(done).hasSize(1);
    assertThat(done.get(0)).isInstanceOf(Decision.Reject.class);
    return ((Decision.Reject) done.get(0)).error();
  }

  private void assertRelayErrorOf(String policyName, String method) {
    assertThat(onlyRejection().code()).isEqualTo(ErrorCode.RELAY_ERROR);
    assertThat(onlyRejection().status()).isEqualTo(500);
    assertThat(log.lines()).hasSize(1);
    assertThat(log.lines().get(0)).startsWith("ERROR").contains("'" + policyName + "'", method);
  }

  @Test
  void c1_allAreAskedInOrder() {
    ask(admitting("a"), admitting("b"), admitting("c"));
    assertThat(asked).containsExactly("a", "b", "c");
    assertThat(done).containsExactly(Decision.admit());
    assertThat(log.lines()).isEmpty();
  }

  @Test
  void c1_afterARejectionNobodyIsAsked() {
    ask(admitting("a"), rejecting("b"), admitting("c"));
    assertThat(asked).containsExactly("a", "b");
    assertThat(onlyRejection().clientCode()).isEqualTo("b_says_no");
    assertThat(log.lines()).isEmpty();
  }

  @Test
  void c1_theBodyIsAskedTheSameWayEachWithItsOwnView() {
    List<String> seen = new ArrayList<>();
    Policy reading =
        new Policy() {
          @Override
          public Decision onRequestBody(Exchange asking, RequestBody body) {
            byte[] bytes = new byte[body.start().remaining()];
            body.start().get(bytes);
            seen.add(new String(bytes, java.nio.charset.StandardCharsets.US_ASCII));
            return Decision.admit();
          }
        };
    RequestBody body = new RequestBody(ByteBuffer.wrap(new byte[] {'h', 'i'}), true, 2);
    chain(reading, reading, rejecting("c"), admitting("d"))
        .onRequestBody(exchange, body, done::add);
    assertThat(seen).containsExactly("hi", "hi");
    assertThat(asked).containsExactly("c");
    assertThat(onlyRejection().clientCode()).isEqualTo("c_says_no");
  }

  @Test
  void c2_anEmptyChainAdmits() {
    ask();
    assertThat(done).containsExactly(Decision.admit());
  }

  @Test
  void c3_aLaterDecisionIsWaitedForWithoutBlocking() {
    CompletableFuture<Decision> stage = new CompletableFuture<>();
    ask(policy("a", e -> Decision.later(stage)), admitting("b"));
    assertThat(asked).containsExactly("a");
    assertThat(done).isEmpty();
    stage.complete(Decision.admit());
    assertThat(asked).containsExactly("a", "b");
    assertThat(done).containsExactly(Decision.admit());
  }

  @Test
  void c3_aLaterRejectionEndsTheWalk() {
    CompletableFuture<Decision> stage = new CompletableFuture<>();
    ask(policy("a", e -> Decision.later(stage)), admitting("b"));
    stage.complete(Decision.reject(403, "late", "no"));
    assertThat(asked).containsExactly("a");
    assertThat(onlyRejection().clientCode()).isEqualTo("late");
  }

  @Test
  void c3_aCompleteStageIsAnsweredInline() {
    ask(
        policy("a", e -> Decision.later(CompletableFuture.completedStage(Decision.admit()))),
        admitting("b"));
    assertThat(asked).containsExactly("a", "b");
    assertThat(done).containsExactly(Decision.admit());
  }

  @Test
  void c3_laterOfLaterIsUnwrapped() {
    CompletableFuture<Decision> inner = new CompletableFuture<>();
    CompletableFuture<Decision> outer = new CompletableFuture<>();
    ask(policy("a", e -> Decision.later(outer)), admitting("b"));
    outer.complete(Decision.later(CompletableFuture.completedFuture(Decision.later(inner))));
    assertThat(done).isEmpty();
    inner.complete(Decision.admit());
    assertThat(asked).containsExactly("a", "b");
    assertThat(done).containsExactly(Decision.admit());
  }

  @Test
  void c3_theWalkGoesOnOnTheCompletingThread() throws Exception {
    CompletableFuture<Decision> stage = new CompletableFuture<>();
    AtomicReference<Thread> answeredOn = new AtomicReference<>();
    CountDownLatch answered = new CountDownLatch(1);
    chain(policy("a", e -> Decision.later(stage)), admitting("b"))
        .onRequest(
            exchange,
            decision -> {
              answeredOn.set(Thread.currentThread());
              done.add(decision);
              answered.countDown();
            });
    Thread completing = new Thread(() -> stage.complete(Decision.admit()));
    completing.start();
    assertThat(answered.await(30, TimeUnit.SECONDS)).isTrue();
    completing.join(30_000);
    assertThat(answeredOn.get()).isSameAs(completing);
    assertThat(done).containsExactly(Decision.admit());
  }

  @Test
  void c2_doneIsCalledOnceHoweverCompletionAndRegistrationRace() throws Exception {
    for (int round = 0; round < 2_000; round++) {
      CompletableFuture<Decision> first = new CompletableFuture<>();
      CompletableFuture<Decision> second = new CompletableFuture<>();
      AtomicInteger answers = new AtomicInteger();
      CountDownLatch answered = new CountDownLatch(1);
      CountDownLatch together = new CountDownLatch(1);
      Thread completing =
          new Thread(
              () -> {
                together.countDown();
                first.complete(Decision.admit());
                second.complete(Decision.admit());
              });
      completing.start();
      assertThat(together.await(30, TimeUnit.SECONDS)).isTrue();
      chain(policy("a", e -> Decision.later(first)), policy("b", e -> Decision.later(second)))
          .onRequest(
              exchange,
              decision -> {
                answers.incrementAndGet();
                answered.countDown();
              });
      completing.join(30_000);
      assertThat(answered.await(30, TimeUnit.SECONDS)).isTrue();
      assertThat(answers).hasValue(1);
    }
    assertThat(asked).hasSize(4_000);
  }

  @Test
  void c2_aStageThatCallsTwiceCountsOnce() {
    List<BiConsumer<Object, Object>> callbacks = new ArrayList<>();
    CompletionStage<Decision> odd = stageThat(callbacks::add);
    ask(policy("a", e -> Decision.later(odd)), admitting("b"));
    callbacks.get(0).accept(Decision.admit(), null);
    callbacks.get(0).accept(Decision.reject(403, "second", "no"), null);
    assertThat(asked).containsExactly("a", "b");
    assertThat(done).containsExactly(Decision.admit());
  }

  @Test
  void c2_aStageThatCallsTwiceAtOnceCountsOnce() {
    CompletionStage<Decision> odd =
        stageThat(
            callback -> {
              callback.accept(Decision.admit(), null);
              callback.accept(Decision.admit(), null);
            });
    ask(policy("a", e -> Decision.later(odd)), admitting("b"));
    assertThat(asked).containsExactly("a", "b");
    assertThat(done).containsExactly(Decision.admit());
  }

  @Test
  void c4_aPolicyThatThrowsIsA500AndItsTextIsNotLogged() {
    ask(
        policy(
            "broken",
            e -> {
              throw new IllegalStateException(
                  "Bearer sk-secret", new NumberFormatException("For input string: sk-secret"));
            }),
        admitting("b"));
    assertThat(asked).containsExactly("broken");
    assertRelayErrorOf("broken", "onRequest");
    assertThat(onlyRejection().message()).doesNotContain("sk-secret", "IllegalState");
    assertThat(log.everything())
        .doesNotContain("sk-secret")
        .contains("IllegalStateException", "NumberFormatException", "PolicyChainTest.java");
  }

  @Test
  void c4_anErrorIsA500Too() {
    ask(
        policy(
            "unlinked",
            e -> {
              throw new NoClassDefFoundError("x");
            }));
    assertRelayErrorOf("unlinked", "onRequest");
  }

  @Test
  @SuppressWarnings("NullAway") // What a policy outside null-marked code may do.
  void c4_aNullDecisionIsA500() {
    ask(policy("silent", e -> null), admitting("b"));
    assertThat(asked).containsExactly("silent");
    assertRelayErrorOf("silent", "onRequest");
  }

  @Test
  void c4_aStageThatFailsIsA500() {
    CompletableFuture<Decision> stage = new CompletableFuture<>();
    ask(policy("store", e -> Decision.later(stage.thenApply(x -> x))), admitting("b"));
    stage.completeExceptionally(new java.io.IOException("redis://user:sk-secret@host"));
    assertThat(asked).containsExactly("store");
    assertRelayErrorOf("store", "onRequest");
    assertThat(log.everything()).contains("java.io.IOException").doesNotContain("sk-secret");
  }

  @Test
  @SuppressWarnings("NullAway") // What a policy outside null-marked code may do.
  void c4_aStageWithoutDecisionOrNoStageIsA500() {
    ask(policy("a", e -> Decision.later(CompletableFuture.completedFuture(null))));
    assertRelayErrorOf("a", "onRequest");
    done.clear();
    log.clear();
    ask(policy("b", e -> Decision.later(null)));
    assertRelayErrorOf("b", "onRequest");
  }

  @Test
  void c4_aStageThatRefusesToBeWaitedForIsA500() {
    CompletionStage<Decision> odd =
        stageThat(
            callback -> {
              throw new UnsupportedOperationException();
            });
    ask(policy("odd", e -> Decision.later(odd)));
    assertRelayErrorOf("odd", "onRequest");
  }

  @Test
  void c4_aPolicyThatThrowsAtTheBodyIsA500() {
    RequestBody body = new RequestBody(ByteBuffer.allocate(0), true, 0);
    chain(
            policy(
                "broken",
                e -> {
                  throw new IllegalStateException();
                }))
        .onRequestBody(exchange, body, done::add);
    assertRelayErrorOf("broken", "onRequestBody");
  }

  @Test
  void c5_manyCompleteDecisionsCostNoStack() {
    Policy complete =
        policy("a", e -> Decision.later(CompletableFuture.completedFuture(Decision.admit())));
    Policy[] many = new Policy[200_000];
    java.util.Arrays.fill(many, complete);
    ask(many);
    assertThat(asked).hasSize(many.length);
    assertThat(done).containsExactly(Decision.admit());
  }

  @Test
  void c5_aDeepNestOfCompleteDecisionsCostsNoStack() {
    Decision nested = Decision.admit();
    for (int i = 0; i < 200_000; i++) {
      nested = Decision.later(CompletableFuture.completedFuture(nested));
    }
    Decision deep = nested;
    CompletableFuture<Decision> stage = new CompletableFuture<>();
    ask(policy("a", e -> deep), policy("b", e -> Decision.later(stage)));
    stage.complete(deep);
    assertThat(done).containsExactly(Decision.admit());
  }

  @Test
  void c6_aStageThatNeverCompletesLeavesTheOutcomeOpen() {
    ask(policy("a", e -> Decision.later(new CompletableFuture<>())), admitting("b"));
    assertThat(asked).containsExactly("a");
    assertThat(done).isEmpty();
  }

  @Test
  void whatDoneThrowsReachesTheCallerOrElseTheLog() {
    assertThatThrownBy(
            () ->
                chain(admitting("a"))
                    .onRequest(
                        exchange,
                        decision -> {
                          throw new IllegalStateException("done");
                        }))
        .hasMessage("done");
    CompletableFuture<Decision> stage = new CompletableFuture<>();
    chain(policy("b", e -> Decision.later(stage)))
        .onRequest(
            exchange,
            decision -> {
              throw new IllegalStateException("done");
            });
    stage.complete(Decision.admit());
    assertThat(log.lines()).hasSize(1);
    assertThat(log.lines().get(0)).startsWith("ERROR").contains("'b'");
  }

  @Test
  void everyPolicyShapesTheUpstreamRequestInOrder() {
    Headers.Builder headers = Headers.builder();
    Decision decision = chain(adding("one"), adding("two")).onUpstreamRequest(exchange, headers);
    assertThat(decision).isEqualTo(Decision.admit());
    assertThat(headers.build().all("X-Seen")).containsExactly("one", "two");
  }

  @Test
  void c4_aPolicyThatThrowsWhileShapingIsA500() {
    Policy broken =
        new Policy() {
          @Override
          public void onUpstreamRequest(Exchange asking, Headers.Builder upstreamRequest) {
            throw new IllegalStateException();
          }

          @Override
          public String name() {
            return "broken";
          }
        };
    Headers.Builder headers = Headers.builder();
    done.add(chain(broken, adding("two")).onUpstreamRequest(exchange, headers));
    assertThat(headers.build().size()).isZero();
    assertRelayErrorOf("broken", "onUpstreamRequest");
  }

  private static Policy adding(String value) {
    return new Policy() {
      @Override
      public void onUpstreamRequest(Exchange asking, Headers.Builder upstreamRequest) {
        upstreamRequest.add("X-Seen", value);
      }
    };
  }

  /** A stage of somebody's own that hands its callback over. */
  @SuppressWarnings("unchecked")
  private static CompletionStage<Decision> stageThat(
      java.util.function.Consumer<BiConsumer<Object, Object>> onWhenComplete) {
    return (CompletionStage<Decision>)
        Proxy.newProxyInstance(
            PolicyChainTest.class.getClassLoader(),
            new Class<?>[] {CompletionStage.class},
            (proxy, method, args) -> {
              assertThat(method.getName()).isEqualTo("whenComplete");
              onWhenComplete.accept((BiConsumer<Object, Object>) args[0]);
              return proxy;
            });
  }
}
