package io.streamrelay.audio;

/**
 * Finds the first frame of a FLAC file behind its metadata (RFC 9639 §8). How much of it has come
 * is not read: frames do not say how long they are before they are decoded.
 */
final class FlacScanner extends HeaderScanner {
  private static final int BLOCK_HEADER_BYTES = 4;
  private boolean begun;
  private boolean lastBlock;
  private boolean inFrames;

  FlacScanner() {
    super(BLOCK_HEADER_BYTES, BLOCK_HEADER_BYTES);
  }

  @Override
  void header(int length) {
    if (!begun) {
      begun = true;
      want(BLOCK_HEADER_BYTES);
      return;
    }
    lastBlock = held[0] < 0;
    int size = (held[1] & 0xff) << 16 | (held[2] & 0xff) << 8 | (held[3] & 0xff);
    if (size > 0) {
      pass(size);
    } else {
      passed();
    }
  }

  @Override
  void passing(int count) {
    if (inFrames) {
      sawSound();
    }
  }

  @Override
  void passed() {
    if (lastBlock) {
      inFrames = true;
      pass(Long.MAX_VALUE);
    } else {
      want(BLOCK_HEADER_BYTES);
    }
  }

  @Override
  long durationNanos() {
    return UNKNOWN;
  }

  @Override
  String format() {
    return "flac";
  }
}
