package io.streamrelay.internal.detail;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Keeps the first bytes of one body as they pass.
 *
 * <p>Memory grows with what comes, up to a cap, and is taken from a budget; where that is spent the
 * rest is only counted. Thread-safe: bytes may still pass on another thread when the exchange has
 * ended, and are then ignored.
 */
final class BodyCapture {
  private static final byte[] NOTHING = {};
  private static final int FIRST_BYTES = 512;

  private final CaptureBudget budget;

  /** Zero if only the size is wanted. */
  private final int maxBytes;

  // Guarded by this, which nobody contends for while the exchange runs.
  private byte[] kept = NOTHING;
  private int length;
  private long seen;
  private boolean full;
  private boolean closed;

  /**
   * @param budget of all captures
   * @param maxBytes how many bytes are kept at most; 0 to count only
   */
  BodyCapture(CaptureBudget budget, int maxBytes) {
    this.budget = budget;
    this.maxBytes = maxBytes;
  }

  /** Looks at bytes of a buffer, whose position and limit stay as they are. */
  synchronized void add(ByteBuffer buffer, int from, int count) {
    if (closed) {
      return;
    }
    seen += count;
    if (full || maxBytes == 0) {
      return;
    }
    int wanted = Math.min(count, maxBytes - length);
    int room = roomFor(wanted);
    buffer.get(from, kept, length, room);
    length += room;
    full = length == maxBytes || room < wanted;
  }

  private int roomFor(int wanted) {
    int missing = length + wanted - kept.length;
    if (missing > 0) {
      int capacity =
          Math.min(maxBytes, Math.max(length + wanted, Math.max(FIRST_BYTES, kept.length * 2)));
      if (budget.take(capacity - kept.length)) {
        kept = Arrays.copyOf(kept, capacity);
      }
    }
    return Math.min(wanted, kept.length - length);
  }

  /** Bytes that passed. */
  synchronized long seen() {
    return seen;
  }

  /** Whether not all that passed was kept, though it was wanted. */
  synchronized boolean isTruncated() {
    return maxBytes > 0 && seen > length;
  }

  /** What was kept, as UTF-8; a character that the cap cut in two is left out. */
  synchronized String text() {
    int end = length;
    if (seen > length) {
      end = wholeCharacters();
    }
    return new String(kept, 0, end, StandardCharsets.UTF_8);
  }

  private int wholeCharacters() {
    int lead = length - 1;
    while (lead >= 0 && lead > length - 4 && (kept[lead] & 0xc0) == 0x80) {
      lead--;
    }
    if (lead < 0 || (kept[lead] & 0xc0) != 0xc0) {
      return length;
    }
    int size = (kept[lead] & 0xf0) == 0xf0 ? 4 : (kept[lead] & 0xe0) == 0xe0 ? 3 : 2;
    return length - lead < size ? lead : length;
  }

  /** Gives the memory back; nothing is kept from now on. Idempotent. */
  synchronized void release() {
    if (!closed) {
      closed = true;
      budget.give(kept.length);
      kept = NOTHING;
      length = 0;
    }
  }
}
