package io.streamrelay.audio;

import java.nio.ByteBuffer;

/**
 * Measures sound that comes in frames with a header each: MPEG audio (MP3) and AAC in ADTS.
 *
 * <p>Sources: ISO/IEC 11172-3 §2.4.2.3 and 13818-3 (headers of MPEG 1 and 2; 2.5 is an extension
 * that all decoders know); ISO/IEC 13818-7 §6.2 (ADTS); id3.org, "ID3v2.4.0" §3 (tags).
 *
 * <p>Each frame counts once its last byte has come, for as many samples as its header says. Tags
 * are passed over. The first frame behind the start or a tag is no sound if it holds a {@code
 * Xing}, {@code Info} or {@code VBRI} table. Where no header stands that should, the next is looked
 * for; it is believed only if another of its kind stands where it ends. If more was passed over in
 * that way than was understood, the length is unknown. What an encoder added at the start and the
 * end is not taken off, for players differ in that.
 */
final class FrameScanner extends SoundScanner {
  /** Enough for either kind of header. */
  private static final int HEADER_BYTES = 7;

  private static final int TAG_BYTES = 10;
  private static final int OLD_TAG_BYTES = 128;

  /** Behind the longest header and side information, and a checksum, stand four letters. */
  private static final int TABLE_BYTES = 4 + 32 + 2 + 4;

  private static final int VBRI_AT = 4 + 32;

  private static final int[][] KILOBITS = {
    // MPEG 1, layers I, II, III
    {32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448},
    {32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384},
    {32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320},
    // MPEG 2 and 2.5, layer I, then II and III
    {32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256},
    {8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160},
  };
  private static final int[] MPEG_RATES = {44_100, 48_000, 32_000};
  private static final int[] AAC_RATES = {
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000,
    7_350
  };
  private static final int AAC_SAMPLES = 1024;

  private final byte[] held = new byte[TABLE_BYTES];
  private int heldLength;
  private int wanted = HEADER_BYTES;
  private long left;
  private boolean inTag;

  /** Nothing stands where a header should: bytes are looked through one by one. */
  private boolean hunting;

  /** The current frame stands where one of its kind has ended. */
  private boolean synced;

  /** The next frame is the first behind the start or a tag. */
  private boolean first = true;

  // The frame whose bytes are passing, or the last one that has passed.
  private boolean adts;
  private int kind;
  private int length;
  private int samples;
  private int sampleRate;

  /** It was the first behind the start or a tag, so there is no reason to doubt it yet. */
  private boolean credible;

  /** It has come whole, but did not follow another and was not yet followed by one. */
  private boolean pending;

  /** What was believed last to be sound was AAC. */
  private boolean aac;

  private int countedRate;
  private long countedSamples;
  private long earlierNanos;
  private long countedBytes;
  private long lostBytes;

  /**
   * Tells whether four bytes can be the start of a frame or of a tag.
   *
   * @param b at least four bytes
   * @return true if a scanner would begin there
   */
  static boolean mayBegin(byte[] b) {
    boolean tag = b[0] == 'I' && b[1] == 'D' && b[2] == '3';
    return tag || isAdts(b) || mpegLength(b) > 0;
  }

  @Override
  void scan(ByteBuffer source, int from, int to) {
    int i = from;
    while (i < to) {
      if (left > 0) {
        int count = (int) Math.min(left, to - i);
        i += count;
        left -= count;
        if (left == 0) {
          passed();
        }
      } else if (hunting && heldLength == 0 && source.get(i) != (byte) 0xff) {
        lostBytes++;
        i++;
      } else {
        int count = Math.min(wanted - heldLength, to - i);
        source.get(i, held, heldLength, count);
        i += count;
        heldLength += count;
        if (heldLength == wanted) {
          header();
        }
      }
    }
  }

  private void header() {
    if (wanted == TAG_BYTES) {
      tag();
    } else if (wanted > HEADER_BYTES) {
      firstFrame();
    } else if (!hunting && held[0] == 'I' && held[1] == 'D' && held[2] == '3') {
      wanted = TAG_BYTES;
    } else if (!hunting && held[0] == 'T' && held[1] == 'A' && held[2] == 'G') {
      passTag(OLD_TAG_BYTES - HEADER_BYTES);
    } else if (isFrame()) {
      frame();
    } else {
      hunt();
    }
  }

  private void tag() {
    int size = 0;
    boolean sane = held[3] >= 0 && held[4] >= 0;
    for (int i = 6; i < TAG_BYTES; i++) {
      sane &= held[i] >= 0;
      size = size << 7 | held[i];
    }
    if (!sane) {
      hunt();
      return;
    }
    boolean footer = (held[5] & 0x10) != 0;
    passTag((long) size + (footer ? TAG_BYTES : 0));
  }

  private void passTag(long size) {
    settle(credible);
    synced = false;
    kind = 0;
    inTag = true;
    heldLength = 0;
    wanted = HEADER_BYTES;
    left = size;
    if (size == 0) {
      passed();
    }
  }

  /** A valid header stands in the held bytes. */
  private void frame() {
    int newKind = kindOf();
    synced = newKind == kind;
    settle(synced);
    kind = newKind;
    credible = first && lostBytes == 0;
    adts = isAdts(held);
    if (adts) {
      length = adtsLength();
      samples = AAC_SAMPLES * ((held[6] & 3) + 1);
      sampleRate = AAC_RATES[(held[2] >> 2) & 0xf];
    } else {
      length = mpegLength(held);
      samples = mpegSamples(held);
      sampleRate = mpegRate(held);
    }
    hunting = false;
    boolean mayBeTable = first && !adts;
    first = false;
    if (mayBeTable) {
      wanted = Math.min(length, TABLE_BYTES);
    } else {
      passFrame();
    }
  }

  private void firstFrame() {
    if (isTable()) {
      samples = 0;
    }
    passFrame();
  }

  private void passFrame() {
    if (samples > 0 && (synced || credible)) {
      aac = adts;
      sawSound();
    }
    left = (long) length - heldLength;
    heldLength = 0;
    wanted = HEADER_BYTES;
    if (left == 0) {
      passed();
    }
  }

  private void passed() {
    if (inTag) {
      inTag = false;
      first = true;
    } else if (synced) {
      count();
    } else {
      pending = true;
    }
  }

  /** A frame that stood alone turns out to be one, or not. */
  private void settle(boolean believed) {
    if (pending) {
      pending = false;
      if (!believed) {
        lostBytes += length;
      } else {
        count();
        if (samples > 0) {
          aac = adts;
          sawSound();
        }
      }
    }
  }

  private void count() {
    if (sampleRate != countedRate) {
      earlierNanos += countedRate == 0 ? 0 : nanos(countedSamples, countedRate);
      countedSamples = 0;
      countedRate = sampleRate;
    }
    countedSamples += samples;
    countedBytes += length;
  }

  private void hunt() {
    settle(false);
    synced = false;
    kind = 0;
    hunting = true;
    first = false;
    int next = 1;
    while (next < heldLength && held[next] != (byte) 0xff) {
      next++;
    }
    lostBytes += next;
    heldLength -= next;
    System.arraycopy(held, next, held, 0, heldLength);
    wanted = HEADER_BYTES;
  }

  private boolean isFrame() {
    return isAdts(held) ? adtsLength() >= HEADER_BYTES : mpegLength(held) >= HEADER_BYTES;
  }

  /** What does not change from frame to frame: version, layer and sample rate. */
  private int kindOf() {
    return (held[1] & 0xfe) << 8 | (held[2] & (isAdts(held) ? 0x3c : 0x0c));
  }

  private boolean isTable() {
    boolean mono = (held[3] & 0xc0) == 0xc0;
    boolean mpeg1 = version(held) == 3;
    int side = mpeg1 ? (mono ? 17 : 32) : (mono ? 9 : 17);
    return isTableAt(4 + side) || isTableAt(4 + side + 2) || saysAt(VBRI_AT, "VBRI");
  }

  private boolean isTableAt(int at) {
    return saysAt(at, "Xing") || saysAt(at, "Info");
  }

  private boolean saysAt(int at, String ascii) {
    return at + ascii.length() <= heldLength && HeaderScanner.says(held, at, ascii);
  }

  // ---- ADTS

  private static boolean isAdts(byte[] b) {
    return b[0] == (byte) 0xff && (b[1] & 0xf6) == 0xf0 && ((b[2] >> 2) & 0xf) < AAC_RATES.length;
  }

  private int adtsLength() {
    return (held[3] & 3) << 11 | (held[4] & 0xff) << 3 | (held[5] & 0xff) >> 5;
  }

  // ---- MPEG audio

  /** 0 is 2.5, 2 is 2, 3 is 1. */
  private static int version(byte[] b) {
    return (b[1] >> 3) & 3;
  }

  /** 1 is III, 2 is II, 3 is I. */
  private static int layer(byte[] b) {
    return (b[1] >> 1) & 3;
  }

  private static int mpegRate(byte[] b) {
    int rate = MPEG_RATES[(b[2] >> 2) & 3];
    return version(b) == 3 ? rate : version(b) == 2 ? rate / 2 : rate / 4;
  }

  private static int mpegSamples(byte[] b) {
    return layer(b) == 3 ? 384 : layer(b) == 2 || version(b) == 3 ? 1152 : 576;
  }

  /** Bytes of the frame; 0 if this is no header of one. */
  private static int mpegLength(byte[] b) {
    int kilobits = (b[2] >> 4) & 0xf;
    boolean valid =
        b[0] == (byte) 0xff
            && (b[1] & 0xe0) == 0xe0
            && version(b) != 1
            && layer(b) != 0
            && kilobits != 0
            && kilobits != 15
            && ((b[2] >> 2) & 3) != 3;
    if (!valid) {
      return 0;
    }
    int table = version(b) == 3 ? 3 - layer(b) : layer(b) == 3 ? 3 : 4;
    int bits = KILOBITS[table][kilobits - 1] * 1000;
    int padding = (b[2] >> 1) & 1;
    return layer(b) == 3
        ? (12 * bits / mpegRate(b) + padding) * 4
        : mpegSamples(b) / 8 * bits / mpegRate(b) + padding;
  }

  @Override
  long durationNanos() {
    if (lostBytes > countedBytes) {
      return UNKNOWN;
    }
    long counted = countedRate == 0 ? 0 : nanos(countedSamples, countedRate);
    long last = pending && credible ? nanos(samples, sampleRate) : 0;
    return earlierNanos + counted + last;
  }

  @Override
  String format() {
    return aac ? "aac" : "mp3";
  }
}
