package io.streamrelay.observe;

import java.nio.ByteBuffer;
import java.util.Objects;

/**
 * Finds the events in a server-sent stream, however its bytes are sliced.
 *
 * <p>Follows the parsing rules of WHATWG HTML, section "Server-sent events": lines end with LF,
 * CRLF or CR, one leading BOM is skipped, lines that start with a colon are comments, one space
 * after a field's colon is dropped, and a blank line dispatches the event. Two things differ: an
 * event that has a name but no data is shown too ({@link SseEvent#hasData()} tells), and {@code id}
 * and {@code retry} are not kept.
 *
 * <p>Memory is bounded by the constructor's cap, whatever the stream holds; nothing is allocated
 * per chunk or event once the buffer has grown.
 *
 * <p><b>Threads.</b> One instance per stream, used by one thread at a time.
 */
public final class SseScanner {
  /** The data kept of one event unless told otherwise, in bytes. */
  public static final int DEFAULT_MAX_DATA_BYTES = 16 * 1024;

  private static final byte[] BOM = {(byte) 0xef, (byte) 0xbb, (byte) 0xbf};
  private static final ByteBuffer LINE_FEED = ByteBuffer.wrap(new byte[] {'\n'});

  /** Where in the stream the next byte stands. */
  private enum State {
    /** Before the first byte, or within a BOM. */
    OPENING,
    LINE_START,
    FIELD_NAME,
    /** Behind the colon, where one space is dropped. */
    COLON,
    DATA,
    NAME,
    IGNORED
  }

  /** Is told what the scanner finds. Must not call the scanner. */
  @FunctionalInterface
  public interface Events {
    /**
     * An event is whole.
     *
     * @param event a view that is valid only during this call
     */
    void event(SseEvent event);

    /**
     * A part of an event's data has arrived, uncapped, also before its line is whole. The parts of
     * one event, put together, are its data, the LF between two data lines included; {@link #event}
     * follows unless the stream ends before.
     *
     * @param source holds the part; to be read by absolute index only, never changed or kept
     * @param from index of the part's first byte
     * @param to index behind its last byte
     */
    default void data(ByteBuffer source, int from, int to) {}
  }

  private final Events events;
  private final SseEvent event;

  /** Long enough to tell "event" from anything longer. */
  private final byte[] field = new byte[6];

  private State state = State.OPENING;
  private State afterColon = State.IGNORED;
  private int bomLength;
  private int fieldLength;
  private boolean afterCr;
  private boolean fieldsPending;
  private long count;

  /**
   * Makes a scanner for one stream that keeps {@value #DEFAULT_MAX_DATA_BYTES} bytes of data.
   *
   * @param events is told the events
   */
  public SseScanner(Events events) {
    this(DEFAULT_MAX_DATA_BYTES, events);
  }

  /**
   * Makes a scanner for one stream.
   *
   * @param maxDataBytes how much of one event's data is kept for {@link SseEvent}; 0 or more
   * @param events is told the events
   */
  public SseScanner(int maxDataBytes, Events events) {
    if (maxDataBytes < 0) {
      throw new IllegalArgumentException(
          "maxDataBytes is " + maxDataBytes + " (expected: 0 or more)");
    }
    this.events = Objects.requireNonNull(events, "events");
    this.event = new SseEvent(maxDataBytes);
  }

  /**
   * Looks at the stream's next bytes.
   *
   * @param chunk heap or direct; its position and limit stay as they are
   */
  public void scan(ByteBuffer chunk) {
    scan(chunk, chunk.position(), chunk.limit());
  }

  /**
   * Looks at the stream's next bytes, wherever the buffer's position is.
   *
   * @param chunk heap or direct; only read, by absolute index, so that another thread may move its
   *     position meanwhile
   * @param from index of the first byte
   * @param end index behind the last byte
   */
  public void scan(ByteBuffer chunk, int from, int end) {
    int i = from;
    while (i < end) {
      if (state == State.DATA || state == State.NAME || state == State.IGNORED) {
        int eol = findLineEnd(chunk, i, end);
        if (eol > i) {
          value(chunk, i, eol);
        }
        if (eol < end) {
          endLine(chunk.get(eol));
          eol++;
        }
        i = eol;
      } else if (step(chunk.get(i))) {
        i++;
      }
    }
  }

  /**
   * Tells whether another event may be put into the stream here, or the stream cut here, without
   * touching a half-sent event: before the first byte, and behind a complete blank line with
   * nothing but complete comments after it.
   *
   * <p>Any line that is no comment, be it {@code id}, {@code retry} or an unknown field, closes the
   * border until the next blank line. Directly behind a CR there is no border, although that CR
   * ends a line by the standard: its LF may still be to come, and clients that know only LF and
   * CRLF would take what is put there for the rest of the line. So a stream that ends its lines
   * with a lone CR has borders only at its first byte.
   *
   * @return true at such a border
   */
  public boolean atEventBorder() {
    return switch (state) {
      case OPENING -> bomLength == 0;
      case LINE_START -> !fieldsPending && !afterCr;
      default -> false;
    };
  }

  /**
   * Returns how many events have been shown.
   *
   * @return one per call of {@link Events#event}
   */
  public long events() {
    return count;
  }

  /** Whether the next line would begin an event, or is a comment between two. */
  boolean betweenEvents() {
    return switch (state) {
      case OPENING -> bomLength == 0;
      case LINE_START -> !fieldsPending;
      default -> false;
    };
  }

  /** The event that is arriving; empty if none is. */
  SseEvent pending() {
    return event;
  }

  /** Takes one byte outside a value; false if the byte is to be looked at again. */
  private boolean step(byte b) {
    switch (state) {
      case OPENING -> {
        return opening(b);
      }
      case LINE_START -> {
        boolean endsCrlf = afterCr && b == '\n';
        afterCr = false;
        if (endsCrlf) {
          return true;
        }
        if (b == '\n' || b == '\r') {
          afterCr = b == '\r';
          dispatch();
          return true;
        }
        state = State.FIELD_NAME;
        fieldLength = 0;
        return false;
      }
      case FIELD_NAME -> {
        return fieldName(b);
      }
      default -> {
        state = afterColon;
        return b == ' ';
      }
    }
  }

  private boolean opening(byte b) {
    if (b == BOM[bomLength]) {
      bomLength++;
      if (bomLength == BOM.length) {
        state = State.LINE_START;
      }
      return true;
    }
    if (bomLength == 0) {
      state = State.LINE_START;
    } else {
      // No BOM after all: its bytes begin a field that nobody knows.
      state = State.FIELD_NAME;
      fieldLength = field.length;
    }
    return false;
  }

  private boolean fieldName(byte b) {
    if (b == ':') {
      if (fieldLength == 0) {
        state = State.IGNORED;
      } else {
        startValue();
        afterColon = state;
        state = State.COLON;
      }
      return true;
    }
    if (b == '\n' || b == '\r') {
      startValue();
      return false;
    }
    if (fieldLength < field.length) {
      field[fieldLength] = b;
      fieldLength++;
    }
    return true;
  }

  private void startValue() {
    fieldsPending = true;
    if (Ascii.equals(field, fieldLength, "data")) {
      if (event.hasData()) {
        data(LINE_FEED, 0, 1);
      }
      event.startData();
      state = State.DATA;
    } else if (Ascii.equals(field, fieldLength, "event")) {
      event.startName();
      state = State.NAME;
    } else {
      state = State.IGNORED;
    }
  }

  private void value(ByteBuffer chunk, int from, int to) {
    if (state == State.DATA) {
      data(chunk, from, to);
    } else if (state == State.NAME) {
      event.appendName(chunk, from, to);
    }
  }

  private void data(ByteBuffer source, int from, int to) {
    event.appendData(source, from, to);
    events.data(source, from, to);
  }

  private void endLine(byte eol) {
    if (state == State.NAME) {
      event.endName();
    }
    afterCr = eol == '\r';
    state = State.LINE_START;
  }

  private void dispatch() {
    fieldsPending = false;
    if (!event.isEmpty()) {
      count++;
      events.event(event);
      event.clear();
    }
  }

  private static int findLineEnd(ByteBuffer chunk, int from, int to) {
    for (int i = from; i < to; i++) {
      byte b = chunk.get(i);
      if (b == '\n' || b == '\r') {
        return i;
      }
    }
    return to;
  }
}
