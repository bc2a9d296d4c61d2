package io.streamrelay;

import io.streamrelay.error.ErrorCode;
import io.streamrelay.observe.AudioStats;
import io.streamrelay.observe.ChunkGaps;
import io.streamrelay.observe.Usage;
import io.streamrelay.price.Cost;
import io.streamrelay.price.PriceTable;
import io.streamrelay.price.Pricing;
import io.streamrelay.price.Unpriced;
import io.streamrelay.trace.TraceContext;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * What is known of an exchange at its end: the one record that metrics, the access log and stores
 * are fed from. Holds no key, prompt or answer. Immutable.
 */
public final class ExchangeRecord {
  /** The route's name where none matched; no route can be called so. */
  public static final String NO_ROUTE = "_none";

  private final Builder b;

  private ExchangeRecord(Builder b) {
    this.b = b;
  }

  /**
   * Starts a record with every field at its "not known".
   *
   * @return a builder
   */
  public static Builder builder() {
    return new Builder();
  }

  /**
   * Returns the exchange id.
   *
   * @return see above
   */
  public String requestId() {
    return b.requestId;
  }

  /**
   * Returns when the request reached the relay.
   *
   * @return see above
   */
  public Instant receivedAt() {
    return b.receivedAt;
  }

  /**
   * Returns the route's name, or {@link #NO_ROUTE} if none matched.
   *
   * @return see above
   */
  public String route() {
    return b.route;
  }

  /**
   * Returns who is limited and billed.
   *
   * @return see above
   */
  public String tenant() {
    return b.tenant;
  }

  /**
   * Returns the name of the relay key; null for none.
   *
   * @return see above
   */
  public @Nullable String keyName() {
    return b.keyName;
  }

  /**
   * Returns the client's address; null if not known.
   *
   * @return see above
   */
  public @Nullable String clientAddress() {
    return b.clientAddress;
  }

  /**
   * Returns the request's method.
   *
   * @return see above
   */
  public String method() {
    return b.method;
  }

  /**
   * Returns the raw path, without the query; empty if it was refused.
   *
   * @return see above
   */
  public String path() {
    return b.path;
  }

  /**
   * Returns the model asked for; null if not known.
   *
   * @return see above
   */
  public @Nullable String model() {
    return b.model;
  }

  /**
   * Returns the status the client got; if there was none yet, 499 if it left, otherwise the one it
   * would have got.
   *
   * @return see above
   */
  public int status() {
    return b.status;
  }

  /**
   * Returns how it ended.
   *
   * @return see above
   */
  public EndReason end() {
    return b.end;
  }

  /**
   * Returns the relay's own error; null if it made none.
   *
   * @return see above
   */
  public @Nullable ErrorCode error() {
    return b.error;
  }

  /**
   * Returns the upstream's id for this request; null if it gave none.
   *
   * @return see above
   */
  public @Nullable String upstreamRequestId() {
    return b.upstreamRequestId;
  }

  /**
   * Returns nanoseconds from request to end.
   *
   * @return see above
   */
  public long durationNanos() {
    return b.durationNanos;
  }

  /**
   * Returns nanoseconds from request to when it was handed to the forwarder, the last time if it
   * was more than once; -1 if nothing was sent upstream.
   *
   * @return see above
   */
  public long sentUpstreamNanos() {
    return b.sentUpstreamNanos;
  }

  /**
   * Returns nanoseconds from request to the upstream's response head; -1 if none came.
   *
   * @return see above
   */
  public long timeToHeadNanos() {
    return b.timeToHeadNanos;
  }

  /**
   * Returns nanoseconds from request to the first body byte handed to the client; -1 if none was.
   *
   * @return see above
   */
  public long timeToFirstByteNanos() {
    return b.timeToFirstByteNanos;
  }

  /**
   * Returns body bytes taken from the client.
   *
   * @return see above
   */
  public long requestBytes() {
    return b.requestBytes;
  }

  /**
   * Returns body bytes handed to the client.
   *
   * @return see above
   */
  public long responseBytes() {
    return b.responseBytes;
  }

  /**
   * Returns server-sent events observed; 0 for other answers.
   *
   * @return see above
   */
  public long events() {
    return b.events;
  }

  /**
   * Returns comments that the relay wrote to the client; not in {@link #responseBytes()}.
   *
   * @return see above
   */
  public long heartbeats() {
    return b.heartbeats;
  }

  /**
   * Returns whether the relay said 200 before the upstream had answered.
   *
   * @return see above
   */
  public boolean earlyCommit() {
    return b.earlyCommit;
  }

  /**
   * Returns nanoseconds in which a write waited for the client.
   *
   * @return see above
   */
  public long clientBlockedNanos() {
    return b.clientBlockedNanos;
  }

  /**
   * Returns nanoseconds from sending the request upstream to the end of its answer, or of the
   * exchange, less those in which a write waited for the client; -1 if nothing was sent.
   *
   * @return see above
   */
  public long upstreamWaitNanos() {
    return b.upstreamWaitNanos;
  }

  /**
   * Returns what the exchange took; its source tells how well that is known.
   *
   * @return see above
   */
  public Usage usage() {
    return b.usage;
  }

  /**
   * Returns the provider, by its name in OpenTelemetry's GenAI conventions if it has one; null
   * where no route matched.
   *
   * @return see above
   */
  public @Nullable String provider() {
    return b.provider;
  }

  /**
   * Returns the upstream's host and port; null where no route matched.
   *
   * @return see above
   */
  public @Nullable String upstream() {
    return b.upstream;
  }

  /**
   * Returns the status the upstream answered with; 0 if it did not.
   *
   * @return see above
   */
  public int upstreamStatus() {
    return b.upstreamStatus;
  }

  /**
   * Returns how often the request was sent upstream.
   *
   * @return see above
   */
  public int attempts() {
    return b.attempts;
  }

  /**
   * Returns what was asked for, by its name in OpenTelemetry's GenAI conventions if it has one;
   * null if not known.
   *
   * @return see above
   */
  public @Nullable String operation() {
    return b.operation;
  }

  /**
   * Returns whether the request asked for a stream or the answer was one of events.
   *
   * @return see above
   */
  public boolean isStream() {
    return b.stream;
  }

  /**
   * Returns the model that the answer names; null if it names none.
   *
   * @return see above
   */
  public @Nullable String responseModel() {
    return b.responseModel;
  }

  /**
   * Returns why the model stopped, in the provider's words; null if it did not say.
   *
   * @return see above
   */
  public @Nullable String finishReason() {
    return b.finishReason;
  }

  /**
   * Returns what became of the relay's own request for usage; null if it had none to make: the
   * route does not ask, this was no stream of completions, or its client asked itself.
   *
   * @return see above
   */
  public @Nullable UsageRequest usageRequest() {
    return b.usageRequest;
  }

  /**
   * Returns how far the exchange had come when its client left; null if it did not.
   *
   * @return see above
   */
  public @Nullable DisconnectPhase disconnect() {
    return b.disconnect;
  }

  /**
   * Returns when what a user waits for came.
   *
   * @return see above
   */
  public Timings timings() {
    return b.timings;
  }

  /**
   * Returns what it cost by list prices; null if not known, which is never the same as nothing.
   *
   * @return see above
   */
  public @Nullable Cost cost() {
    return b.cost;
  }

  /**
   * Returns why an exchange that took something has no cost.
   *
   * @return null if it has one, or if the upstream did not accept it
   */
  public @Nullable Unpriced unpriced() {
    return b.unpriced;
  }

  /**
   * Returns what the audio was; null if there was none.
   *
   * @return see above
   */
  public @Nullable AudioStats audio() {
    return b.audio;
  }

  /**
   * Returns the place in a distributed trace; null if there is none.
   *
   * @return see above
   */
  public @Nullable TraceContext trace() {
    return b.trace;
  }

  /**
   * Returns how evenly the answer's chunks were handed to the client; null unless that is measured,
   * as for {@link io.streamrelay.config.Semconv#C}.
   *
   * @return see above; not written any more
   */
  public @Nullable ChunkGaps chunkGaps() {
    return b.chunkGaps;
  }

  /**
   * Returns what became of the upstream call if the client left before the answer's end; null if it
   * did not, or nothing had been sent upstream.
   *
   * @return see above
   */
  public @Nullable Abandonment abandonment() {
    return b.abandonment;
  }

  /**
   * Returns nanoseconds from the client's departure to the end; -1 if nothing was abandoned.
   *
   * @return see above
   */
  public long abandonedNanos() {
    return b.abandonedNanos;
  }

  /**
   * Returns body bytes that the upstream sent after the client had left.
   *
   * @return see above
   */
  public long abandonedBytes() {
    return b.abandonedBytes;
  }

  /**
   * Returns output tokens handed to the client, estimated unless it got the provider's report; -1
   * if not known.
   *
   * @return see above
   */
  public long deliveredOutputTokens() {
    return b.deliveredOutputTokens;
  }

  /**
   * Returns output tokens that the upstream made and nobody received.
   *
   * @return {@link #usage}'s less those delivered; -1 if nothing was abandoned or it is not known
   */
  public long wastedOutputTokens() {
    long made = b.usage.outputTokens();
    return b.abandonment == null || made < 0 || b.deliveredOutputTokens < 0
        ? -1
        : Math.max(0, made - b.deliveredOutputTokens);
  }

  /** Collects a record's fields; not thread-safe. */
  public static final class Builder {
    private String requestId = "";
    private Instant receivedAt = Instant.EPOCH;
    private String route = NO_ROUTE;
    private String tenant = Exchange.DEFAULT_TENANT;
    private @Nullable String keyName;
    private @Nullable String clientAddress;
    private String method = "";
    private String path = "";
    private @Nullable String model;
    private int status = 0;
    private EndReason end = EndReason.RELAY_ERROR;
    private @Nullable ErrorCode error;
    private @Nullable String upstreamRequestId;
    private long durationNanos = 0;
    private long sentUpstreamNanos = -1;
    private long timeToHeadNanos = -1;
    private long timeToFirstByteNanos = -1;
    private long requestBytes = 0;
    private long responseBytes = 0;
    private long events = 0;
    private long heartbeats = 0;
    private boolean earlyCommit = false;
    private long clientBlockedNanos = 0;
    private long upstreamWaitNanos = -1;
    private Usage usage = Usage.NONE;
    private @Nullable String provider;
    private @Nullable String upstream;
    private int upstreamStatus = 0;
    private int attempts = 0;
    private @Nullable String operation;
    private boolean stream = false;
    private @Nullable String responseModel;
    private @Nullable String finishReason;
    private @Nullable UsageRequest usageRequest;
    private @Nullable DisconnectPhase disconnect;
    private Timings timings = Timings.NONE;
    private @Nullable Cost cost;
    private @Nullable Unpriced unpriced;
    private @Nullable AudioStats audio;
    private @Nullable TraceContext trace;
    private @Nullable ChunkGaps chunkGaps;
    private @Nullable Abandonment abandonment;
    private long abandonedNanos = -1;
    private long abandonedBytes = 0;
    private long deliveredOutputTokens = -1;

    private Builder() {}

    /**
     * Sets the exchange id.
     *
     * @param requestId the value
     * @return this
     */
    public Builder requestId(String requestId) {
      this.requestId = requestId;
      return this;
    }

    /**
     * Sets when the request reached the relay.
     *
     * @param receivedAt the value
     * @return this
     */
    public Builder receivedAt(Instant receivedAt) {
      this.receivedAt = receivedAt;
      return this;
    }

    /**
     * Sets the route's name, or {@link #NO_ROUTE} if none matched.
     *
     * @param route the value
     * @return this
     */
    public Builder route(String route) {
      this.route = route;
      return this;
    }

    /**
     * Sets who is limited and billed.
     *
     * @param tenant the value
     * @return this
     */
    public Builder tenant(String tenant) {
      this.tenant = tenant;
      return this;
    }

    /**
     * Sets the name of the relay key; null for none.
     *
     * @param keyName the value
     * @return this
     */
    public Builder keyName(@Nullable String keyName) {
      this.keyName = keyName;
      return this;
    }

    /**
     * Sets the client's address; null if not known.
     *
     * @param clientAddress the value
     * @return this
     */
    public Builder clientAddress(@Nullable String clientAddress) {
      this.clientAddress = clientAddress;
      return this;
    }

    /**
     * Sets the request's method.
     *
     * @param method the value
     * @return this
     */
    public Builder method(String method) {
      this.method = method;
      return this;
    }

    /**
     * Sets the raw path, without the query; empty if it was refused.
     *
     * @param path the value
     * @return this
     */
    public Builder path(String path) {
      this.path = path;
      return this;
    }

    /**
     * Sets the model asked for; null if not known.
     *
     * @param model the value
     * @return this
     */
    public Builder model(@Nullable String model) {
      this.model = model;
      return this;
    }

    /**
     * Sets the status the client got; 499 if it left before there was one.
     *
     * @param status the value
     * @return this
     */
    public Builder status(int status) {
      this.status = status;
      return this;
    }

    /**
     * Sets how it ended.
     *
     * @param end the value
     * @return this
     */
    public Builder end(EndReason end) {
      this.end = end;
      return this;
    }

    /**
     * Sets the relay's own error; null if it made none.
     *
     * @param error the value
     * @return this
     */
    public Builder error(@Nullable ErrorCode error) {
      this.error = error;
      return this;
    }

    /**
     * Sets the upstream's id for this request; null if it gave none.
     *
     * @param upstreamRequestId the value
     * @return this
     */
    public Builder upstreamRequestId(@Nullable String upstreamRequestId) {
      this.upstreamRequestId = upstreamRequestId;
      return this;
    }

    /**
     * Sets nanoseconds from request to end.
     *
     * @param durationNanos the value
     * @return this
     */
    public Builder durationNanos(long durationNanos) {
      this.durationNanos = durationNanos;
      return this;
    }

    /**
     * Sets nanoseconds from request to when it was handed to the forwarder; -1 if it was not.
     *
     * @param sentUpstreamNanos the value
     * @return this
     */
    public Builder sentUpstreamNanos(long sentUpstreamNanos) {
      this.sentUpstreamNanos = sentUpstreamNanos;
      return this;
    }

    /**
     * Sets nanoseconds from request to the upstream's response head; -1 if none came.
     *
     * @param timeToHeadNanos the value
     * @return this
     */
    public Builder timeToHeadNanos(long timeToHeadNanos) {
      this.timeToHeadNanos = timeToHeadNanos;
      return this;
    }

    /**
     * Sets nanoseconds from request to the first body byte handed to the client; -1 if none was.
     *
     * @param timeToFirstByteNanos the value
     * @return this
     */
    public Builder timeToFirstByteNanos(long timeToFirstByteNanos) {
      this.timeToFirstByteNanos = timeToFirstByteNanos;
      return this;
    }

    /**
     * Sets body bytes taken from the client.
     *
     * @param requestBytes the value
     * @return this
     */
    public Builder requestBytes(long requestBytes) {
      this.requestBytes = requestBytes;
      return this;
    }

    /**
     * Sets body bytes handed to the client.
     *
     * @param responseBytes the value
     * @return this
     */
    public Builder responseBytes(long responseBytes) {
      this.responseBytes = responseBytes;
      return this;
    }

    /**
     * Sets server-sent events observed; 0 for other answers.
     *
     * @param events the value
     * @return this
     */
    public Builder events(long events) {
      this.events = events;
      return this;
    }

    /**
     * Sets comments that the relay wrote to the client; not in {@link #responseBytes()}.
     *
     * @param heartbeats the value
     * @return this
     */
    public Builder heartbeats(long heartbeats) {
      this.heartbeats = heartbeats;
      return this;
    }

    /**
     * Sets whether the relay said 200 before the upstream had answered.
     *
     * @param earlyCommit the value
     * @return this
     */
    public Builder earlyCommit(boolean earlyCommit) {
      this.earlyCommit = earlyCommit;
      return this;
    }

    /**
     * Sets nanoseconds in which a write waited for the client.
     *
     * @param clientBlockedNanos the value
     * @return this
     */
    public Builder clientBlockedNanos(long clientBlockedNanos) {
      this.clientBlockedNanos = clientBlockedNanos;
      return this;
    }

    /**
     * Sets nanoseconds from sending the request upstream to the end of its answer, or of the
     * exchange, less those in which a write waited for the client; -1 if nothing was sent.
     *
     * @param upstreamWaitNanos the value
     * @return this
     */
    public Builder upstreamWaitNanos(long upstreamWaitNanos) {
      this.upstreamWaitNanos = upstreamWaitNanos;
      return this;
    }

    /**
     * Sets what the exchange took; by default nothing is known.
     *
     * @param usage the value
     * @return this
     */
    public Builder usage(Usage usage) {
      this.usage = usage;
      return this;
    }

    /**
     * Sets the provider, by its name in OpenTelemetry's GenAI conventions if it has one; null where
     * no route matched.
     *
     * @param provider the value
     * @return this
     */
    public Builder provider(@Nullable String provider) {
      this.provider = provider;
      return this;
    }

    /**
     * Sets the upstream's host and port; null where no route matched.
     *
     * @param upstream the value
     * @return this
     */
    public Builder upstream(@Nullable String upstream) {
      this.upstream = upstream;
      return this;
    }

    /**
     * Sets the status the upstream answered with; 0 if it did not.
     *
     * @param upstreamStatus the value
     * @return this
     */
    public Builder upstreamStatus(int upstreamStatus) {
      this.upstreamStatus = upstreamStatus;
      return this;
    }

    /**
     * Sets how often the request was sent upstream.
     *
     * @param attempts the value
     * @return this
     */
    public Builder attempts(int attempts) {
      this.attempts = attempts;
      return this;
    }

    /**
     * Sets what was asked for, by its name in OpenTelemetry's GenAI conventions if it has one; null
     * if not known.
     *
     * @param operation the value
     * @return this
     */
    public Builder operation(@Nullable String operation) {
      this.operation = operation;
      return this;
    }

    /**
     * Sets whether the request asked for a stream or the answer was one of events.
     *
     * @param stream the value
     * @return this
     */
    public Builder stream(boolean stream) {
      this.stream = stream;
      return this;
    }

    /**
     * Sets the model that the answer names; null if it names none.
     *
     * @param responseModel the value
     * @return this
     */
    public Builder responseModel(@Nullable String responseModel) {
      this.responseModel = responseModel;
      return this;
    }

    /**
     * Sets why the model stopped, in the provider's words; null if it did not say.
     *
     * @param finishReason the value
     * @return this
     */
    public Builder finishReason(@Nullable String finishReason) {
      this.finishReason = finishReason;
      return this;
    }

    /**
     * Sets what became of the relay's own request for usage; null if it had none to make.
     *
     * @param usageRequest the value
     * @return this
     */
    public Builder usageRequest(@Nullable UsageRequest usageRequest) {
      this.usageRequest = usageRequest;
      return this;
    }

    /**
     * Sets how far the exchange had come when its client left; null if it did not.
     *
     * @param disconnect the value
     * @return this
     */
    public Builder disconnect(@Nullable DisconnectPhase disconnect) {
      this.disconnect = disconnect;
      return this;
    }

    /**
     * Sets when what a user waits for came.
     *
     * @param timings the value
     * @return this
     */
    public Builder timings(Timings timings) {
      this.timings = timings;
      return this;
    }

    /**
     * Sets what it cost by list prices; null if not known, which is never the same as nothing.
     *
     * @param cost the value
     * @return this
     */
    public Builder cost(@Nullable Cost cost) {
      this.cost = cost;
      return this;
    }

    /**
     * Sets why there is no cost although something was taken; null if there is one.
     *
     * @param unpriced the value
     * @return this
     */
    public Builder unpriced(@Nullable Unpriced unpriced) {
      this.unpriced = unpriced;
      return this;
    }

    /**
     * Sets the cost, or why there is none, from what was set before. What the upstream did not
     * accept, or what never got there, has neither.
     *
     * @param prices what models cost
     * @return this
     */
    public Builder pricedBy(PriceTable prices) {
      String seller = provider;
      Pricing pricing =
          seller == null || upstreamStatus < 200 || upstreamStatus > 299
              ? Pricing.NOTHING
              : prices.price(responseModel, model, seller, usage, receivedAt);
      return cost(pricing.cost()).unpriced(pricing.unpriced());
    }

    /**
     * Sets what the audio was; null if there was none.
     *
     * @param audio the value
     * @return this
     */
    public Builder audio(@Nullable AudioStats audio) {
      this.audio = audio;
      return this;
    }

    /**
     * Sets the place in a distributed trace; null if there is none.
     *
     * @param trace the value
     * @return this
     */
    public Builder trace(@Nullable TraceContext trace) {
      this.trace = trace;
      return this;
    }

    /**
     * Sets how evenly the answer's chunks were handed to the client; null if not measured.
     *
     * @param chunkGaps the value
     * @return this
     */
    public Builder chunkGaps(@Nullable ChunkGaps chunkGaps) {
      this.chunkGaps = chunkGaps;
      return this;
    }

    /**
     * Sets what became of the call of a client that left; null if none did.
     *
     * @param abandonment the value
     * @return this
     */
    public Builder abandonment(@Nullable Abandonment abandonment) {
      this.abandonment = abandonment;
      return this;
    }

    /**
     * Sets nanoseconds from the client's departure to the end; -1 if nothing was abandoned.
     *
     * @param abandonedNanos the value
     * @return this
     */
    public Builder abandonedNanos(long abandonedNanos) {
      this.abandonedNanos = abandonedNanos;
      return this;
    }

    /**
     * Sets body bytes that came after the client had left.
     *
     * @param abandonedBytes the value
     * @return this
     */
    public Builder abandonedBytes(long abandonedBytes) {
      this.abandonedBytes = abandonedBytes;
      return this;
    }

    /**
     * Sets output tokens handed to the client; -1 if not known.
     *
     * @param deliveredOutputTokens the value
     * @return this
     */
    public Builder deliveredOutputTokens(long deliveredOutputTokens) {
      this.deliveredOutputTokens = deliveredOutputTokens;
      return this;
    }

    /**
     * Freezes a copy of what was collected.
     *
     * @return the record
     */
    public ExchangeRecord build() {
      Builder copy = new Builder();
      copy.requestId = requestId;
      copy.receivedAt = receivedAt;
      copy.route = route;
      copy.tenant = tenant;
      copy.keyName = keyName;
      copy.clientAddress = clientAddress;
      copy.method = method;
      copy.path = path;
      copy.model = model;
      copy.status = status;
      copy.end = end;
      copy.error = error;
      copy.upstreamRequestId = upstreamRequestId;
      copy.durationNanos = durationNanos;
      copy.sentUpstreamNanos = sentUpstreamNanos;
      copy.timeToHeadNanos = timeToHeadNanos;
      copy.timeToFirstByteNanos = timeToFirstByteNanos;
      copy.requestBytes = requestBytes;
      copy.responseBytes = responseBytes;
      copy.events = events;
      copy.heartbeats = heartbeats;
      copy.earlyCommit = earlyCommit;
      copy.clientBlockedNanos = clientBlockedNanos;
      copy.upstreamWaitNanos = upstreamWaitNanos;
      copy.usage = usage;
      copy.provider = provider;
      copy.upstream = upstream;
      copy.upstreamStatus = upstreamStatus;
      copy.attempts = attempts;
      copy.operation = operation;
      copy.stream = stream;
      copy.responseModel = responseModel;
      copy.finishReason = finishReason;
      copy.usageRequest = usageRequest;
      copy.disconnect = disconnect;
      copy.timings = timings;
      copy.cost = cost;
      copy.unpriced = unpriced;
      copy.audio = audio;
      copy.trace = trace;
      copy.chunkGaps = chunkGaps;
      copy.abandonment = abandonment;
      copy.abandonedNanos = abandonedNanos;
      copy.abandonedBytes = abandonedBytes;
      copy.deliveredOutputTokens = deliveredOutputTokens;
      return new ExchangeRecord(copy);
    }
  }
}
