package io.streamrelay;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.streamrelay.error.ErrorCode;
import io.streamrelay.forward.ForwardResult.Phase;
import io.streamrelay.observe.Usage;
import io.streamrelay.route.ClientGonePolicy;
import io.streamrelay.route.Route;
import io.streamrelay.route.StreamKind;
import io.streamrelay.testkit.FakeBody;
import io.streamrelay.testkit.FakeClient;
import io.streamrelay.testkit.FakeForwarder;
import io.streamrelay.testkit.FakeRequest;
import io.streamrelay.testkit.Recording;
import io.streamrelay.testkit.Recordings;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A route that asks for usage where the client does not: what goes up and what comes back. */
class IncludeUsageTest extends ExchangeFixture {
  private static final String BODY = "{\"model\":\"m\",\"stream\":true}";
  private static final String ASKING =
      "{\"stream_options\":{\"include_usage\":true},\"model\":\"m\",\"stream\":true}";
  private static final String USAGE =
      "data: {\"object\":\"chat.completion.chunk\",\"choices\":[],"
          + "\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":9}}\n\n";
  private static final String HALF = USAGE.substring(0, 70);
  private static final String COMMENT = ": keep-alive\n\n";
  private static final String REFUSAL = "{\"error\":{\"message\":\"unknown field\"}}";

  private static Route.Builder asking() {
    return route().includeUsage(true);
  }

  private FakeClient post(String body) {
    return send(FakeRequest.post(CHAT).json(body));
  }

  /** What the upstream gets; its length is what was announced. */
  private String sent() {
    return sent(forwarder.call());
  }

  private static String sent(FakeForwarder.Call call) {
    call.readBody();
    assertThat(call.request().contentLength()).isEqualTo(call.received().length);
    return new String(call.received(), UTF_8);
  }

  /** A stream of this route whose model has said why it stops. */
  private FakeClient finished() {
    return finished(new FakeClient());
  }

  private FakeClient finished(FakeClient client) {
    streaming(client);
    forwarder.call().chunk(FINISH);
    return client;
  }

  private double told(UsageRequest result) {
    return metric("relay_include_usage", "route", "chat", "result", result.label());
  }

  private void assertTold(@Nullable UsageRequest result) {
    assertThat(record().usageRequest()).isEqualTo(result);
    assertThat(metric("relay_include_usage")).isEqualTo(result == null ? 0 : 1);
    if (result != null) {
      assertThat(told(result)).isEqualTo(1);
    }
  }

  // ---- the request

  @Test
  void byDefaultARequestsBytesAreTheClientsOwnAndSoIsTheAnswer() {
    FakeClient client = post(BODY);
    assertThat(sent()).isEqualTo(BODY);
    forwarder.call().connected().head(200, SSE).chunk(EVENT + FINISH + USAGE + DONE).complete();
    assertComplete(client, EVENT + FINISH + USAGE + DONE);
    assertTold(null);
  }

  @Test
  void aRouteThatAsksPutsOneOptionInAndTakesTheEventItBringsOut() {
    serve(asking());
    FakeClient client = post(BODY);
    assertThat(sent()).isEqualTo(ASKING);
    forwarder
        .call()
        .connected()
        .head(200, SSE)
        .chunk(EVENT)
        .chunk(FINISH)
        .chunk(USAGE)
        .chunk(DONE)
        .complete();
    ExchangeRecord record = assertComplete(client, EVENT + FINISH + DONE);
    assertThat(record.usage().source()).isEqualTo(Usage.Source.REPORTED);
    assertThat(record.usage().inputTokens()).isEqualTo(3);
    assertThat(record.usage().outputTokens()).isEqualTo(9);
    assertThat(record.events()).isEqualTo(4);
    assertThat(record.requestBytes()).isEqualTo(BODY.length());
    assertThat(record.responseBytes()).isEqualTo(client.bytes().length);
    assertThat(record.attempts()).isEqualTo(1);
    assertTold(UsageRequest.ADDED);
  }

  @Test
  void aClientThatAsksItselfGetsWhatItAsksFor() {
    serve(asking());
    FakeClient client = post(ASKING);
    assertThat(sent()).isEqualTo(ASKING);
    forwarder.call().connected().head(200, SSE).chunk(EVENT + FINISH + USAGE + DONE).complete();
    assertComplete(client, EVENT + FINISH + USAGE + DONE);
    assertTold(null);
  }

  @ParameterizedTest
  @CsvSource({
    "POST, /v1/responses, application/json",
    "POST, /v1/messages, application/json",
    "PUT, /v1/chat/completions, application/json",
    "POST, /v1/chat/completions, text/plain"
  })
  void nothingElseIsAsked(String method, String path, String type) {
    serve(asking());
    send(FakeRequest.of(method, path).header("Content-Type", type).body(FakeBody.of(BODY)));
    assertThat(sent()).isEqualTo(BODY);
    forwarder.call().connected().head(200, SSE).chunk(FINISH + USAGE + DONE).complete();
    assertThat(clients.get(0).text()).isEqualTo(FINISH + USAGE + DONE);
    assertTold(null);
  }

  @Test
  void norIsARequestWithoutAStream() {
    serve(asking());
    post("{\"stream\":false}");
    assertThat(sent()).isEqualTo("{\"stream\":false}");
    forwarder.call().connected().head(200).chunk("{}").complete();
    assertTold(null);
  }

  @Test
  void norIsARouteWhoseAnswersAreNotLookedInto() {
    serve(asking().kind(StreamKind.RAW));
    post(BODY);
    assertThat(sent()).isEqualTo(BODY);
    forwarder.call().connected().head(200, SSE).chunk(DONE).complete();
    assertTold(null);
  }

  @Test
  void anAzureDeploymentAndTheLegacyApiAreAskedToo() {
    serve(asking());
    send(FakeRequest.post("/v1/openai/deployments/d/chat/completions").json(BODY));
    assertThat(sent()).isEqualTo(ASKING);
    send(FakeRequest.post("/v1/completions").json(BODY));
    assertThat(sent()).isEqualTo(ASKING);
  }

  @Test
  void thePathThatCountsIsTheUpstreams() {
    serve(
        asking()
            .path("/short")
            .stripPrefix("/short")
            .upstream(java.net.URI.create("https://upstream.test/v1/chat/completions")));
    send(FakeRequest.post("/short").json(BODY));
    assertThat(sent()).isEqualTo(ASKING);
  }

  @ParameterizedTest
  @CsvSource({
    "Content-Encoding, gzip",
    "Content-Digest, sha-256=:x:",
    "Accept-Encoding, 'gzip, identity;q=0'"
  })
  void aRequestWhoseFieldsForbidItStaysAsItIs(String name, String value) {
    serve(asking());
    send(FakeRequest.post(CHAT).header(name, value).json(BODY));
    assertThat(sent()).isEqualTo(BODY);
    forwarder.call().connected().head(200, SSE).chunk(FINISH + USAGE + DONE).complete();
    assertThat(clients.get(0).text()).isEqualTo(FINISH + USAGE + DONE);
    assertTold(UsageRequest.SKIPPED);
  }

  @Test
  void aClientThatTakesACodingIsAskedForNone() {
    serve(asking());
    send(FakeRequest.post(CHAT).header("Accept-Encoding", "gzip").json(BODY));
    assertThat(sent()).isEqualTo(ASKING);
    assertThat(forwarder.call().headers().all("Accept-Encoding")).containsExactly("identity");
  }

  @Test
  void aBodyThatNamesAMemberTwiceStaysAsItIs() {
    serve(asking());
    String twice = "{\"stream\":true,\"stream\":true}";
    post(twice);
    assertThat(sent()).isEqualTo(twice);
    forwarder.call().connected().head(200, SSE).chunk(DONE).complete();
    assertTold(UsageRequest.SKIPPED);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aBodyThatStreamsThroughStaysAsItIs(boolean stream) {
    serve(asking());
    String large = "{\"m\":\"" + "x".repeat(70_000) + "\",\"stream\":" + stream + "}";
    post(large);
    assertThat(forwarder.call().request().wholeBody()).isNull();
    assertThat(sent()).isEqualTo(large);
    forwarder.call().connected().head(200, SSE).chunk(FINISH + USAGE + DONE).complete();
    assertThat(clients.get(0).text()).isEqualTo(FINISH + USAGE + DONE);
    assertTold(stream ? UsageRequest.SKIPPED : null);
  }

  // ---- the answer

  @Test
  void fromTheMiddleOfAChunkTheEventGoesWhileASlowClientReads() {
    serve(asking());
    FakeClient client = chat(new FakeClient().stall());
    forwarder.call().connected().head(200, SSE).chunk(EVENT + FINISH + USAGE + DONE).chunk("x");
    assertThat(client.writes()).containsExactly((EVENT + FINISH + DONE).length());
    client.takeAll();
    forwarder.call().complete();
    assertComplete(client, EVENT + FINISH + DONE + "x");
  }

  @Test
  void partsOfABufferAreNotFilledAnewBeforeTheClientHasThem() {
    serve(asking());
    FakeClient client = chat(new FakeClient().stall());
    forwarder.call().connected().head(200, SSE).chunk(EVENT + FINISH + HALF).chunk("!\"},");
    forwarder.call().chunk(DONE).completeAtOnce();
    client.takeAll();
    assertThat(client.text()).startsWith(EVENT + FINISH).doesNotContain("#");
  }

  @Test
  void anAnswerWithoutTheEventIsWholeToo() {
    serve(asking());
    FakeClient client = finished();
    forwarder.call().chunk(DONE).complete();
    ExchangeRecord record = assertComplete(client, EVENT + FINISH + DONE);
    assertThat(record.usage().source()).isEqualTo(Usage.Source.ESTIMATED);
    assertTold(UsageRequest.KEPT);
  }

  @Test
  void aCodedAnswerIsNotLookedInto() {
    serve(asking());
    FakeClient client = chat();
    forwarder
        .call()
        .connected()
        .head(200, "Content-Type", "text/event-stream", "Content-Encoding", "gzip")
        .chunk(FINISH + USAGE + DONE)
        .complete();
    assertThat(client.text()).isEqualTo(FINISH + USAGE + DONE);
    assertTold(UsageRequest.KEPT);
  }

  @Test
  void aRefusalForAnotherReasonIsHandedOnAtOnce() {
    serve(asking());
    for (int status : new int[] {401, 404, 413, 429, 500, 503}) {
      FakeClient client = chat();
      int calls = forwarder.calls().size();
      forwarder.call().connected().head(status).chunk(REFUSAL).complete();
      assertThat(client.status()).isEqualTo(status);
      assertThat(client.text()).isEqualTo(REFUSAL);
      assertThat(forwarder.calls()).hasSize(calls);
    }
    assertThat(told(UsageRequest.ADDED)).isEqualTo(6);
  }

  @Test
  void whatIsHeldIsHandedOnBeforeAGoodEnd() {
    serve(asking().requireDone(false));
    FakeClient client = finished();
    forwarder.call().chunk(HALF).complete();
    ExchangeRecord record = assertComplete(client, EVENT + FINISH + HALF);
    assertThat(record.responseBytes()).isEqualTo(client.bytes().length);
    assertTold(UsageRequest.KEPT);
  }

  @Test
  void aSlowClientIsWaitedForBeforeThat() {
    serve(asking().requireDone(false));
    FakeClient client = finished();
    client.stall();
    forwarder.call().chunk(HALF).complete();
    assertRunning(client);
    client.takeAll();
    assertComplete(client, EVENT + FINISH + HALF);
  }

  @Test
  void theEventWithoutItsBlankLineIsTakenOutAtAGoodEnd() {
    serve(asking().requireDone(false));
    FakeClient client = finished();
    forwarder.call().chunk(USAGE.strip()).complete();
    ExchangeRecord record = assertComplete(client, EVENT + FINISH);
    assertThat(record.usage().outputTokens()).isEqualTo(9);
    assertTold(UsageRequest.ADDED);
  }

  @Test
  void aBrokenStreamHandsOnWhatIsHeldAndIsCutThere() {
    serve(asking());
    FakeClient client = finished();
    forwarder.call().chunk(HALF).fail(Phase.BODY);
    ExchangeRecord record =
        assertCut(
            client, EVENT + FINISH + HALF, EndReason.UPSTREAM_ERROR, ErrorCode.UPSTREAM_FAILED);
    assertThat(record.responseBytes()).isEqualTo(client.bytes().length);
    assertTold(UsageRequest.ADDED);
  }

  @Test
  void aTruncatedStreamHandsOnWhatIsHeldAndIsCutThere() {
    serve(asking());
    FakeClient client = finished();
    forwarder.call().chunk(HALF).complete();
    assertCut(
        client, EVENT + FINISH + HALF, EndReason.UPSTREAM_TRUNCATED, ErrorCode.UPSTREAM_TRUNCATED);
  }

  @Test
  void aSilentStreamHandsOnWhatIsHeldAndIsCutThere() {
    serve(asking());
    FakeClient client = finished();
    forwarder.call().chunk(HALF);
    ticker.advance(IDLE.minusNanos(1));
    assertThat(client.text()).isEqualTo(EVENT + FINISH);
    ticker.advanceNanos(1);
    assertCut(
        client, EVENT + FINISH + HALF, EndReason.IDLE_TIMEOUT, ErrorCode.UPSTREAM_IDLE_TIMEOUT);
  }

  @Test
  void whatIsHeldCountsAsALifeSignOfTheUpstream() {
    serve(asking());
    FakeClient client = finished();
    ticker.advance(IDLE.minusNanos(1));
    forwarder.call().chunk(HALF);
    ticker.advance(IDLE.minusNanos(1));
    assertRunning(client);
  }

  @Test
  void aStoppingRelayHandsOnWhatIsHeldAndCutsThere() {
    serve(asking());
    FakeClient client = finished();
    forwarder.call().chunk(HALF);
    CompletableFuture<DrainResult> drained = relay().drain(Duration.ZERO, Duration.ZERO);
    assertCut(client, EVENT + FINISH + HALF, EndReason.DRAINED, ErrorCode.DRAINED);
    assertDrained(drained, 0, 1);
  }

  @Test
  void behindTheEventThatWasTakenOutATerminalEventHasItsPlace() {
    serve(asking());
    FakeClient client = finished();
    forwarder.call().chunk(USAGE).fail(Phase.BODY);
    assertCutWithEvent(client, EVENT + FINISH, ErrorCode.UPSTREAM_FAILED);
    assertTold(UsageRequest.ADDED);
  }

  @Test
  void alsoIfItsBlankLineIsMissing() {
    serve(asking());
    FakeClient client = finished();
    forwarder.call().chunk(USAGE.strip()).fail(Phase.BODY);
    assertCutWithEvent(client, EVENT + FINISH, ErrorCode.UPSTREAM_FAILED);
  }

  @Test
  void aHeartbeatGoesBeforeWhatIsHeld() {
    serve(asking().heartbeat(Duration.ofSeconds(7)));
    FakeClient client = finished();
    forwarder.call().chunk(HALF);
    ticker.advance(Duration.ofSeconds(7));
    assertThat(client.text()).isEqualTo(EVENT + FINISH + COMMENT);
    forwarder.call().chunk(USAGE.substring(HALF.length()));
    ticker.advance(Duration.ofSeconds(7));
    forwarder.call().chunk(DONE).complete();
    assertComplete(client, EVENT + FINISH + COMMENT + COMMENT + DONE);
  }

  @Test
  void withinAnEventThatIsNotHeldThereIsNone() {
    serve(asking().heartbeat(Duration.ofSeconds(7)));
    FakeClient client = finished();
    String half = "data: {\"choices\":[{";
    forwarder.call().chunk(half);
    ticker.advance(Duration.ofSeconds(21));
    assertThat(client.text()).isEqualTo(EVENT + FINISH + half);
  }

  @Test
  void aClientThatLeavesWithTheReasonInHandDoesNotGetWhatIsHeld() {
    serve(asking());
    FakeClient client = finished();
    forwarder.call().chunk(HALF);
    client.leave();
    assertThat(client.text()).isEqualTo(EVENT + FINISH);
    ExchangeRecord record = assertEnded(client, 200, EndReason.COMPLETE, null);
    assertThat(record.responseBytes()).isEqualTo((EVENT + FINISH).length());
    assertTold(UsageRequest.ADDED);
  }

  @Test
  void ofAStreamThatIsReadToItsEndWithoutItsClientTheUsageCounts() {
    serve(asking().onClientGone(ClientGonePolicy.drain()));
    FakeClient client = streaming();
    client.leave();
    forwarder.call().chunk(FINISH + USAGE + DONE).complete();
    ExchangeRecord record = record();
    assertThat(record.usage().source()).isEqualTo(Usage.Source.REPORTED);
    assertThat(record.abandonedBytes()).isEqualTo((FINISH + USAGE + DONE).length());
    assertTold(UsageRequest.ADDED);
  }

  @Test
  void aStreamThatBeganEarlyLosesTheEventToo() {
    serve(asking().commitAfter(Duration.ofSeconds(2)));
    FakeClient client = chat();
    forwarder.call().connected();
    ticker.advance(Duration.ofSeconds(2));
    forwarder.call().head(200, SSE).chunk(EVENT + FINISH + USAGE + DONE).complete();
    assertComplete(client, COMMENT + EVENT + FINISH + DONE);
  }

  /** Cut behind any byte: the client has every byte but the event's, and an error only between. */
  @Test
  void aStreamThatBreaksAnywhereLosesNothingButTheEvent() {
    serve(asking());
    String text = Recordings.named("openai-chat-usage").text();
    int to = text.indexOf("data: [DONE]");
    int from = text.lastIndexOf("data: ", to - 1);
    byte[] bytes = text.getBytes(UTF_8);
    // All that is not ASCII comes before.
    int behind = bytes.length - text.length();
    for (int at = from - 300; at <= text.length(); at++) {
      FakeClient client = chat();
      forwarder
          .call()
          .connected()
          .head(200, SSE)
          .chunk(Arrays.copyOf(bytes, at - 40 + behind))
          .chunk(Arrays.copyOfRange(bytes, at - 40 + behind, at + behind))
          .fail(Phase.BODY);
      // Whole data is the event, also without its blank line.
      boolean whole = at >= to - 2;
      String got =
          whole
              ? text.substring(0, from) + text.substring(Math.min(to, at), at)
              : text.substring(0, at);
      assertThat(client.text()).as("cut at %s", at).startsWith(got);
      String more = client.text().substring(got.length());
      boolean border = Recording.isEventBorder(got.getBytes(UTF_8), got.getBytes(UTF_8).length);
      assertThat(more).as("cut at %s", at).matches(border ? "data: \\{\"error\":.*\n\n" : "");
      assertThat(client.isCut()).isTrue();
    }
  }

  // ---- a provider that refuses

  @ParameterizedTest
  @ValueSource(ints = {400, 422})
  void whatIsRefusedIsSentAgainAsTheClientWroteIt(int status) {
    serve(asking());
    FakeClient client = post(BODY);
    FakeForwarder.Call first = forwarder.call();
    assertThat(sent(first)).isEqualTo(ASKING);
    first.connected().head(status, "X-Request-ID", "one").chunk(REFUSAL).complete();
    assertThat(client.sent()).isFalse();
    assertThat(first.cancels()).isEqualTo(1);
    assertThat(forwarder.calls()).hasSize(2);
    FakeForwarder.Call second = forwarder.call();
    assertThat(sent(second)).isEqualTo(BODY);
    assertThat(second.request().pathAndQuery()).isEqualTo(first.request().pathAndQuery());
    assertThat(second.headers()).isSameAs(first.headers());
    second.connected().head(200, SSE).chunk(EVENT + FINISH + USAGE + DONE).complete();
    ExchangeRecord record = assertComplete(client, EVENT + FINISH + USAGE + DONE);
    assertThat(record.attempts()).isEqualTo(2);
    assertThat(record.upstreamStatus()).isEqualTo(200);
    assertThat(record.upstreamRequestId()).isNull();
    assertThat(record.responseBytes()).isEqualTo(client.bytes().length);
    assertTold(UsageRequest.REFUSED);
  }

  @Test
  void itIsNotAskedAgainForTenMinutes() {
    serve(asking().timeouts(timeouts(0, 0, 0, 0)).stallLimit(Duration.ZERO));
    chat();
    forwarder.call().connected().head(400).complete();
    forwarder.call().connected().head(200, SSE);

    // At once, while that stream runs.
    post(BODY);
    assertThat(sent()).isEqualTo(BODY);
    forwarder.call().connected().head(200, SSE).chunk(DONE).complete();
    assertThat(record().usageRequest()).isEqualTo(UsageRequest.REFUSED);
    assertThat(record().attempts()).isEqualTo(1);

    post(BODY.replace("\"m\"", "\"n\""));
    assertThat(sent()).isEqualTo(ASKING.replace("\"m\"", "\"n\""));
    ticker.advance(Duration.ofMinutes(10).minusNanos(1));
    post(BODY);
    assertThat(sent()).isEqualTo(BODY);
    ticker.advanceNanos(1);
    post(BODY);
    assertThat(sent()).isEqualTo(ASKING);
  }

  @Test
  void aRequestThatIsWrongOfItselfGetsItsOwnRefusal() {
    serve(asking());
    FakeClient client = chat();
    forwarder.call().connected().head(400).chunk("first").complete();
    forwarder.call().connected().head(400, "X-Request-ID", "two").chunk(REFUSAL).complete();
    assertThat(client.status()).isEqualTo(400);
    assertThat(client.text()).isEqualTo(REFUSAL);
    ExchangeRecord record = assertEnded(client, 400, EndReason.UPSTREAM_REFUSED, null);
    assertThat(record.attempts()).isEqualTo(2);
    assertThat(record.upstreamRequestId()).isEqualTo("two");
    // Nothing is learnt from that.
    post(BODY);
    assertThat(sent()).isEqualTo(ASKING);
  }

  @Test
  void aLateRefusalIsNotOfTheOption() {
    serve(asking());
    FakeClient client = chat();
    forwarder.call().connected();
    ticker.advance(Duration.ofSeconds(10));
    forwarder.call().head(400).chunk(REFUSAL).complete();
    assertThat(client.text()).isEqualTo(REFUSAL);
    assertEnded(client, 400, EndReason.UPSTREAM_REFUSED, null);
    assertThat(forwarder.calls()).hasSize(1);
  }

  @Test
  void aRefusalOfWhatWasNotAskedIsHandedOn() {
    serve(asking());
    FakeClient client = post(ASKING);
    forwarder.call().connected().head(400).chunk(REFUSAL).complete();
    assertThat(client.text()).isEqualTo(REFUSAL);
    assertThat(forwarder.calls()).hasSize(1);
    assertTold(null);
  }

  @Test
  void aSecondCallThatFailsIsTheAnswer() {
    serve(asking());
    FakeClient client = chat();
    forwarder.call().connected().head(400).complete();
    forwarder.call().fail(Phase.CONNECT);
    ExchangeRecord record = assertRefused(client, ErrorCode.UPSTREAM_UNREACHABLE);
    assertThat(record.attempts()).isEqualTo(2);
    assertTold(UsageRequest.REFUSED);
  }

  private ExchangeRecord assertGoneWithNothing(FakeClient client) {
    assertThat(client.sent()).isFalse();
    assertThat(client.isCut()).isTrue();
    return assertEnded(client, 499, EndReason.CLIENT_GONE, null);
  }

  @Test
  void aClientThatLeavesInBetweenEndsIt() {
    serve(asking());
    forwarder.slowToCancel();
    FakeClient client = chat();
    forwarder.call().connected().head(400);
    client.leave();
    forwarder.call().finishCancel();
    ExchangeRecord record = assertGoneWithNothing(client);
    assertThat(record.attempts()).isEqualTo(1);
    assertThat(record.abandonment()).isEqualTo(Abandonment.CANCEL);
    assertThat(forwarder.calls()).hasSize(1);
  }

  @Test
  void evenIfItsAnswersAreReadToTheirEnd() {
    serve(asking().onClientGone(ClientGonePolicy.drain()));
    forwarder.slowToCancel();
    FakeClient client = chat();
    forwarder.call().connected().head(400);
    client.leave();
    forwarder.call().finishCancel();
    assertGoneWithNothing(client);
    assertThat(forwarder.calls()).hasSize(1);
  }

  @Test
  void aRefusalThatNobodyWaitsForIsReadLikeAnyAnswer() {
    serve(asking().onClientGone(ClientGonePolicy.drain()));
    FakeClient client = chat();
    forwarder.call().connected();
    client.leave();
    forwarder.call().head(400).chunk(REFUSAL).complete();
    ExchangeRecord record = assertGoneWithNothing(client);
    assertThat(record.abandonment()).isEqualTo(Abandonment.DRAIN);
    assertThat(forwarder.calls()).hasSize(1);
  }

  @Test
  void aClientThatLeavesAfterItCancelsTheSecondCall() {
    serve(asking());
    FakeClient client = chat();
    forwarder.call().connected().head(400);
    client.leave();
    assertThat(forwarder.calls()).hasSize(2);
    assertThat(forwarder.call().cancels()).isEqualTo(1);
    assertGoneWithNothing(client);
  }

  @Test
  void aRelayThatStopsInBetweenSendsNothingMore() {
    serve(asking());
    forwarder.slowToCancel();
    FakeClient client = chat();
    forwarder.call().connected().head(400);
    CompletableFuture<DrainResult> drained = relay().drain(Duration.ZERO, Duration.ZERO);
    forwarder.call().finishCancel();
    assertRefused(client, ErrorCode.DRAINED);
    assertThat(forwarder.calls()).hasSize(1);
    assertDrained(drained, 0, 1);
  }

  @Test
  void aRelayThatStopsInBetweenSendsNothingMoreAlsoIfTheAnswerIsWhole() {
    serve(asking());
    forwarder.slowToCancel();
    FakeClient client = chat();
    forwarder.call().connected().head(422);
    CompletableFuture<DrainResult> drained = relay().drain(Duration.ZERO, Duration.ZERO);
    forwarder.call().chunk(REFUSAL).completeAtOnce();
    assertRefused(client, ErrorCode.DRAINED);
    assertThat(forwarder.calls()).hasSize(1);
    assertDrained(drained, 0, 1);
  }

  @Test
  void theTotalClockRunsOverBoth() {
    serve(asking().timeouts(timeouts(10, 20, 30, 15)));
    FakeClient client = chat();
    forwarder.call().connected();
    ticker.advance(Duration.ofSeconds(9));
    forwarder.call().head(400);
    forwarder.call().connected();
    ticker.advance(Duration.ofSeconds(6).minusNanos(1));
    assertRunning(client);
    ticker.advanceNanos(1);
    ExchangeRecord record = assertRefused(client, ErrorCode.TOTAL_TIMEOUT);
    assertThat(record.upstreamWaitNanos()).isEqualTo(Duration.ofSeconds(15).toNanos());
  }

  @Test
  void theConnectClockBeginsAnew() {
    serve(asking());
    FakeClient client = chat();
    forwarder.call().connected();
    ticker.advance(Duration.ofSeconds(9));
    forwarder.call().head(400);
    ticker.advance(CONNECT.minusNanos(1));
    assertRunning(client);
    ticker.advanceNanos(1);
    assertRefused(client, ErrorCode.UPSTREAM_CONNECT_TIMEOUT);
  }

  @Test
  void theFirstByteClockBeginsAnew() {
    serve(asking());
    FakeClient client = chat();
    forwarder.call().connected();
    ticker.advance(Duration.ofSeconds(9));
    forwarder.call().head(400);
    ticker.advance(Duration.ofSeconds(9));
    forwarder.call().connected();
    ticker.advance(FIRST_BYTE.minusNanos(1));
    assertRunning(client);
    ticker.advanceNanos(1);
    assertRefused(client, ErrorCode.UPSTREAM_FIRST_BYTE_TIMEOUT);
  }

  @Test
  void aStreamThatBeganEarlyIsSavedToo() {
    serve(asking().commitAfter(Duration.ofSeconds(2)));
    FakeClient client = chat();
    forwarder.call().connected();
    ticker.advance(Duration.ofSeconds(2));
    assertThat(client.text()).isEqualTo(COMMENT);
    forwarder.call().head(400).complete();
    forwarder.call().connected().head(200, SSE).chunk(EVENT + FINISH + DONE).complete();
    assertComplete(client, COMMENT + EVENT + FINISH + DONE);
    assertTold(UsageRequest.REFUSED);
  }

  @Test
  void aSecondCallMayBeginEarlyToo() {
    serve(asking().commitAfter(Duration.ofSeconds(2)));
    FakeClient client = chat();
    forwarder.call().connected();
    ticker.advance(Duration.ofSeconds(1));
    forwarder.call().head(400).complete();
    forwarder.call().connected();
    ticker.advance(Duration.ofSeconds(2).minusNanos(1));
    assertThat(client.sent()).isFalse();
    ticker.advanceNanos(1);
    assertThat(client.text()).isEqualTo(COMMENT);
  }
}
