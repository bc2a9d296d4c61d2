package io.streamrelay;

import static org.assertj.core.api.Assertions.assertThat;

import io.streamrelay.error.ErrorCode;
import io.streamrelay.forward.ForwardResult.Phase;
import io.streamrelay.route.Dialect;
import io.streamrelay.route.StreamKind;
import io.streamrelay.testkit.FakeClient;
import io.streamrelay.testkit.FakeRequest;
import io.streamrelay.transport.ClientResponse;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Streams that break, or say that they failed, after the head was sent. */
class BrokenStreamTest extends ExchangeFixture {
  private static final String ANTHROPIC_HALF =
      """
      event: message_start
      data: {"type":"message_start","message":{}}

      event: content_block_delta
      data: {"type":"content_bl

      """;

  private void fail() {
    forwarder.call().fail(Phase.BODY);
  }

  @Test
  void atAnEventBorderTheClientIsToldAndCut() {
    FakeClient client = streaming();
    fail();
    assertCutWithEvent(client, EVENT, ErrorCode.UPSTREAM_FAILED);
  }

  @ParameterizedTest
  @CsvSource({
    "OPENAI, 'data: {\"error\":{\"message\":'",
    "ANTHROPIC, 'event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\"'",
    "GEMINI, 'data: {\"error\":{\"code\":502'",
    "AZURE, 'data: {\"error\":{\"code\":\"upstream_failed\"'",
    "ELEVENLABS, 'data: {\"detail\":{\"status\":\"upstream_failed\"'"
  })
  void theTerminalEventSpeaksTheRoutesDialect(Dialect dialect, String start) {
    serve(route().dialect(dialect));
    FakeClient client = streaming();
    fail();
    assertThat(client.text()).startsWith(EVENT + start).endsWith("}\n\n");
    assertThat(client.isCut()).isTrue();
    assertEnded(client, 200, EndReason.UPSTREAM_ERROR, ErrorCode.UPSTREAM_FAILED);
  }

  @ParameterizedTest
  @EnumSource(Dialect.class)
  void anErrorAnswerSpeaksTheRoutesDialect(Dialect dialect) {
    serve(route().dialect(dialect));
    FakeClient client = chat();
    forwarder.call().fail(Phase.CONNECT);
    assertRefused(client, ErrorCode.UPSTREAM_UNREACHABLE);
    assertThat(client.text().startsWith("{\"detail\":")).isEqualTo(dialect == Dialect.ELEVENLABS);
  }

  @ParameterizedTest
  @ValueSource(strings = {"data: {\"a\":", "data: x", "data: x\n", "event: y\ndata: z\n", "d", ":"})
  void inTheMiddleOfAnEventItIsOnlyCut(String start) {
    FakeClient client = streaming();
    forwarder.call().chunk(start);
    fail();
    assertCut(client, EVENT + start, EndReason.UPSTREAM_ERROR, ErrorCode.UPSTREAM_FAILED);
  }

  @Test
  void afterAFlushedHeadThereIsABorder() {
    FakeClient client = chat();
    forwarder.call().connected().head(200, SSE).flush();
    fail();
    assertCutWithEvent(client, "", ErrorCode.UPSTREAM_FAILED);
  }

  @ParameterizedTest
  @ValueSource(strings = {"application/json", "audio/mpeg", "text/plain", "application/x-ndjson"})
  void whatIsNoEventStreamIsOnlyCut(String type) {
    FakeClient client = chat();
    forwarder.call().connected().head(200, "Content-Type", type).chunk("abc\n\n");
    fail();
    assertCut(client, "abc\n\n", EndReason.UPSTREAM_ERROR, ErrorCode.UPSTREAM_FAILED);
    assertThat(client.headers().contains("X-Accel-Buffering")).isFalse();
  }

  @Test
  void aRawRouteIsNeverLookedInto() {
    serve(route().kind(StreamKind.RAW));
    FakeClient client = streaming();
    fail();
    assertCut(client, EVENT, EndReason.UPSTREAM_ERROR, ErrorCode.UPSTREAM_FAILED);
  }

  @Test
  void aCodedStreamIsNotLookedInto() {
    FakeClient client = chat();
    forwarder
        .call()
        .connected()
        .head(200, "Content-Type", "text/event-stream", "Content-Encoding", "gzip")
        .chunk(EVENT);
    fail();
    assertCut(client, EVENT, EndReason.UPSTREAM_ERROR, ErrorCode.UPSTREAM_FAILED);
  }

  @Test
  void theTerminalEventWaitsForAPendingChunk() {
    FakeClient client = streaming(new FakeClient().stall());
    fail();
    assertRunning(client);
    client.take();
    assertRunning(client);
    assertThat(client.text()).isEqualTo(EVENT);
    client.take();
    assertCutWithEvent(client, EVENT, ErrorCode.UPSTREAM_FAILED);
  }

  @Test
  void theTerminalEventHasFiveSecondsToLeave() {
    FakeClient client = streaming();
    client.stall();
    fail();
    ticker.advance(FINISH_LIMIT.minusNanos(1));
    assertRunning(client);
    ticker.advanceNanos(1);
    assertThat(client.writes()).hasSize(2);
    assertCut(client, EVENT, EndReason.UPSTREAM_ERROR, ErrorCode.UPSTREAM_FAILED);
  }

  @Test
  void aClientThatTakesNothingIsCutAfterFiveSeconds() {
    FakeClient client = streaming(new FakeClient().stall());
    fail();
    ticker.advance(FINISH_LIMIT.minusNanos(1));
    assertRunning(client);
    ticker.advanceNanos(1);
    assertThat(client.writes()).hasSize(1);
    assertCut(client, "", EndReason.UPSTREAM_ERROR, ErrorCode.UPSTREAM_FAILED);
  }

  @Test
  void aKnownStreamWithoutItsMarkerIsTruncated() {
    FakeClient client = streaming();
    forwarder.call().complete();
    assertCutWithEvent(client, EVENT, ErrorCode.UPSTREAM_TRUNCATED);
  }

  @Test
  void aKnownStreamThatEndsInAnEventIsTruncatedAndOnlyCut() {
    FakeClient client = streaming();
    forwarder.call().chunk("data: {\"object\":").complete();
    assertCut(
        client,
        EVENT + "data: {\"object\":",
        EndReason.UPSTREAM_TRUNCATED,
        ErrorCode.UPSTREAM_TRUNCATED);
  }

  @Test
  void aStreamWhoseModelFinishedStillMissesItsMarker() {
    FakeClient client = streaming();
    forwarder.call().chunk(FINISH).complete();
    assertCutWithEvent(client, EVENT + FINISH, ErrorCode.UPSTREAM_TRUNCATED);
  }

  @ParameterizedTest
  @ValueSource(strings = {"data: [DONE]", "data: [DONE]\n"})
  void aMarkerThatIsNotDispatchedIsLostToParsersAndSoIsMissing(String marker) {
    FakeClient client = streaming();
    forwarder.call().chunk(FINISH).chunk(marker).complete();
    assertCut(
        client,
        EVENT + FINISH + marker,
        EndReason.UPSTREAM_TRUNCATED,
        ErrorCode.UPSTREAM_TRUNCATED);
  }

  @ParameterizedTest
  @ValueSource(strings = {"data: [DONE]", "data: [DONE]\n", "data: [DONE]\n\n"})
  void aRouteThatRequiresNoMarkerTakesOneThatIsNotDispatched(String marker) {
    serve(route().requireDone(false));
    FakeClient client = streaming();
    forwarder.call().chunk(marker).complete();
    assertComplete(client, EVENT + marker);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "event: ping\ndata: {\"type\": \"ping\"}\n\n",
        "event: [DONE]\n\nid: [DONE]\n\n",
        "retry: 10\n\n"
      })
  void pingsAreNoAnswerToARequestForAStream(String text) {
    FakeClient client = chat();
    forwarder.call().connected().head(200, SSE).chunk(text).complete();
    assertCutWithEvent(client, text, ErrorCode.UPSTREAM_TRUNCATED);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        ANTHROPIC_HALF,
        "event: response.created\ndata: {\"type\":\"response.created\"}\n\ndata: {\"ty\n\n",
        "data: {\"candidates\":[{\"content\":{\"parts\":[]}}]}\n\ndata: {\"candi\n\n"
      })
  void halfAnEventWithABlankLineBehindItIsNoReasonToTrustAStream(String text) {
    FakeClient client = chat();
    forwarder.call().connected().head(200, SSE).chunk(text).complete();
    assertCutWithEvent(client, text, ErrorCode.UPSTREAM_TRUNCATED);
  }

  @Test
  void aRouteToAnthropicKnowsItsStreamWithoutTheFirstEvent() {
    serve(route().dialect(Dialect.ANTHROPIC));
    FakeClient client = chat();
    String text = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\"}\n\n";
    forwarder.call().connected().head(200, SSE).chunk(text).complete();
    assertThat(client.isCut()).isTrue();
    assertThat(record().end()).isEqualTo(EndReason.UPSTREAM_TRUNCATED);
  }

  @Test
  void aRouteToAProviderWithoutMarkersTakesTheFinishReasonForIt() {
    serve(route().requireDone(false));
    FakeClient client = streaming();
    forwarder.call().chunk(FINISH).complete();
    assertComplete(client, EVENT + FINISH);
  }

  @Test
  void thereToAStreamWithoutAFinishReasonIsTruncated() {
    serve(route().requireDone(false));
    FakeClient client = streaming();
    forwarder.call().complete();
    assertCutWithEvent(client, EVENT, ErrorCode.UPSTREAM_TRUNCATED);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", ": ping\n\n"})
  void nothingAtAllIsNoAnswerToARequestForAStream(String text) {
    FakeClient client = chat();
    forwarder.call().connected().head(200, SSE).flush().chunk(text).complete();
    assertCutWithEvent(client, text, ErrorCode.UPSTREAM_TRUNCATED);
  }

  @Test
  void nothingAtAllKeepsTheStatusOpen() {
    FakeClient client = chat();
    forwarder.call().connected().head(200, SSE).complete();
    assertRefused(client, ErrorCode.UPSTREAM_TRUNCATED);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", ": ping\n\n"})
  void nothingMayBeAWholeStreamWhereNoneWasAskedFor(String text) {
    FakeClient client = send(FakeRequest.get("/v1/events"));
    forwarder.call().connected().head(200, SSE).flush().chunk(text).complete();
    assertComplete(client, text);
  }

  @Test
  void aStreamOfAnUnknownProtocolIsComplete() {
    String text = "data: hello\n\n";
    FakeClient client = chat();
    forwarder.call().connected().head(200, SSE).flush().chunk(text).complete();
    assertComplete(client, text);
  }

  @Test
  void anErrorEventOfTheUpstreamPassesAndIsItsError() {
    String error = "data: {\"error\":{\"message\":\"overloaded\",\"type\":\"server_error\"}}\n\n";
    FakeClient client = streaming();
    forwarder.call().chunk(error).complete();
    assertThat(client.text()).isEqualTo(EVENT + error);
    assertThat(client.isComplete()).isTrue();
    assertEnded(client, 200, EndReason.UPSTREAM_ERROR, null);
  }

  @Test
  void anErrorStatusWithAnEventStreamIsARefusal() {
    FakeClient client = chat();
    forwarder.call().connected().head(429, SSE).chunk(EVENT).complete();
    assertThat(client.text()).isEqualTo(EVENT);
    assertEnded(client, 429, EndReason.UPSTREAM_REFUSED, null);
  }

  @Test
  void anEventStreamIsNotGatheredByAnNginxInFront() {
    FakeClient client = streaming();
    assertThat(client.headers().all("X-Accel-Buffering")).containsExactly("no");
  }

  @Test
  void aContainerThatMovesTheChunkItWasGivenHidesNothing() {
    FakeClient client = new FakeClient();
    clients.add(client);
    // As Jetty's HTTP/2 does while a write waits for the client's window.
    ClientResponse shortening = new QuirkyResponse(client, chunk -> chunk.position(0).limit(0));
    relay().handle(FakeRequest.post(CHAT).build(), shortening);
    forwarder.call().connected().head(200, SSE).chunk(EVENT).chunk(DONE).complete();
    assertComplete(client, EVENT + DONE);
    assertThat(record().events()).isEqualTo(2);
  }

  @Test
  void aSlowClientSlowsItsUpstreamAndGetsEveryByte() {
    FakeClient client = streaming(new FakeClient().stall());
    forwarder.call().chunk(FINISH).chunk(DONE).complete();
    assertThat(client.writes()).hasSize(1);
    client.take();
    assertThat(client.writes()).hasSize(2);
    ticker.advance(Duration.ofSeconds(20));
    client.takeAll();
    assertComplete(client, EVENT + FINISH + DONE);
  }
}
