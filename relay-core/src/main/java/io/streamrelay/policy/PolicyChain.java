package io.streamrelay.policy;

import io.streamrelay.Exchange;
import io.streamrelay.error.ErrorCode;
import io.streamrelay.error.RelayError;
import io.streamrelay.http.HeaderPolicy;
import io.streamrelay.http.Headers;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Asks policies in order until one rejects.
 *
 * <p>Called by the relay; each method once per exchange. Rules:
 *
 * <ul>
 *   <li>C1: policies are asked in the order given; after a rejection no other is asked.
 *   <li>C2: {@code done} is called exactly once, with an {@link Decision.Admit} or a {@link
 *       Decision.Reject}, never with a {@link Decision.Later}.
 *   <li>C3: it is called before the method returns if no decision had to be waited for; otherwise
 *       by the thread that completes the last stage. No thread ever waits.
 *   <li>C4: a policy that throws, decides null or fails its stage is a rejection as {@link
 *       ErrorCode#RELAY_ERROR}, logged with the policy's name and the exception's class and stack,
 *       but not its text, which may quote a header.
 *   <li>C5: any number of decisions that are complete already cost no stack.
 *   <li>C6: a stage that never completes leaves {@code done} uncalled: the relay's clock ends such
 *       an exchange.
 * </ul>
 *
 * <p>Immutable and thread-safe as its policies are.
 */
public final class PolicyChain {
  private static final int MAX_CAUSES = 8;

  private final List<Policy> policies;
  private final List<String> names;
  private final Logger log;

  /**
   * Makes a chain.
   *
   * @param policies in the order they are asked; none means that all is admitted
   */
  public PolicyChain(Collection<? extends Policy> policies) {
    this(policies, LoggerFactory.getLogger(PolicyChain.class));
  }

  /** For tests that read the log. */
  PolicyChain(Collection<? extends Policy> policies, Logger log) {
    this.policies = List.copyOf(policies);
    this.names = this.policies.stream().map(Policy::name).toList();
    this.log = log;
  }

  /**
   * Asks every policy's {@link Policy#onRequest}.
   *
   * @param exchange the request
   * @param done takes the outcome
   */
  public void onRequest(Exchange exchange, Consumer<Decision> done) {
    new Walk("onRequest", policy -> policy.onRequest(exchange), done).go();
  }

  /**
   * Asks every policy's {@link Policy#onRequestBody}.
   *
   * @param exchange the request
   * @param body what is there of its body; each policy gets a view with its own position
   * @param done takes the outcome
   */
  public void onRequestBody(Exchange exchange, RequestBody body, Consumer<Decision> done) {
    new Walk(
            "onRequestBody",
            policy ->
                policy.onRequestBody(
                    exchange, new RequestBody(body.start(), body.whole(), body.length())),
            done)
        .go();
  }

  /**
   * Lets every policy shape the upstream request.
   *
   * @param exchange the request
   * @param upstreamRequest what will be sent
   * @return an {@link Decision.Admit}; or a {@link Decision.Reject} as {@link
   *     ErrorCode#RELAY_ERROR} if a policy threw, and then nothing may be sent
   */
  public Decision onUpstreamRequest(Exchange exchange, Headers.Builder upstreamRequest) {
    for (int i = 0; i < policies.size(); i++) {
      try {
        policies.get(i).onUpstreamRequest(exchange, upstreamRequest);
        HeaderPolicy.requireSendable(upstreamRequest.build());
      } catch (Throwable e) {
        return failed(i, "onUpstreamRequest", e);
      }
    }
    return Decision.admit();
  }

  private Decision failed(int policy, String method, Throwable cause) {
    log.error(
        "policy '{}' failed in {}: the request ends with a 500",
        names.get(policy),
        method,
        WithoutText.of(cause, MAX_CAUSES));
    return Decision.reject(
        RelayError.of(ErrorCode.RELAY_ERROR, "the relay could not decide on this request"));
  }

  /** One way through the chain; used by one thread at a time. */
  private final class Walk {
    private final String method;
    private final Function<Policy, Decision> question;
    private final Consumer<Decision> done;
    private int current;

    Walk(String method, Function<Policy, Decision> question, Consumer<Decision> done) {
      this.method = method;
      this.question = question;
      this.done = done;
    }

    void go() {
      while (current < policies.size()) {
        Decision decision = ask();
        if (!proceed(decision)) {
          return;
        }
      }
      done.accept(Decision.admit());
    }

    private @Nullable Decision ask() {
      try {
        return question.apply(policies.get(current));
      } catch (Throwable e) {
        return failed(current, method, e);
      }
    }

    /** Follows a decision to its end; false if the walk is over, or goes on at another time. */
    private boolean proceed(@Nullable Decision first) {
      Decision decision = first;
      while (decision instanceof Decision.Later later) {
        Pending pending = new Pending(this);
        decision = pending.await(later.stage());
        if (decision == null) {
          return false;
        }
      }
      if (decision instanceof Decision.Admit) {
        current++;
        return true;
      }
      done.accept(
          decision == null
              ? failed(current, method, new NullPointerException("null decision"))
              : decision);
      return false;
    }

    /** Goes on where a stage was waited for, on the thread that completed it. */
    void resume(Decision decision) {
      try {
        if (proceed(decision)) {
          go();
        }
      } catch (Throwable e) {
        // Nobody above would notice: the stage swallows what its dependents throw.
        log.error(
            "going on after policy '{}' failed in {}",
            names.get(Math.min(current, names.size() - 1)),
            method,
            WithoutText.of(e, MAX_CAUSES));
      }
    }

    Decision outcome(@Nullable Decision decision, @Nullable Throwable failure) {
      if (failure != null) {
        Throwable cause = failure.getCause();
        return failed(
            current,
            method,
            failure instanceof CompletionException && cause != null ? cause : failure);
      }
      return decision != null
          ? decision
          : failed(current, method, new NullPointerException("null decision"));
    }
  }

  /**
   * Tells a stage that is complete already from one that completes later, so that the walk goes on
   * in its loop for the former and on the completing thread for the latter.
   */
  private static final class Pending {
    private static final Object WAITING = new Object();
    private static final Object TAKEN = new Object();

    private final Walk walk;
    private final AtomicReference<@Nullable Object> state = new AtomicReference<>();

    Pending(Walk walk) {
      this.walk = walk;
    }

    /** The decision if it is there; null if the walk resumes later. */
    @Nullable Decision await(@Nullable CompletionStage<Decision> stage) {
      if (stage == null) {
        return walk.outcome(null, null);
      }
      try {
        stage.whenComplete(this::completed);
      } catch (Throwable e) {
        completed(null, e);
      }
      if (state.compareAndSet(null, WAITING)) {
        return null;
      }
      return state.getAndSet(TAKEN) instanceof Answer answer
          ? walk.outcome(answer.decision, answer.failure)
          : null;
    }

    private void completed(@Nullable Decision decision, @Nullable Throwable failure) {
      // A stage of somebody's own may call twice: only the first call counts.
      if (!state.compareAndSet(null, new Answer(decision, failure))
          && state.compareAndSet(WAITING, TAKEN)) {
        walk.resume(walk.outcome(decision, failure));
      }
    }

    private record Answer(@Nullable Decision decision, @Nullable Throwable failure) {}
  }

  /** Another exception's class and stack, without its message. */
  private static final class WithoutText extends RuntimeException {
    private static final long serialVersionUID = 1;

    private WithoutText(String className, @Nullable Throwable cause) {
      super(className, cause);
    }

    static WithoutText of(Throwable original, int maxCauses) {
      Throwable cause = maxCauses == 0 ? null : original.getCause();
      WithoutText copy =
          new WithoutText(
              original.getClass().getName(), cause == null ? null : of(cause, maxCauses - 1));
      copy.setStackTrace(original.getStackTrace());
      return copy;
    }
  }
}
