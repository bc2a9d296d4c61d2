package io.streamrelay;

import static org.assertj.core.api.Assertions.assertThat;

import io.streamrelay.error.ErrorCode;
import io.streamrelay.forward.UpstreamRequest;
import io.streamrelay.policy.Decision;
import io.streamrelay.policy.RequestBody;
import io.streamrelay.testkit.FakeBody;
import io.streamrelay.testkit.FakeClient;
import io.streamrelay.testkit.FakeRequest;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** How a request body is taken in, kept, let through and refused. */
class RequestBodyTest extends ExchangeFixture {
  private static final int KEEP = 64 * 1024;

  private final List<RequestBody> seen = new ArrayList<>();

  private void observeBodies() {
    policies.add(
        onBody(
            (exchange, body) -> {
              seen.add(body);
              return Decision.admit();
            }));
  }

  private static byte[] bytes(int count) {
    byte[] bytes = new byte[count];
    new Random(count).nextBytes(bytes);
    return bytes;
  }

  private static byte[] bytes(ByteBuffer buffer) {
    byte[] bytes = new byte[buffer.remaining()];
    buffer.duplicate().get(bytes);
    return bytes;
  }

  private FakeClient post(FakeBody body) {
    return send(FakeRequest.post(CHAT).header("Content-Type", "application/json").body(body));
  }

  private void answer(FakeClient client) {
    forwarder.call().connected().head(200).chunk("ok").complete();
    assertComplete(client, "ok");
  }

  @ParameterizedTest
  @CsvSource({
    "0, true",
    "1, true",
    "4095, true",
    "4096, true",
    "65535, true",
    "65536, true",
    "65537, true",
    "1, false",
    "4095, false",
    "4096, false",
    "4097, false",
    "16384, false",
    "65535, false",
    "65536, false",
    "65537, false",
    "200000, true",
    "200000, false"
  })
  void aBodyArrivesByteForByteKeptWholeUpTo64KiB(int size, boolean declared) {
    observeBodies();
    byte[] body = bytes(size);
    FakeBody source = FakeBody.declared(declared ? size : -1);
    FakeClient client = post(source);
    for (int at = 0; at < size; at += 10_000) {
      source.feed(Arrays.copyOfRange(body, at, Math.min(size, at + 10_000)));
    }
    source.end();

    boolean whole = size <= KEEP;
    int start = Math.min(size, KEEP + 1);
    assertThat(seen).hasSize(1);
    assertThat(seen.get(0).whole()).isEqualTo(whole);
    assertThat(bytes(seen.get(0).start())).isEqualTo(Arrays.copyOf(body, start));
    assertThat(seen.get(0).length()).isEqualTo(whole || declared ? size : -1);
    UpstreamRequest request = forwarder.call().request();
    assertThat(request.contentLength()).isEqualTo(whole || declared ? size : -1);
    assertThat(request.wholeBody() != null).isEqualTo(whole);
    forwarder.call().readBody();
    assertThat(forwarder.call().received()).isEqualTo(body);
    assertThat(forwarder.call().bodyEnded()).isTrue();
    answer(client);
    assertThat(record().requestBytes()).isEqualTo(size);
  }

  @Test
  void aKeptBodyIsHeldByNobodyOnceTheForwarderHasIt() {
    FakeClient client = post(FakeBody.of(bytes(100)));
    // As a forwarder that has sent it: nothing is left of it in the exchange.
    assertThat(forwarder.call().request().body().length()).isEqualTo(100);
    try {
      assertThat(forwarder.call().request().body().read(ByteBuffer.allocate(200))).isEqualTo(-1);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
    answer(client);
    assertThat(record().requestBytes()).isEqualTo(100);
  }

  @Test
  void aLargeBodyWaitsForTheUpstreamToTakeIt() {
    FakeBody source = FakeBody.declared(200_000).feed(bytes(200_000)).end();
    FakeClient client = post(source);
    assertThat(source.unread()).isEqualTo(200_000 - (KEEP + 1));
    forwarder.call().readBody(100_000);
    assertThat(source.unread()).isEqualTo(100_000);
    forwarder.call().readBody();
    answer(client);
  }

  @Test
  void policiesCannotChangeTheBytes() {
    policies.add(
        onBody(
            (exchange, body) -> {
              assertThat(body.start().isReadOnly()).isTrue();
              ByteBuffer unused = body.start().position(body.start().limit());
              return unused.hasRemaining() ? Decision.reject(400, "x", "x") : Decision.admit();
            }));
    FakeClient client = post(FakeBody.of("{}"));
    forwarder.call().readBody();
    assertThat(forwarder.call().received()).asString().isEqualTo("{}");
    answer(client);
  }

  @Test
  void theModelIsKnownToBodyPolicies() {
    List<String> models = new ArrayList<>();
    policies.add(
        onRequest(
            exchange -> {
              models.add("before: " + exchange.model());
              return Decision.admit();
            }));
    policies.add(
        onBody(
            (exchange, body) -> {
              models.add("body: " + exchange.model());
              return Decision.admit();
            }));
    FakeClient client = post(FakeBody.of("{\"messages\":[{\"model\":\"no\"}],\"model\":\"gpt\"}"));
    assertThat(models).containsExactly("before: null", "body: gpt");
    answer(client);
    assertThat(record().model()).isEqualTo("gpt");
  }

  @Test
  void nothingIsSentBeforeTheBodyIsAdmitted() {
    policies.add(onBody((exchange, body) -> Decision.reject(403, "model_not_allowed", "no")));
    FakeClient client = post(FakeBody.of("{}"));
    assertThat(client.text()).contains("model_not_allowed");
    assertEnded(client, 403, EndReason.REJECTED, ErrorCode.POLICY_REJECTED);
    assertThat(forwarder.calls()).isEmpty();
  }

  @Test
  void aBodyOfJustTheLimitPasses() {
    maxBodySize(1000);
    FakeClient client = post(FakeBody.of(bytes(1000)));
    answer(client);
  }

  @Test
  void aDeclaredLengthAboveTheLimitIsRefusedUnread() {
    maxBodySize(1000);
    observeBodies();
    FakeBody source = FakeBody.declared(1001);
    FakeClient client = send(FakeRequest.post(CHAT).header("Expect", "100-continue").body(source));
    assertRefused(client, ErrorCode.BODY_TOO_LARGE);
    assertThat(client.text()).contains("1000 bytes");
    assertThat(source.reads()).isZero();
    assertThat(seen).isEmpty();
    assertThat(forwarder.calls()).isEmpty();
  }

  @Test
  void aChunkedBodyIsCounted() {
    maxBodySize(1000);
    observeBodies();
    FakeBody source = FakeBody.declared(-1).feed(bytes(1000));
    FakeClient client = post(source);
    assertRunning(client);
    source.feed(bytes(1));
    assertThat(client.status()).isEqualTo(413);
    source.end();
    assertRefused(client, ErrorCode.BODY_TOO_LARGE);
    assertThat(seen).isEmpty();
    assertThat(forwarder.calls()).isEmpty();
  }

  @Test
  void aLargeUploadIsAbortedWhereItPassesTheLimit() {
    maxBodySize(100_000);
    FakeBody source = FakeBody.declared(-1).feed(bytes(100_000));
    FakeClient client = post(source);
    forwarder.call().connected();
    forwarder.call().readBodyOnDemand();
    assertRunning(client);
    source.feed(bytes(1)).end();
    assertThat(forwarder.call().bodyEnded()).isFalse();
    assertRefused(client, ErrorCode.BODY_TOO_LARGE);
  }

  @ParameterizedTest
  @ValueSource(ints = {10, 100_000})
  void aBodyThatEndsShortOfItsLengthIsBroken(int arrived) {
    FakeBody source = FakeBody.declared(arrived + 1).feed(bytes(arrived));
    FakeClient client = post(source);
    source.end();
    forwarder.calls().forEach(call -> call.readBody());
    assertRefused(client, ErrorCode.INVALID_BODY);
    assertThat(forwarder.calls()).noneMatch(call -> call.bodyEnded());
  }

  @ParameterizedTest
  @ValueSource(ints = {10, 100_000})
  void aBodyThatBreaksOffIsBroken(int arrived) {
    FakeBody source = FakeBody.declared(200_000).feed(bytes(arrived));
    FakeClient client = post(source);
    source.breakOff();
    forwarder.calls().forEach(call -> call.readBody());
    assertRefused(client, ErrorCode.INVALID_BODY);
    assertThat(client.text()).doesNotContain("connection broke");
  }

  @ParameterizedTest
  @ValueSource(ints = {10, 100_000})
  void aClientThatLeavesWhileItUploadsIsGone(int arrived) {
    FakeBody source = FakeBody.declared(200_000).feed(bytes(arrived));
    FakeClient client = post(source);
    source.leave();
    forwarder.calls().forEach(call -> call.readBody());
    assertThat(client.isCut()).isTrue();
    ExchangeRecord record = assertEnded(client, 499, EndReason.CLIENT_GONE, null);
    // Abandoned is only what an upstream was asked.
    boolean asked = !forwarder.calls().isEmpty();
    assertThat(record.abandonment()).isEqualTo(asked ? Abandonment.CANCEL : null);
    assertThat(record.abandonedNanos()).isEqualTo(asked ? 0 : -1);
    assertThat(metric("relay_abandoned_streams")).isEqualTo(asked ? 1 : 0);
  }

  @Test
  void aWaitingClientIsToldToGoOnOnlyOnceItIsAdmitted() {
    var stage = new CompletableFuture<Decision>();
    policies.add(onRequest(exchange -> Decision.later(stage)));
    FakeBody source = FakeBody.declared(2);
    FakeClient client = send(FakeRequest.post(CHAT).header("Expect", "100-continue").body(source));
    assertThat(source.reads()).isZero();
    stage.complete(Decision.admit());
    assertThat(source.reads()).isEqualTo(1);
    source.feed(bytes(2)).end();
    assertThat(forwarder.call().headers().contains("Expect")).isFalse();
    answer(client);
  }

  @Test
  void aWaitingClientThatIsRefusedIsNotWaitedFor() {
    FakeBody source = FakeBody.declared(2);
    FakeClient client =
        send(FakeRequest.post("/nowhere").header("Expect", "100-continue").body(source));
    assertRefused(client, ErrorCode.ROUTE_NOT_FOUND);
    assertThat(source.reads()).isZero();
  }

  @Test
  void aClientThatGotItsHundredIsListenedToWhenItIsRefused() {
    maxBodySize(1000);
    FakeBody source = FakeBody.declared(-1).feed(bytes(1001));
    FakeClient client = send(FakeRequest.post(CHAT).header("Expect", "100-continue").body(source));
    assertThat(client.status()).isEqualTo(413);
    assertRunning(client);
    source.feed(bytes(5000)).end();
    assertThat(source.unread()).isZero();
    assertRefused(client, ErrorCode.BODY_TOO_LARGE);
  }

  @Test
  void aRefusedClientThatStillSendsIsReadAndDropped() {
    FakeBody source = FakeBody.declared(100_000);
    FakeClient client = send(FakeRequest.post("/nowhere").body(source));
    assertThat(client.status()).isEqualTo(404);
    for (int i = 0; i < 10; i++) {
      assertRunning(client);
      source.feed(bytes(10_000));
      assertThat(source.unread()).isZero();
    }
    source.end();
    assertRefused(client, ErrorCode.ROUTE_NOT_FOUND);
  }

  @Test
  void aRefusedClientThatNeverStopsIsDroppedForFiveSeconds() {
    FakeBody source = FakeBody.declared(-1);
    FakeClient client = send(FakeRequest.post("/nowhere").body(source));
    source.feed(bytes(10));
    ticker.advance(FINISH_LIMIT.minusNanos(1));
    source.feed(bytes(10));
    assertRunning(client);
    ticker.advanceNanos(1);
    assertRefused(client, ErrorCode.ROUTE_NOT_FOUND);
  }

  @Test
  void aRefusedClientMaySendFourTimesTheLargestBodyAndNoMore() {
    maxBodySize(1000);
    FakeBody source = FakeBody.declared(-1);
    FakeClient client = send(FakeRequest.post("/nowhere").body(source));
    source.feed(bytes(4003));
    assertRunning(client);
    source.feed(bytes(1));
    assertRefused(client, ErrorCode.ROUTE_NOT_FOUND);
    assertThat(source.reads()).isLessThan(10);
  }

  @Test
  void aRefusedClientThatDeclaresFarTooMuchIsNotRead() {
    maxBodySize(1000);
    FakeBody source = FakeBody.declared(4004);
    FakeClient client = send(FakeRequest.post("/nowhere").body(source));
    assertRefused(client, ErrorCode.ROUTE_NOT_FOUND);
    assertThat(source.reads()).isZero();
  }

  @Test
  void aRefusedClientThatBreaksOffIsNotWaitedFor() {
    FakeBody source = FakeBody.declared(100);
    FakeClient client = send(FakeRequest.post("/nowhere").body(source));
    source.breakOff();
    assertRefused(client, ErrorCode.ROUTE_NOT_FOUND);
  }

  @Test
  void aRefusedClientThatTakesNothingIsCutAfterFiveSeconds() {
    FakeClient client = send(FakeRequest.get("/nowhere"), new FakeClient().notReady());
    ticker.advance(FINISH_LIMIT.minusNanos(1));
    assertRunning(client);
    ticker.advanceNanos(1);
    assertThat(client.sent()).isFalse();
    assertThat(client.isCut()).isTrue();
    assertEnded(client, 404, EndReason.REJECTED, ErrorCode.ROUTE_NOT_FOUND);
  }

  @Test
  void aRefusalThatDoesNotLeaveIsCutAfterFiveSeconds() {
    FakeClient client = send(FakeRequest.get("/nowhere"), new FakeClient().stall());
    ticker.advance(FINISH_LIMIT.minusNanos(1));
    assertRunning(client);
    ticker.advanceNanos(1);
    assertThat(client.isCut()).isTrue();
    assertEnded(client, 404, EndReason.REJECTED, ErrorCode.ROUTE_NOT_FOUND);
  }
}
