package io.streamrelay.jetty.launcher;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.encoder.Encoder;
import ch.qos.logback.core.read.ListAppender;
import io.streamrelay.Abandonment;
import io.streamrelay.DisconnectPhase;
import io.streamrelay.EndReason;
import io.streamrelay.ExchangeRecord;
import io.streamrelay.Timings;
import io.streamrelay.UsageRequest;
import io.streamrelay.error.ErrorCode;
import io.streamrelay.log.AccessLog;
import io.streamrelay.log.RecordFields;
import io.streamrelay.observe.AudioStats;
import io.streamrelay.observe.Usage;
import io.streamrelay.price.Cost;
import io.streamrelay.trace.TraceContext;
import java.math.BigDecimal;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.slf4j.LoggerFactory;

/** Here rather than in relay-core, whose tests have no logging backend. */
class AccessLogTest {
  private final Logger logger = (Logger) LoggerFactory.getLogger("io.streamrelay.access");
  private final @Nullable Level levelBefore = logger.getLevel();
  private final ListAppender<ILoggingEvent> lines = new ListAppender<>();
  private final AccessLog log = new AccessLog();

  @BeforeEach
  void listen() {
    lines.start();
    logger.addAppender(lines);
    logger.setAdditive(false);
    logger.setLevel(Level.INFO);
  }

  @AfterEach
  void restore() {
    logger.detachAppender(lines);
    logger.setAdditive(true);
    logger.setLevel(levelBefore);
  }

  @Test
  void saysAllThatIsKnown() {
    log.onEnd(
        ExchangeRecord.builder()
            .requestId("req-1")
            .receivedAt(Instant.parse("2026-11-24T10:00:00.120Z"))
            .trace(
                new TraceContext(
                    "0af7651916cd43dd8448eb211c80319c",
                    "b7ad6b7169203331",
                    "00f067aa0ba902b7",
                    true,
                    null))
            .route("anthropic")
            .tenant("acme")
            .keyName("ci")
            .provider("anthropic")
            .upstream("api.anthropic.com:443")
            .operation("chat")
            .clientAddress("192.0.2.7")
            .method("POST")
            .path("/v1/messages")
            .model("claude")
            .responseModel("claude-4")
            .stream(true)
            .status(200)
            .upstreamStatus(200)
            .attempts(1)
            .end(EndReason.UPSTREAM_TRUNCATED)
            .error(ErrorCode.UPSTREAM_TRUNCATED)
            .finishReason("end_turn")
            .disconnect(DisconnectPhase.STREAMING)
            .upstreamRequestId("up-9")
            .durationNanos(1_234_999_999L)
            .timeToHeadNanos(55_000_000L)
            .timeToFirstByteNanos(56_000_000L)
            .timings(new Timings(57_900_000L, 58_000_000L, 300_000_000L, 1_000_000_000L, 61_499L))
            .requestBytes(17)
            .responseBytes(4711)
            .events(12)
            .clientBlockedNanos(7_900_000L)
            .upstreamWaitNanos(1_200_000_000L)
            .heartbeats(3)
            .earlyCommit(true)
            .usageRequest(UsageRequest.REFUSED)
            .usage(
                Usage.builder()
                    .inputTokens(20)
                    .outputTokens(101)
                    .cacheReadTokens(5)
                    .cacheWriteTokens(0)
                    .reasoningTokens(40)
                    .audioInputTokens(1)
                    .audioOutputTokens(2)
                    .inputCharacters(80)
                    .source(Usage.Source.PARTIAL)
                    .build())
            .cost(new Cost(123_400L, "2026-11", true))
            .audio(new AudioStats("wav", 2_500_000_000L, 1_000_000_000L, 2, 90_000_000L))
            .abandonment(Abandonment.DRAIN)
            .abandonedNanos(40_000_000L)
            .abandonedBytes(99)
            .deliveredOutputTokens(81)
            .build());

    ILoggingEvent line = onlyLine();
    assertThat(line.getFormattedMessage())
        .isEqualTo("POST /v1/messages 200 upstream_truncated 1234 ms");
    Map<String, Object> expected = new LinkedHashMap<>();
    expected.put("created_at", "2026-11-24T10:00:00.120Z");
    expected.put("request_id", "req-1");
    expected.put("trace_id", "0af7651916cd43dd8448eb211c80319c");
    expected.put("span_id", "b7ad6b7169203331");
    expected.put("parent_span_id", "00f067aa0ba902b7");
    expected.put("tenant_id", "acme");
    expected.put("key_id", "ci");
    expected.put("route", "anthropic");
    expected.put("provider", "anthropic");
    expected.put("upstream", "api.anthropic.com:443");
    expected.put("operation", "chat");
    expected.put("model", "claude");
    expected.put("response_model", "claude-4");
    expected.put("stream", true);
    expected.put("client", "192.0.2.7");
    expected.put("method", "POST");
    expected.put("path", "/v1/messages");
    expected.put("status_code", 200L);
    expected.put("upstream_status", 200L);
    expected.put("attempts", 1L);
    expected.put("outcome", "upstream_truncated");
    expected.put("error_type", "upstream_truncated");
    expected.put("finish_reason", "end_turn");
    expected.put("disconnect_phase", "streaming");
    expected.put("upstream_request_id", "up-9");
    expected.put("duration_ms", 1234L);
    expected.put("upstream_head_ms", 55L);
    expected.put("ttfb_ms", 56L);
    expected.put("ttft_ms", 57L);
    expected.put("ttfa_ms", 58L);
    expected.put("tpot_ms", new BigDecimal("10.000"));
    expected.put("max_gap_ms", 300L);
    expected.put("overhead_ms", new BigDecimal("0.061"));
    expected.put("client_blocked_ms", 7L);
    expected.put("upstream_wait_ms", 1200L);
    expected.put("bytes_in", 17L);
    expected.put("bytes_out", 4711L);
    expected.put("events", 12L);
    expected.put("heartbeats", 3L);
    expected.put("early_commit", true);
    expected.put("tokens_in", 20L);
    expected.put("tokens_out", 101L);
    expected.put("tokens_cached", 5L);
    expected.put("tokens_cache_write", 0L);
    expected.put("tokens_reasoning", 40L);
    expected.put("tokens_audio_in", 1L);
    expected.put("tokens_audio_out", 2L);
    expected.put("tokens_wasted", 20L);
    expected.put("characters_in", 80L);
    expected.put("usage_source", "partial");
    expected.put("usage_request", "refused");
    expected.put("cost_usd", new BigDecimal("0.0000001234"));
    expected.put("cost_estimated", true);
    expected.put("price_version", "2026-11");
    expected.put("audio_format", "wav");
    expected.put("audio_ms", 2500L);
    expected.put("underruns", 2L);
    expected.put("underrun_ms", 90L);
    expected.put("abandoned", "drain");
    expected.put("abandoned_ms", 40L);
    expected.put("abandoned_bytes", 99L);
    assertThat(pairs(line)).containsExactlyEntriesOf(expected);
    assertThat(pairs(line).keySet())
        .as("the fields, of which none may be forgotten here")
        .containsExactlyElementsOf(
            RecordFields.ALL.stream().map(RecordFields.Field::name).toList());
  }

  @Test
  void aCostIsADecimalWithTheVersionOfItsPrice() {
    log.onEnd(
        ExchangeRecord.builder()
            .end(EndReason.COMPLETE)
            .cost(new Cost(262_500, "2026-11-25", false))
            .build());

    assertThat(pairs(onlyLine()))
        .containsEntry("cost_usd", new BigDecimal("0.0000002625"))
        .containsEntry("price_version", "2026-11-25");
    assertThat(encoded(new JsonLineEncoder(), onlyLine()))
        .contains("\"cost_usd\":0.0000002625,\"price_version\":\"2026-11-25\"");
    assertThat(encoded(new TextLineEncoder(ZoneOffset.UTC), onlyLine()))
        .contains(" cost_usd=0.0000002625 price_version=2026-11-25");
  }

  private static String encoded(Encoder<ILoggingEvent> encoder, ILoggingEvent line) {
    return new String(encoder.encode(line), UTF_8);
  }

  @Test
  void leavesOutWhatIsNotKnown() {
    log.onEnd(ExchangeRecord.builder().end(EndReason.REJECTED).build());

    ILoggingEvent line = onlyLine();
    assertThat(line.getFormattedMessage()).isEqualTo("- - - rejected 0 ms");
    assertThat(pairs(line))
        .containsOnlyKeys(
            "tenant_id",
            "stream",
            "attempts",
            "outcome",
            "duration_ms",
            "bytes_in",
            "bytes_out",
            "events");
  }

  @ParameterizedTest
  @EnumSource(EndReason.class)
  void levelTellsWhoShouldLook(EndReason end) {
    Set<String> warn =
        Set.of(
            "UPSTREAM_ERROR",
            "UPSTREAM_TRUNCATED",
            "CONNECT_TIMEOUT",
            "FIRST_BYTE_TIMEOUT",
            "IDLE_TIMEOUT",
            "TOTAL_TIMEOUT");
    log.onEnd(ExchangeRecord.builder().end(end).build());

    Level expected =
        end == EndReason.RELAY_ERROR
            ? Level.ERROR
            : warn.contains(end.name()) ? Level.WARN : Level.INFO;
    assertThat(onlyLine().getLevel()).isEqualTo(expected);
  }

  @Test
  void saysNothingBelowTheLevel() {
    logger.setLevel(Level.WARN);
    log.onEnd(ExchangeRecord.builder().end(EndReason.COMPLETE).build());
    assertThat(lines.list).isEmpty();
  }

  @Test
  void textThatAClientChoseForgesNoLine() {
    String forged = "x\r\n2026-11-24 12:00:00.000 INFO  access  GET / 200\u001b[2K\u2028{}";
    log.onEnd(
        ExchangeRecord.builder()
            .requestId(forged)
            .route(forged)
            .tenant(forged)
            .keyName(forged)
            .clientAddress(forged)
            .method(forged)
            .path(forged)
            .model(forged)
            .upstreamRequestId(forged)
            .status(200)
            .end(EndReason.COMPLETE)
            .build());

    ILoggingEvent line = onlyLine();
    assertThat(line.getFormattedMessage()).doesNotMatch("(?s).*[\\p{Cntrl}\u2028].*");
    assertThat(line.getFormattedMessage()).endsWith("{} 200 complete 0 ms");
    assertThat(pairs(line).values())
        .allSatisfy(
            value -> assertThat(value.toString()).doesNotMatch("(?s).*[\\p{Cntrl}\u2028].*"))
        .filteredOn(value -> value.toString().startsWith("x\\u000d\\u000a2026"))
        .hasSize(9);
  }

  @Test
  void longTextIsCut() {
    log.onEnd(
        ExchangeRecord.builder().model("m".repeat(10_000)).path("/" + "p".repeat(10_000)).build());
    assertThat(pairs(onlyLine()).get("model")).asString().hasSize(257).endsWith("m…");
    assertThat(onlyLine().getFormattedMessage()).hasSizeLessThan(300);
  }

  private ILoggingEvent onlyLine() {
    assertThat(lines.list).hasSize(1);
    return lines.list.get(0);
  }

  private static Map<String, Object> pairs(ILoggingEvent line) {
    Map<String, Object> pairs = new LinkedHashMap<>();
    line.getKeyValuePairs()
        .forEach(pair -> assertThat(pairs.put(pair.key, pair.value)).as(pair.key).isNull());
    return pairs;
  }
}
