package io.streamrelay.policy;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.streamrelay.error.RelayError;
import org.junit.jupiter.api.Test;

class DecisionTest {
  @Test
  @SuppressWarnings("NullAway") // What a caller without null analysis may do.
  void aRejectionWithoutAnErrorIsRefusedByName() {
    RelayError none = null;
    assertThatThrownBy(() -> Decision.reject(none))
        .isInstanceOf(NullPointerException.class)
        .hasMessage("error");
    assertThatThrownBy(() -> new Decision.Reject(none)).hasMessage("error");
  }
}
