package io.streamrelay.testkit;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * The ways in which upstreams misbehave, each as an {@link Answer} with a name of its own.
 *
 * <p>Where nothing else is said an answer is a stream of OpenAI chat events, {@link #chat}, that
 * goes wrong at one place. To spoil another stream in the same way, take a {@link
 * Recording#answer()} and the methods of {@link Answer}.
 */
public final class Faults {
  private static final Duration TICK = Duration.ofMillis(1);

  private Faults() {}

  /** What an honest relay can make of a fault. */
  public enum Effect {
    /** Nothing is wrong, however odd: the body that arrives is whole and ends well. */
    WHOLE,
    /** A good answer in HTTP, whose status or events say that the provider refused or failed. */
    REFUSED,
    /**
     * The answer breaks, or is no HTTP, after its head: what comes of it must not look whole. A
     * relay that has sent nothing yet can still give its client a proper error.
     */
    CUT,
    /** Ends in good HTTP order, but before the stream's own last event. */
    TRUNCATED,
    /** There is no good head: the client can still be given a proper error. */
    NO_HEAD,
    /** Nothing more comes, and the connection stays open: only a clock ends it. */
    SILENT
  }

  /**
   * A fault with its name, to run all of them through a test.
   *
   * @param name of the method that makes it
   * @param effect what an honest relay can make of it
   * @param answer the script
   */
  public record Fault(String name, Effect effect, Answer answer) {
    @Override
    public String toString() {
      return name;
    }
  }

  /**
   * Returns every fault of this class, with small and quick arguments.
   *
   * @return in the order of this class
   */
  public static List<Fault> all() {
    List<Fault> all = new ArrayList<>();
    all.add(new Fault("paced", Effect.WHOLE, paced(TICK)));
    all.add(new Fault("splitInsideCharacters", Effect.WHOLE, splitInsideCharacters()));
    all.add(new Fault("byteByByte", Effect.WHOLE, byteByByte(TICK)));
    all.add(new Fault("slowHead", Effect.WHOLE, slowHead(TICK)));
    all.add(new Fault("mixedLineEnds", Effect.WHOLE, mixedLineEnds()));
    all.add(new Fault("crLineEnds", Effect.WHOLE, crLineEnds()));
    all.add(new Fault("longLine", Effect.WHOLE, longLine(1 << 20)));
    all.add(new Fault("commentsAndPings", Effect.WHOLE, commentsAndPings()));
    all.add(new Fault("byteOrderMark", Effect.WHOLE, byteOrderMark()));
    all.add(new Fault("interimAnswers", Effect.WHOLE, interimAnswers()));
    all.add(new Fault("gzip", Effect.WHOLE, gzip()));
    all.add(new Fault("chunkExtensions", Effect.WHOLE, chunkExtensions()));
    all.add(new Fault("trailers", Effect.WHOLE, trailers()));
    all.add(new Fault("closeDelimited", Effect.WHOLE, closeDelimited()));
    all.add(new Fault("answerBeforeBody", Effect.WHOLE, answerBeforeBody()));
    all.add(new Fault("tooManyRequests", Effect.REFUSED, tooManyRequests(7)));
    all.add(new Fault("serverError", Effect.REFUSED, serverError()));
    all.add(new Fault("refusedBeforeBody", Effect.REFUSED, refusedBeforeBody()));
    all.add(new Fault("errorEvent", Effect.REFUSED, errorEvent()));
    all.add(new Fault("reset", Effect.CUT, reset()));
    all.add(new Fault("cutBetweenEvents", Effect.CUT, cutBetweenEvents()));
    all.add(new Fault("cutInEvent", Effect.CUT, cutInEvent()));
    all.add(new Fault("cutAfterHead", Effect.CUT, cutAfterHead()));
    all.add(new Fault("cutBeforeLastChunk", Effect.CUT, cutBeforeLastChunk()));
    all.add(new Fault("lengthTooLong", Effect.CUT, lengthTooLong()));
    all.add(new Fault("gzipCut", Effect.CUT, gzipCut()));
    all.add(new Fault("badChunkSize", Effect.CUT, badChunkSize()));
    all.add(new Fault("hugeChunkSize", Effect.CUT, hugeChunkSize()));
    all.add(new Fault("chunkWithoutLineEnd", Effect.CUT, chunkWithoutLineEnd()));
    all.add(new Fault("lengthTooShort", Effect.TRUNCATED, lengthTooShort()));
    all.add(new Fault("withoutLastEvent", Effect.TRUNCATED, withoutLastEvent()));
    all.add(new Fault("closeDelimitedCut", Effect.TRUNCATED, closeDelimitedCut()));
    all.add(new Fault("closeOnConnect", Effect.NO_HEAD, closeOnConnect()));
    all.add(new Fault("closeBeforeHead", Effect.NO_HEAD, closeBeforeHead()));
    all.add(new Fault("resetBeforeHead", Effect.NO_HEAD, resetBeforeHead()));
    all.add(new Fault("cutInHead", Effect.NO_HEAD, cutInHead()));
    all.add(new Fault("notHttp", Effect.NO_HEAD, notHttp()));
    all.add(new Fault("brokenHeader", Effect.NO_HEAD, brokenHeader()));
    all.add(new Fault("twoLengths", Effect.NO_HEAD, twoLengths()));
    all.add(new Fault("hugeHeader", Effect.NO_HEAD, hugeHeader(1 << 20)));
    all.add(new Fault("silence", Effect.SILENT, silence()));
    all.add(new Fault("stallAfterHead", Effect.SILENT, stallAfterHead()));
    all.add(new Fault("stallInEvent", Effect.SILENT, stallInEvent()));
    return List.copyOf(all);
  }

  // ---- nothing is wrong

  /**
   * A good stream of chat events, to be spoiled.
   *
   * @return four events with text, one with the reason for stopping, {@code [DONE]}
   */
  public static Answer chat() {
    return chatBegun()
        .event(chunk("{\"content\":\" 流れ\"}", "null"))
        .tokens(1)
        .event(chunk("{\"content\":\" 🎈\"}", "null"))
        .tokens(1)
        .event(chunk("{}", "\"stop\""))
        .event("[DONE]");
  }

  /**
   * A good stream with a pause between any two events.
   *
   * @param pause zero or more
   * @return whole
   */
  public static Answer paced(Duration pause) {
    return chat().pace(pause);
  }

  /**
   * A good stream whose chunks begin and end inside of UTF-8 characters.
   *
   * @return whole
   */
  public static Answer splitInsideCharacters() {
    byte[] body = chat().bodyBytes();
    List<Long> inside = new ArrayList<>();
    for (int i = 1; i < body.length; i++) {
      // 10xxxxxx goes on with a character.
      if ((body[i] & 0xc0) == 0x80) {
        inside.add((long) i);
      }
    }
    return chat().splitAt(inside.stream().mapToLong(Long::longValue).toArray()).pace(TICK);
  }

  /**
   * A good stream, head and framing included, one byte at a time.
   *
   * @param pause between two bytes
   * @return whole
   */
  public static Answer byteByByte(Duration pause) {
    return chat().trickle(1, pause);
  }

  /**
   * A good stream whose head comes one byte at a time.
   *
   * @param pause between two bytes
   * @return whole
   */
  public static Answer slowHead(Duration pause) {
    return chat().trickleHead(pause);
  }

  /**
   * A good stream whose lines end in LF, CR and CRLF by turns, as the standard allows.
   *
   * @return whole
   */
  public static Answer mixedLineEnds() {
    return chat().lineEnds(Answer.LineEnds.MIXED);
  }

  /**
   * A good stream whose lines end in a lone CR.
   *
   * @return whole
   */
  public static Answer crLineEnds() {
    return chat().lineEnds(Answer.LineEnds.CR);
  }

  /**
   * A good stream with a line that no buffer should have to hold.
   *
   * @param bytes length of the text in it
   * @return whole
   */
  public static Answer longLine(int bytes) {
    return chatBegun()
        .event(chunk("{\"content\":\"" + "x".repeat(bytes) + "\"}", "null"))
        .event(chunk("{}", "\"stop\""))
        .event("[DONE]");
  }

  /**
   * A good stream with comments before, between and inside of events, and an event without data.
   *
   * @return whole
   */
  public static Answer commentsAndPings() {
    return Answer.events()
        .comment("keep-alive")
        .body(":\n\n")
        .event(chunk("{\"content\":\"a\"}", "null"))
        .body("event: ping\n\n")
        .body(
            ": in the middle of an event\ndata: " + chunk("{}", "\"stop\"") + "\n: and behind\n\n")
        .comment("keep-alive")
        .event("[DONE]");
  }

  /**
   * A good stream that begins with a byte order mark.
   *
   * @return whole
   */
  public static Answer byteOrderMark() {
    return Answer.events()
        .byteOrderMark()
        .event(chunk("{\"content\":\"a\"}", "null"))
        .event(chunk("{}", "\"stop\""))
        .event("[DONE]");
  }

  /**
   * A good stream after 100, 102 and 103.
   *
   * @return whole
   */
  public static Answer interimAnswers() {
    Answer answer =
        Answer.events()
            .interim(100)
            .interim(102)
            .interim(103, "Link: </style.css>; rel=preload; as=style");
    return answer
        .event(chunk("{\"content\":\"a\"}", "null"))
        .event(chunk("{}", "\"stop\""))
        .event("[DONE]");
  }

  /**
   * A good stream, compressed, flushed after every event.
   *
   * @return whole
   */
  public static Answer gzip() {
    return chat().gzip();
  }

  /**
   * A good stream whose chunks have extensions (RFC 9112, 7.1.1).
   *
   * @return whole
   */
  public static Answer chunkExtensions() {
    return chat().chunkExtension(";sig=\"a;b\";last");
  }

  /**
   * A good stream with trailers behind its last chunk (RFC 9112, 7.1.2).
   *
   * @return whole
   */
  public static Answer trailers() {
    return chat()
        .header("Trailer", "X-Checksum, X-Cost")
        .finish("X-Checksum: 1234", "X-Cost: 0.02");
  }

  /**
   * A good stream that the end of the connection ends: without {@code [DONE]} nobody could tell it
   * from a cut.
   *
   * @return whole
   */
  public static Answer closeDelimited() {
    return chat().closeDelimited();
  }

  /**
   * A good stream that is sent before the request's body was read.
   *
   * @return whole
   */
  public static Answer answerBeforeBody() {
    return chat().beforeRequestBody();
  }

  // ---- the provider refuses or fails in good order

  /**
   * 429 with {@code Retry-After}.
   *
   * @param retryAfterSeconds zero or more
   * @return an OpenAI error as JSON
   */
  public static Answer tooManyRequests(int retryAfterSeconds) {
    return error(429, "rate_limit_exceeded").header("Retry-After", "" + retryAfterSeconds);
  }

  /**
   * 500.
   *
   * @return an OpenAI error as JSON
   */
  public static Answer serverError() {
    return error(500, "server_error");
  }

  /**
   * 400 before the request's body was read, then the end of the connection.
   *
   * @return an OpenAI error as JSON
   */
  public static Answer refusedBeforeBody() {
    return error(400, "invalid_request").header("Connection", "close").beforeRequestBody().close();
  }

  /**
   * 200 and an event, then an error as an event, then a good end.
   *
   * @return what a client must not take for an answer
   */
  public static Answer errorEvent() {
    return chatBegun()
        .event(
            "{\"error\":{\"message\":\"The server had an error\",\"type\":\"server_error\","
                + "\"param\":null,\"code\":null}}");
  }

  // ---- the answer breaks

  /**
   * Two events, then a reset.
   *
   * @return broken
   */
  public static Answer reset() {
    return chatBegun().reset();
  }

  /**
   * Two events and the end of the connection between two chunks.
   *
   * @return broken
   */
  public static Answer cutBetweenEvents() {
    return chatBegun().close();
  }

  /**
   * The end of the connection in the middle of the third event and of its chunk.
   *
   * @return broken
   */
  public static Answer cutInEvent() {
    return chat().cutAt(chatBegun().bodyBytes().length + 40L);
  }

  /**
   * A head with status 200 and the end of the connection.
   *
   * @return broken
   */
  public static Answer cutAfterHead() {
    return Answer.events().sendHead().close();
  }

  /**
   * The whole body, and the end of the connection where the chunk of length zero belongs. The
   * stream's own last event is there.
   *
   * @return broken
   */
  public static Answer cutBeforeLastChunk() {
    return chat().close();
  }

  /**
   * A {@code Content-Length} that is 10 more than there is, then the end of the connection.
   *
   * @return broken
   */
  public static Answer lengthTooLong() {
    return chat().contentLength(chat().bodyBytes().length + 10L).close();
  }

  /**
   * A compressed stream that ends in the middle.
   *
   * @return broken
   */
  public static Answer gzipCut() {
    return gzip().cutAt(gzip().bodyBytes().length / 2);
  }

  /**
   * A chunk whose size is no number.
   *
   * @return broken
   */
  public static Answer badChunkSize() {
    return chatBegun().thenRaw("zz\r\ndata: x\n\n\r\n0\r\n\r\n").close();
  }

  /**
   * A chunk whose size overflows 64 bits.
   *
   * @return broken
   */
  public static Answer hugeChunkSize() {
    return chatBegun().thenRaw("fffffffffffffffff\r\ndata: x\n\n").close();
  }

  /**
   * A chunk with more bytes than its size says, and no CRLF where one belongs.
   *
   * @return broken
   */
  public static Answer chunkWithoutLineEnd() {
    return chatBegun().thenRaw("4\r\ndata: x\n\n0\r\n\r\n").close();
  }

  // ---- the end comes too early, in good order

  /**
   * A {@code Content-Length} that ends the body in the middle of its third event; what is left over
   * comes behind it, where the next answer belongs.
   *
   * @return truncated
   */
  public static Answer lengthTooShort() {
    return chat().contentLength(chatBegun().bodyBytes().length + 40L);
  }

  /**
   * Two events and a good end, without the reason for stopping and without {@code [DONE]}.
   *
   * @return truncated
   */
  public static Answer withoutLastEvent() {
    return chatBegun();
  }

  /**
   * A body that the end of the connection ends, too early: in HTTP this is a good end.
   *
   * @return truncated
   */
  public static Answer closeDelimitedCut() {
    return chat().closeDelimited().cutAt(chatBegun().bodyBytes().length + 40L);
  }

  // ---- no good head

  /**
   * The end of the connection as soon as it is there.
   *
   * @return nothing
   */
  public static Answer closeOnConnect() {
    return Answer.silent().close().onConnect();
  }

  /**
   * The end of the connection when the request has come.
   *
   * @return nothing
   */
  public static Answer closeBeforeHead() {
    return Answer.silent().close();
  }

  /**
   * A reset when the request has come.
   *
   * @return nothing
   */
  public static Answer resetBeforeHead() {
    return Answer.silent().reset();
  }

  /**
   * Half a head and the end of the connection.
   *
   * @return broken
   */
  public static Answer cutInHead() {
    return Answer.raw("HTTP/1.1 200 OK\r\nContent-Type: text/ev").close();
  }

  /**
   * Something that is no HTTP.
   *
   * @return broken
   */
  public static Answer notHttp() {
    return Answer.raw("220 mail.example ESMTP ready\r\n\r\n").close();
  }

  /**
   * A head with a line that is no header.
   *
   * @return broken
   */
  public static Answer brokenHeader() {
    return Answer.raw(
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nno colon in here\r\n"
                + "Content-Length: 2\r\n\r\nok")
        .close();
  }

  /**
   * A head with two lengths, which no recipient may choose between (RFC 9112, 6.3).
   *
   * @return broken
   */
  public static Answer twoLengths() {
    return Answer.raw("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok")
        .close();
  }

  /**
   * A head with a header that is larger than any client takes.
   *
   * @param bytes length of its value
   * @return broken, unless it is small
   */
  public static Answer hugeHeader(int bytes) {
    return chat().header("X-Huge", "x".repeat(bytes));
  }

  // ---- nothing more comes

  /**
   * Takes the request and says nothing.
   *
   * @return silent
   */
  public static Answer silence() {
    return Answer.silent().stall();
  }

  /**
   * A head with status 200, then nothing.
   *
   * @return silent
   */
  public static Answer stallAfterHead() {
    return Answer.events().sendHead().stall();
  }

  /**
   * Two events and a part of the third, then nothing.
   *
   * @return silent
   */
  public static Answer stallInEvent() {
    String third = "data: " + chunk("{\"content\":\"c\"}", "null");
    return chatBegun().body(third.substring(0, 40)).stall();
  }

  private static Answer chatBegun() {
    return Answer.events()
        .event(chunk("{\"role\":\"assistant\",\"content\":\"grö\"}", "null"))
        .tokens(1)
        .event(chunk("{\"content\":\"ßer\"}", "null"))
        .tokens(1);
  }

  private static String chunk(String delta, String finish) {
    return "{\"id\":\"chatcmpl-made-up\",\"object\":\"chat.completion.chunk\",\"created\":1,"
        + "\"model\":\"fake\",\"choices\":[{\"index\":0,\"delta\":"
        + delta
        + ",\"logprobs\":null,\"finish_reason\":"
        + finish
        + "}]}";
  }

  private static Answer error(int status, String code) {
    return Answer.whole(
        status,
        "application/json",
        "{\"error\":{\"message\":\"made up\",\"type\":\""
            + code
            + "\",\"param\":null,\"code\":\""
            + code
            + "\"}}");
  }
}
