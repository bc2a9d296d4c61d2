package io.streamrelay.testkit;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import io.streamrelay.route.Dialect;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A provider's streamed answer in the shape in which that provider sends it; text, ids and sounds
 * are made up. Get one from {@link Recordings}.
 *
 * @param name also the name of its file, without the ending
 * @param provider who sends such
 * @param protocol what is spoken, such as {@code openai.chat} or {@code audio}
 * @param dialect what a route to that provider would have
 * @param contentType as the provider sends it
 * @param end how the stream ends
 * @param terminal text in the last event that decides; null if nothing in the bytes tells the end
 * @param source where the shape is described, or was recorded by others
 * @param resource its file, beside this class
 */
public record Recording(
    String name,
    String provider,
    String protocol,
    Dialect dialect,
    String contentType,
    End end,
    @Nullable String terminal,
    URI source,
    String resource) {

  /** How a recorded stream ends; all of them end in good HTTP order. */
  public enum End {
    /** As the provider means it to, also where a token limit or a filter stopped the model. */
    COMPLETE,
    /** With an error told in the stream, after a status 200. */
    ERROR
  }

  /**
   * Tells whether it is a stream of server-sent events.
   *
   * @return false for audio and for JSON lines
   */
  public boolean isEvents() {
    return contentType.startsWith("text/event-stream");
  }

  /**
   * Reads the body.
   *
   * @return all bytes, as on the wire without framing
   */
  public byte[] bytes() {
    try (InputStream in = Recording.class.getResourceAsStream("recordings/" + resource)) {
      return Objects.requireNonNull(in, resource).readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Reads the body of a stream of text.
   *
   * @return all of it, line ends as they are
   */
  public String text() {
    return new String(bytes(), UTF_8);
  }

  /**
   * Tells how many bytes there are before the one that decides the end has passed: with fewer,
   * nobody can know the stream to be complete.
   *
   * @return behind the line that holds {@link #terminal}, without its line end; the length of the
   *     body if nothing in it tells the end
   */
  public int terminalEnd() {
    String marker = terminal;
    if (marker == null) {
      return bytes().length;
    }
    String text = text();
    int at = text.lastIndexOf(marker);
    if (at < 0) {
      throw new IllegalStateException(name + " has no " + marker);
    }
    int end = at;
    while (text.charAt(end) != '\n' && text.charAt(end) != '\r') {
      end++;
    }
    return text.substring(0, end).getBytes(UTF_8).length;
  }

  /**
   * Tells whether an event of somebody else's may follow so many bytes without running into one of
   * the stream's own: at the start, behind a blank line, or behind a comment between two events. By
   * the grammar of the HTML standard's section on server-sent events, applied to the text.
   *
   * @param bytes a stream of events
   * @param length how many of them have passed
   * @return false also between the two halves of a CRLF
   */
  public static boolean isEventBorder(byte[] bytes, int length) {
    String text = new String(bytes, 0, length, ISO_8859_1);
    boolean splitsCrLf = text.endsWith("\r") && length < bytes.length && bytes[length] == '\n';
    String[] lines = text.split("\r\n|\r|\n", -1);
    String last = lines.length < 2 ? "" : lines[lines.length - 2];
    boolean afterComment =
        last.startsWith(":") && (lines.length < 3 || lines[lines.length - 3].isEmpty());
    return text.isEmpty()
        || (!splitsCrLf && lines[lines.length - 1].isEmpty() && (last.isEmpty() || afterComment));
  }

  /**
   * Tells how many bytes there are up to the end of the blank line behind {@link #terminalEnd()}:
   * with fewer, a parser that keeps to the standard drops the event that decides (WHATWG HTML,
   * "Interpreting an event stream").
   *
   * @return the length of the body if nothing in it tells the end
   */
  public int dispatchEnd() {
    byte[] bytes = bytes();
    int end = terminalEnd();
    for (int line = 0; line < 2 && end < bytes.length; line++) {
      boolean crLf = bytes[end] == '\r' && end + 1 < bytes.length && bytes[end + 1] == '\n';
      end += crLf ? 2 : 1;
    }
    return end;
  }

  /**
   * Splits the body as providers send it: events and comments with their blank line, JSON lines,
   * audio in pieces of 1 KiB.
   *
   * @return together the body
   */
  public List<byte[]> pieces() {
    byte[] bytes = bytes();
    boolean audio = !isEvents() && !resource.endsWith(".jsonl");
    List<byte[]> pieces = new ArrayList<>();
    int from = 0;
    for (int at = 1; at <= bytes.length; at++) {
      boolean last = at == bytes.length;
      boolean border = audio ? (at - from) == 1024 : endsPiece(bytes, at);
      if (last || border) {
        pieces.add(Arrays.copyOfRange(bytes, from, at));
        from = at;
      }
    }
    return pieces;
  }

  private boolean endsPiece(byte[] bytes, int at) {
    if (bytes[at - 1] != '\n') {
      return false;
    }
    if (!isEvents()) {
      return true;
    }
    int before = at - 2;
    if (before >= 0 && bytes[before] == '\r') {
      before--;
    }
    return before >= 0 && bytes[before] == '\n';
  }

  /**
   * Makes an answer of it: status 200, chunked, a chunk for each of the {@link #pieces}. Every
   * event with data counts as one event and one token.
   *
   * @return to be paced, cut or otherwise spoiled
   */
  public Answer answer() {
    Answer answer = Answer.stream(contentType);
    for (byte[] piece : pieces()) {
      boolean event = isEvents() && new String(piece, UTF_8).contains("data:");
      answer = event ? answer.rawEvent(piece).tokens(1) : answer.body(piece);
    }
    return answer;
  }

  @Override
  public String toString() {
    return name;
  }
}
