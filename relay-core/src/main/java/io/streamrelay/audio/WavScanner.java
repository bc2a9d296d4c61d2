package io.streamrelay.audio;

/**
 * Measures a WAV file as it streams by: RIFF chunks with a {@code fmt} and a {@code data} among
 * them.
 *
 * <p>Source: Microsoft and IBM, "Multimedia Programming Interface and Data Specifications 1.0"
 * (RIFF); Microsoft, "Multiple channel audio data and WAVE files" ({@code WAVE_FORMAT_EXTENSIBLE}).
 *
 * <p>Read are PCM, float, A-law and mu-law, whose length follows from the count of bytes; of other
 * encodings, and of an {@code fmt} that contradicts itself, the length is unknown. A {@code data}
 * chunk of size 0, 0xFFFFFFFF or 0x7FFFFFFF and more is one that was begun before its length was
 * known, as servers that stream do, and goes on to the end. Files that follow one another are added
 * up.
 */
final class WavScanner extends HeaderScanner {
  private static final int RIFF_BYTES = 12;
  private static final int CHUNK_BYTES = 8;
  private static final int FMT_BYTES = 16;
  private static final int EXTENSIBLE_BYTES = 40;
  private static final long OPEN_END = 0x7FFF_0000L;

  private static final int PCM = 1;
  private static final int FLOAT = 3;
  private static final int A_LAW = 6;
  private static final int MU_LAW = 7;
  private static final int EXTENSIBLE = 0xfffe;

  /** What is being read. */
  private enum Part {
    RIFF,
    CHUNK,
    FMT,
    OTHER,
    DATA,
    /** No WAV, or none that can be measured. */
    LOST
  }

  private Part part = Part.RIFF;
  private long chunkBytes;
  private boolean oddData;
  private boolean formatKnown;
  private int sampleRate;
  private int frameBytes;
  private long dataBytes;
  private long earlierNanos;
  private boolean unknown;

  WavScanner() {
    super(EXTENSIBLE_BYTES, RIFF_BYTES);
  }

  @Override
  void header(int length) {
    switch (part) {
      case RIFF -> {
        if (says(0, "RIFF") && says(8, "WAVE")) {
          next();
        } else {
          lose();
        }
      }
      case CHUNK -> chunk();
      case FMT -> format(length);
      default -> lose();
    }
  }

  private void next() {
    part = Part.CHUNK;
    want(CHUNK_BYTES);
  }

  private void chunk() {
    long size = little32(4);
    chunkBytes = size + (size & 1);
    if (says(0, "fmt ")) {
      if (size < FMT_BYTES) {
        lose();
        return;
      }
      part = Part.FMT;
      want((int) Math.min(size, EXTENSIBLE_BYTES));
    } else if (says(0, "data")) {
      part = Part.DATA;
      oddData = (size & 1) != 0;
      pass(size == 0 || size >= OPEN_END ? Long.MAX_VALUE : size);
    } else if (says(0, "RIFF")) {
      // Another file; its last four bytes are still to come.
      finishFile();
      part = Part.RIFF;
      wantMore(RIFF_BYTES);
    } else if (!isName()) {
      // The size before was wrong, or nothing was a chunk.
      lose();
    } else if (chunkBytes == 0) {
      next();
    } else {
      part = Part.OTHER;
      pass(chunkBytes);
    }
  }

  private void finishFile() {
    if (formatKnown) {
      earlierNanos += nanos(dataBytes / frameBytes, sampleRate);
    }
    dataBytes = 0;
    formatKnown = false;
  }

  private void format(int length) {
    int tag = little16(0);
    if (tag == EXTENSIBLE && length == EXTENSIBLE_BYTES) {
      tag = little16(24);
    }
    int channels = little16(2);
    long rate = little32(4);
    int block = little16(12);
    int bits = little16(14);
    boolean constant = tag == PCM || tag == FLOAT || tag == A_LAW || tag == MU_LAW;
    formatKnown =
        constant
            && channels >= 1
            && channels <= PcmFormat.MOST_CHANNELS
            && rate >= PcmFormat.LOWEST_RATE
            && rate <= PcmFormat.HIGHEST_RATE
            && bits >= 8
            && bits <= 64
            && block == channels * ((bits + 7) / 8);
    sampleRate = (int) rate;
    frameBytes = block;
    if (chunkBytes > length) {
      part = Part.OTHER;
      pass(chunkBytes - length);
    } else {
      next();
    }
  }

  @Override
  void passing(int count) {
    if (part == Part.DATA) {
      sawSound();
      dataBytes += count;
      unknown |= !formatKnown;
    } else if (part == Part.LOST) {
      sawSound();
    }
  }

  @Override
  void passed() {
    if (part == Part.DATA && oddData) {
      // A byte follows that only makes the size even.
      part = Part.OTHER;
      pass(1);
    } else {
      next();
    }
  }

  /** Chunks are named by four printable characters. */
  private boolean isName() {
    for (int i = 0; i < 4; i++) {
      if (held[i] < ' ' || held[i] > '~') {
        return false;
      }
    }
    return true;
  }

  private void lose() {
    part = Part.LOST;
    unknown = true;
    pass(Long.MAX_VALUE);
  }

  @Override
  long durationNanos() {
    if (unknown) {
      return UNKNOWN;
    }
    return earlierNanos + (formatKnown ? nanos(dataBytes / frameBytes, sampleRate) : 0);
  }

  @Override
  String format() {
    return "wav";
  }
}
