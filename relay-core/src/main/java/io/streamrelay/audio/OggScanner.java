package io.streamrelay.audio;

import java.nio.ByteBuffer;

/**
 * Measures Opus and Vorbis in Ogg.
 *
 * <p>Sources: RFC 3533 (pages), RFC 7845 (Opus in Ogg), RFC 6716 §3.1 (how long an Opus packet is),
 * Xiph.Org, "Vorbis I specification" §4.2 and A.2.
 *
 * <p>A page counts once its last byte has come, since players check it before they use it. Opus:
 * the packets' own lengths are added up; the pre-skip at the start and what the last page cuts off
 * are taken off. Vorbis: as the granule positions say. Streams that follow one another are added
 * up; two at a time, and codecs other than these, are of unknown length. Checksums are not checked.
 */
final class OggScanner extends SoundScanner {
  private static final int PAGE_BYTES = 27;
  private static final int CONTINUED = 1;
  private static final int FIRST = 2;
  private static final int LAST = 4;

  /** How much of each packet is looked at. */
  private static final int PACKET_BYTES = 19;

  private static final int OPUS_RATE = 48_000;
  private static final int MOST_OPUS_SAMPLES = 120 * OPUS_RATE / 1000;
  private static final int MOST_VORBIS_SAMPLES = 8192;

  private enum Codec {
    OPUS("opus", 2),
    VORBIS("vorbis", 3),
    OTHER("ogg", 1);

    private final String label;
    private final int headers;

    Codec(String label, int headers) {
      this.label = label;
      this.headers = headers;
    }
  }

  private enum Part {
    PAGE,
    TABLE,
    BODY
  }

  // The page.
  private final byte[] held = new byte[PAGE_BYTES];
  private final byte[] table = new byte[255];
  private Part part = Part.PAGE;
  private int heldLength;
  private int tableLength;
  private int segments;
  private int segment;
  private int segmentLeft;
  private int flags;
  private long granule;

  // The logical stream.
  private Codec codec = Codec.OTHER;
  private boolean begun;
  private int serial;
  private int sampleRate = OPUS_RATE;
  private long preSkip;
  private long packets;
  private long samples;
  private long offset = -1;
  private long trimmed;

  // The packet.
  private final byte[] packet = new byte[PACKET_BYTES];
  private long packetLength;
  private boolean packetBroken;

  /** Of the packets that have ended since the last granule position. */
  private long pageSamples;

  private long pagePackets;
  private long earlierNanos;
  private long pageBytes;
  private long lostBytes;
  private boolean unknown;

  @Override
  void scan(ByteBuffer source, int from, int to) {
    int i = from;
    while (i < to) {
      switch (part) {
        case PAGE -> {
          int count = Math.min(PAGE_BYTES - heldLength, to - i);
          source.get(i, held, heldLength, count);
          i += count;
          heldLength += count;
          if (heldLength == PAGE_BYTES) {
            page();
          }
        }
        case TABLE -> {
          int count = Math.min(segments - tableLength, to - i);
          source.get(i, table, tableLength, count);
          i += count;
          tableLength += count;
          if (tableLength == segments) {
            beginBody();
          }
        }
        case BODY -> {
          int count = Math.min(segmentLeft, to - i);
          body(source, i, count);
          i += count;
          segmentLeft -= count;
          pageBytes += count;
          if (segmentLeft == 0) {
            endSegment();
          }
        }
      }
    }
  }

  private void page() {
    if (!HeaderScanner.says(held, 0, "OggS") || held[4] != 0) {
      hunt();
      return;
    }
    flags = held[5];
    granule = little32(6) | little32(10) << 32;
    int pageSerial = (int) little32(14);
    if ((flags & FIRST) != 0) {
      beginStream(pageSerial);
    } else if (!begun || pageSerial != serial) {
      unknown = true;
    }
    boolean continues = (flags & CONTINUED) != 0;
    if (!continues) {
      packetLength = 0;
      packetBroken = false;
    } else if (packetLength == 0) {
      packetBroken = true;
    }
    segments = held[26] & 0xff;
    tableLength = 0;
    pageBytes += PAGE_BYTES + segments;
    if (segments == 0) {
      endPage();
    } else {
      part = Part.TABLE;
    }
  }

  /** Looks for the next page at the next byte that may be its first. */
  private void hunt() {
    int next = 1;
    while (next < heldLength && held[next] != 'O') {
      next++;
    }
    lostBytes += next;
    heldLength -= next;
    System.arraycopy(held, next, held, 0, heldLength);
  }

  private void beginStream(int newSerial) {
    earlierNanos += currentNanos();
    begun = true;
    serial = newSerial;
    codec = Codec.OTHER;
    preSkip = 0;
    packets = 0;
    samples = 0;
    offset = -1;
    trimmed = 0;
    pageSamples = 0;
    pagePackets = 0;
    packetLength = 0;
  }

  private void beginBody() {
    part = Part.BODY;
    segment = 0;
    segmentLeft = table[0] & 0xff;
    if (segmentLeft == 0) {
      endSegment();
    }
  }

  private void body(ByteBuffer source, int at, int count) {
    int room = (int) Math.min(count, Math.max(0, PACKET_BYTES - packetLength));
    if (room > 0) {
      source.get(at, packet, (int) packetLength, room);
    }
    packetLength += count;
    if (packets >= codec.headers) {
      sawSound();
    }
  }

  private void endSegment() {
    do {
      if ((table[segment] & 0xff) < 255) {
        endPacket();
      }
      segment++;
      if (segment == segments) {
        endPage();
        return;
      }
      segmentLeft = table[segment] & 0xff;
    } while (segmentLeft == 0);
  }

  private void endPacket() {
    int kept = (int) Math.min(packetLength, PACKET_BYTES);
    if (packetBroken) {
      packetBroken = false;
    } else {
      if (packets == 0) {
        identify(kept);
      } else if (packets >= codec.headers) {
        pagePackets++;
        pageSamples += codec == Codec.OPUS ? opusSamples(kept) : 0;
      }
      packets++;
    }
    packetLength = 0;
  }

  private void identify(int kept) {
    if (kept >= 12 && HeaderScanner.says(packet, 0, "OpusHead")) {
      codec = Codec.OPUS;
      sampleRate = OPUS_RATE;
      preSkip = (packet[10] & 0xff) | (packet[11] & 0xff) << 8;
    } else if (kept >= 16 && packet[0] == 1 && HeaderScanner.says(packet, 1, "vorbis")) {
      codec = Codec.VORBIS;
      long rate = little(packet, 12, 4);
      unknown |= rate < PcmFormat.LOWEST_RATE || rate > PcmFormat.HIGHEST_RATE;
      sampleRate = unknown ? OPUS_RATE : (int) rate;
    } else {
      unknown = true;
    }
  }

  /** RFC 6716 §3.1, §3.2. */
  private int opusSamples(int kept) {
    if (kept == 0) {
      return 0;
    }
    int config = (packet[0] & 0xff) >> 3;
    int frame;
    if (config < 12) {
      frame = (config & 3) == 3 ? 2880 : 480 << (config & 3);
    } else if (config < 16) {
      frame = 480 << (config & 1);
    } else {
      frame = 120 << (config & 3);
    }
    int frames =
        switch (packet[0] & 3) {
          case 0 -> 1;
          case 1, 2 -> 2;
          default -> kept < 2 ? 0 : packet[1] & 0x3f;
        };
    int total = frame * frames;
    return total > MOST_OPUS_SAMPLES ? 0 : total;
  }

  private void endPage() {
    part = Part.PAGE;
    heldLength = 0;
    if (granule == -1 || pagePackets == 0) {
      return;
    }
    if (codec == Codec.OPUS) {
      opusPage();
    } else if (codec == Codec.VORBIS) {
      vorbisPage();
    }
    pageSamples = 0;
    pagePackets = 0;
  }

  private void opusPage() {
    boolean last = (flags & LAST) != 0;
    if (offset < 0) {
      // A stream may have been cut out of a longer one (RFC 7845 §4.3).
      offset = last ? 0 : Math.max(0, granule - pageSamples);
    }
    samples += pageSamples;
    long surplus = samples - (granule - offset);
    trimmed = last && surplus > 0 && surplus <= pageSamples ? surplus : 0;
  }

  private void vorbisPage() {
    if (offset < 0) {
      offset = 0;
    }
    long now = granule - offset;
    // The first packet yields nothing, and no packet more than the largest block's half.
    unknown |= now < samples || now - samples > (pagePackets + 1) * MOST_VORBIS_SAMPLES;
    samples = now;
  }

  private long currentNanos() {
    return nanos(Math.max(0, samples - preSkip - trimmed), sampleRate);
  }

  @Override
  long durationNanos() {
    boolean other = begun && packets > 0 && codec == Codec.OTHER;
    if (unknown || other || lostBytes > pageBytes) {
      return UNKNOWN;
    }
    return earlierNanos + currentNanos();
  }

  @Override
  String format() {
    return codec.label;
  }

  private long little32(int at) {
    return little(held, at, 4);
  }

  private static long little(byte[] bytes, int at, int count) {
    long value = 0;
    for (int i = count - 1; i >= 0; i--) {
      value = value << 8 | (bytes[at + i] & 0xff);
    }
    return value;
  }
}
