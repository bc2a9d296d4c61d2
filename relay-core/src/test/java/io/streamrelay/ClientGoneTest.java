package io.streamrelay;

import static org.assertj.core.api.Assertions.assertThat;

import io.streamrelay.error.ErrorCode;
import io.streamrelay.forward.ForwardResult.Phase;
import io.streamrelay.policy.Decision;
import io.streamrelay.testkit.FakeBody;
import io.streamrelay.testkit.FakeClient;
import io.streamrelay.testkit.FakeRequest;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** A client that leaves, in each phase of its exchange. */
class ClientGoneTest extends ExchangeFixture {
  private void assertGone(FakeClient client, int status) {
    assertThat(client.isCut()).isTrue();
    assertEnded(client, status, EndReason.CLIENT_GONE, null);
  }

  private void assertUpstreamCancelled() {
    assertThat(forwarder.call().cancels()).isEqualTo(1);
  }

  @Test
  void whileAPolicyDecides() {
    CompletableFuture<Decision> stage = new CompletableFuture<>();
    policies.add(onRequest(exchange -> Decision.later(stage)));
    FakeClient client = chat();
    client.leave();
    assertGone(client, 499);
    stage.complete(Decision.admit());
    assertGone(client, 499);
    assertThat(forwarder.calls()).isEmpty();
  }

  @Test
  void whileItsBodyIsRead() {
    FakeBody body = FakeBody.declared(100).feed(new byte[50]);
    FakeClient client = send(FakeRequest.post(CHAT).body(body));
    client.leave();
    assertGone(client, 499);
    assertThat(record().requestBytes()).isEqualTo(50);
    body.feed(new byte[50]).end();
    assertThat(forwarder.calls()).isEmpty();
  }

  @Test
  void whileAPolicyDecidesOnItsBody() {
    CompletableFuture<Decision> stage = new CompletableFuture<>();
    policies.add(onBody((exchange, body) -> Decision.later(stage)));
    FakeClient client = chat();
    client.leave();
    stage.complete(Decision.admit());
    assertGone(client, 499);
    assertThat(forwarder.calls()).isEmpty();
  }

  @Test
  void beforeThereIsAConnection() {
    FakeClient client = chat();
    client.leave();
    assertGone(client, 499);
    assertUpstreamCancelled();
  }

  @Test
  void beforeTheHead() {
    FakeClient client = chat();
    forwarder.call().connected();
    client.leave();
    assertGone(client, 499);
    assertUpstreamCancelled();
  }

  @Test
  void betweenTheHeadAndItsFirstChunkItGotNoStatus() {
    FakeClient client = chat();
    forwarder.call().connected().head(200, SSE);
    client.leave();
    assertGone(client, 499);
    assertUpstreamCancelled();
  }

  @Test
  void inMidStream() {
    FakeClient client = streaming();
    client.leave();
    assertGone(client, 200);
    assertUpstreamCancelled();
    assertThat(client.text()).isEqualTo(EVENT);
    assertThat(record().responseBytes()).isEqualTo(EVENT.length());
  }

  @Test
  void whileAWriteIsPending() {
    FakeClient client = streaming(new FakeClient().stall());
    client.breakOff();
    assertGone(client, 200);
    assertUpstreamCancelled();
  }

  @Test
  void whoTookTheLastEventAndLeftAtOnceHasGotTheAnswer() {
    FakeClient client = new FakeClient();
    clients.add(client);
    relay()
        .handle(
            FakeRequest.post(CHAT).json("{\"model\":\"m\",\"stream\":true}").build(),
            // Seen to leave while the relay's thread is still within the write that it took.
            new QuirkyResponse(client, chunk -> client.leave()));
    forwarder.call().connected().head(200, SSE).chunk(EVENT + FINISH + DONE);
    assertThat(record().end()).isEqualTo(EndReason.COMPLETE);
    assertThat(record().abandonment()).isNull();
    assertThat(metric("relay_wasted_output_tokens")).isZero();
  }

  @Test
  void byAWriteThatFails() {
    FakeClient client = streaming();
    client.failNextWrite();
    forwarder.call().chunk(EVENT);
    assertGone(client, 200);
    assertUpstreamCancelled();
  }

  @Test
  void byAFirstWriteThatFails() {
    FakeClient client = streaming(new FakeClient().failNextWrite());
    assertGone(client, 200);
    assertUpstreamCancelled();
  }

  @Test
  void noticedMoreThanOnceIsOneEnd() {
    forwarder.slowToCancel();
    FakeClient client = streaming();
    client.leave();
    client.leave();
    client.breakOff();
    assertRunning(client);
    forwarder.call().finishCancel();
    assertGone(client, 200);
    assertUpstreamCancelled();
    client.leave();
    assertGone(client, 200);
  }

  @Test
  void inMidUpload() {
    FakeBody body = FakeBody.declared(200_000).feed(new byte[100_000]);
    FakeClient client = send(FakeRequest.post(CHAT).body(body));
    forwarder.call().connected().readBody();
    client.leave();
    assertGone(client, 499);
    assertUpstreamCancelled();
  }

  @Test
  void beforeItsRefusalIsOut() {
    FakeClient client = send(FakeRequest.get("/nowhere"), new FakeClient().notReady());
    client.leave();
    assertGone(client, 499);
    assertThat(client.sent()).isFalse();
  }

  @Test
  void beforeItsErrorIsOutAfterAHead() {
    FakeClient client = chat(new FakeClient().notReady());
    forwarder.call().connected().head(200, SSE).fail(Phase.BODY);
    client.leave();
    assertGone(client, 499);
  }

  @Test
  void whileItsRefusalLeavesItWasRefused() {
    FakeClient client = send(FakeRequest.get("/nowhere"), new FakeClient().stall());
    client.breakOff();
    assertThat(client.isCut()).isTrue();
    assertEnded(client, 404, EndReason.REJECTED, ErrorCode.ROUTE_NOT_FOUND);
  }

  @Test
  void whileTheRestOfItsBodyIsDroppedItWasRefused() {
    FakeClient client = send(FakeRequest.post("/nowhere").body(FakeBody.declared(10)));
    client.leave();
    assertRefused(client, ErrorCode.ROUTE_NOT_FOUND);
  }

  @Test
  void whileItsTerminalEventLeavesTheStreamHadBroken() {
    FakeClient client = streaming();
    client.stall();
    forwarder.call().fail(Phase.BODY);
    client.breakOff();
    assertCut(client, EVENT, EndReason.UPSTREAM_ERROR, ErrorCode.UPSTREAM_FAILED);
  }

  @Test
  void withTheWholeAnswerInHandItIsComplete() {
    forwarder.slowToCancel();
    FakeClient client = streaming();
    forwarder.call().chunk(DONE);
    client.leave();
    forwarder.call().complete();
    assertComplete(client, EVENT + DONE);
  }

  @Test
  void withAsManyBytesAsWereAnnouncedInHandItIsComplete() {
    FakeClient client = chat();
    forwarder.call().connected().head(200, "Content-Length", "2").chunk("ok");
    client.leave();
    assertComplete(client, "ok");
  }

  @Test
  void withOneByteLessThanWasAnnouncedItIsGone() {
    FakeClient client = chat();
    forwarder.call().connected().head(200, "Content-Length", "3").chunk("ok");
    client.leave();
    assertGone(client, 200);
  }

  @Test
  void withAsManyBytesOfARefusalAsWereAnnouncedItIsRefused() {
    FakeClient client = chat();
    forwarder.call().connected().head(429, "Content-Length", "2").chunk("no");
    client.leave();
    assertThat(client.isComplete()).isTrue();
    assertEnded(client, 429, EndReason.UPSTREAM_REFUSED, null);
  }

  @Test
  void withTheStreamsLastEventInHandItIsComplete() {
    FakeClient client = streaming();
    forwarder.call().chunk(DONE);
    client.leave();
    assertComplete(client, EVENT + DONE);
    assertUpstreamCancelled();
  }

  @Test
  void whileTheLastEventIsPendingItIsGone() {
    FakeClient client = streaming();
    client.stall();
    forwarder.call().chunk(DONE);
    client.breakOff();
    assertGone(client, 200);
  }

  @Test
  void whileAPolicyRuns() {
    FakeClient client = new FakeClient();
    policies.add(
        onRequest(
            exchange -> {
              client.leave();
              return Decision.admit();
            }));
    chat(client);
    assertGone(client, 499);
    assertThat(forwarder.calls()).isEmpty();
  }
}
