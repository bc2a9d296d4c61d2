package io.streamrelay.metrics;

import io.streamrelay.Abandonment;
import io.streamrelay.DisconnectPhase;
import io.streamrelay.EndReason;
import io.streamrelay.ExchangeRecord;
import io.streamrelay.Timings;
import io.streamrelay.UsageRequest;
import io.streamrelay.error.ErrorCode;
import io.streamrelay.observe.AudioStats;
import io.streamrelay.observe.ChunkGaps;
import io.streamrelay.observe.Usage;
import io.streamrelay.price.Cost;
import io.streamrelay.trace.TraceContext;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Records to count. */
final class Samples {
  static final String TRACE = "0af7651916cd43dd8448eb211c80319c";
  static final String SPAN = "b7ad6b7169203331";

  private Samples() {}

  static long millis(long millis) {
    return TimeUnit.MILLISECONDS.toNanos(millis);
  }

  /** A stream that went well, of which nothing but its end is known. */
  static ExchangeRecord.Builder bare() {
    return ExchangeRecord.builder()
        .route("chat")
        .tenant("acme")
        .model("gpt-4o")
        .status(200)
        .end(EndReason.COMPLETE)
        .provider("openai")
        .operation("chat")
        .upstream("api.openai.com:443")
        .upstreamStatus(200)
        .attempts(1)
        .stream(true)
        .sentUpstreamNanos(millis(5))
        .durationNanos(millis(2005));
  }

  static Usage.Builder usage() {
    return Usage.builder()
        .inputTokens(100)
        .outputTokens(11)
        .cacheReadTokens(60)
        .cacheWriteTokens(20)
        .reasoningTokens(4)
        .audioInputTokens(30)
        .audioOutputTokens(3)
        .inputCharacters(500)
        .source(Usage.Source.REPORTED);
  }

  /** A stream of which all is known that one can know. */
  static ExchangeRecord.Builder full() {
    ChunkGaps gaps = new ChunkGaps();
    gaps.add(millis(10));
    gaps.add(millis(60));
    gaps.add(millis(9000));
    return bare()
        .responseModel("gpt-4o-2024-08-06")
        .usageRequest(UsageRequest.ADDED)
        .requestBytes(300)
        .responseBytes(7000)
        .timeToHeadNanos(millis(105))
        .timeToFirstByteNanos(millis(205))
        .clientBlockedNanos(millis(50))
        .upstreamWaitNanos(millis(1950))
        .timings(new Timings(millis(305), millis(405), millis(700), millis(1000), millis(1) / 5))
        .usage(usage().build())
        .cost(new Cost(2_500_000_000L, "test", false))
        .audio(new AudioStats("wav", millis(3000), millis(1500), 2, millis(250)))
        .trace(new TraceContext(TRACE, SPAN, null, true, null))
        .chunkGaps(gaps);
  }

  /** One of each of the ways to end that have a number of their own. */
  static List<ExchangeRecord> all() {
    return List.of(
        full().build(),
        bare().build(),
        bare()
            .status(499)
            .end(EndReason.CLIENT_GONE)
            .disconnect(DisconnectPhase.STREAMING)
            .abandonment(Abandonment.DRAIN)
            .usage(usage().build())
            .deliveredOutputTokens(1)
            .build(),
        bare()
            .status(503)
            .end(EndReason.REJECTED)
            .error(ErrorCode.RELAY_BUSY)
            .attempts(0)
            .upstreamStatus(0)
            .build(),
        bare().operation("embeddings").build());
  }
}
