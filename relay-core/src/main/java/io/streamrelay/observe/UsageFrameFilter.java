package io.streamrelay.observe;

import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * Takes the event out of a stream of OpenAI completions that is there only because the relay asked
 * for usage.
 *
 * <p>That event comes behind a finish reason and has an empty {@code choices}, a {@code usage}
 * object, and nothing else but what every chunk has; a further member that is not empty, such as
 * {@code citations}, makes it an event of the client's. It goes as a whole, from its first field to
 * the end of its blank line, and every other byte stays. Source: the API reference on {@code
 * stream_options}.
 *
 * <p>Nothing is held back before a finish reason has passed. After it only the beginning of an
 * event is held that can still turn out to be the one, and at most {@value #MAX_HELD_BYTES} bytes
 * of it; a longer one is handed on.
 *
 * <p><b>Threads.</b> One instance per stream, used by one thread at a time.
 */
public final class UsageFrameFilter {
  /** How much of an event is held before it is whole. */
  public static final int MAX_HELD_BYTES = 8 * 1024;

  private static final int FIRST_CAPACITY = 1024;

  private final UsageFrameProbe probe = new UsageFrameProbe();
  private final SseScanner scanner = new SseScanner(0, new Reader());

  private boolean finishSeen;

  /** Whether a field of an event has begun. */
  private boolean open;

  /** Whether that event can still be the one, so that nothing of it has been handed on. */
  private boolean candidate;

  /** Whether nothing was handed on since an event was taken out. */
  private boolean behindGap;

  /** Whether a line feed now would be the rest of the line end that was taken out. */
  private boolean splitCrLf;

  /** Whether the client stood at a border where {@link #open}, or the gap before it, began. */
  private boolean borderBefore;

  /** Of the event that is {@link #open}; within a chunk perhaps behind what was released. */
  private byte[] held = new byte[0];

  private int heldLength;
  private long removedBytes;
  private boolean tooLong;

  // Of one chunk.
  private int eventFrom;

  /** How much of the open event was held when the chunk came. */
  private int carried;

  /** How much of what was held goes before the chunk. */
  private int released;

  private int[] cuts = new int[4];
  private int cutCount;

  /** Makes a filter for one stream. */
  public UsageFrameFilter() {}

  /**
   * Looks at the stream's next bytes.
   *
   * @param chunk heap or direct; its position and limit stay as they are
   * @return what is to be handed on now, perhaps nothing: the chunk itself, a view of a part of it,
   *     or a buffer of its own if what was held goes before it or something is missing within
   */
  public ByteBuffer take(ByteBuffer chunk) {
    int from = chunk.position();
    int end = chunk.limit();
    eventFrom = from;
    carried = heldLength;
    released = 0;
    cutCount = 0;
    scan(chunk, from, end);
    if (candidate) {
      hold(chunk, end);
    }
    return released == 0 && cutCount == 0 ? chunk : rest(chunk, from, end);
  }

  /**
   * Decides on what is held, because the stream has ended. The event that was asked for goes, also
   * without its blank line, if its data is whole.
   *
   * @return what is still to be handed on; empty if nothing is
   */
  public ByteBuffer end() {
    if (candidate && probe.isUsageFrame()) {
      removedBytes += heldLength;
      heldLength = 0;
      behindGap = true;
    } else if (heldLength > 0) {
      behindGap = false;
    }
    candidate = false;
    ByteBuffer rest = ByteBuffer.wrap(held, 0, heldLength);
    held = new byte[0];
    heldLength = 0;
    return rest;
  }

  /**
   * Tells whether another event may be put behind what was handed on.
   *
   * @return as {@link SseScanner#atEventBorder()}, of the stream without what is held or taken out
   */
  public boolean atEventBorder() {
    return (candidate || behindGap) ? borderBefore : scanner.atEventBorder();
  }

  /**
   * Counts what was taken out.
   *
   * @return bytes; 0 if there was no such event so far
   */
  public long removedBytes() {
    return removedBytes;
  }

  /**
   * Tells whether an event that could have been the one was too long to be held.
   *
   * @return true if it was handed on for that
   */
  public boolean tooLong() {
    return tooLong;
  }

  private void scan(ByteBuffer chunk, int from, int end) {
    int i = from;
    while (i < end) {
      int next = behindLine(chunk, i, end);
      if (!open) {
        byte first = chunk.get(i);
        if (splitCrLf && first == '\n') {
          removedBytes++;
          cut(i, next);
        } else if (scanner.betweenEvents() && first != ':' && first != '\n' && first != '\r') {
          begin(i);
        } else {
          behindGap = false;
        }
        splitCrLf = false;
      }
      scanner.scan(chunk, i, next);
      i = next;
      if (open) {
        if (scanner.betweenEvents()) {
          close(chunk, i);
        } else if (candidate && probe.isOther()) {
          release();
        }
      }
    }
  }

  private void begin(int at) {
    open = true;
    eventFrom = at;
    carried = 0;
    if (!behindGap) {
      borderBefore = scanner.atEventBorder();
    }
    candidate = finishSeen;
    behindGap &= candidate;
  }

  /** The event ends here, with its blank line. */
  private void close(ByteBuffer chunk, int end) {
    if (candidate && probe.isUsageFrame()) {
      candidate = false;
      removedBytes += carried + (end - eventFrom);
      heldLength -= carried;
      cut(eventFrom, end);
      behindGap = true;
      splitCrLf = chunk.get(end - 1) == '\r';
    } else if (candidate) {
      release();
    }
    finishSeen |= probe.finish();
    open = false;
    probe.restart();
  }

  /** The event is none of ours. */
  private void release() {
    candidate = false;
    behindGap = false;
    released += carried;
  }

  private void hold(ByteBuffer chunk, int end) {
    int count = end - eventFrom;
    if (carried + count > MAX_HELD_BYTES) {
      tooLong = true;
      release();
      return;
    }
    if (heldLength + count > held.length) {
      int wanted = Math.max(heldLength + count, Math.max(FIRST_CAPACITY, 2 * held.length));
      held = Arrays.copyOf(held, wanted);
    }
    chunk.get(eventFrom, held, heldLength, count);
    heldLength += count;
    cut(eventFrom, end);
  }

  private void cut(int from, int end) {
    if (cutCount > 0 && cuts[cutCount - 1] == from) {
      cuts[cutCount - 1] = end;
      return;
    }
    if (cutCount == cuts.length) {
      cuts = Arrays.copyOf(cuts, 2 * cuts.length);
    }
    cuts[cutCount] = from;
    cuts[cutCount + 1] = end;
    cutCount += 2;
  }

  /** What was held and turned out to be the client's, then the chunk without the cuts. */
  private ByteBuffer rest(ByteBuffer chunk, int from, int end) {
    boolean front = cutCount > 0 && cuts[0] == from;
    boolean back = cutCount > 0 && cuts[cutCount - 1] == end;
    int within = cutCount / 2 - (front ? 1 : 0) - (back && !(front && cutCount == 2) ? 1 : 0);
    if (released == 0 && within == 0) {
      ByteBuffer part = chunk.duplicate();
      int start = front ? cuts[1] : from;
      return part.limit(back ? Math.max(start, cuts[cutCount - 2]) : end).position(start);
    }
    ByteBuffer copy = ByteBuffer.allocate(released + (end - from));
    copy.put(held, 0, released);
    heldLength -= released;
    System.arraycopy(held, released, held, 0, heldLength);
    int at = from;
    for (int i = 0; i < cutCount; i += 2) {
      copyInto(copy, chunk, at, cuts[i]);
      at = cuts[i + 1];
    }
    copyInto(copy, chunk, at, end);
    return copy.flip();
  }

  private static void copyInto(ByteBuffer copy, ByteBuffer chunk, int from, int end) {
    copy.put(copy.position(), chunk, from, end - from);
    copy.position(copy.position() + (end - from));
  }

  private static int behindLine(ByteBuffer chunk, int from, int end) {
    for (int i = from; i < end; i++) {
      byte b = chunk.get(i);
      if (b == '\n' || b == '\r') {
        return i + 1;
      }
    }
    return end;
  }

  /** Has the data read as it arrives. */
  private final class Reader implements SseScanner.Events {
    @Override
    public void data(ByteBuffer source, int from, int to) {
      probe.walk(source, from, to);
    }

    @Override
    public void event(SseEvent event) {
      // The end of an event is seen by its bytes.
    }
  }
}
