package io.streamrelay.policy;

import io.streamrelay.error.ErrorCode;
import io.streamrelay.error.RelayError;
import java.util.Objects;
import java.util.concurrent.CompletionStage;

/** What a {@link Policy} says to a request. */
public sealed interface Decision {
  /** The request may go on to the next policy. */
  record Admit() implements Decision {
    private static final Admit INSTANCE = new Admit();
  }

  /**
   * The request ends here.
   *
   * @param error what the client is told
   */
  record Reject(RelayError error) implements Decision {
    /** Refuses a rejection that says nothing. */
    public Reject {
      Objects.requireNonNull(error, "error");
    }
  }

  /**
   * The answer comes later, for example from a store; no thread waits for it.
   *
   * @param stage gives an {@link Admit}, a {@link Reject}, or another {@link Later}; a failure of
   *     the stage ends the exchange as {@link io.streamrelay.EndReason#RELAY_ERROR}
   */
  record Later(CompletionStage<Decision> stage) implements Decision {}

  /**
   * Lets the request go on.
   *
   * @return the shared instance
   */
  static Decision admit() {
    return Admit.INSTANCE;
  }

  /**
   * Ends the request with one of the relay's own errors.
   *
   * @param error what the client is told
   * @return the decision
   */
  static Decision reject(RelayError error) {
    return new Reject(error);
  }

  /**
   * Ends the request with an error of the policy's own.
   *
   * @param status 400 to 599
   * @param code what the client's developer looks for, such as {@code model_not_allowed}; metrics
   *     count it as {@code policy_rejected}, since their labels are a closed set
   * @param message for the client's developer; no key, no prompt
   * @return the decision
   */
  static Decision reject(int status, String code, String message) {
    return new Reject(new RelayError(ErrorCode.POLICY_REJECTED, code, status, message, null));
  }

  /**
   * Answers later.
   *
   * @param stage gives the decision
   * @return the decision
   */
  static Decision later(CompletionStage<Decision> stage) {
    return new Later(stage);
  }
}
