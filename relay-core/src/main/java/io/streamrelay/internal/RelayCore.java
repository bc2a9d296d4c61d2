package io.streamrelay.internal;

import io.streamrelay.DrainResult;
import io.streamrelay.EndReason;
import io.streamrelay.ExchangeRecord;
import io.streamrelay.RelayListener;
import io.streamrelay.RelayState;
import io.streamrelay.Scheduler;
import io.streamrelay.Ticker;
import io.streamrelay.error.ErrorCode;
import io.streamrelay.error.RelayError;
import io.streamrelay.forward.StreamingForwarder;
import io.streamrelay.internal.detail.DetailedLog;
import io.streamrelay.policy.PolicyChain;
import io.streamrelay.price.PriceTable;
import io.streamrelay.route.PathGuard;
import io.streamrelay.route.Route;
import io.streamrelay.route.RouteRegistry;
import io.streamrelay.trace.Tracing;
import io.streamrelay.transport.ClientRequest;
import io.streamrelay.transport.ClientResponse;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds each request's route, knows what runs, and stops it all in order.
 *
 * <p>Thread-safe.
 */
public final class RelayCore implements RelayRuntime {
  private static final Logger LOG = LoggerFactory.getLogger("io.streamrelay");
  private static final Duration RETRY_ELSEWHERE = Duration.ofSeconds(5);
  private static final Duration RETRY_SOON = Duration.ofSeconds(1);

  private final RouteRegistry routes;
  private final PolicyChain policies;
  private final StreamingForwarder forwarder;
  private final Tracing tracing;
  private final List<RelayListener> listeners;
  private final Ticker ticker;
  private final Scheduler scheduler;
  private final long maxBodySize;
  private final long minUploadRate;
  private final int maxStreams;
  private final PriceTable prices;
  private final @Nullable DetailedLog detailedLog;
  private final boolean countsChunkGaps;
  private final UsageRefusals usageRefusals;

  /** One for each request that a container has open; containers bound those. */
  private final Set<ExchangeRun> live = ConcurrentHashMap.newKeySet();

  /** Of those, how many were not refused at the door. */
  private final AtomicInteger streams = new AtomicInteger();

  private final CompletableFuture<DrainResult> drained = new CompletableFuture<>();
  private final AtomicBoolean drainAsked = new AtomicBoolean();

  /** Whoever sets it completes {@link #drained}. */
  private final AtomicBoolean drainTold = new AtomicBoolean();

  private final AtomicBoolean closed = new AtomicBoolean();
  private final AtomicInteger finished = new AtomicInteger();
  private final AtomicInteger cut = new AtomicInteger();
  private volatile RelayState state = RelayState.RUNNING;
  private volatile boolean accepting = true;
  private volatile boolean counting;

  /** Cuts what is left; not needed any more once all is drained. */
  private volatile Scheduler.@Nullable Cancellable deadline;

  /**
   * @param routes where requests go
   * @param policies what is asked first
   * @param forwarder how they get there
   * @param tracing where trace ids come from
   * @param listeners who is told
   * @param ticker elapsed time
   * @param scheduler timers
   * @param maxBodySize bytes
   * @param minUploadRate bytes per second in which the client is waited for; 0 for any
   * @param maxStreams how many exchanges may run at once
   * @param prices what models cost
   * @param detailedLog shows them in detail; closed with this; null for no detail
   * @param countsChunkGaps whether the times between an answer's chunks are counted
   */
  public RelayCore(
      RouteRegistry routes,
      PolicyChain policies,
      StreamingForwarder forwarder,
      Tracing tracing,
      List<RelayListener> listeners,
      Ticker ticker,
      Scheduler scheduler,
      long maxBodySize,
      long minUploadRate,
      int maxStreams,
      PriceTable prices,
      @Nullable DetailedLog detailedLog,
      boolean countsChunkGaps) {
    this.routes = routes;
    this.policies = policies;
    this.forwarder = forwarder;
    this.tracing = tracing;
    this.listeners = List.copyOf(listeners);
    this.ticker = ticker;
    this.scheduler = scheduler;
    this.maxBodySize = maxBodySize;
    this.minUploadRate = minUploadRate;
    this.maxStreams = maxStreams;
    this.prices = prices;
    this.detailedLog = detailedLog;
    this.countsChunkGaps = countsChunkGaps;
    this.usageRefusals = new UsageRefusals(ticker);
  }

  /**
   * Serves one request.
   *
   * @param request the client's
   * @param response the way back
   */
  public void handle(ClientRequest request, ClientResponse response) {
    String id = Requests.id(request.headers().first(Answers.REQUEST_ID));
    Optional<String> wrongPath = PathGuard.check(request.rawPath());
    Route route = wrongPath.isPresent() ? null : routes.find(request.rawPath());
    ExchangeRun run = new ExchangeRun(this, route, id, request, response);
    live.add(run);
    run.announce();
    RelayError refusal = refusal(request, wrongPath.orElse(null), route);
    if (refusal == null && streams.incrementAndGet() > maxStreams) {
      streams.decrementAndGet();
      refusal =
          RelayError.of(ErrorCode.RELAY_BUSY, "the relay has all the streams that it can take")
              .retryAfter(RETRY_SOON);
    }
    if (refusal == null) {
      run.start();
    } else {
      run.refuse(refusal);
    }
    if (closed.get()) {
      run.close();
    }
  }

  /** What is wrong with a request before any policy is asked; null if nothing. */
  private @Nullable RelayError refusal(
      ClientRequest request, @Nullable String wrongPath, @Nullable Route route) {
    if (!accepting) {
      return RelayError.of(ErrorCode.DRAINING, "the relay is stopping").retryAfter(RETRY_ELSEWHERE);
    }
    if (wrongPath != null) {
      return RelayError.of(ErrorCode.INVALID_PATH, wrongPath);
    }
    if (route == null) {
      return RelayError.of(ErrorCode.ROUTE_NOT_FOUND, "no route of this relay serves this path");
    }
    if (!Requests.isAllowed(request.method())) {
      return RelayError.of(
          ErrorCode.METHOD_NOT_ALLOWED,
          "this relay passes on " + Requests.ALLOWED_METHODS + " only");
    }
    List<String> codings = request.headers().all("transfer-encoding");
    if (!codings.isEmpty() && !String.join(",", codings).strip().equalsIgnoreCase("chunked")) {
      // RFC 9112 §6.1: a coding beside it would be taken off unseen, and the rest sent on unnamed.
      return RelayError.of(
          ErrorCode.INVALID_HEADER,
          "the only Transfer-Encoding that is accepted is chunked, in HTTP/1.1");
    }
    String query = request.rawQuery();
    return query == null
        ? null
        : PathGuard.checkQuery(query)
            .map(wrong -> RelayError.of(ErrorCode.INVALID_PATH, wrong))
            .orElse(null);
  }

  /**
   * Stops in order; see {@link io.streamrelay.Relay#drain()}.
   *
   * @param preStopDelay how long new requests are still served
   * @param timeout how long live ones may go on after that
   * @return completed when nothing runs any more
   */
  public CompletableFuture<DrainResult> drain(Duration preStopDelay, Duration timeout) {
    if (drainAsked.compareAndSet(false, true)) {
      moveTo(RelayState.DRAINING);
      LOG.info("draining: {} exchanges are live", live.size());
      after(preStopDelay, () -> closeDoor(timeout));
    }
    return drained;
  }

  private void closeDoor(Duration timeout) {
    accepting = false;
    counting = true;
    deadline = after(timeout, this::cutWhatIsLeft);
    checkDrained();
  }

  private void cutWhatIsLeft() {
    live.forEach(ExchangeRun::drain);
  }

  private void checkDrained() {
    if (counting && live.isEmpty()) {
      moveTo(RelayState.STOPPED);
      Scheduler.Cancellable timer = deadline;
      if (timer != null) {
        timer.cancel();
      }
      if (drainTold.compareAndSet(false, true)) {
        tellDrained();
      }
    }
  }

  /**
   * On a thread of its own: a host may close the relay or stop its server in answer, and that waits
   * for the very threads that come here, those of the forwarder and of the scheduler.
   */
  private void tellDrained() {
    DrainResult result = drainResult();
    Thread thread = new Thread(() -> drained.complete(result), "relay-drained");
    thread.setDaemon(true);
    // Started by some request's thread, it must not hold that one's web application.
    thread.setContextClassLoader(RelayCore.class.getClassLoader());
    thread.start();
  }

  private DrainResult drainResult() {
    return new DrainResult(finished.get(), cut.get());
  }

  private Scheduler.@Nullable Cancellable after(Duration delay, Runnable task) {
    if (delay.isZero()) {
      task.run();
      return null;
    }
    return scheduler.schedule(delay.toNanos(), task);
  }

  private synchronized void moveTo(RelayState next) {
    if (next.compareTo(state) > 0) {
      state = next;
    }
  }

  /** Cuts what still runs and gives back threads and connections. Idempotent. */
  public void close() {
    if (closed.compareAndSet(false, true)) {
      accepting = false;
      counting = true;
      drainAsked.set(true);
      moveTo(RelayState.STOPPED);
      // Told at the end of this, unless it was told before.
      boolean tells = drainTold.compareAndSet(false, true);
      try {
        live.forEach(ExchangeRun::close);
        forwarder.close();
      } finally {
        scheduler.close();
        DetailedLog detail = detailedLog;
        if (detail != null) {
          detail.close();
        }
        if (tells) {
          drained.complete(drainResult());
        }
      }
    }
  }

  /**
   * Returns where the relay is in its life.
   *
   * @return the state
   */
  public RelayState state() {
    return state;
  }

  /**
   * Counts what runs.
   *
   * @return exchanges
   */
  public int active() {
    return live.size();
  }

  @Override
  public Ticker ticker() {
    return ticker;
  }

  @Override
  public Scheduler scheduler() {
    return scheduler;
  }

  @Override
  public PolicyChain policies() {
    return policies;
  }

  @Override
  public StreamingForwarder forwarder() {
    return forwarder;
  }

  @Override
  public Tracing tracing() {
    return tracing;
  }

  @Override
  public List<RelayListener> listeners() {
    return listeners;
  }

  @Override
  public UsageRefusals usageRefusals() {
    return usageRefusals;
  }

  @Override
  public long maxBodySize() {
    return maxBodySize;
  }

  @Override
  public long minUploadRate() {
    return minUploadRate;
  }

  /**
   * Counts what was sent upstream and has not ended. Looks at all that runs, so for a gauge only.
   *
   * @return how many of each route that has any, by its name
   */
  public Map<String, Integer> sentUpstream() {
    Map<String, Integer> counts = new HashMap<>();
    for (ExchangeRun run : live) {
      if (run.isSentUpstream()) {
        counts.merge(run.route().name(), 1, Integer::sum);
      }
    }
    return counts;
  }

  /**
   * Counts what {@code max_streams} bounds.
   *
   * @return exchanges that were not refused at the door
   */
  public int streams() {
    return streams.get();
  }

  @Override
  public boolean countsChunkGaps() {
    return countsChunkGaps;
  }

  @Override
  public PriceTable prices() {
    return prices;
  }

  @Override
  public @Nullable DetailedLog detailedLog() {
    return detailedLog;
  }

  @Override
  public void ended(ExchangeRun run, ExchangeRecord record) {
    boolean turnedAway = run.isTurnedAway();
    if (!turnedAway) {
      streams.decrementAndGet();
    }
    if (counting && !turnedAway) {
      if (record.end() == EndReason.DRAINED) {
        cut.incrementAndGet();
      } else {
        finished.incrementAndGet();
      }
    }
    // Last, so that who waits for the drain finds all told and counted.
    live.remove(run);
    checkDrained();
  }
}
