package io.streamrelay.internal;

import io.streamrelay.observe.JsonSkimmer;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * A request for a stream of OpenAI completions with {@code stream_options.include_usage} put in.
 *
 * <p>One slice of the body is another; every other byte is the client's. Source: the API reference
 * on {@code stream_options}.
 */
final class UsageSplice {
  private static final String STREAM = "stream";
  private static final String OPTIONS = "stream_options";
  private static final String OPTION = "include_usage";

  private static final String ASKING = "\"include_usage\":true";
  private static final String TRUE = "true";
  private static final byte FIRST_OF_BOM = (byte) 0xef;

  /** What is to be done with a body. */
  enum Need {
    /** It asks for no stream, or for usage itself. */
    NOTHING,
    /** It wants no usage told, but what it says cannot be changed safely. */
    IMPOSSIBLE,
    SPLICE
  }

  private final Need need;
  private final int at;
  private final byte[] instead;
  private final byte[] slice;

  /** Of a body that is not in memory. */
  static final UsageSplice UNREAD = none(Need.IMPOSSIBLE);

  private UsageSplice(Need need, int at, byte[] instead, String slice) {
    this.need = need;
    this.at = at;
    this.instead = instead;
    this.slice = slice.getBytes(StandardCharsets.US_ASCII);
  }

  private static UsageSplice none(Need need) {
    return new UsageSplice(need, 0, new byte[0], "");
  }

  private static UsageSplice insert(long at, String slice) {
    return new UsageSplice(Need.SPLICE, (int) at, new byte[0], slice);
  }

  private static UsageSplice replace(ByteBuffer body, long from, long end, String slice) {
    byte[] instead = new byte[(int) (end - from)];
    body.get(body.position() + (int) from, instead);
    return new UsageSplice(Need.SPLICE, (int) from, instead, slice);
  }

  /**
   * Reads a body.
   *
   * @param body a whole one; stays as it is
   * @return what to do with it
   */
  static UsageSplice of(ByteBuffer body) {
    JsonSkimmer request = new JsonSkimmer(0, STREAM, OPTIONS);
    request.skim(body);
    boolean object = request.complete() && request.objectStart() >= 0;
    // A byte order mark is no part of JSON (RFC 8259 §8.1), and parsers differ in what they make of
    // one; so they do of a name that is there twice.
    if (!object
        || body.get(body.position()) == FIRST_OF_BOM
        || request.count(STREAM) > 1
        || request.count(OPTIONS) > 1) {
      return none(Need.IMPOSSIBLE);
    }
    if (!Boolean.TRUE.equals(request.bool(STREAM))) {
      return none(Need.NOTHING);
    }
    if (!request.has(OPTIONS)) {
      // There is a member: the one that asks for the stream.
      return insert(request.objectStart() + 1, "\"stream_options\":{" + ASKING + "},");
    }
    long from = request.valueStart(OPTIONS);
    long end = request.valueEnd(OPTIONS);
    return switch (first(body, from)) {
      case 'n' -> replace(body, from, end, "{" + ASKING + "}");
      case '{' -> ofOptions(body, from, end);
      default -> none(Need.IMPOSSIBLE);
    };
  }

  private static UsageSplice ofOptions(ByteBuffer body, long from, long end) {
    int position = body.position();
    JsonSkimmer options = new JsonSkimmer(0, OPTION);
    options.skim(body.duplicate().limit(position + (int) end).position(position + (int) from));
    if (!options.has(OPTION)) {
      return insert(from + 1, ASKING + (options.hasMembers() ? "," : ""));
    }
    long valueFrom = from + options.valueStart(OPTION);
    long valueEnd = from + options.valueEnd(OPTION);
    if (options.count(OPTION) > 1) {
      return none(Need.IMPOSSIBLE);
    }
    return switch (first(body, valueFrom)) {
      case 't' -> none(Need.NOTHING);
      case 'f', 'n' -> replace(body, valueFrom, valueEnd, TRUE);
      default -> none(Need.IMPOSSIBLE);
    };
  }

  private static char first(ByteBuffer body, long at) {
    return (char) body.get(body.position() + (int) at);
  }

  Need need() {
    return need;
  }

  /**
   * Puts the slice in.
   *
   * @param body the one that was read
   * @return a copy
   */
  ByteBuffer put(ByteBuffer body) {
    return swap(body, instead, slice);
  }

  /**
   * Gives the client's own bytes back.
   *
   * @param spliced what {@link #put} made
   * @return a copy
   */
  ByteBuffer takeOut(ByteBuffer spliced) {
    return swap(spliced, slice, instead);
  }

  private ByteBuffer swap(ByteBuffer body, byte[] out, byte[] in) {
    ByteBuffer copy = ByteBuffer.allocate(body.remaining() - out.length + in.length);
    ByteBuffer source = body.duplicate();
    int end = source.limit();
    copy.put(source.limit(source.position() + at)).put(in);
    return copy.put(source.limit(end).position(source.position() + out.length)).flip();
  }

  /** Says where, and nothing of the body. */
  @Override
  public String toString() {
    return need + " at " + at;
  }

  /**
   * Tells whether the answers of a path are told what is asked here.
   *
   * @param path raw, as the upstream gets it, without a query
   * @return whether it is that of OpenAI's chat or legacy completions, be it behind a deployment's
   *     or provider's own beginning
   */
  static boolean isFor(@Nullable String path) {
    return path != null && path.endsWith("/completions");
  }
}
