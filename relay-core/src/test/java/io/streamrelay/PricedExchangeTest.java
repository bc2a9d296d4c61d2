package io.streamrelay;

import static org.assertj.core.api.Assertions.assertThat;

import io.streamrelay.error.ErrorCode;
import io.streamrelay.error.RelayError;
import io.streamrelay.forward.ForwardResult.Phase;
import io.streamrelay.policy.Decision;
import io.streamrelay.price.Cost;
import io.streamrelay.price.ModelPrice;
import io.streamrelay.price.PriceList;
import io.streamrelay.price.PriceTable;
import io.streamrelay.price.Rates;
import io.streamrelay.price.Terms;
import io.streamrelay.price.Unpriced;
import io.streamrelay.testkit.FakeClient;
import io.streamrelay.testkit.FakeRequest;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Which exchanges have a cost in their record, and which are missed there. */
class PricedExchangeTest extends ExchangeFixture {
  private static final String USAGE =
      "data: {\"object\":\"chat.completion.chunk\",\"choices\":[],"
          + "\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":9}}\n\n";
  private static final String ASK = "{\"stream\":true,\"model\":\"known\"}";
  private static final String ASK_UNKNOWN = "{\"stream\":true,\"model\":\"unknown\"}";

  @BeforeEach
  void knowOneModel() {
    Rates rates = new Rates(2_000_000, -1, -1, -1, 10_000_000, -1, -1);
    ModelPrice known = ModelPrice.builder("known", new Terms(rates, List.of())).build();
    config.prices(PriceTable.of(new PriceList("v7", List.of(known))));
  }

  private FakeClient ask(String body) {
    FakeClient client = send(FakeRequest.post(CHAT).json(body));
    forwarder.call().connected();
    return client;
  }

  private void assertNeither() {
    assertThat(record().cost()).isNull();
    assertThat(record().unpriced()).isNull();
  }

  private void assertUnpriced(Unpriced why) {
    assertThat(record().cost()).isNull();
    assertThat(record().unpriced()).isEqualTo(why);
  }

  @Test
  void aStreamThatReportsItsUsageHasACost() {
    ask(ASK);
    forwarder.call().head(200, SSE).chunk(EVENT + FINISH + USAGE + DONE).complete();

    // 5 x 2 + 9 x 10 = 100 uUSD.
    assertThat(record().cost()).isEqualTo(new Cost(100_000_000, "v7", false));
    assertThat(record().unpriced()).isNull();
  }

  @Test
  void aModelThatIsNotKnownHasNoCostAndIsNamedAsTheReason() {
    ask(ASK_UNKNOWN);
    forwarder.call().head(200, SSE).chunk(EVENT + FINISH + USAGE + DONE).complete();

    assertUnpriced(Unpriced.UNKNOWN_MODEL);
  }

  @Test
  void aStreamWithoutUsageHasNoCost() {
    ask(ASK);
    forwarder.call().head(200, SSE).chunk(FINISH + DONE).complete();

    assertUnpriced(Unpriced.NO_USAGE);
  }

  @ParameterizedTest
  @ValueSource(ints = {400, 404, 429, 500, 529})
  void whatTheUpstreamRefusesHasNeither(int status) {
    ask(ASK_UNKNOWN);
    forwarder.call().head(status, "Content-Type", "application/json").chunk("{}").complete();

    assertNeither();
  }

  @Test
  void whatTheRelayRefusesHasNeither() {
    policies.add(onRequest(exchange -> Decision.reject(RelayError.of(ErrorCode.FORBIDDEN, "no"))));
    send(FakeRequest.post(CHAT).json(ASK_UNKNOWN));

    assertThat(forwarder.calls()).isEmpty();
    assertNeither();
  }

  @Test
  void whatNeverReachedTheUpstreamHasNeither() {
    ask(ASK_UNKNOWN);
    forwarder.call().fail(Phase.CONNECT);

    assertNeither();
  }

  @Test
  void aRequestWithoutModelAndUsageHasNeither() {
    send(FakeRequest.get("/v1/models"));
    forwarder
        .call()
        .connected()
        .head(200, "Content-Type", "application/json")
        .chunk("{}")
        .complete();

    assertNeither();
  }
}
