package io.streamrelay.internal;

import io.streamrelay.Abandonment;
import io.streamrelay.DisconnectPhase;
import io.streamrelay.EndReason;
import io.streamrelay.Exchange;
import io.streamrelay.ExchangeKey;
import io.streamrelay.ExchangeRecord;
import io.streamrelay.Scheduler;
import io.streamrelay.Ticker;
import io.streamrelay.audio.SpeechRequest;
import io.streamrelay.error.ErrorCode;
import io.streamrelay.error.ErrorFormat;
import io.streamrelay.error.RelayError;
import io.streamrelay.forward.ForwardCall;
import io.streamrelay.forward.ForwardResult;
import io.streamrelay.forward.UpstreamRequest;
import io.streamrelay.http.HeaderPolicy;
import io.streamrelay.http.Headers;
import io.streamrelay.internal.detail.DetailedLog;
import io.streamrelay.internal.detail.ExchangeDetail;
import io.streamrelay.policy.Decision;
import io.streamrelay.policy.RequestBody;
import io.streamrelay.route.ClientGonePolicy;
import io.streamrelay.route.Dialect;
import io.streamrelay.route.Route;
import io.streamrelay.route.StreamKind;
import io.streamrelay.route.UpstreamCredential;
import io.streamrelay.trace.TraceContext;
import io.streamrelay.transport.ClientRequest;
import io.streamrelay.transport.ClientResponse;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs one exchange from its request to its single end.
 *
 * <p>A state machine of a few phases. Everything that happens outside the stream itself (a policy's
 * answer, a body slice, a timer, a client that left, the forwarder's result) leaves a note in a
 * field and calls {@link #kick}; a work-in-progress counter lets exactly one thread at a time take
 * the steps, so no step needs a lock. The stream itself flows from the forwarder's pump through
 * {@link ClientAnswer} to the client without passing here.
 *
 * <p>{@link #end} is the only place where an exchange ends.
 */
public final class ExchangeRun implements Exchange {
  private static final Logger LOG = LoggerFactory.getLogger("io.streamrelay.exchange");

  /** How long an ended answer may take to leave, and an answered client to finish sending. */
  private static final Duration FINISH_LIMIT = Duration.ofSeconds(5);

  /**
   * How long an answered client may pause before it counts as one that has stopped sending. It may
   * be waiting for the end of an answer without a length, which is not told before that.
   */
  private static final Duration PAUSE_LIMIT = Duration.ofSeconds(1);

  /**
   * A client that has its answer may go on sending until it has sent so many times the largest
   * body.
   */
  private static final int LINGER_FACTOR = 4;

  /** Of one request's head upstream; forwarders can send as much, whatever a container takes. */
  private static final int MAX_HEAD_BYTES = 60 * 1024;

  private static final Duration BUSY_RETRY = Duration.ofSeconds(1);

  private enum Phase {
    /** Policies decide before the body is read. */
    ADMIT,
    READ_BODY,
    /** Policies decide with the body. */
    ADMIT_BODY,
    FORWARD,
    /** The relay's own answer waits for the client to be ready. */
    REFUSE,
    /** The answer is out whole; the rest of the request body is read and dropped. */
    LINGER,
    /** The terminal event waits to leave, then to have left before the cut. */
    CUT,
    ENDED
  }

  private final RelayRuntime relay;
  private final ClientRequest request;
  private final CuttableResponse response;
  private final @Nullable Route matched;
  private final Dialect dialect;
  private final String id;
  private final Instant receivedAt = Instant.now();
  private final long startNanos;
  private final Clocks clocks;
  private final BodyProbe probe;
  private final RequestIntake intake;
  private final ClientAnswer answer;
  private final @Nullable ExchangeDetail detail;
  private final ListenerCalls listeners;
  private final Deque<Consumer<ExchangeRecord>> endActions = new ArrayDeque<>();

  /** Notes not yet seen; the first stands for the start, so that none is acted on before it. */
  private final AtomicInteger pending = new AtomicInteger(1);

  private final AtomicReference<@Nullable Stop> stop = new AtomicReference<>();

  // Notes left for the next step.
  private volatile @Nullable Decision decision;
  private volatile @Nullable ForwardResult result;
  private volatile boolean clientGone;
  private volatile @Nullable RelayError policyStop;
  private volatile boolean finishExpired;
  private volatile boolean turnDue;
  private volatile boolean drainOver;
  private volatile long goneNanos;

  // Owned by whoever takes the steps.
  private Phase phase = Phase.ADMIT;
  private boolean turnedAway;
  private boolean asked;
  private boolean cancelled;
  private boolean draining;
  private Scheduler.@Nullable Cancellable drainTimer;
  private @Nullable Abandonment abandonment;
  private @Nullable UsageOption usageOption;
  private @Nullable ForwardCall call;
  private long forwardNanos;
  private long bodyAwaitedNanos = -1;
  private long bodyWaitNanos;
  private long ownNanos = -1;
  private int attempts;
  private volatile boolean sentUpstream;

  // Written before the result.
  private long upstreamEndNanos;
  private long blockedAtUpstreamEnd;

  private @Nullable RelayError refusal;
  private @Nullable EndReason answered;
  private long answeredNanos;
  private @Nullable ByteBuffer lastEvent;
  private @Nullable ByteBuffer scratch;
  private @Nullable ExchangeRecord record;

  /** Null until {@link io.streamrelay.trace.Tracing#start} has answered. */
  private @Nullable TraceContext trace;

  /** Key, value, key, value; null until one is attached. */
  private @Nullable List<Object> attachments;

  private volatile String tenant = DEFAULT_TENANT;
  private volatile @Nullable String keyName;
  private volatile @Nullable ClientGonePolicy clientGonePolicy;

  /**
   * Takes a request.
   *
   * @param relay what all exchanges share
   * @param route where it goes; null if no route serves it, and then it is to be refused
   * @param id the exchange's id
   * @param request the client's
   * @param response the way back
   */
  public ExchangeRun(
      RelayRuntime relay,
      @Nullable Route route,
      String id,
      ClientRequest request,
      ClientResponse response) {
    this.relay = relay;
    this.matched = route;
    this.dialect = route == null ? Dialect.guess(request.rawPath(), "") : route.dialect();
    this.id = id;
    this.request = request;
    this.response = new CuttableResponse(response);
    this.startNanos = relay.ticker().nanos();
    Clocks.Limits limits = Clocks.Limits.of(route);
    UploadPace pace =
        new UploadPace(relay.ticker(), relay.minUploadRate(), limits.timeouts().idle());
    this.clocks =
        new Clocks(
            relay.ticker(),
            relay.scheduler(),
            limits,
            pace,
            this::expired,
            this::finishExpired,
            this::turnDue);
    this.probe = new BodyProbe(request.headers(), SpeechRequest.of(request, route));
    this.intake =
        new RequestIntake(
            request.body(), relay.maxBodySize(), probe, clocks::touch, this::uploadDone, pace);
    this.listeners = new ListenerCalls(this, relay.listeners());
    this.answer =
        new ClientAnswer(
            this, relay.ticker(), startNanos, clocks, intake, this.response, this::kick, listeners);
    answer.speech(probe::speech);
    DetailedLog detailedLog = relay.detailedLog();
    this.detail =
        detailedLog == null ? null : detailedLog.open(route, request.headers(), startNanos);
    if (detail != null) {
      intake.showTo(detail);
      answer.showTo(detail);
    }
  }

  /**
   * Gives the exchange its place in a trace, and tells listeners of its start. Called once, before
   * anything else.
   */
  public void announce() {
    try {
      trace = relay.tracing().start(this, matched);
    } catch (RuntimeException | Error e) {
      trace = TraceContext.from(request.headers());
      ExchangeLog.about(this, LOG.atError()).setCause(e).log("tracing failed");
    }
    if (matched != null) {
      listeners.start();
    }
  }

  /** Starts. This or {@link #refuse} is called once, on the request's own thread. */
  public void start() {
    response.listen(this::responseReady, this::clientGone);
    clocks.await(Clocks.Waiting.POLICY);
    takeSteps();
  }

  /**
   * Ends the exchange with an error before any policy is asked.
   *
   * @param error what the client is told
   */
  public void refuse(RelayError error) {
    turnedAway = true;
    response.listen(this::responseReady, this::clientGone);
    refuseWith(error);
    takeSteps();
  }

  /**
   * Tells whether it was refused before any policy was asked, and so never was a stream.
   *
   * @return true after {@link #refuse}
   */
  public boolean isTurnedAway() {
    return turnedAway;
  }

  /**
   * Tells whether it was sent upstream. Any thread.
   *
   * @return true from then on, also after the end
   */
  public boolean isSentUpstream() {
    return sentUpstream;
  }

  /** Ends the exchange because the relay stops. Any thread. */
  public void drain() {
    stop(Stop.DRAINED);
  }

  /** Ends the exchange as {@link #drain} does, but waits for nobody: no timer runs any more. */
  public void close() {
    finishExpired = true;
    drain();
    kick();
  }

  // ---- notes from outside

  private void stop(Stop why) {
    if (stop.compareAndSet(null, why)) {
      kick();
    } else if (why != Stop.CLIENT_GONE && stop.get() == Stop.CLIENT_GONE) {
      drainOver();
    }
  }

  private @Nullable RelayError errorOf(Stop why) {
    return why == Stop.POLICY ? policyStop : why.error();
  }

  private void drainOver() {
    drainOver = true;
    kick();
  }

  private void clientGone() {
    if (!clientGone) {
      goneNanos = relay.ticker().nanos();
      clientGone = true;
    }
    answer.clientLeft();
    stop(Stop.CLIENT_GONE);
    kick();
  }

  private void expired(Stop why) {
    // An upload that stands still is the client's doing if the upstream would take more.
    boolean upload = why == Stop.IDLE_TIMEOUT && !answer.isHeadSeen() && intake.isStarved();
    stop(upload ? Stop.REQUEST_TIMEOUT : why);
  }

  private void turnDue() {
    turnDue = true;
    kick();
  }

  private void finishExpired() {
    finishExpired = true;
    kick();
  }

  private void responseReady() {
    answer.ready();
    kick();
  }

  private void uploadDone() {
    if (!answer.isHeadSeen()) {
      clocks.await(Clocks.Waiting.HEAD);
    }
  }

  private void decided(Decision made) {
    decision = made;
    kick();
  }

  // ---- the steps

  private void kick() {
    if (pending.getAndIncrement() == 0) {
      takeSteps();
    }
  }

  private void takeSteps() {
    int seen = 1;
    do {
      try {
        step();
      } catch (RuntimeException | Error e) {
        broken(e);
      }
      seen = pending.addAndGet(-seen);
    } while (seen != 0);
  }

  /** Takes every step that can be taken now. */
  private void step() {
    boolean more = true;
    while (more) {
      more =
          switch (phase) {
            case ADMIT -> admit();
            case READ_BODY -> readBody();
            case ADMIT_BODY -> admitBody();
            case FORWARD -> watchForward();
            case REFUSE -> answerRefusal();
            case LINGER -> linger();
            case CUT -> cutWhenReady();
            case ENDED -> false;
          };
    }
  }

  private boolean admit() {
    if (stoppedEarly()) {
      return true;
    }
    if (!asked) {
      asked = true;
      relay.policies().onRequest(this, this::decided);
    }
    if (!admitted()) {
      return phase != Phase.ADMIT;
    }
    UpstreamCredential credential = route().credential();
    if (credential != null && credential.key() == null) {
      return refuseWith(
          RelayError.of(
              ErrorCode.UPSTREAM_KEY_MISSING,
              "the relay has no key for the provider of route '"
                  + routeName()
                  + "'; its operator must set "
                  + credential.source()));
    }
    ExchangeDetail shown = detail;
    if (shown != null) {
      shown.admitted(relay.ticker().nanos());
    }
    phase = Phase.READ_BODY;
    intake.onReadable(this::kick);
    clocks.await(Clocks.Waiting.REQUEST_BODY);
    return true;
  }

  private boolean readBody() {
    if (stoppedEarly()) {
      return true;
    }
    long waitedFrom = bodyAwaitedNanos;
    if (waitedFrom >= 0) {
      bodyAwaitedNanos = -1;
      bodyWaitNanos += relay.ticker().nanos() - startNanos - waitedFrom;
    }
    try {
      if (!intake.fill()) {
        bodyAwaitedNanos = relay.ticker().nanos() - startNanos;
        return false;
      }
    } catch (RequestIntake.TooLarge e) {
      return refuseWith(tooLarge());
    } catch (EOFException e) {
      return cut(EndReason.CLIENT_GONE);
    } catch (IOException | RuntimeException e) {
      return refuseWith(brokenBody(e));
    }
    phase = Phase.ADMIT_BODY;
    asked = false;
    decision = null;
    clocks.await(Clocks.Waiting.BODY_POLICY);
    return true;
  }

  private boolean admitBody() {
    if (stoppedEarly()) {
      return true;
    }
    if (!asked) {
      asked = true;
      relay
          .policies()
          .onRequestBody(
              this,
              new RequestBody(intake.start(), intake.isWhole(), intake.length()),
              this::decided);
    }
    if (!admitted()) {
      return phase != Phase.ADMIT_BODY;
    }
    Headers.Builder headers = upstreamHeaders();
    if (relay.policies().onUpstreamRequest(this, headers) instanceof Decision.Reject reject) {
      return refuseWith(reject.error());
    }
    trace(attempts + 1, headers);
    UpstreamRequest upstreamRequest = upstreamRequest(headers);
    if (headBytes(upstreamRequest) > MAX_HEAD_BYTES) {
      return refuseWith(
          RelayError.of(
              ErrorCode.INVALID_HEADER,
              "the request's path and fields are larger than this relay passes on ("
                  + MAX_HEAD_BYTES
                  + " bytes)"));
    }
    upstreamRequest = askForUsage(upstreamRequest);
    phase = Phase.FORWARD;
    if (probe.asksForStream()) {
      answer.expectStream();
    }
    if (relay.countsChunkGaps()) {
      answer.countGaps();
    }
    if (mayCommitEarly()) {
      answer.allowEarlyCommit();
    }
    clocks.await(Clocks.Waiting.CONNECTION);
    forwardNanos = relay.ticker().nanos();
    ownNanos = forwardNanos - startNanos - bodyWaitNanos;
    forward(upstreamRequest);
    intake.release();
    return true;
  }

  /** Sends the request upstream; what comes of it is noted in {@link #result}. */
  private void forward(UpstreamRequest upstreamRequest) {
    attempts++;
    sentUpstream = true;
    ExchangeDetail shown = detail;
    if (shown != null) {
      shown.upstreamRequest(upstreamRequest.headers(), forwardNanos);
    }
    listeners.upstreamRequest(attempts);
    ForwardCall started = relay.forwarder().forward(upstreamRequest, answer);
    call = started;
    started
        .result()
        .whenComplete(
            (ended, failure) -> {
              upstreamEndNanos = relay.ticker().nanos();
              blockedAtUpstreamEnd = clocks.blockedNanos();
              result =
                  ended != null
                      ? ended
                      : new ForwardResult.UpstreamFailed(
                          ForwardResult.Phase.BODY, failure == null ? new Error() : failure);
              kick();
            });
  }

  /** The upstream has refused what the relay asked beside the client: once more, without that. */
  private boolean forwardAgain(UsageOption option) {
    result = null;
    cancelled = false;
    answer.expectAgain();
    if (mayCommitEarly() && !answer.isEarlyCommit()) {
      answer.allowEarlyCommit();
    }
    clocks.awaitAgain();
    forward(option.giveUp());
    return true;
  }

  private boolean watchForward() {
    ForwardResult ended = result;
    if (ended != null) {
      return forwardEnded(ended);
    }
    ForwardCall running = call;
    boolean useless = answer.isOptionRefused();
    boolean over = useless || stop.get() != null || answer.refusal() != null;
    if (over && !cancelled && running != null) {
      if (!useless && isReadOn() && !drainOver) {
        return false;
      }
      cancelled = true;
      running.cancel();
      return true;
    }
    if (turnDue && running != null) {
      turnDue = false;
      if (!cancelled) {
        running.nudge();
        return true;
      }
    }
    return false;
  }

  /** Whether the answer is read to its end though its client has left; begins to if it can be. */
  private boolean isReadOn() {
    if (draining) {
      return true;
    }
    ClientGonePolicy own = clientGonePolicy;
    if (stop.get() != Stop.CLIENT_GONE
        || !((own == null ? route().onClientGone() : own)
            instanceof ClientGonePolicy.Drain drain)) {
      return false;
    }
    if (!answer.isConnected() || !intake.isWhole() || answer.isTerminalSeen()) {
      // The upstream does not have the whole request, or has nothing left to say.
      return false;
    }
    draining = true;
    Duration time = drain.time();
    if (time != null) {
      long left = time.toNanos() - (relay.ticker().nanos() - goneNanos);
      drainTimer = relay.scheduler().schedule(left, this::drainOver);
    }
    answer.drain(drain, this::drainOver);
    return true;
  }

  private boolean forwardEnded(ForwardResult ended) {
    Stop why = stop.get();
    UsageOption option = usageOption;
    if (option != null && answer.isOptionRefused() && why == null) {
      return forwardAgain(option);
    }
    RelayError refused = answer.refusal();
    if (refused != null) {
      return clientGone ? abandoned() : fail(refused);
    }
    boolean whole = ended instanceof ForwardResult.Completed;
    if (clientGone) {
      // Whoever leaves with the whole answer in hand, or the stream's last event, has not left
      // early.
      return answer.isInHand(whole) ? completed() : abandoned();
    }
    boolean dropped = answer.isOptionRefused();
    if (whole && !dropped && answer.isReady()) {
      if (answer.hasRest()) {
        answer.writeRest();
        return true;
      }
      return completed();
    }
    if (whole && why == null) {
      // The last chunk is still on its way.
      return false;
    }
    if (whole || dropped || ended instanceof ForwardResult.Cancelled) {
      RelayError error = why == null ? null : errorOf(why);
      return fail(error == null ? defect() : error);
    }
    if (ended instanceof ForwardResult.RequestBodyFailed failed) {
      if (failed.cause() instanceof EOFException) {
        // The upload tells of it before anybody else does.
        clientGone();
        return abandoned();
      }
      return fail(
          failed.cause() instanceof RequestIntake.TooLarge
              ? tooLarge()
              : brokenBody(failed.cause()));
    }
    ForwardResult.UpstreamFailed failed = (ForwardResult.UpstreamFailed) ended;
    ExchangeLog.about(this, LOG.atDebug())
        .addKeyValue("route", routeName())
        .addKeyValue("phase", failed.phase())
        .setCause(failed.cause())
        .log("reading upstream failed");
    return fail(
        switch (failed.phase()) {
          case QUEUE ->
              RelayError.of(
                      ErrorCode.UPSTREAM_BUSY,
                      "too many requests wait for a connection to the upstream")
                  .retryAfter(BUSY_RETRY);
          case CONNECT ->
              RelayError.of(ErrorCode.UPSTREAM_UNREACHABLE, "the upstream could not be reached");
          case HEAD, BODY ->
              RelayError.of(ErrorCode.UPSTREAM_FAILED, "the upstream broke off its answer");
        });
  }

  private boolean abandoned() {
    abandonment =
        !draining ? Abandonment.CANCEL : cancelled ? Abandonment.DRAIN_BOUNDED : Abandonment.DRAIN;
    return cut(EndReason.CLIENT_GONE);
  }

  /** The upstream's whole answer was handed on; whether it was one is the observer's judgement. */
  private boolean completed() {
    if (!answer.isHeadSeen()) {
      return fail(defect());
    }
    return switch (answer.verdict()) {
      case TRUNCATED ->
          fail(
              RelayError.of(
                  ErrorCode.UPSTREAM_TRUNCATED,
                  "the upstream ended its stream without its last event"));
      case FAILED -> complete(EndReason.UPSTREAM_ERROR);
      case COMPLETE, UNKNOWN ->
          complete(answer.status() < 400 ? EndReason.COMPLETE : EndReason.UPSTREAM_REFUSED);
    };
  }

  /**
   * Ends the upstream's answer, at once if it has taken the whole request. Else the client has the
   * answer to its last byte now, and still sends.
   */
  private boolean complete(EndReason reason) {
    answer.sendHead();
    if (intake.isWhole() || clientGone || response.isCut()) {
      return finish(reason);
    }
    response.flush();
    answered = reason;
    answeredNanos = relay.ticker().nanos();
    phase = Phase.LINGER;
    clocks.awaitFinish(answer.hasLength() ? FINISH_LIMIT : PAUSE_LIMIT);
    intake.onReadable(this::kick);
    return true;
  }

  private boolean finish(EndReason reason) {
    response.complete();
    end(reason);
    return false;
  }

  /** Tells the client as well as can be told now: by an error answer, a last event, or a cut. */
  private boolean fail(RelayError error) {
    if (!answer.isHeadSent()) {
      return refuseWith(error);
    }
    refusal = error;
    boolean rest = answer.hasRest();
    if (!rest && !answer.mayTakeEvent()) {
      return cut(error.code().endReason());
    }
    if (!rest) {
      lastEvent = ByteBuffer.wrap(ErrorFormat.terminalEvent(dialect, error, id));
    }
    phase = Phase.CUT;
    clocks.awaitFinish(finishLimit());
    return true;
  }

  private boolean cutWhenReady() {
    if (clientGone || !answer.isReady()) {
      return (clientGone || finishExpired) && cut(reasonOfRefusal());
    }
    if (answer.hasRest()) {
      // The beginning of an event, behind which there is no room for another.
      answer.writeRest();
      return true;
    }
    ByteBuffer event = lastEvent;
    if (event == null) {
      return cut(reasonOfRefusal());
    }
    lastEvent = null;
    response.write(event);
    return true;
  }

  private boolean cut(EndReason reason) {
    response.cut();
    end(reason);
    return false;
  }

  /** A client that has stood still is not waited for again, and a relay that stops waits little. */
  private Duration finishLimit() {
    Stop why = stop.get();
    return why == Stop.REQUEST_TIMEOUT || why == Stop.DRAINED ? PAUSE_LIMIT : FINISH_LIMIT;
  }

  private boolean refuseWith(RelayError error) {
    refusal = error;
    phase = Phase.REFUSE;
    clocks.awaitFinish(finishLimit());
    return true;
  }

  private boolean answerRefusal() {
    if (clientGone) {
      return cut(EndReason.CLIENT_GONE);
    }
    if (!answer.isReady()) {
      return finishExpired && cut(reasonOfRefusal());
    }
    RelayError error = refusal == null ? defect() : refusal;
    byte[] body = ErrorFormat.body(dialect, error, id);
    answer.replaceHead(error.status(), Answers.headers(error, id, body.length));
    if (request.method().equals("HEAD")) {
      response.flush();
    } else {
      response.write(ByteBuffer.wrap(body));
    }
    phase = Phase.LINGER;
    intake.onReadable(this::kick);
    return true;
  }

  /**
   * A client that is still sending would get a reset instead of the answer, so what it sends is
   * read and dropped for a while (RFC 9112 §9.6). One that waits for a 100 has not begun to send.
   */
  private boolean linger() {
    boolean over = finishExpired || clientGone;
    EndReason reason = answered == null ? reasonOfRefusal() : answered;
    if (!answer.isReady()) {
      return over && cut(reason);
    }
    boolean waitsFor100 = !intake.isTouched() && request.headers().contains("expect");
    boolean sendsTooMuch =
        Math.max(intake.seen(), request.body().length()) / LINGER_FACTOR > relay.maxBodySize();
    int dropped = over || waitsFor100 || sendsTooMuch ? -1 : dropSome();
    if (dropped > 0 && answered != null && !answer.hasLength()) {
      long left = FINISH_LIMIT.toNanos() - (relay.ticker().nanos() - answeredNanos);
      clocks.awaitFinish(Duration.ofNanos(Math.min(left, PAUSE_LIMIT.toNanos())));
    }
    return dropped < 0 ? finish(reason) : dropped > 0;
  }

  /** How many bytes of the body were there; 0 for none yet, -1 if no more will come. */
  private int dropSome() {
    ByteBuffer buffer = scratch;
    if (buffer == null) {
      buffer = ByteBuffer.allocate(8 * 1024);
      scratch = buffer;
    }
    try {
      return intake.discard(buffer.clear());
    } catch (IOException | RuntimeException e) {
      return -1;
    }
  }

  private EndReason reasonOfRefusal() {
    RelayError error = refusal;
    return error == null ? EndReason.RELAY_ERROR : error.code().endReason();
  }

  /** Whether something from outside ended this exchange before it was forwarded. */
  private boolean stoppedEarly() {
    if (clientGone) {
      cut(EndReason.CLIENT_GONE);
      return true;
    }
    Stop why = stop.get();
    if (why == null) {
      return false;
    }
    RelayError error = errorOf(why);
    refuseWith(error == null ? defect() : error);
    return true;
  }

  private boolean admitted() {
    Decision made = decision;
    if (made instanceof Decision.Reject reject) {
      refuseWith(reject.error());
    }
    return made instanceof Decision.Admit;
  }

  private void broken(Throwable defect) {
    ExchangeLog.about(this, LOG.atError())
        .addKeyValue("route", routeName())
        .setCause(defect)
        .log("an exchange broke; this is a defect of the relay or of a policy");
    if (phase == Phase.ENDED) {
      return;
    }
    ForwardCall running = call;
    if (running != null) {
      cancelAnyway(running);
    } else if (phase.compareTo(Phase.FORWARD) <= 0 && !answer.isHeadSeen()) {
      refuseWith(defect());
      kick();
      return;
    }
    refusal = defect();
    response.cut();
    end(EndReason.RELAY_ERROR);
  }

  /** A forwarder that breaks at this too must not keep the exchange from its end. */
  private void cancelAnyway(ForwardCall running) {
    try {
      running.cancel();
    } catch (RuntimeException | Error e) {
      ExchangeLog.about(this, LOG.atError()).setCause(e).log("cancelling an upstream call failed");
    }
  }

  /** The one place where an exchange ends. */
  private void end(EndReason reason) {
    phase = Phase.ENDED;
    clocks.stop();
    Scheduler.Cancellable timer = drainTimer;
    if (timer != null) {
      timer.cancel();
    }
    RelayError error = refusal;
    long now = relay.ticker().nanos();
    answer.tellStall(answerEnd(now));
    ExchangeRecord ended =
        ExchangeRecord.builder()
            .requestId(id)
            .receivedAt(receivedAt)
            .route(routeName())
            .tenant(tenant)
            .keyName(keyName)
            .clientAddress(request.clientAddress())
            .trace(trace)
            .method(request.method())
            .path(isPathRefused() ? "" : request.rawPath())
            .model(probe.model())
            .status(answer.sentStatus() == 0 ? statusOfNothing(reason) : answer.sentStatus())
            .end(reason)
            .error(reason == EndReason.CLIENT_GONE || error == null ? null : error.code())
            .upstreamRequestId(answer.upstreamRequestId())
            .durationNanos(now - startNanos)
            .timeToHeadNanos(answer.headNanos())
            .timeToFirstByteNanos(answer.firstByteNanos())
            .requestBytes(intake.received())
            .responseBytes(answer.bytes())
            .events(answer.events())
            .heartbeats(answer.heartbeats())
            .earlyCommit(answer.isEarlyCommit())
            .clientBlockedNanos(clocks.blockedNanos())
            .upstreamWaitNanos(upstreamWaitNanos())
            .usage(answer.usage())
            .audio(answer.audio())
            .provider(matched == null ? null : matched.provider())
            .upstream(matched == null ? null : matched.upstreamAuthority())
            .upstreamStatus(answer.status())
            .attempts(attempts)
            .sentUpstreamNanos(attempts == 0 ? -1 : forwardNanos - startNanos)
            .chunkGaps(answer.gaps())
            .stream(probe.asksForStream() || answer.isEventStream())
            .timings(answer.timings(ownNanos))
            .usageRequest(answer.usageRequest(reason == EndReason.COMPLETE))
            .disconnect(reason == EndReason.CLIENT_GONE ? disconnectPhase() : null)
            .abandonment(abandonment)
            .abandonedNanos(abandonment == null ? -1 : now - goneNanos)
            .abandonedBytes(answer.withheldBytes())
            .deliveredOutputTokens(answer.deliveredTokens())
            .pricedBy(relay.prices())
            .build();
    Deque<Consumer<ExchangeRecord>> actions;
    synchronized (endActions) {
      record = ended;
      actions = new ArrayDeque<>(endActions);
      endActions.clear();
    }
    actions.forEach(action -> giveBack(action, ended));
    ExchangeDetail shown = detail;
    if (shown != null) {
      shown.end(ended);
    }
    listeners.end(ended);
    relay.ended(this, ended);
  }

  /** When nothing more of the answer was to come, or its client had left. */
  private long answerEnd(long now) {
    if (clientGone) {
      return goneNanos;
    }
    return result == null || clocks.isBlocked() ? now : upstreamEndNanos;
  }

  private DisconnectPhase disconnectPhase() {
    return call == null
        ? DisconnectPhase.REQUEST
        : answer.bytes() == 0 ? DisconnectPhase.WAITING : DisconnectPhase.STREAMING;
  }

  private long upstreamWaitNanos() {
    if (call == null) {
      return -1;
    }
    return result == null
        ? relay.ticker().nanos() - forwardNanos - clocks.blockedNanos()
        : upstreamEndNanos - forwardNanos - blockedAtUpstreamEnd;
  }

  private boolean isPathRefused() {
    RelayError error = refusal;
    return matched == null && error != null && error.code() == ErrorCode.INVALID_PATH;
  }

  private int statusOfNothing(EndReason reason) {
    RelayError error = refusal;
    // As nginx logs a client that left before there was a status.
    return reason == EndReason.CLIENT_GONE ? 499 : error == null ? 500 : error.status();
  }

  private void giveBack(Consumer<ExchangeRecord> action, ExchangeRecord ended) {
    try {
      action.accept(ended);
    } catch (RuntimeException | Error e) {
      ExchangeLog.about(this, LOG.atError())
          .setCause(e)
          .log("an action at the end of an exchange failed");
    }
  }

  // ---- the upstream request

  private Headers.Builder upstreamHeaders() {
    Route route = route();
    UpstreamCredential credential = route.credential();
    Headers.Builder headers =
        HeaderPolicy.toUpstream(
            request.headers(),
            route.forwardHeaders(),
            credential == null ? null : credential.header());
    if (asksForStream(route) && acceptsIdentity()) {
      // The stream is observed; a coding the client merely accepts would hide it.
      headers.set("Accept-Encoding", "identity");
    }
    return headers;
  }

  /** After the policies: what is sent is what is logged and recorded. */
  private void trace(int attempt, Headers.Builder headers) {
    Headers told;
    try {
      told = relay.tracing().startAttempt(this, attempt);
    } catch (RuntimeException | Error e) {
      told = trace().headers();
      ExchangeLog.about(this, LOG.atError()).setCause(e).log("tracing failed");
    }
    headers.remove(TraceContext.TRACEPARENT).remove(TraceContext.TRACESTATE);
    if (route().propagateTrace()) {
      told.forEach(headers::set);
    } else {
      // It is passed on only where a route names it; a trace goes no further than it may.
      headers.remove("baggage");
    }
  }

  private UpstreamRequest upstreamRequest(Headers.Builder headers) {
    Route route = route();
    UpstreamCredential credential = route.credential();
    if (credential != null) {
      String value = credential.headerValue();
      if (value != null) {
        headers.set(credential.header(), value);
      }
    }
    String query = Queries.withoutCredentials(request.rawQuery());
    String path = route.upstreamPath(request.rawPath());
    return new UpstreamRequest(
        request.method(),
        route.upstream(),
        query == null ? path : path + "?" + query,
        headers.build(),
        intake.length(),
        intake.isWhole() ? intake.start() : null,
        intake);
  }

  private UpstreamRequest askForUsage(UpstreamRequest own) {
    Route route = route();
    UsageOption option =
        route.includeUsage()
            ? UsageOption.of(
                this, route.upstreamPath(request.rawPath()), own, probe, relay.usageRefusals())
            : null;
    if (option == null) {
      return own;
    }
    usageOption = option;
    answer.expectUsage(option);
    return option.apply(own);
  }

  /** As HTTP/1.1 writes it, but for what the forwarder adds. */
  private static long headBytes(UpstreamRequest upstream) {
    long[] sum = {upstream.pathAndQuery().length()};
    upstream.headers().forEach((name, value) -> sum[0] += name.length() + value.length() + 4L);
    return sum[0];
  }

  private boolean asksForStream(Route route) {
    return route.kind() == StreamKind.SSE
        || (route.kind() == StreamKind.AUTO && probe.asksForStream());
  }

  /** Whether a 200 with events can be right, whatever the upstream will say. */
  private boolean mayCommitEarly() {
    return asksForStream(route()) && !probe.refusesStream() && !request.method().equals("HEAD");
  }

  /** RFC 9110 §12.5.3; a client that names no coding is left alone. */
  private boolean acceptsIdentity() {
    boolean named = false;
    boolean refused = false;
    for (String field : request.headers().all("accept-encoding")) {
      for (String item : field.split(",", -1)) {
        String coding = item.strip().toLowerCase(Locale.ROOT).replace(" ", "");
        named |= !coding.isEmpty();
        refused |= coding.matches("(identity|\\*);q=0(\\.0*)?");
      }
    }
    return named && !refused;
  }

  // ---- errors

  private static RelayError defect() {
    return RelayError.of(ErrorCode.RELAY_ERROR, "the relay failed on this request");
  }

  private RelayError tooLarge() {
    return RelayError.of(
        ErrorCode.BODY_TOO_LARGE,
        "the request body is larger than this relay accepts (" + relay.maxBodySize() + " bytes)");
  }

  private RelayError brokenBody(Throwable cause) {
    ExchangeLog.about(this, LOG.atDebug()).setCause(cause).log("reading client failed");
    return RelayError.of(ErrorCode.INVALID_BODY, "the request body could not be read to its end");
  }

  // ---- Exchange

  @Override
  public String id() {
    return id;
  }

  @Override
  public Instant receivedAt() {
    return receivedAt;
  }

  @Override
  public Ticker ticker() {
    return relay.ticker();
  }

  @Override
  public String method() {
    return request.method();
  }

  @Override
  public String path() {
    return request.rawPath();
  }

  @Override
  public Headers clientRequest() {
    return request.headers();
  }

  @Override
  public @Nullable String clientAddress() {
    return request.clientAddress();
  }

  @Override
  public Route route() {
    Route route = matched;
    if (route == null) {
      throw new IllegalStateException(
          "no route serves this exchange (expected: policies are not asked)");
    }
    return route;
  }

  private String routeName() {
    Route route = matched;
    return route == null ? ExchangeRecord.NO_ROUTE : route.name();
  }

  @Override
  public String tenant() {
    return tenant;
  }

  @Override
  public @Nullable String keyName() {
    return keyName;
  }

  @Override
  public void identify(@Nullable String name, String whose) {
    keyName = name;
    tenant = whose;
  }

  @Override
  public void whenClientGone(ClientGonePolicy policy) {
    clientGonePolicy = policy;
  }

  @Override
  public @Nullable String model() {
    return probe.model();
  }

  @Override
  public TraceContext trace() {
    TraceContext place = trace;
    if (place == null) {
      throw new IllegalStateException(
          "the exchange has no place in a trace yet (expected: Tracing.start makes one)");
    }
    return place;
  }

  @Override
  public <T> void attach(ExchangeKey<T> key, @Nullable T value) {
    List<Object> all = attachments;
    if (all == null) {
      all = new ArrayList<>(4);
      attachments = all;
    }
    int at = indexOf(all, key);
    if (at >= 0) {
      all.subList(at, at + 2).clear();
    }
    if (value != null) {
      all.add(key);
      all.add(value);
    }
  }

  @Override
  public <T> @Nullable T attached(ExchangeKey<T> key) {
    List<Object> all = attachments;
    int at = all == null ? -1 : indexOf(all, key);
    return all == null || at < 0 ? null : key.cast(all.get(at + 1));
  }

  private static int indexOf(List<Object> keysAndValues, ExchangeKey<?> key) {
    for (int i = 0; i < keysAndValues.size(); i += 2) {
      if (keysAndValues.get(i) == key) {
        return i;
      }
    }
    return -1;
  }

  @Override
  public void stop(RelayError error) {
    Objects.requireNonNull(error, "error");
    synchronized (endActions) {
      if (policyStop != null) {
        return;
      }
      policyStop = error;
    }
    stop(Stop.POLICY);
  }

  @Override
  public void onEnd(Consumer<ExchangeRecord> action) {
    ExchangeRecord ended;
    synchronized (endActions) {
      ended = record;
      if (ended == null) {
        endActions.push(action);
      }
    }
    if (ended != null) {
      // A late answer of a policy took something after the end: it goes back at once.
      giveBack(action, ended);
    }
  }
}
