package io.streamrelay.internal;

import io.streamrelay.Exchange;
import io.streamrelay.Ticker;
import io.streamrelay.Timings;
import io.streamrelay.UsageRequest;
import io.streamrelay.audio.AudioMeter;
import io.streamrelay.audio.SpeechRequest;
import io.streamrelay.error.RelayError;
import io.streamrelay.forward.ResponseSink;
import io.streamrelay.http.Headers;
import io.streamrelay.internal.detail.ExchangeDetail;
import io.streamrelay.observe.AudioStats;
import io.streamrelay.observe.ChunkGaps;
import io.streamrelay.observe.StreamObserver;
import io.streamrelay.observe.Usage;
import io.streamrelay.observe.UsageFrameFilter;
import io.streamrelay.observe.Verdict;
import io.streamrelay.route.ClientGonePolicy;
import io.streamrelay.route.StreamKind;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Hands one upstream answer to the client, and looks at it on the way.
 *
 * <p>The forwarder's pump calls it while a call runs, as {@link ResponseSink} says; the exchange's
 * steps do before and after. So nothing here needs a lock, and what others may read meanwhile is
 * volatile.
 */
final class ClientAnswer implements ResponseSink {
  private static final Logger LOG = LoggerFactory.getLogger("io.streamrelay.exchange");

  /**
   * A comment, which every parser of server-sent events drops (WHATWG HTML, "Server-sent events"),
   * and a blank line, which dispatches nothing at an event border.
   */
  private static final byte[] HEARTBEAT = ": keep-alive\n\n".getBytes(StandardCharsets.US_ASCII);

  /** From so long on, listeners are told that an answer stood still. */
  private static final long STALL_NANOS = 1_000_000_000L;

  private static final byte[] BOM = {(byte) 0xef, (byte) 0xbb, (byte) 0xbf};
  private static final int NO_BOM = -1;
  private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

  private final Exchange exchange;
  private final Ticker ticker;
  private final long startNanos;
  private final Clocks clocks;
  private final RequestIntake intake;
  private final CuttableResponse response;
  private final Runnable onRefused;
  private final ListenerCalls listeners;

  private volatile @Nullable Runnable onReady;
  private volatile boolean headSeen;
  private volatile boolean writePending;
  private volatile @Nullable RelayError refusal;
  private boolean streamAsked;
  private boolean mayCommitEarly;
  private boolean earlyCommit;
  private boolean headSent;
  private boolean wrote;
  private long heartbeats;

  /** Bytes of a byte order mark that were held back, or {@link #NO_BOM} if none is looked for. */
  private int bomSeen = NO_BOM;

  private int status;
  private int sentStatus;
  private @Nullable Headers head;
  private @Nullable String upstreamRequestId;
  private long headNanos = -1;
  private long firstByteNanos = -1;
  private long firstWriteNanos;
  private long lastWriteNanos;
  private long blockedAtLastWrite;
  private long longestStallNanos = -1;
  private @Nullable ChunkGaps gaps;
  private long firstTokenNanos = -1;
  private long lastContentNanos;
  private long contentEvents;
  private long bytes;

  /** How long the upstream said its body is; negative if it did not. */
  private long announcedBytes = -1;

  private @Nullable StreamObserver observer;
  private @Nullable ExchangeDetail detail;

  private Supplier<@Nullable SpeechRequest> speech = () -> null;
  private @Nullable AudioMeter audio;
  private long firstAudioNanos = -1;

  // The relay itself asks for usage.
  private @Nullable UsageOption usageOption;
  private volatile boolean optionRefused;
  private @Nullable UsageFrameFilter filter;
  private ByteBuffer rest = NOTHING;

  // The client has left.
  private volatile boolean gone;
  private volatile boolean connected;
  private volatile boolean terminalSeen;
  private volatile ClientGonePolicy.@Nullable Drain drain;
  private volatile @Nullable Runnable onBound;
  private boolean departed;
  private boolean lastWithheld;
  private long withheldBytes;
  private long deliveredTokens;
  private Verdict deliveredVerdict = Verdict.UNKNOWN;

  /**
   * Waits for an answer.
   *
   * @param exchange whose answer it is; has a route if a call is made
   * @param ticker the relay's
   * @param startNanos when the exchange began
   * @param clocks told what is waited for
   * @param intake tells whether the request has gone up whole
   * @param response the way to the client
   * @param onRefused told when {@link #refusal} is there
   * @param listeners told what comes
   */
  ClientAnswer(
      Exchange exchange,
      Ticker ticker,
      long startNanos,
      Clocks clocks,
      RequestIntake intake,
      CuttableResponse response,
      Runnable onRefused,
      ListenerCalls listeners) {
    this.exchange = exchange;
    this.ticker = ticker;
    this.startNanos = startNanos;
    this.clocks = clocks;
    this.intake = intake;
    this.response = response;
    this.onRefused = onRefused;
    this.listeners = listeners;
  }

  // ---- what the exchange asks and says

  /** Says where the answer is looked at for the detailed log. */
  void showTo(ExchangeDetail exchangeDetail) {
    detail = exchangeDetail;
  }

  /** Whether the upstream's head has come. */
  boolean isHeadSeen() {
    return headSeen;
  }

  /** Whether the client has a head that cannot be taken back. */
  boolean isHeadSent() {
    return headSent;
  }

  /** The request itself says that it wants a stream of events. */
  void expectStream() {
    streamAsked = true;
  }

  /** A stream was asked for: the client may be told 200 before the upstream answers. */
  void allowEarlyCommit() {
    mayCommitEarly = true;
    clocks.allowCommit();
  }

  /** The relay asks for usage, or would like to. Called before the first call. */
  void expectUsage(UsageOption option) {
    usageOption = option;
  }

  /** Whether the upstream's answer was dropped: what the relay asked was refused. */
  boolean isOptionRefused() {
    return optionRefused;
  }

  /** Waits for the answer to another call, made after the refusal. */
  void expectAgain() {
    optionRefused = false;
    connected = false;
  }

  /** What became of the relay's own request for usage; null if it had none. */
  @Nullable UsageRequest usageRequest(boolean complete) {
    UsageOption option = usageOption;
    return option == null ? null : option.result(filter, complete && !gone);
  }

  /**
   * Decides on what is held of the upstream's bytes, because no more will come.
   *
   * @return whether {@link #writeRest} is to be called before the end
   */
  boolean hasRest() {
    UsageFrameFilter filtering = filter;
    if (filtering != null && !rest.hasRemaining()) {
      rest = filtering.end();
    }
    return rest.hasRemaining() && !gone;
  }

  /** Hands it on. Only while ready. */
  void writeRest() {
    ByteBuffer last = rest;
    rest = NOTHING;
    int count = last.remaining();
    response.write(last);
    wrote = true;
    written(0);
    bytes += count;
  }

  /** Whether the client was told 200 before the upstream answered. */
  boolean isEarlyCommit() {
    return earlyCommit;
  }

  /** What to tell the client of an answer that does not fit behind an early 200; null if none. */
  @Nullable RelayError refusal() {
    return refusal;
  }

  /** Comments written. */
  long heartbeats() {
    return heartbeats;
  }

  /** The upstream's status. */
  int status() {
    return status;
  }

  /** Whether its head says how long it is, so that its client need not be told of the end. */
  boolean hasLength() {
    Headers upstreamHead = head;
    return upstreamHead != null && upstreamHead.contains("content-length");
  }

  /** What the client was told; 0 if nothing. */
  int sentStatus() {
    return sentStatus;
  }

  @Nullable String upstreamRequestId() {
    return upstreamRequestId;
  }

  /** From the start to the upstream's head; negative if none came. */
  long headNanos() {
    return headNanos;
  }

  /** From the start to the first byte written; negative if none was. */
  long firstByteNanos() {
    return firstByteNanos;
  }

  /**
   * When what a user waits for came.
   *
   * @param beforeForward the relay's own time before the request went to the forwarder; negative if
   *     it did not
   */
  Timings timings(long beforeForward) {
    long output = firstTokenNanos < 0 ? -1 : lastContentNanos - firstTokenNanos;
    long overhead = beforeForward < 0 ? -1 : beforeForward + firstWriteNanos;
    return new Timings(firstTokenNanos, firstAudioNanos, longestStallNanos, output, overhead);
  }

  /** Counts the times between chunks; called before the first. */
  void countGaps() {
    gaps = new ChunkGaps();
  }

  /** The times between chunks; null if they are not counted. */
  @Nullable ChunkGaps gaps() {
    return gaps;
  }

  /** Whether the answer is a stream of events. */
  boolean isEventStream() {
    return observer != null;
  }

  /** Body bytes written. */
  long bytes() {
    return bytes;
  }

  /** The client left: from now on the answer is only looked at. Any thread, at any time. */
  void clientLeft() {
    gone = true;
  }

  /** Whether a connection has taken the request. */
  boolean isConnected() {
    return connected;
  }

  /** Whether the stream's terminal marker has come. */
  boolean isTerminalSeen() {
    return terminalSeen;
  }

  /**
   * Lets the client's side go and the upstream come to its end, or to a bound.
   *
   * @param bounds on what comes from now on; its time is the caller's to watch
   * @param reached told by the pump, perhaps more than once
   */
  void drain(ClientGonePolicy.Drain bounds, Runnable reached) {
    onBound = reached;
    drain = bounds;
    response.cut();
    // The pump may have waited for the client.
    ready();
  }

  /**
   * Whether a client that left did so with the whole answer or the stream's last event in hand.
   * Asked after the call has ended.
   *
   * @param whole whether the upstream's answer was whole
   */
  boolean isInHand(boolean whole) {
    if (!headSent || !response.isTaken()) {
      return false;
    }
    Verdict got = verdict();
    // Whoever has as many bytes as were announced may be quicker than the upstream's end here.
    boolean all = (whole && !departed) || bytes + removedBytes() == announcedBytes;
    return got == Verdict.COMPLETE || (all && got != Verdict.TRUNCATED);
  }

  private long removedBytes() {
    UsageFrameFilter filtering = filter;
    return filtering == null ? 0 : filtering.removedBytes();
  }

  /** Body bytes that came after the client had left. */
  long withheldBytes() {
    return withheldBytes;
  }

  /** Output tokens that came while the client was there; negative if not known. */
  long deliveredTokens() {
    StreamObserver watching = observer;
    return departed ? deliveredTokens : watching == null ? -1 : watching.outputTokens();
  }

  /** What the stream told or showed of its usage, to its end. */
  Usage usage() {
    StreamObserver watching = observer;
    Usage told = watching == null ? Usage.NONE : watching.usage();
    SpeechRequest spoken = speech.get();
    boolean accepted = status >= 200 && status < 300;
    long characters = spoken == null || !accepted ? Usage.NOT_TOLD : spoken.characters();
    return characters < 0 ? told : told.toBuilder().inputCharacters(characters).build();
  }

  /** What the answer was, if it was audio. */
  @Nullable AudioStats audio() {
    AudioMeter measuring = audio;
    return measuring == null ? null : measuring.stats();
  }

  /** Where to learn what the request asks to be spoken; null is no speech. */
  void speech(Supplier<@Nullable SpeechRequest> asked) {
    speech = asked;
  }

  /** Answers with a head of the relay's own instead of the upstream's. */
  void replaceHead(int ownStatus, Headers headers) {
    head = null;
    sentStatus = ownStatus;
    wrote = true;
    response.head(ownStatus, headers);
  }

  /** The client may be ready for more. */
  void ready() {
    Runnable callback = onReady;
    if (callback != null) {
      callback.run();
    }
  }

  // ---- what the forwarder says

  @Override
  public void onReady(Runnable callback) {
    onReady = callback;
  }

  @Override
  public void connected() {
    connected = true;
    clocks.await(intake.isWhole() ? Clocks.Waiting.HEAD : Clocks.Waiting.UPLOAD);
  }

  @Override
  public void head(int upstreamStatus, Headers upstreamResponse) {
    UsageOption option = usageOption;
    if (option != null && option.isRefusedWith(upstreamStatus, !gone)) {
      optionRefused = true;
      listeners.head(upstreamStatus);
      onRefused.run();
      return;
    }
    headSeen = true;
    headNanos = ticker.nanos() - startNanos;
    status = upstreamStatus;
    upstreamRequestId = Answers.upstreamRequestId(upstreamResponse);
    announcedBytes = length(upstreamResponse);
    ExchangeDetail shown = detail;
    if (shown != null) {
      shown.responseHead(upstreamResponse);
    }
    listeners.head(status);
    boolean events = isObservable(upstreamResponse);
    if (events && option != null && option.isPut()) {
      filter = new UsageFrameFilter();
    }
    if (earlyCommit) {
      if (!events) {
        refusal = Answers.tooLate(status, upstreamResponse);
        onRefused.run();
      }
    } else {
      if (events) {
        observer = new StreamObserver(exchange.route().dialect());
      } else if (!exchange.method().equals("HEAD")) {
        SpeechRequest spoken = speech.get();
        if (spoken != null) {
          spoken.answered(upstreamResponse);
        }
        audio = AudioMeter.of(spoken, status, upstreamResponse);
      }
      head = Answers.headers(status, upstreamResponse, exchange.id(), events);
    }
    clocks.await(Clocks.Waiting.BODY);
  }

  /** Also asked by the exchange's steps, when no call runs. */
  @Override
  public boolean isReady() {
    boolean ready = response.isReady();
    if (ready == writePending && wrote) {
      writePending = !ready;
      if (ready) {
        clocks.unblock();
      } else {
        clocks.block();
      }
    }
    return ready;
  }

  @Override
  public void write(ByteBuffer chunk) {
    int from = chunk.position();
    int to = chunk.limit();
    if (optionRefused) {
      return;
    }
    if (gone) {
      withhold(chunk, from, to);
      return;
    }
    if (earlyCommit && refusal != null) {
      // The client has been told of it otherwise, or is about to be.
      return;
    }
    // While a write is pending its container may move the buffer's position and limit.
    ByteBuffer looked = chunk.duplicate();
    ByteBuffer bare = bomSeen == NO_BOM ? chunk : withoutBom(chunk);
    UsageFrameFilter filtering = filter;
    ByteBuffer due = filtering == null ? bare : filtering.take(bare);
    int count = due.remaining();
    long writtenNanos = -1;
    if (count > 0) {
      long now = firstByteNanos < 0 ? ticker.nanos() : 0;
      sendHead();
      response.write(due);
      wrote = true;
      writtenNanos = written(now);
      bytes += count;
    } else if (filtering != null) {
      clocks.touch();
    }
    if (gone && !response.isTaken()) {
      // By this very write, which failed.
      depart();
    }
    observe(looked, from, to);
    if (writtenNanos >= 0) {
      noteContent(writtenNanos);
      noteAudio(looked, from, to, writtenNanos);
    }
    if (gone) {
      // The client took the chunk and left before it was looked at.
      depart();
    }
  }

  /**
   * Notes that a chunk was handed to the client.
   *
   * @param begun when the first one was there
   * @return nanoseconds since the start
   */
  private long written(long begun) {
    long now = clocks.chunkWritten();
    if (firstByteNanos < 0) {
      firstByteNanos = now - startNanos;
      firstWriteNanos = now - begun;
      listeners.firstByte();
    } else {
      longestStallNanos = Math.max(longestStallNanos, now - lastWriteNanos);
      tellStall(now);
      ChunkGaps counting = gaps;
      if (counting != null) {
        counting.add(now - lastWriteNanos);
      }
    }
    lastWriteNanos = now;
    blockedAtLastWrite = clocks.blockedNanos();
    return now - startNanos;
  }

  /**
   * Tells listeners if the answer has stood still.
   *
   * @param until when it went on or ended
   */
  void tellStall(long until) {
    long still = until - lastWriteNanos;
    if (firstByteNanos >= 0 && still >= STALL_NANOS) {
      listeners.stall(still, (clocks.blockedNanos() - blockedAtLastWrite) * 2 >= still);
    }
  }

  /** Notes when content reached the client, if the chunk just observed has brought any. */
  private void noteContent(long writtenNanos) {
    StreamObserver watching = observer;
    if (watching == null) {
      return;
    }
    if (firstTokenNanos < 0 && watching.contentSeen()) {
      firstTokenNanos = writtenNanos;
      lastContentNanos = writtenNanos;
      listeners.firstToken();
    }
    long events = watching.contentEvents();
    if (events != contentEvents) {
      contentEvents = events;
      lastContentNanos = writtenNanos;
    }
  }

  /** Measures audio that reached the client, and notes when the first did. */
  private void noteAudio(ByteBuffer chunk, int from, int to, long writtenNanos) {
    AudioMeter measuring = audio;
    if (measuring != null && !departed) {
      try {
        measuring.observe(chunk, from, to, writtenNanos);
        firstAudioNanos = measuring.firstAudioNanos(-1);
      } catch (RuntimeException | Error e) {
        // Observation never breaks a stream.
        audio = null;
        LOG.atError()
            .addKeyValue("request_id", exchange.id())
            .setCause(e)
            .log("measuring audio failed");
      }
    }
    StreamObserver watching = observer;
    if (watching != null && firstAudioNanos < 0 && !departed && watching.audioSeen()) {
      firstAudioNanos = writtenNanos;
    }
  }

  @Override
  public boolean mayReuse() {
    return lastWithheld || !response.isBufferOut();
  }

  private void withhold(ByteBuffer chunk, int from, int to) {
    depart();
    lastWithheld = true;
    withheldBytes += to - from;
    clocks.touch();
    observe(chunk, from, to);
    ClientGonePolicy.Drain bounds = drain;
    Runnable reached = onBound;
    if (bounds != null && reached != null && isReached(bounds)) {
      reached.run();
    }
  }

  private boolean isReached(ClientGonePolicy.Drain bounds) {
    Long mostBytes = bounds.bytes();
    Long mostTokens = bounds.tokens();
    StreamObserver watching = observer;
    return (mostBytes != null && withheldBytes >= mostBytes)
        || (mostTokens != null
            && watching != null
            && watching.outputTokens() - deliveredTokens >= mostTokens);
  }

  /** What has come so far is what the client got. */
  private void depart() {
    if (!departed) {
      deliveredTokens = deliveredTokens();
      deliveredVerdict = judge();
      departed = true;
    }
  }

  private void observe(ByteBuffer chunk, int from, int to) {
    ExchangeDetail shown = detail;
    if (shown != null) {
      shown.responseBytes(chunk, from, to - from, ticker.nanos());
    }
    StreamObserver watching = observer;
    if (watching != null) {
      try {
        watching.observe(chunk, from, to);
        if (watching.terminalSeen() && !terminalSeen) {
          terminalSeen = true;
        }
      } catch (RuntimeException | Error e) {
        // Observation never breaks a stream.
        observer = null;
        ExchangeLog.about(exchange, LOG.atError()).setCause(e).log("observing a stream failed");
      }
    }
  }

  @Override
  public void flush() {
    if (gone || earlyCommit || optionRefused) {
      // The client has its head, or wants none, or this is not the one it gets.
      return;
    }
    sendHead();
    response.flush();
    wrote = true;
  }

  @Override
  public void nudged() {
    if (gone) {
      return;
    }
    if (!headSent) {
      if (mayCommitEarly && !headSeen && clocks.isCommitDue()) {
        commitEarly();
      }
    } else if (clocks.isBeatDue() && mayTakeEvent() && refusal == null && !isAllSaid()) {
      beat();
    }
  }

  private void commitEarly() {
    earlyCommit = true;
    headSent = true;
    sentStatus = 200;
    observer = new StreamObserver(exchange.route().dialect());
    response.head(200, Answers.earlyHead(exchange.id()));
    clocks.startBeating();
    beat();
  }

  private void beat() {
    if (bytes == 0) {
      // A byte order mark counts only where the stream begins (WHATWG HTML, "Parsing an event
      // stream"); behind the comment it would spoil the first field's name.
      bomSeen = 0;
    }
    heartbeats++;
    response.write(ByteBuffer.wrap(HEARTBEAT));
    wrote = true;
    clocks.beat();
  }

  /** After the stream's last event there is nothing more to wait for. */
  private boolean isAllSaid() {
    Verdict said = verdict();
    return said == Verdict.COMPLETE || said == Verdict.FAILED;
  }

  /**
   * Drops a byte order mark at the start of the upstream's stream. A stream that is nothing but the
   * first bytes of one loses these: they are no text.
   */
  private ByteBuffer withoutBom(ByteBuffer chunk) {
    while (bomSeen < BOM.length && chunk.hasRemaining()) {
      if (chunk.get(chunk.position()) != BOM[bomSeen]) {
        int held = bomSeen;
        bomSeen = NO_BOM;
        return held == 0
            ? chunk
            : ByteBuffer.allocate(held + chunk.remaining()).put(BOM, 0, held).put(chunk).flip();
      }
      chunk.get();
      bomSeen++;
    }
    if (bomSeen == BOM.length) {
      bomSeen = NO_BOM;
    }
    return chunk;
  }

  void sendHead() {
    Headers waiting = head;
    if (waiting != null && !headSent) {
      headSent = true;
      sentStatus = status;
      response.head(status, waiting);
      if (observer != null) {
        clocks.startBeating();
      }
    }
  }

  /** RFC 9112 §6.3; the forwarder has checked the field already. */
  private long length(Headers upstreamResponse) {
    String value = upstreamResponse.first("content-length");
    if (exchange.method().equals("HEAD") || status == 204 || status == 304) {
      return 0;
    }
    try {
      return value == null ? -1 : Long.parseLong(value.strip());
    } catch (NumberFormatException e) {
      return -1;
    }
  }

  private boolean isObservable(Headers upstreamResponse) {
    StreamKind kind = exchange.route().kind();
    if (kind == StreamKind.RAW || status >= 300 || exchange.method().equals("HEAD")) {
      return false;
    }
    String coding = upstreamResponse.first("content-encoding");
    if (coding != null && !coding.equalsIgnoreCase("identity")) {
      return false;
    }
    String type = upstreamResponse.first("content-type");
    return type == null
        ? kind == StreamKind.SSE
        : type.toLowerCase(Locale.ROOT).startsWith("text/event-stream");
  }

  /**
   * Judges what the client got. A model that has said why it stops has said all: that suffices for
   * a client that left with it, and on routes to providers that leave the terminal marker out then.
   */
  Verdict verdict() {
    return departed ? deliveredVerdict : judge();
  }

  private Verdict judge() {
    StreamObserver watching = observer;
    if (watching == null) {
      return Verdict.UNKNOWN;
    }
    Verdict said = watching.verdict();
    if (said == Verdict.UNKNOWN && streamAsked && !watching.contentSeen()) {
      // Nothing, or nothing but pings, is no answer to a request for a stream.
      return Verdict.TRUNCATED;
    }
    boolean reasonSuffices = gone || !exchange.route().requireDone();
    if (said == Verdict.COMPLETE
        && !reasonSuffices
        && !watching.terminalSeen()
        && watching.eventPending()) {
      return Verdict.TRUNCATED;
    }
    return said == Verdict.TRUNCATED && reasonSuffices && watching.finishSeen()
        ? Verdict.COMPLETE
        : said;
  }

  boolean mayTakeEvent() {
    UsageFrameFilter filtering = filter;
    StreamObserver watching = observer;
    return filtering != null
        ? filtering.atEventBorder()
        : watching != null && watching.atEventBorder();
  }

  long events() {
    StreamObserver watching = observer;
    return watching == null ? 0 : watching.events();
  }
}
