package io.streamrelay;

import static org.assertj.core.api.Assertions.assertThat;

import io.streamrelay.config.ServerConfig;
import io.streamrelay.error.ErrorCode;
import io.streamrelay.testkit.FakeClient;
import io.streamrelay.testkit.FakeRequest;
import org.junit.jupiter.api.Test;

/** How many streams a relay takes at once. */
class MaxStreamsTest extends ExchangeFixture {
  private void takeAtMost(int streams) {
    config.server(ServerConfig.DEFAULT.withMaxStreams(streams));
  }

  private void assertRefusedAsBusy(FakeClient client) {
    assertThat(client.status()).isEqualTo(503);
    assertThat(client.text()).contains("\"relay_busy\"");
    assertThat(client.headers().first("Retry-After")).isEqualTo("1");
    assertThat(client.headers().first("Connection")).isNotEqualTo("close");
  }

  @Test
  void oneMoreThanFitsIsRefusedAndNothingIsSentUpstream() {
    takeAtMost(2);
    streaming();
    streaming();
    assertRefusedAsBusy(chat());
    assertThat(forwarder.calls()).hasSize(2);
    ExchangeRecord refused = records.get(0);
    assertThat(refused.end()).isEqualTo(EndReason.REJECTED);
    assertThat(refused.error()).isEqualTo(ErrorCode.RELAY_BUSY);
  }

  @Test
  void aStreamThatEndsMakesRoomForAnother() {
    takeAtMost(1);
    streaming();
    assertRefusedAsBusy(chat());
    forwarder.call().chunk(DONE).complete();
    streaming();
    assertThat(forwarder.calls()).hasSize(2);
    forwarder.call().chunk(DONE).complete();
    assertThat(relay().activeExchanges()).isZero();
  }

  @Test
  void whatIsRefusedForAnotherReasonTakesNoRoom() {
    takeAtMost(1);
    FakeClient slow = send(FakeRequest.get("/nowhere"), new FakeClient().notReady());
    assertThat(slow.isComplete()).isFalse();
    streaming();
    assertThat(forwarder.calls()).hasSize(1);
  }
}
