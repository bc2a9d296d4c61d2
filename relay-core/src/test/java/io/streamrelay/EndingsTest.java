package io.streamrelay;

import static org.assertj.core.api.Assertions.assertThat;

import io.streamrelay.config.AuthConfig;
import io.streamrelay.config.RateLimitConfig;
import io.streamrelay.error.ErrorCode;
import io.streamrelay.error.RelayError;
import io.streamrelay.forward.ForwardResult.Phase;
import io.streamrelay.policy.ApiKey;
import io.streamrelay.policy.Decision;
import io.streamrelay.route.UpstreamCredential;
import io.streamrelay.testkit.FakeBody;
import io.streamrelay.testkit.FakeClient;
import io.streamrelay.testkit.FakeRequest;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Every way in which an exchange can end, but for time, drain and a client that leaves. */
class EndingsTest extends ExchangeFixture {
  @Test
  void aWholeAnswerIsComplete() {
    FakeClient client = streaming();
    ticker.advance(Duration.ofSeconds(2));
    forwarder.call().chunk(FINISH).chunk(DONE).complete();

    ExchangeRecord record = assertComplete(client, EVENT + FINISH + DONE);
    assertThat(client.status()).isEqualTo(200);
    assertThat(record.route()).isEqualTo("chat");
    assertThat(record.method()).isEqualTo("POST");
    assertThat(record.path()).isEqualTo(CHAT);
    assertThat(record.model()).isEqualTo("m");
    assertThat(record.tenant()).isEqualTo("default");
    assertThat(record.clientAddress()).isEqualTo("192.0.2.1");
    assertThat(record.events()).isEqualTo(3);
    assertThat(record.requestBytes()).isEqualTo(27);
    assertThat(record.responseBytes()).isEqualTo((EVENT + FINISH + DONE).length());
    assertThat(record.timeToHeadNanos()).isZero();
    assertThat(record.timeToFirstByteNanos()).isZero();
    assertThat(record.durationNanos()).isEqualTo(2_000_000_000L);
    assertThat(metric("relay_bytes", "direction", "in")).isEqualTo(27);
    assertThat(metric("relay_bytes", "direction", "out"))
        .isEqualTo((double) record.responseBytes());
    assertThat(metric("relay_time_to_first_byte_seconds")).isEqualTo(1);
  }

  @Test
  void anAnswerWithoutABodyIsComplete() {
    FakeClient client = send(FakeRequest.of("DELETE", "/v1/files/7"));
    forwarder.call().connected().head(204).complete();
    assertComplete(client, "");
    assertThat(client.status()).isEqualTo(204);
  }

  @Test
  void eachChunkIsOneWriteAndTheHeadGoesWithTheFirst() {
    FakeClient client = chat();
    forwarder.call().connected().head(200, SSE);
    assertThat(client.sent()).isFalse();
    forwarder.call().chunk(EVENT).chunk(DONE).complete();
    assertThat(client.writes()).containsExactly(EVENT.length(), DONE.length());
    assertComplete(client, EVENT + DONE);
  }

  @Test
  void aFlushedHeadGoesOutBeforeTheFirstChunk() {
    FakeClient client = chat();
    forwarder.call().connected().head(200, SSE).flush();
    assertThat(client.status()).isEqualTo(200);
    assertThat(client.flushes()).isEqualTo(1);
    forwarder.call().chunk(DONE).complete();
    assertComplete(client, DONE);
  }

  @ParameterizedTest
  @ValueSource(ints = {400, 401, 404, 429, 500, 503, 529})
  void anUpstreamsRefusalPassesUntouched(int status) {
    FakeClient client = chat();
    String body = "{\"error\":{\"type\":\"theirs\"}}";
    forwarder
        .call()
        .connected()
        .head(status, "Content-Type", "application/json", "Retry-After", "17", "x-ratelimit", "0")
        .chunk(body)
        .complete();
    assertThat(client.text()).isEqualTo(body);
    assertThat(client.headers().all("Retry-After")).containsExactly("17");
    assertThat(client.headers().first("x-ratelimit")).isEqualTo("0");
    assertThat(client.isComplete()).isTrue();
    assertEnded(client, status, EndReason.UPSTREAM_REFUSED, null);
  }

  @ParameterizedTest
  @CsvSource({
    "QUEUE, UPSTREAM_BUSY",
    "CONNECT, UPSTREAM_UNREACHABLE",
    "HEAD, UPSTREAM_FAILED",
    "BODY, UPSTREAM_FAILED"
  })
  void anUpstreamThatFailsBeforeItsHeadIsAnError(Phase phase, ErrorCode code) {
    FakeClient client = chat();
    forwarder.call().fail(phase);
    assertRefused(client, code);
    assertThat(client.text()).doesNotContain("upstream.test", "broke\"", "IOException");
    assertThat(client.headers().first("Retry-After")).isEqualTo(phase == Phase.QUEUE ? "1" : null);
  }

  @Test
  void anErrorBetweenTheHeadAndItsFirstChunkIsStillAProperAnswer() {
    FakeClient client = chat();
    forwarder.call().connected().head(200, SSE).fail(Phase.BODY);
    ExchangeRecord record = assertRefused(client, ErrorCode.UPSTREAM_FAILED);
    assertThat(record.timeToHeadNanos()).isZero();
    assertThat(record.timeToFirstByteNanos()).isEqualTo(-1);
  }

  @Test
  void aForwarderThatThrowsIsADefectAndAnsweredSo() {
    forwarder.throwing(new IllegalArgumentException("secret"));
    FakeClient client = chat();
    assertRefused(client, ErrorCode.RELAY_ERROR);
    assertThat(client.text()).doesNotContain("secret");
  }

  @Test
  void aForwarderThatCompletesWithoutAHeadIsADefect() {
    FakeClient client = chat();
    forwarder.call().connected().complete();
    assertRefused(client, ErrorCode.RELAY_ERROR);
  }

  @Test
  void aForwarderThatCancelsByItselfIsADefect() {
    FakeClient client = chat();
    forwarder.close();
    assertRefused(client, ErrorCode.RELAY_ERROR);
  }

  @Test
  void aForwarderMayCompleteWhileItsLastWriteIsPending() {
    FakeClient client = streaming(new FakeClient().stall());
    client.take();
    forwarder.call().chunk(DONE).completeAtOnce();
    assertRunning(client);
    client.take();
    assertComplete(client, EVENT + DONE);
  }

  @Test
  void aLastWriteThatNeverLeavesIsIdle() {
    FakeClient client = streaming(new FakeClient().stall());
    forwarder.call().completeAtOnce();
    ticker.advance(IDLE.plus(FINISH_LIMIT));
    assertCut(client, "", EndReason.IDLE_TIMEOUT, ErrorCode.CLIENT_STALLED);
  }

  @ParameterizedTest
  @EnumSource(ErrorCode.class)
  void aPolicyMayRefuseWithAnyCode(ErrorCode code) {
    policies.add(onRequest(exchange -> Decision.reject(RelayError.of(code, "no"))));
    FakeClient client = chat();
    assertRefused(client, code);
    assertThat(forwarder.calls()).isEmpty();
  }

  @Test
  void aPolicysOwnCodeIsShownAndCountedAsRejected() {
    policies.add(onRequest(exchange -> Decision.reject(402, "no_budget", "spent")));
    FakeClient client = chat();
    assertThat(client.text()).contains("\"no_budget\"").contains("spent");
    assertEnded(client, 402, EndReason.REJECTED, ErrorCode.POLICY_REJECTED);
  }

  @ParameterizedTest
  @ValueSource(strings = {"/v1/../admin", "/v1//x", "/v1/%2e%2e/x", "v1", ""})
  void aPathThatServersReadDifferentlyIsRefusedAndNotRecorded(String path) {
    FakeClient client = send(FakeRequest.get(path));
    ExchangeRecord record = assertRefused(client, ErrorCode.INVALID_PATH);
    assertThat(record.route()).isEqualTo(ExchangeRecord.NO_ROUTE);
    assertThat(record.path()).isEmpty();
    assertThat(ledger).isEmpty();
  }

  @Test
  void aWrongQueryIsRefused() {
    FakeClient client = send(FakeRequest.get("/v1/models").query("a=b c"));
    assertThat(assertRefused(client, ErrorCode.INVALID_PATH).path()).isEqualTo("/v1/models");
    assertThat(ledger).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"/", "/v2/models", "/v10"})
  void aPathWithoutARouteIsNotFound(String path) {
    FakeClient client = send(FakeRequest.get(path));
    ExchangeRecord record = assertRefused(client, ErrorCode.ROUTE_NOT_FOUND);
    assertThat(record.route()).isEqualTo("_none");
    assertThat(record.path()).isEqualTo(path);
  }

  @ParameterizedTest
  @ValueSource(strings = {"TRACE", "CONNECT", "get", "BREW", ""})
  void aMethodThatIsNotPassedOnIsRefused(String method) {
    FakeClient client = send(FakeRequest.of(method, "/v1/models"));
    assertRefused(client, ErrorCode.METHOD_NOT_ALLOWED);
    assertThat(client.headers().first("Allow")).contains("GET, HEAD, POST");
  }

  @ParameterizedTest
  @ValueSource(strings = {"gzip, chunked", "identity, chunked", "chunked, chunked", "gzip"})
  void aBodyInACodingThatWouldBeTakenOffUnseenIsRefused(String coding) {
    FakeClient client =
        send(FakeRequest.of("POST", "/v1/models").header("Transfer-Encoding", coding));
    assertRefused(client, ErrorCode.INVALID_HEADER);
  }

  @Test
  void withoutAKeyNothingIsReadOrSent() {
    config.auth(new AuthConfig(true, List.of(ApiKey.plain("sk-1"))));
    FakeBody body = FakeBody.declared(100);
    FakeClient client = send(FakeRequest.post(CHAT).header("Expect", "100-continue").body(body));
    assertRefused(client, ErrorCode.MISSING_API_KEY);
    assertThat(client.headers().first("WWW-Authenticate")).isEqualTo("Bearer");
    assertThat(body.reads()).isZero();
    assertThat(ledger).isEmpty();
  }

  @Test
  void aWrongKeyIsRefused() {
    config.auth(new AuthConfig(true, List.of(ApiKey.plain("sk-1"))));
    FakeClient client = send(FakeRequest.get("/v1/models").header("x-api-key", "sk-2"));
    assertRefused(client, ErrorCode.INVALID_API_KEY);
  }

  @Test
  void theRecordNamesTheKeyAndItsTenant() {
    config.auth(new AuthConfig(true, List.of(ApiKey.bound("team", "sk-1", "acme"))));
    FakeClient client = send(FakeRequest.get("/v1/models").header("Authorization", "Bearer sk-1"));
    forwarder.call().connected().head(200).chunk("{}").complete();
    ExchangeRecord record = assertComplete(client, "{}");
    assertThat(record.keyName()).isEqualTo("team");
    assertThat(record.tenant()).isEqualTo("acme");
  }

  @Test
  void aTenantThatIsNoNameIsRefused() {
    FakeClient client = send(FakeRequest.get("/v1/models").header("X-Tenant-ID", "a b"));
    assertRefused(client, ErrorCode.INVALID_HEADER);
  }

  @Test
  void overItsRateATenantIsToldWhenToComeBack() {
    config.rateLimit(RateLimitConfig.perTenant(60, 1));
    send(FakeRequest.get("/v1/models"));
    FakeClient second = send(FakeRequest.get("/v1/models"));
    assertThat(second.status()).isEqualTo(429);
    assertThat(second.headers().first("Retry-After")).isEqualTo("1");
    assertThat(second.headers().first("Retry-After-Ms")).isEqualTo("1000");
    assertThat(record().error()).isEqualTo(ErrorCode.RATE_LIMITED);
    assertThat(record().end()).isEqualTo(EndReason.REJECTED);
    FakeClient other = send(FakeRequest.get("/v1/models").header("X-Tenant-ID", "other"));
    assertThat(other.ends()).isZero();
  }

  @Test
  void withoutTheProvidersKeyNothingIsReadOrSentAndTheOperatorIsTold() {
    serve(route().credential(new UpstreamCredential("Authorization", null, "OPENAI_API_KEY")));
    FakeBody body = FakeBody.of("{}");
    FakeClient client = send(FakeRequest.post(CHAT).header("Expect", "100-continue").body(body));
    assertRefused(client, ErrorCode.UPSTREAM_KEY_MISSING);
    assertThat(client.text()).contains("OPENAI_API_KEY");
    assertThat(forwarder.calls()).isEmpty();
    assertThat(body.reads()).isZero();
  }

  @Test
  void aHeadRequestsErrorHasNoBody() {
    FakeClient client = send(FakeRequest.of("HEAD", "/nowhere"));
    assertThat(client.status()).isEqualTo(404);
    assertThat(client.bytes()).isEmpty();
    assertThat(client.flushes()).isEqualTo(1);
    assertThat(client.headers().first("Content-Length")).isNotEqualTo("0");
    assertThat(client.isComplete()).isTrue();
    assertEnded(client, 404, EndReason.REJECTED, ErrorCode.ROUTE_NOT_FOUND);
  }

  @Test
  void everyEndReasonHasACodeOrATestOfItsOwn() {
    List<EndReason> byError =
        Arrays.stream(ErrorCode.values()).map(ErrorCode::endReason).distinct().toList();
    assertThat(EndReason.values())
        .filteredOn(reason -> !byError.contains(reason))
        .containsExactlyInAnyOrder(EndReason.COMPLETE, EndReason.CLIENT_GONE);
  }
}
