package io.streamrelay.audio;

import java.nio.ByteBuffer;

/**
 * Reads a format that is made of headers of known size, and of stretches between them that need not
 * be looked at.
 */
abstract class HeaderScanner extends SoundScanner {
  /** The current header, from its start. */
  final byte[] held;

  private int heldLength;
  private int wanted;
  private long left;

  /**
   * @param longest no header is larger, in bytes
   * @param first size of the first one
   */
  HeaderScanner(int longest, int first) {
    this.held = new byte[longest];
    this.wanted = first;
  }

  /**
   * A header stands whole in {@link #held}; says by {@link #want} or {@link #pass} what follows.
   */
  abstract void header(int length);

  /** So many bytes of the stretch that {@link #pass} announced have come. */
  abstract void passing(int count);

  /** The stretch has come to its end; says by {@link #want} or {@link #pass} what follows. */
  abstract void passed();

  /** A header of this size comes next. */
  final void want(int size) {
    heldLength = 0;
    wanted = size;
    left = 0;
  }

  /** The header goes on to this size. */
  final void wantMore(int size) {
    wanted = size;
  }

  /** So many bytes come next, at least one, that are only counted. */
  final void pass(long count) {
    heldLength = 0;
    left = count;
  }

  @Override
  final void scan(ByteBuffer source, int from, int to) {
    int i = from;
    while (i < to) {
      if (left > 0) {
        int count = (int) Math.min(left, to - i);
        i += count;
        left -= count;
        passing(count);
        if (left == 0) {
          passed();
        }
      } else {
        int count = Math.min(wanted - heldLength, to - i);
        source.get(i, held, heldLength, count);
        i += count;
        heldLength += count;
        if (heldLength == wanted) {
          header(heldLength);
        }
      }
    }
  }

  /** Whether the header has these characters there. */
  final boolean says(int at, String ascii) {
    return says(held, at, ascii);
  }

  static boolean says(byte[] bytes, int at, String ascii) {
    for (int i = 0; i < ascii.length(); i++) {
      if (bytes[at + i] != ascii.charAt(i)) {
        return false;
      }
    }
    return true;
  }

  /** An unsigned number of two bytes, the low one first. */
  final int little16(int at) {
    return (held[at] & 0xff) | (held[at + 1] & 0xff) << 8;
  }

  /** An unsigned number of four bytes, the low one first. */
  final long little32(int at) {
    return little16(at) | (long) little16(at + 2) << 16;
  }
}
