package io.streamrelay.observe;

import io.streamrelay.route.Dialect;
import java.nio.ByteBuffer;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Judges a server-sent stream by the protocol spoken in it.
 *
 * <p>The protocol is recognised by what the stream holds, whatever the route's dialect, because
 * OpenAI-compatible routes carry others too. Known are:
 *
 * <table>
 * <caption>Protocols</caption>
 * <tr><th>Protocol<th>recognised by<th>complete with<th>failed with
 * <tr><td>OpenAI completions, chat<td>{@code object} is {@code chat.completion.chunk} or {@code
 *     text_completion}<td>{@code [DONE]}<td>{@code error}
 * <tr><td>OpenAI Responses<td>{@code response.created}, {@code .queued}, {@code .in_progress},
 *     {@code .output_*}<td>{@code response.completed}, {@code .incomplete}, {@code .cancelled},
 *     {@code .done}<td>{@code response.failed}, {@code error}
 * <tr><td>OpenAI speech, transcription<td>{@code speech.audio.*}, {@code transcript.text.*}
 *     <td>{@code speech.audio.done}, {@code transcript.text.done}<td>{@code error}
 * <tr><td>Anthropic Messages<td>{@code message_start}<td>{@code message_stop}<td>{@code error}
 * <tr><td>Cohere, version 2<td>{@code message-start}, as name and as {@code type}<td>{@code
 *     message-end}<td>{@code error}
 * <tr><td>Gemini<td>{@code candidates} with content; any {@code candidates} or {@code
 *     promptFeedback} if the dialect is {@link Dialect#GEMINI}<td>a {@code finishReason}, or a
 *     {@code blockReason}<td>{@code error}
 * </table>
 *
 * <p>An event's kind is its {@code event} name or the {@code type} in its data, for servers that
 * send only one of them. {@code [DONE]} completes any protocol. A non-empty {@code error} at the
 * top of the data, or an event named {@code error} with data, is a failure in any stream, known or
 * not. The first terminal marker is final; only Gemini's, which has none of its own, may still be
 * followed by an error. Nothing but the JSON's structure counts, so text written by a model cannot
 * mislead.
 *
 * <p>Sources: WHATWG HTML, "Server-sent events"; the providers' API references on streaming.
 *
 * <p>Memory is bounded and small; events of any size are read to their end. Nothing is allocated
 * per chunk or event.
 *
 * <p><b>Threads.</b> One instance per stream, used by one thread at a time.
 */
public final class StreamObserver {
  /** Enough for the only data that is no JSON. */
  private static final int MAX_DATA_BYTES = 16;

  private static final String DONE = "[DONE]";

  /** What was recognised. */
  private enum Protocol {
    NONE,
    COMPLETIONS,
    RESPONSES,
    SPEECH,
    ANTHROPIC,
    COHERE,
    GEMINI
  }

  private final Dialect dialect;
  private final EventProbe probe = new EventProbe();
  private final SseScanner scanner = new SseScanner(MAX_DATA_BYTES, new Judge());

  private final UsageTally tally = new UsageTally();

  private Protocol protocol = Protocol.NONE;
  private @Nullable Verdict ended;
  private boolean contentSeen;
  private boolean audioSeen;
  private boolean finishSeen;
  private boolean unreadable;

  /**
   * Makes an observer for one stream.
   *
   * @param dialect the route's dialect; a hint where the stream itself leaves a doubt
   */
  public StreamObserver(Dialect dialect) {
    this.dialect = Objects.requireNonNull(dialect, "dialect");
  }

  /**
   * Looks at the stream's next bytes.
   *
   * @param chunk heap or direct; its position and limit stay as they are
   */
  public void observe(ByteBuffer chunk) {
    scanner.scan(chunk);
  }

  /**
   * Looks at the stream's next bytes after they were handed on.
   *
   * @param chunk as {@link SseScanner#scan(ByteBuffer, int, int)} takes it
   * @param from index of the first byte
   * @param end index behind the last byte
   */
  public void observe(ByteBuffer chunk, int from, int end) {
    scanner.scan(chunk, from, end);
  }

  /**
   * Judges the stream as if it ended here.
   *
   * <p>A terminal marker counts once it is whole, even if the blank line after it is missing, since
   * some servers never send that one.
   *
   * <p>{@link Verdict#TRUNCATED} is never said of a stream whose protocol is not recognised, unless
   * it breaks off within a JSON object, nor where an event that could have held the marker was no
   * readable JSON. Some servers that call themselves OpenAI-compatible never send {@code [DONE]};
   * {@link #finishSeen()} tells a stream of theirs from one that was cut in the middle.
   *
   * @return the verdict; asking changes nothing
   */
  public Verdict verdict() {
    Verdict known = ended;
    if (known != null) {
      return known;
    }
    Protocol spoken = protocol;
    boolean finished = finishSeen;
    SseEvent pending = scanner.pending();
    if (pending.dataEquals(DONE) || (pending.hasData() && probe.complete())) {
      spoken = spoken == Protocol.NONE ? recognise(pending) : spoken;
      finished |= probe.finish;
      Verdict last = outcome(spoken, pending);
      if (last != null) {
        return last;
      }
    }
    if (spoken == Protocol.NONE) {
      boolean broken = pending.hasData() && probe.object && !probe.complete();
      return broken ? Verdict.TRUNCATED : Verdict.UNKNOWN;
    }
    if (spoken == Protocol.GEMINI && finished) {
      return Verdict.COMPLETE;
    }
    return unreadable && spoken != Protocol.COMPLETIONS ? Verdict.UNKNOWN : Verdict.TRUNCATED;
  }

  /**
   * Tells whether an event with content has passed whole: text, reasoning, audio or a tool call,
   * not merely a role, a ping or a header. The first such event ends the time to first token.
   *
   * @return in a stream that is not recognised, whether any event with data has passed
   */
  public boolean contentSeen() {
    return contentSeen;
  }

  /**
   * Tells whether an event with audio has passed whole: {@code speech.audio.delta} and the like of
   * OpenAI Responses.
   *
   * @return the first such event ends the time to first audio
   */
  public boolean audioSeen() {
    return audioSeen;
  }

  /**
   * Counts the events with content that have passed whole, where the protocol is known.
   *
   * @return zero or more
   */
  public long contentEvents() {
    return tally.contentEvents();
  }

  /**
   * Tells whether the model said why it stopped: {@code finish_reason}, {@code stop_reason} or
   * {@code finishReason}. After it at most usage and the terminal marker are missing.
   *
   * @return whether an event with a reason that is neither null nor empty has passed whole
   */
  public boolean finishSeen() {
    return finishSeen;
  }

  /**
   * Tells whether the stream stands behind data whose event is not whole: the blank line is missing
   * that would dispatch it (WHATWG HTML, "Interpreting an event stream"). At a stream's end such an
   * event is lost to parsers that keep to the standard.
   *
   * @return false between events
   */
  public boolean eventPending() {
    return scanner.pending().hasData();
  }

  /**
   * Tells whether a terminal marker has passed whole: nothing that matters follows.
   *
   * @return false of Gemini's streams, which have none
   */
  public boolean terminalSeen() {
    return ended != null;
  }

  /**
   * Tells how many tokens of output the stream has brought so far: the provider's count if it is
   * the final one, otherwise an estimate. Cheap enough to be asked after each chunk; events that
   * are not whole do not count.
   *
   * <p>The estimate is the larger of the events with content and a quarter of the UTF-8 bytes of
   * text, reasoning and arguments of calls, rounded up; but no less than what the provider has told
   * in between. Reasoning that a provider keeps to itself is not seen. Of audio only the events
   * count.
   *
   * @return zero or more
   */
  public long outputTokens() {
    return tally.outputTokens(isFinished());
  }

  /**
   * Tells the stream's usage as if it ended here. A whole event counts even if the blank line after
   * it is missing.
   *
   * <p>It is {@link Usage.Source#REPORTED} only if the provider's last count has passed: one told
   * in the event that ends a stream or in a chunk whose {@code choices} are empty, or one that no
   * content followed before the model said why it stopped. Read are
   *
   * <ul>
   *   <li>{@code usage} of OpenAI completions and speech, {@code x_groq.usage}, {@code
   *       response.usage} of Responses, {@code message.usage} and {@code usage} of Anthropic, with
   *       {@code prompt_tokens} or {@code input_tokens}, {@code completion_tokens} or {@code
   *       output_tokens}, and of the details {@code cached_tokens}, {@code
   *       prompt_cache_hit_tokens}, {@code cache_read_input_tokens}, {@code
   *       cache_creation_input_tokens} and {@code reasoning_tokens};
   *   <li>{@code usageMetadata} of Gemini, whose output is {@code candidatesTokenCount} and {@code
   *       thoughtsTokenCount} together.
   * </ul>
   *
   * @return {@link Usage#NONE} if the protocol is not known and nothing was told; asking changes
   *     nothing
   */
  public Usage usage() {
    SseEvent pending = scanner.pending();
    boolean hasPending = pending.dataEquals(DONE) || (pending.hasData() && probe.complete());
    if (ended != null || !hasPending) {
      return tally.usage(protocol != Protocol.NONE, isFinished());
    }
    Protocol spoken = protocol == Protocol.NONE ? recognise(pending) : protocol;
    Verdict last = outcome(spoken, pending);
    UsageTally withPending = tally.copy();
    count(withPending, spoken, pending, last);
    return withPending.usage(
        spoken != Protocol.NONE, finishSeen || probe.finish || last == Verdict.COMPLETE);
  }

  private boolean isFinished() {
    return finishSeen || ended == Verdict.COMPLETE;
  }

  /**
   * Tells whether an event may be put into the stream here.
   *
   * @return as {@link SseScanner#atEventBorder()}
   */
  public boolean atEventBorder() {
    return scanner.atEventBorder();
  }

  /**
   * Returns how many events have passed whole.
   *
   * @return as {@link SseScanner#events()}
   */
  public long events() {
    return scanner.events();
  }

  /** Reads each event's data as it arrives and looks at the event when it is whole. */
  private final class Judge implements SseScanner.Events {
    @Override
    public void data(ByteBuffer source, int from, int to) {
      if (ended == null) {
        probe.walk(source, from, to);
      }
    }

    @Override
    public void event(SseEvent event) {
      if (ended == null && event.hasData()) {
        take(event);
        probe.restart();
      }
    }
  }

  private void take(SseEvent event) {
    if (protocol == Protocol.NONE) {
      protocol = recognise(event);
    }
    ended = outcome(protocol, event);
    finishSeen |= probe.finish;
    unreadable |= probe.object && probe.failed();
    boolean content = count(tally, protocol, event, ended);
    contentSeen |= content;
    audioSeen |= content && endsWith(event, "audio.delta");
  }

  /** Counts the event in; returns whether there was content in it. */
  private boolean count(
      UsageTally into, Protocol spoken, SseEvent event, @Nullable Verdict outcome) {
    if (event.dataStartsWith(DONE)) {
      return false;
    }
    boolean content = outcome != Verdict.FAILED && hasContent(spoken, event);
    if (content && (spoken != Protocol.NONE || probe.content)) {
      boolean audio = endsWith(event, "audio.delta");
      boolean typed = spoken == Protocol.RESPONSES || spoken == Protocol.SPEECH;
      into.content(typed ? (audio ? 0 : probe.deltaText) : probe.text());
    }
    into.told(probe, outcome != null || (probe.choices && !probe.choice));
    return content;
  }

  private Protocol recognise(SseEvent event) {
    if (probe.completionChunk || probe.choices) {
      return Protocol.COMPLETIONS;
    }
    boolean anthropic =
        (is(event, "message_start") && probe.message)
            || (dialect == Dialect.ANTHROPIC
                && (startsWith(event, "content_block_") || is(event, "message_delta")));
    if (anthropic) {
      return Protocol.ANTHROPIC;
    }
    if (is(event, "response.created")
        || is(event, "response.in_progress")
        || is(event, "response.queued")
        || startsWith(event, "response.output_")) {
      return Protocol.RESPONSES;
    }
    if (startsWith(event, "speech.audio.") || startsWith(event, "transcript.text.")) {
      return Protocol.SPEECH;
    }
    if (event.isNamed("message-start") && probe.isType("message-start")) {
      return Protocol.COHERE;
    }
    boolean gemini =
        probe.candidateContent
            || (dialect == Dialect.GEMINI && (probe.candidates || (probe.finish && isPlain())));
    return gemini ? Protocol.GEMINI : Protocol.NONE;
  }

  /** Whether the event is neither an OpenAI chunk nor one of a typed protocol. */
  private boolean isPlain() {
    return !probe.choices && probe.isType("");
  }

  /** What the event says of the stream's end; null if nothing. */
  private @Nullable Verdict outcome(Protocol spoken, SseEvent event) {
    if (event.dataStartsWith(DONE)) {
      return Verdict.COMPLETE;
    }
    if (probe.error || event.isNamed("error")) {
      return Verdict.FAILED;
    }
    if (spoken != Protocol.NONE && probe.isType("error")) {
      return Verdict.FAILED;
    }
    return switch (spoken) {
      case RESPONSES -> {
        if (is(event, "response.failed")) {
          yield Verdict.FAILED;
        }
        boolean complete =
            is(event, "response.completed")
                || is(event, "response.incomplete")
                || is(event, "response.cancelled")
                || is(event, "response.done");
        yield complete ? Verdict.COMPLETE : null;
      }
      case SPEECH -> {
        boolean complete = is(event, "speech.audio.done") || is(event, "transcript.text.done");
        yield complete ? Verdict.COMPLETE : null;
      }
      case ANTHROPIC -> is(event, "message_stop") ? Verdict.COMPLETE : null;
      case COHERE -> is(event, "message-end") ? Verdict.COMPLETE : null;
      case NONE, COMPLETIONS, GEMINI -> null;
    };
  }

  private boolean hasContent(Protocol spoken, SseEvent event) {
    return switch (spoken) {
      case COMPLETIONS, GEMINI -> probe.content;
      case ANTHROPIC -> is(event, "content_block_delta");
      case COHERE ->
          is(event, "content-delta")
              || is(event, "tool-plan-delta")
              || is(event, "tool-call-start")
              || is(event, "tool-call-delta");
      case RESPONSES -> endsWith(event, ".delta") || endsWith(event, ".partial_image");
      case SPEECH -> endsWith(event, ".delta");
      case NONE -> probe.content || !(probe.choices || probe.candidates || is(event, "ping"));
    };
  }

  private boolean is(SseEvent event, String kind) {
    return event.isNamed(kind) || probe.isType(kind);
  }

  private boolean startsWith(SseEvent event, String start) {
    return event.nameStartsWith(start) || probe.typeStartsWith(start);
  }

  private boolean endsWith(SseEvent event, String end) {
    return event.nameEndsWith(end) || probe.typeEndsWith(end);
  }
}
