package io.streamrelay.log;

import io.streamrelay.ExchangeRecord;
import io.streamrelay.UsageRequest;
import io.streamrelay.observe.AudioStats;
import io.streamrelay.observe.Usage;
import io.streamrelay.price.Cost;
import io.streamrelay.trace.TraceContext;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.ToLongFunction;
import org.jspecify.annotations.Nullable;

/**
 * The fields by which an {@link ExchangeRecord} is written down: the one list of names for the
 * access log and every store, so that a query for one works on the other.
 *
 * <p>Read by whoever writes records, on any thread. Text is as the client or upstream chose it; who
 * writes it makes it safe for where it goes.
 */
public final class RecordFields {
  /** What a field's values are. */
  public enum Type {
    /** A {@link String}. */
    TEXT,
    /** A {@link Long}. */
    INTEGER,
    /** A {@link BigDecimal}. */
    DECIMAL,
    /** A {@link Boolean}. */
    BOOLEAN,
    /** An {@link Instant}. */
    TIME;

    /**
     * Returns the type's name in documents.
     *
     * @return in lower case
     */
    public String label() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** One field. Immutable. */
  public static final class Field {
    private final String name;
    private final Type type;
    private final String meaning;
    private final Function<ExchangeRecord, @Nullable Object> getter;

    private Field(
        String name, Type type, String meaning, Function<ExchangeRecord, @Nullable Object> getter) {
      this.name = name;
      this.type = type;
      this.meaning = meaning;
      this.getter = getter;
    }

    /**
     * Returns the field's name.
     *
     * @return lower-case words joined by underscores, with the unit at the end
     */
    public String name() {
      return name;
    }

    /**
     * Returns what its values are.
     *
     * @return the type
     */
    public Type type() {
      return type;
    }

    /**
     * Returns what it says, for documents.
     *
     * @return part of a sentence
     */
    public String meaning() {
      return meaning;
    }

    /**
     * Returns its value in a record.
     *
     * @param record of an exchange
     * @return an object as {@link #type} says; null if it is not known, or did not happen
     */
    public @Nullable Object valueOf(ExchangeRecord record) {
      return getter.apply(record);
    }

    @Override
    public String toString() {
      return name;
    }
  }

  /** All fields, in the order in which they are written. */
  public static final List<Field> ALL =
      List.of(
          new Field(
              "created_at",
              Type.TIME,
              "when the request was there",
              record -> record.receivedAt().equals(Instant.EPOCH) ? null : record.receivedAt()),
          text("request_id", "the exchange's id, as in `X-Request-ID`", ExchangeRecord::requestId),
          text(
              "trace_id",
              "of W3C Trace Context",
              record -> of(record.trace(), TraceContext::traceId)),
          text(
              "span_id",
              "the relay's own span in that trace",
              record -> of(record.trace(), TraceContext::spanId)),
          text(
              "parent_span_id",
              "the client's span, if it named one",
              record -> of(record.trace(), TraceContext::parentSpanId)),
          text("tenant_id", "who is limited and billed", ExchangeRecord::tenant),
          text("key_id", "the relay key's name, never the key", ExchangeRecord::keyName),
          text(
              "route",
              "the route's name",
              record -> record.route().equals(ExchangeRecord.NO_ROUTE) ? null : record.route()),
          text("provider", "whose API the route serves", ExchangeRecord::provider),
          text("upstream", "its host and port", ExchangeRecord::upstream),
          text(
              "operation",
              "what was asked for, such as `chat` or `embeddings`",
              ExchangeRecord::operation),
          text("model", "the model asked for", ExchangeRecord::model),
          text("response_model", "the model that answered", ExchangeRecord::responseModel),
          new Field(
              "stream",
              Type.BOOLEAN,
              "whether a stream of events was asked for or came",
              ExchangeRecord::isStream),
          text("client", "the client's address", ExchangeRecord::clientAddress),
          text("method", "the request's method", ExchangeRecord::method),
          text("path", "the request's raw path, without the query", ExchangeRecord::path),
          positive(
              "status_code",
              "what the client got; 499 if it left before there was one",
              ExchangeRecord::status),
          positive("upstream_status", "what the upstream answered", ExchangeRecord::upstreamStatus),
          known("attempts", "how often it was sent upstream", ExchangeRecord::attempts),
          text("outcome", "how it ended, see above", record -> record.end().label()),
          text(
              "error_type",
              "the code of the relay's own error",
              record -> of(record.error(), error -> error.code())),
          text("finish_reason", "why the model stopped", ExchangeRecord::finishReason),
          text(
              "disconnect_phase",
              "`request`, `waiting` or `streaming`: how far it had come when the client left",
              record -> of(record.disconnect(), phase -> phase.label())),
          text(
              "upstream_request_id",
              "the upstream's own id for it",
              ExchangeRecord::upstreamRequestId),
          millis("duration_ms", "request to end", ExchangeRecord::durationNanos),
          millis(
              "upstream_head_ms",
              "request to the upstream's response head",
              ExchangeRecord::timeToHeadNanos),
          millis(
              "ttfb_ms",
              "request to the first body byte handed to the client",
              ExchangeRecord::timeToFirstByteNanos),
          millis(
              "ttft_ms",
              "request to the first event with content",
              record -> record.timings().timeToFirstTokenNanos()),
          millis(
              "ttfa_ms",
              "request to the first audio",
              record -> record.timings().timeToFirstAudioNanos()),
          fine(
              "tpot_ms",
              "time per output token after the first",
              RecordFields::nanosPerOutputToken),
          millis(
              "max_gap_ms",
              "the longest silence between two chunks",
              record -> record.timings().longestStallNanos()),
          fine(
              "overhead_ms",
              "the relay's own share of `ttfb_ms`",
              record -> record.timings().overheadNanos()),
          millis(
              "client_blocked_ms",
              "in which a write waited for the client",
              record -> record.upstreamWaitNanos() < 0 ? -1 : record.clientBlockedNanos()),
          millis(
              "upstream_wait_ms",
              "from sending it upstream to the end of its answer, less the former",
              ExchangeRecord::upstreamWaitNanos),
          known("bytes_in", "body bytes from the client", ExchangeRecord::requestBytes),
          known("bytes_out", "body bytes to the client", ExchangeRecord::responseBytes),
          known("events", "server-sent events observed", ExchangeRecord::events),
          positive("heartbeats", "comments that the relay wrote", ExchangeRecord::heartbeats),
          new Field(
              "early_commit",
              Type.BOOLEAN,
              "true if the client was told 200 before the upstream had answered",
              record -> record.earlyCommit() ? Boolean.TRUE : null),
          known("tokens_in", "input, cached included", record -> record.usage().inputTokens()),
          known(
              "tokens_out", "output, reasoning included", record -> record.usage().outputTokens()),
          known(
              "tokens_cached",
              "input that a cache had",
              record -> record.usage().cacheReadTokens()),
          known(
              "tokens_cache_write",
              "input put into a cache",
              record -> record.usage().cacheWriteTokens()),
          known(
              "tokens_reasoning",
              "output that was reasoning",
              record -> record.usage().reasoningTokens()),
          known(
              "tokens_audio_in",
              "input that was audio",
              record -> record.usage().audioInputTokens()),
          known(
              "tokens_audio_out",
              "output that was audio",
              record -> record.usage().audioOutputTokens()),
          known(
              "tokens_wasted",
              "output that came after the client had left",
              ExchangeRecord::wastedOutputTokens),
          known(
              "characters_in",
              "text to be spoken, where that is billed",
              record -> record.usage().inputCharacters()),
          text(
              "usage_source",
              "`reported`, `partial`, `estimated` or `none`: who counted the tokens",
              RecordFields::usageSource),
          text(
              "usage_request",
              "`added`, `kept`, `refused` or `skipped`: what became of the relay's own request for"
                  + " usage",
              record -> of(record.usageRequest(), UsageRequest::label)),
          new Field(
              "cost_usd",
              Type.DECIMAL,
              "by list prices, in US dollars; absent if it is not known, never 0 for that",
              record -> of(record.cost(), RecordFields::dollars)),
          new Field(
              "cost_estimated",
              Type.BOOLEAN,
              "true if the usage behind it was not wholly reported",
              record -> of(record.cost(), cost -> cost.estimated() ? Boolean.TRUE : null)),
          text(
              "price_version",
              "the state of the price table",
              record -> of(record.cost(), Cost::priceVersion)),
          text(
              "audio_format",
              "how the answer's audio is encoded",
              record -> of(record.audio(), AudioStats::format)),
          millis(
              "audio_ms",
              "how long the audio that was handed over plays",
              record -> audio(record, AudioStats::durationNanos)),
          known(
              "underruns",
              "how often a player that starts with the first audio would have run dry",
              record -> audio(record, AudioStats::underruns)),
          millis(
              "underrun_ms",
              "for how long altogether",
              record -> audio(record, AudioStats::underrunNanos)),
          text(
              "abandoned",
              "`cancel`, `drain` or `drain_bounded`: what became of the upstream call when the"
                  + " client left",
              record -> of(record.abandonment(), abandonment -> abandonment.label())),
          millis("abandoned_ms", "from the departure to the end", ExchangeRecord::abandonedNanos),
          known(
              "abandoned_bytes",
              "body bytes that the upstream sent after it",
              record -> record.abandonment() == null ? -1 : record.abandonedBytes()));

  private RecordFields() {}

  private static Field text(
      String name, String meaning, Function<ExchangeRecord, @Nullable String> getter) {
    return new Field(
        name,
        Type.TEXT,
        meaning,
        record -> {
          String value = getter.apply(record);
          return value == null || value.isEmpty() ? null : value;
        });
  }

  /** A number that is negative if it is not known. */
  private static Field known(String name, String meaning, ToLongFunction<ExchangeRecord> getter) {
    return new Field(name, Type.INTEGER, meaning, record -> atLeast(0, getter.applyAsLong(record)));
  }

  /** A number that is zero if there is nothing to say. */
  private static Field positive(
      String name, String meaning, ToLongFunction<ExchangeRecord> getter) {
    return new Field(name, Type.INTEGER, meaning, record -> atLeast(1, getter.applyAsLong(record)));
  }

  private static @Nullable Long atLeast(long least, long value) {
    return value < least ? null : (Long) value;
  }

  /** Nanoseconds, negative if not known, in whole milliseconds. */
  private static Field millis(String name, String meaning, ToLongFunction<ExchangeRecord> getter) {
    return new Field(
        name,
        Type.INTEGER,
        meaning,
        record -> {
          long nanos = getter.applyAsLong(record);
          return nanos < 0 ? null : (Long) TimeUnit.NANOSECONDS.toMillis(nanos);
        });
  }

  /** Nanoseconds, negative if not known, in milliseconds to three decimals. */
  private static Field fine(String name, String meaning, ToLongFunction<ExchangeRecord> getter) {
    return new Field(
        name,
        Type.DECIMAL,
        meaning,
        record -> {
          long nanos = getter.applyAsLong(record);
          return nanos < 0 ? null : BigDecimal.valueOf(nanos, 6).setScale(3, RoundingMode.HALF_UP);
        });
  }

  private static <T, R> @Nullable R of(
      @Nullable T present, Function<? super T, ? extends @Nullable R> getter) {
    return present == null ? null : getter.apply(present);
  }

  private static long audio(ExchangeRecord record, ToLongFunction<AudioStats> getter) {
    AudioStats audio = record.audio();
    return audio == null ? -1 : getter.applyAsLong(audio);
  }

  /** The first token has its own field; one alone has no time between two. */
  private static long nanosPerOutputToken(ExchangeRecord record) {
    long tokens = record.usage().outputTokens();
    long nanos = record.timings().outputNanos();
    return tokens < 2 || nanos < 0 ? -1 : nanos / (tokens - 1);
  }

  private static @Nullable String usageSource(ExchangeRecord record) {
    Usage usage = record.usage();
    // Nobody counts what was never sent.
    return usage.source() == Usage.Source.NONE && record.attempts() == 0
        ? null
        : usage.source().label();
  }

  private static BigDecimal dollars(Cost cost) {
    BigDecimal exact = BigDecimal.valueOf(cost.picoUsd(), 12).stripTrailingZeros();
    return exact.scale() < 0 ? exact.setScale(0) : exact;
  }
}
