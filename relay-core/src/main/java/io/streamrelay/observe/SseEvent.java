package io.streamrelay.observe;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * One server-sent event, as {@link SseScanner} shows it.
 *
 * <p>A view that is used again for the next event: valid only during {@link
 * SseScanner.Events#event}. The data is the event's {@code data} lines joined by LF. Of longer data
 * only the first bytes are kept; then {@link #truncated()} is true, and what looks into the data
 * looks into those bytes. Texts to compare with are ASCII; any other matches nothing.
 */
public final class SseEvent {
  private static final int NAME_CAP = 128;
  private static final int FIRST_CAPACITY = 512;

  private final int dataCap;
  private byte[] data = new byte[0];
  private int kept;
  private long dataLength;
  private boolean hasData;

  private final byte[] name = new byte[NAME_CAP];
  private long nameLength;
  private boolean named;

  SseEvent(int dataCap) {
    this.dataCap = dataCap;
  }

  /**
   * Compares the event's name.
   *
   * @param ascii the name
   * @return whether an {@code event} line gave that name
   */
  public boolean isNamed(String ascii) {
    return nameKnown() && Ascii.equals(name, (int) nameLength, ascii);
  }

  /**
   * Compares the start of the event's name.
   *
   * @param ascii the first characters
   * @return whether an {@code event} line gave a name that starts so
   */
  public boolean nameStartsWith(String ascii) {
    return nameKnown() && Ascii.startsWith(name, (int) nameLength, ascii);
  }

  /**
   * Compares the end of the event's name.
   *
   * @param ascii the last characters
   * @return whether an {@code event} line gave a name that ends so
   */
  public boolean nameEndsWith(String ascii) {
    return nameKnown() && Ascii.endsWith(name, (int) nameLength, ascii);
  }

  /**
   * Returns the event's name, for tests and messages.
   *
   * @return its first 128 bytes decoded; empty without an {@code event} line
   */
  public String name() {
    return named
        ? new String(name, 0, (int) Math.min(nameLength, NAME_CAP), StandardCharsets.UTF_8)
        : "";
  }

  /**
   * Tells whether there was a {@code data} line. Clients ignore an event without one.
   *
   * @return also true if that line was empty
   */
  public boolean hasData() {
    return hasData;
  }

  /**
   * Returns the length of the whole data.
   *
   * @return in bytes, whatever was kept of it
   */
  public long dataLength() {
    return dataLength;
  }

  /**
   * Tells whether the data was longer than what is kept of it.
   *
   * @return true if only its first bytes can be looked at
   */
  public boolean truncated() {
    return dataLength > kept;
  }

  /**
   * Compares the data.
   *
   * @param ascii the whole data
   * @return whether it is that; never true for truncated data
   */
  public boolean dataEquals(String ascii) {
    return !truncated() && Ascii.equals(data, kept, ascii);
  }

  /**
   * Compares the start of the data.
   *
   * @param ascii the first characters
   * @return whether the data starts so
   */
  public boolean dataStartsWith(String ascii) {
    return Ascii.startsWith(data, kept, ascii);
  }

  /**
   * Searches the data.
   *
   * @param ascii what to search
   * @return whether it occurs in what is kept
   */
  public boolean dataContains(String ascii) {
    for (int from = 0; from <= kept - ascii.length(); from++) {
      if (Ascii.matches(data, from, ascii)) {
        return true;
      }
    }
    return false;
  }

  /**
   * Searches the data.
   *
   * @param bytes what to search
   * @return whether it occurs in what is kept
   */
  public boolean dataContains(byte[] bytes) {
    for (int from = 0; from <= kept - bytes.length; from++) {
      if (Arrays.equals(data, from, from + bytes.length, bytes, 0, bytes.length)) {
        return true;
      }
    }
    return false;
  }

  /**
   * Copies the data, for a parser.
   *
   * @return what is kept of it
   */
  public byte[] dataBytes() {
    return Arrays.copyOf(data, kept);
  }

  /**
   * Decodes the data, for tests and messages.
   *
   * @return what is kept of it; bytes that are not UTF-8 are replaced
   */
  public String data() {
    return new String(data, 0, kept, StandardCharsets.UTF_8);
  }

  /** Names the event and its size; never its content. */
  @Override
  public String toString() {
    return "event '" + name() + "', " + dataLength + " bytes";
  }

  void clear() {
    kept = 0;
    dataLength = 0;
    hasData = false;
    nameLength = 0;
    named = false;
  }

  boolean isEmpty() {
    return !hasData && !named;
  }

  /** A data line begins. */
  void startData() {
    hasData = true;
  }

  void appendData(ByteBuffer source, int from, int to) {
    int length = to - from;
    int room = Math.min(length, dataCap - kept);
    if (room > 0) {
      if (kept + room > data.length) {
        int wanted = Math.max(kept + room, Math.max(FIRST_CAPACITY, 2 * data.length));
        data = Arrays.copyOf(data, Math.min(dataCap, wanted));
      }
      source.get(from, data, kept, room);
      kept += room;
    }
    dataLength += length;
  }

  /** An event line begins; until it ends the event has no name. */
  void startName() {
    named = false;
    nameLength = 0;
  }

  void appendName(ByteBuffer source, int from, int to) {
    int room = (int) Math.min(to - from, NAME_CAP - nameLength);
    if (room > 0) {
      source.get(from, name, (int) nameLength, room);
    }
    nameLength += to - from;
  }

  void endName() {
    named = true;
  }

  private boolean nameKnown() {
    return named && nameLength <= NAME_CAP;
  }
}
