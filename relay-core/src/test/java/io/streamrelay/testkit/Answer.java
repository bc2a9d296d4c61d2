package io.streamrelay.testkit;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import io.streamrelay.testkit.AnswerCompiler.Framing;
import io.streamrelay.testkit.AnswerCompiler.Options;
import io.streamrelay.testkit.AnswerCompiler.Part;
import io.streamrelay.testkit.AnswerCompiler.Start;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;

/**
 * Says step by step how a {@link FakeUpstream} answers one request, well or badly.
 *
 * <pre>{@code
 * Answer answer =
 *     Answer.events()
 *         .event("{\"text\":\"Hel\"}")
 *         .pause(Duration.ofMillis(20))
 *         .event("{\"text\":\"lo\"}")
 *         .awaitGo("rest")
 *         .event("[DONE]");
 * upstream.answer(answer.cutAt(30));
 * }</pre>
 *
 * <p>The head goes out with the first thing that is sent after it, or by {@link #sendHead}; so what
 * stands before that, such as a pause or an {@link #interim} answer, happens before the head. An
 * answer without an explicit end ends well, and its connection is kept for the next request.
 *
 * <p>Each part of the body is a write of its own and, in a chunked answer, a chunk of its own. TCP
 * may still join what leaves at once: put a pause or a gate between, or use {@link #pace}.
 *
 * <p>Text is UTF-8. Immutable: every method returns another answer.
 */
public final class Answer {
  /** How line ends are written, see {@link #lineEnds}. */
  public enum LineEnds {
    /** A line feed. */
    LF("\n"),
    /** Both. */
    CRLF("\r\n"),
    /** A carriage return alone. */
    CR("\r"),
    /** Each in turn: LF, CR, CRLF, so that no two join into one. */
    MIXED("\n", "\r", "\r\n");

    private final String first;
    private final String second;
    private final String third;

    LineEnds(String only) {
      this(only, only, only);
    }

    LineEnds(String first, String second, String third) {
      this.first = first;
      this.second = second;
      this.third = third;
    }

    /** The line end after so many others. */
    String after(int written) {
      return switch (written % 3) {
        case 0 -> first;
        case 1 -> second;
        default -> third;
      };
    }
  }

  private final Options options;
  private final List<Part> parts;

  private Answer(Options options, List<Part> parts) {
    this.options = options;
    this.parts = parts;
  }

  private static Answer with(String statusLine, Framing framing, String... headers) {
    Options options = new Options();
    options.statusLine = statusLine;
    options.framing = framing;
    options.headers = List.of(headers);
    return new Answer(options, List.of());
  }

  // ---- kinds of answer

  /**
   * Makes a stream of server-sent events: 200, {@code text/event-stream}, chunked.
   *
   * @return without a body yet
   */
  public static Answer events() {
    return stream("text/event-stream");
  }

  /**
   * Makes a chunked answer with status 200.
   *
   * @param contentType such as {@code audio/mpeg}
   * @return without a body yet
   */
  public static Answer stream(String contentType) {
    return with("HTTP/1.1 200 OK", Framing.CHUNKED, "Content-Type: " + contentType);
  }

  /**
   * Makes an answer with a body of the right {@code Content-Length}.
   *
   * @param status such as 429
   * @param contentType of the body
   * @param body whole, in one write
   * @return to be given further headers
   */
  public static Answer whole(int status, String contentType, String body) {
    return with(
            "HTTP/1.1 " + status + " " + reason(status),
            Framing.LENGTH,
            "Content-Type: " + contentType)
        .body(body);
  }

  /**
   * Makes an answer of nothing but the bytes given.
   *
   * @param text one byte per character (ISO 8859-1); head and framing, right or wrong, are in it
   * @return to which more {@link #raw} bytes and steps can be added
   */
  public static Answer raw(String text) {
    return with("", Framing.NONE).rawBytes(text.getBytes(ISO_8859_1));
  }

  /**
   * Makes an answer that says nothing: a place to start from with {@link #reset}, {@link #close} or
   * {@link #stall}.
   *
   * @return without head and body
   */
  public static Answer silent() {
    return with("", Framing.NONE);
  }

  // ---- head

  /**
   * Adds a header line.
   *
   * @param name as it is to be written
   * @param value not checked, so that it may be wrong
   * @return another answer
   */
  public Answer header(String name, String value) {
    List<String> more = new ArrayList<>(options.headers);
    more.add(name + ": " + value);
    return copy(o -> o.headers = List.copyOf(more));
  }

  /**
   * Sets the status.
   *
   * @param status three digits
   * @return another answer
   */
  public Answer status(int status) {
    return copy(o -> o.statusLine = "HTTP/1.1 " + status + " " + reason(status));
  }

  /**
   * Sends an interim answer here, before the head.
   *
   * @param status 100, 102 or 103, say
   * @param headers whole lines, such as {@code Link: </a>; rel=preload}
   * @return another answer
   */
  public Answer interim(int status, String... headers) {
    String head = "HTTP/1.1 " + status + " " + reason(status) + "\r\n";
    for (String header : headers) {
      head += header + "\r\n";
    }
    return add(new Part.Raw((head + "\r\n").getBytes(ISO_8859_1)));
  }

  /**
   * Sends the head here, by itself.
   *
   * @return another answer
   */
  public Answer sendHead() {
    return add(new Part.Head());
  }

  // ---- framing

  /**
   * Declares a length, right or wrong, instead of chunking.
   *
   * @param bytes what {@code Content-Length} says; -1 for the true length
   * @return another answer
   */
  public Answer contentLength(long bytes) {
    return copy(
        o -> {
          o.framing = Framing.LENGTH;
          o.declaredLength = bytes;
        });
  }

  /**
   * Lets the end of the connection end the body: no length, no chunks, and {@code Connection:
   * close}.
   *
   * @return another answer
   */
  public Answer closeDelimited() {
    return copy(o -> o.framing = Framing.CLOSE);
  }

  /**
   * Puts an extension on every chunk's size line.
   *
   * @param extension with its semicolon, such as {@code ;sig=1}
   * @return another answer
   */
  public Answer chunkExtension(String extension) {
    return copy(o -> o.chunkExtension = extension);
  }

  /**
   * Compresses the body, flushing after each part, and says so in {@code Content-Encoding}.
   *
   * @return another answer
   */
  public Answer gzip() {
    return copy(o -> o.gzip = true).header("Content-Encoding", "gzip");
  }

  // ---- body

  /**
   * Sends a part of the body.
   *
   * @param text as UTF-8
   * @return another answer
   */
  public Answer body(String text) {
    return body(text.getBytes(UTF_8));
  }

  /**
   * Sends a part of the body.
   *
   * @param bytes as they are
   * @return another answer
   */
  public Answer body(byte[] bytes) {
    return add(new Part.Body(bytes.clone(), 0));
  }

  /**
   * Sends an event.
   *
   * @param data without line ends
   * @return another answer
   */
  public Answer event(String data) {
    return add(new Part.Body(("data: " + data + "\n\n").getBytes(UTF_8), 1));
  }

  /**
   * Sends an event with a name.
   *
   * @param name of the event
   * @param data without line ends
   * @return another answer
   */
  public Answer event(String name, String data) {
    return add(new Part.Body(("event: " + name + "\ndata: " + data + "\n\n").getBytes(UTF_8), 1));
  }

  /**
   * Sends an event as it is to be on the wire, lines and blank line included.
   *
   * @param bytes whole event
   * @return another answer; it counts as one event
   */
  public Answer rawEvent(byte[] bytes) {
    return add(new Part.Body(bytes.clone(), 1));
  }

  /**
   * Sends a comment, as providers do to keep a connection alive.
   *
   * @param text without line ends; a space is put before it
   * @return another answer
   */
  public Answer comment(String text) {
    return body(": " + text + "\n\n");
  }

  /**
   * Sends a byte order mark, which only belongs at the very start.
   *
   * @return another answer
   */
  public Answer byteOrderMark() {
    return body("\ufeff");
  }

  /**
   * Says how many tokens the part before cost, for {@link Generated#tokens()}.
   *
   * @param count output tokens
   * @return another answer
   */
  public Answer tokens(long count) {
    return add(new Part.Tokens(count));
  }

  /**
   * Sends an event over and over until the connection ends; nothing can follow.
   *
   * @param data without line ends
   * @param tokens what each costs
   * @param pause between two; zero for as fast as the other side reads
   * @return another answer
   */
  public Answer eventsWithoutEnd(String data, long tokens, Duration pause) {
    return add(new Part.Loop(("data: " + data + "\n\n").getBytes(UTF_8), nanos("pause", pause)))
        .tokens(tokens);
  }

  // ---- time

  /**
   * Waits.
   *
   * @param time zero or more
   * @return another answer
   */
  public Answer pause(Duration time) {
    return add(new Part.Does(new Step.Pause(nanos("pause", time))));
  }

  /**
   * Waits until the test calls {@link FakeUpstream#go} for this gate; each call lets one answer
   * pass once.
   *
   * @param gate its name
   * @return another answer
   */
  public Answer awaitGo(String gate) {
    return add(new Part.Does(new Step.Gate(gate)));
  }

  /**
   * Waits between any two parts of the body.
   *
   * @param time zero or more
   * @return another answer
   */
  public Answer pace(Duration time) {
    long nanos = nanos("pace", time);
    return copy(o -> o.paceNanos = nanos);
  }

  // ---- shape

  /**
   * Splits the body at offsets, so in the middle of an event or of a character.
   *
   * @param offsets bytes of the body before the split
   * @return another answer
   */
  public Answer splitAt(long... offsets) {
    return copy(o -> o.splits = Arrays.stream(offsets).sorted().boxed().toList());
  }

  /**
   * Splits the body also at every multiple of a size, so that no piece is longer.
   *
   * @param bytes one or more
   * @return another answer
   */
  public Answer inPiecesOf(int bytes) {
    positive("inPiecesOf", bytes);
    return copy(o -> o.pieceBytes = bytes);
  }

  /**
   * Writes everything, head and framing too, in small pieces.
   *
   * @param bytes size of a piece, one or more
   * @param pause between two
   * @return another answer
   */
  public Answer trickle(int bytes, Duration pause) {
    positive("trickle", bytes);
    long nanos = nanos("trickle", pause);
    return copy(
        o -> {
          o.trickleBytes = bytes;
          o.trickleNanos = nanos;
          o.trickleHeadOnly = false;
        });
  }

  /**
   * Writes the head byte by byte, the body as it comes.
   *
   * @param pause between two bytes
   * @return another answer
   */
  public Answer trickleHead(Duration pause) {
    return trickle(1, pause).copy(o -> o.trickleHeadOnly = true);
  }

  /**
   * Writes every line end of the body in another way.
   *
   * @param lineEnds what LF, CRLF and CR become
   * @return another answer
   */
  public Answer lineEnds(LineEnds lineEnds) {
    return copy(o -> o.lineEnds = lineEnds);
  }

  // ---- ends

  /**
   * Ends the connection's sending side after so many bytes of the body, in the middle of a chunk if
   * it falls there.
   *
   * @param bodyBytes as sent, so compressed if the answer is; less than there are
   * @return another answer
   */
  public Answer cutAt(long bodyBytes) {
    return cut(bodyBytes, false);
  }

  /**
   * Resets the connection after so many bytes of the body. A reader that has not taken them yet may
   * lose them: that is what a reset does.
   *
   * @param bodyBytes as sent, so compressed if the answer is; less than there are
   * @return another answer
   */
  public Answer resetAt(long bodyBytes) {
    return cut(bodyBytes, true);
  }

  private Answer cut(long bodyBytes, boolean byReset) {
    if (bodyBytes < 0) {
      throw new IllegalArgumentException("cut at " + bodyBytes + " (expected: zero or more)");
    }
    return copy(
        o -> {
          o.cutAt = bodyBytes;
          o.cutByReset = byReset;
        });
  }

  /**
   * Ends the body well, with trailers if it is chunked.
   *
   * @param trailers whole lines, such as {@code X-Checksum: 1}
   * @return another answer, to which raw bytes can still be added
   */
  public Answer finish(String... trailers) {
    return add(new Part.Finish(List.of(trailers)));
  }

  /**
   * Sends bytes past all framing.
   *
   * @param text one byte per character (ISO 8859-1)
   * @return another answer
   */
  public Answer thenRaw(String text) {
    return rawBytes(text.getBytes(ISO_8859_1));
  }

  /**
   * Ends the connection's sending side, whatever the framing still owes; goes on reading.
   *
   * @return another answer
   */
  public Answer close() {
    return add(new Part.Does(new Step.End()));
  }

  /**
   * Resets the connection.
   *
   * @return another answer
   */
  public Answer reset() {
    return add(new Part.Does(new Step.Reset()));
  }

  /**
   * Says nothing more, and keeps the connection open until the other side leaves.
   *
   * @return another answer
   */
  public Answer stall() {
    return add(new Part.Does(new Step.Stall()));
  }

  // ---- the server's manners

  /**
   * Answers as soon as the request's head is there, without waiting for its body.
   *
   * @return another answer
   */
  public Answer beforeRequestBody() {
    return copy(o -> o.start = Start.HEAD);
  }

  /**
   * Answers as soon as the connection is there, without waiting for a request.
   *
   * @return another answer
   */
  public Answer onConnect() {
    return copy(o -> o.start = Start.CONNECTED);
  }

  /**
   * Goes on generating when the other side has left, and so billing: nothing can be sent any more,
   * but {@link FakeUpstream.Connection#generated} counts on. Without this an answer stops at its
   * next step.
   *
   * @return another answer
   */
  public Answer heedlessOfLeaving() {
    return copy(o -> o.unattended = true);
  }

  // ---- for the server

  Start start() {
    return options.start;
  }

  boolean unattended() {
    return options.unattended;
  }

  /**
   * Turns the script into what is done on the wire.
   *
   * @return in order
   * @throws IllegalStateException if it is cut behind its end
   */
  List<Step> compile() {
    return new AnswerCompiler(options, parts, false).steps();
  }

  /**
   * Turns the script into steps whose heads and ends HTTP/2 has to encode.
   *
   * @return in order
   * @throws IllegalStateException if it has raw bytes or is cut behind its end
   */
  List<Step> compileMessages() {
    return new AnswerCompiler(options, parts, true).steps();
  }

  /**
   * Returns the body as it goes on the wire, without framing and cut.
   *
   * @return compressed if the answer is; an endless part counts once
   */
  public byte[] bodyBytes() {
    return new AnswerCompiler(options, parts, false).body();
  }

  @Override
  public String toString() {
    return "Answer" + compile();
  }

  private Answer rawBytes(byte[] bytes) {
    return add(new Part.Raw(bytes));
  }

  private Answer add(Part part) {
    boolean endless = parts.stream().anyMatch(Part.Loop.class::isInstance);
    if (endless && !(part instanceof Part.Tokens)) {
      throw new IllegalStateException("nothing can follow a part without end");
    }
    List<Part> more = new ArrayList<>(parts);
    more.add(part);
    return new Answer(options, List.copyOf(more));
  }

  private Answer copy(Consumer<Options> change) {
    Options changed = new Options(options);
    change.accept(changed);
    return new Answer(changed, parts);
  }

  private static long nanos(String what, Duration time) {
    if (time.isNegative()) {
      throw new IllegalArgumentException(what + " is " + time + " (expected: zero or more)");
    }
    return time.toNanos();
  }

  private static void positive(String what, int bytes) {
    if (bytes < 1) {
      throw new IllegalArgumentException(what + " is " + bytes + " (expected: one or more)");
    }
  }

  private static String reason(int status) {
    return switch (status) {
      case 100 -> "Continue";
      case 102 -> "Processing";
      case 103 -> "Early Hints";
      case 200 -> "OK";
      case 400 -> "Bad Request";
      case 401 -> "Unauthorized";
      case 429 -> "Too Many Requests";
      case 500 -> "Internal Server Error";
      case 502 -> "Bad Gateway";
      case 503 -> "Service Unavailable";
      case 529 -> "Overloaded";
      default -> "Status " + status;
    };
  }
}
