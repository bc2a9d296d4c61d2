package io.streamrelay.audio;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** Makes files of every format out of nothing. */
final class Sounds {
  static final int CONTINUED = 1;
  static final int FIRST = 2;
  static final int LAST = 4;

  private Sounds() {}

  static byte[] join(byte[]... parts) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    for (byte[] part : parts) {
      all.writeBytes(part);
    }
    return all.toByteArray();
  }

  static byte[] noise(int length, long seed) {
    byte[] bytes = new byte[length];
    new Random(seed).nextBytes(bytes);
    return bytes;
  }

  static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.ISO_8859_1);
  }

  // ---- WAV

  static byte[] chunk(String name, long size, byte[] content) {
    return join(
        ascii(name),
        ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt((int) size).array(),
        content);
  }

  static byte[] chunk(String name, byte[] content) {
    byte[] padded = content.length % 2 == 0 ? content : join(content, new byte[1]);
    return chunk(name, content.length, padded);
  }

  static byte[] fmt(int tag, int channels, int rate, int bits) {
    int block = channels * bits / 8;
    return chunk(
        "fmt ",
        ByteBuffer.allocate(16)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putShort((short) tag)
            .putShort((short) channels)
            .putInt(rate)
            .putInt(rate * block)
            .putShort((short) block)
            .putShort((short) bits)
            .array());
  }

  static byte[] riff(byte[]... chunks) {
    return join(chunk("RIFF", 0xffff_ffffL, ascii("WAVE")), join(chunks));
  }

  static byte[] wav(int rate, int samples) {
    return riff(fmt(1, 1, rate, 16), chunk("data", noise(samples * 2, samples)));
  }

  // ---- MPEG audio

  private static final int[][] LAYER_3_KILOBITS = {
    {32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320},
    {8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160}
  };

  /**
   * A frame of layer III.
   *
   * @param version 3 for MPEG 1, 2 for MPEG 2, 0 for 2.5
   * @param bitrate index into the table, 1 to 14
   * @param rate index into the table, 0 to 2
   */
  static byte[] mp3Frame(int version, int bitrate, int rate, boolean padded, long seed) {
    int[] rates = {44_100, 48_000, 32_000};
    int hertz = rates[rate] >> (version == 3 ? 0 : version == 2 ? 1 : 2);
    int bits = LAYER_3_KILOBITS[version == 3 ? 0 : 1][bitrate - 1] * 1000;
    int length = (version == 3 ? 144 : 72) * bits / hertz + (padded ? 1 : 0);
    byte[] frame = noise(length, seed);
    frame[0] = (byte) 0xff;
    frame[1] = (byte) (0xe1 | version << 3 | 1 << 1);
    frame[2] = (byte) (bitrate << 4 | rate << 2 | (padded ? 2 : 0));
    // Mono, without a table by chance.
    frame[3] = (byte) 0xc0;
    return frame;
  }

  /** Frames of 128 kbit/s at 44.1 kHz: 1152 samples each. */
  static byte[] mp3(int frames) {
    byte[] all = new byte[0];
    for (int i = 0; i < frames; i++) {
      all = join(all, mp3Frame(3, 9, 0, i % 3 == 0, i));
    }
    return all;
  }

  static byte[] id3(int size) {
    byte[] head = {
      'I',
      'D',
      '3',
      4,
      0,
      0,
      0,
      (byte) (size >> 14),
      (byte) (size >> 7 & 0x7f),
      (byte) (size & 0x7f)
    };
    return join(head, noise(size, size));
  }

  // ---- ADTS

  static byte[] adtsFrame(int rateIndex, int length, int blocks, long seed) {
    byte[] frame = noise(length, seed);
    frame[0] = (byte) 0xff;
    frame[1] = (byte) 0xf1;
    frame[2] = (byte) (1 << 6 | rateIndex << 2);
    frame[3] = (byte) (1 << 6 | length >> 11);
    frame[4] = (byte) (length >> 3);
    frame[5] = (byte) (length << 5 | 0x1f);
    frame[6] = (byte) (0xfc | (blocks - 1));
    return frame;
  }

  // ---- Ogg

  static byte[] opusHead(int preSkip) {
    return ByteBuffer.allocate(19)
        .order(ByteOrder.LITTLE_ENDIAN)
        .put(ascii("OpusHead"))
        .put((byte) 1)
        .put((byte) 1)
        .putShort((short) preSkip)
        .putInt(24_000)
        .array();
  }

  static byte[] vorbisHead(int rate) {
    return ByteBuffer.allocate(30)
        .order(ByteOrder.LITTLE_ENDIAN)
        .put((byte) 1)
        .put(ascii("vorbis"))
        .putInt(0)
        .put((byte) 1)
        .putInt(rate)
        .array();
  }

  /** An Opus packet of 20 ms (CELT, one frame): 960 samples. */
  static byte[] opus20ms(int length, long seed) {
    byte[] packet = noise(length, seed);
    packet[0] = (byte) (31 << 3);
    return packet;
  }

  static byte[] page(int flags, long granule, int serial, byte[] lacing, byte[] body) {
    return join(
        ByteBuffer.allocate(27)
            .order(ByteOrder.LITTLE_ENDIAN)
            .put(ascii("OggS"))
            .put((byte) 0)
            .put((byte) flags)
            .putLong(granule)
            .putInt(serial)
            .putInt(0)
            .putInt(0)
            .put((byte) lacing.length)
            .array(),
        lacing,
        body);
  }

  /** Packets with the count of samples after each, on pages of random size. */
  static final class Ogg {
    private final Random random;
    private final int serial;
    private final List<byte[]> packets = new ArrayList<>();
    private final List<Long> granules = new ArrayList<>();

    Ogg(long seed, int serial) {
      this.random = new Random(seed);
      this.serial = serial;
    }

    Ogg packet(byte[] packet, long granule) {
      packets.add(packet);
      granules.add(granule);
      return this;
    }

    /** The first {@code headers} packets begin pages of their own, as the formats want it. */
    byte[] build(int headers) {
      ByteArrayOutputStream all = new ByteArrayOutputStream();
      ByteArrayOutputStream lacing = new ByteArrayOutputStream();
      ByteArrayOutputStream body = new ByteArrayOutputStream();
      long granule = -1;
      int flags = FIRST;
      int room = 1 + random.nextInt(12);
      for (int p = 0; p < packets.size(); p++) {
        byte[] packet = packets.get(p);
        int at = 0;
        boolean ended = false;
        while (!ended) {
          int piece = Math.min(255, packet.length - at);
          lacing.write(piece);
          body.write(packet, at, piece);
          at += piece;
          ended = piece < 255;
          if (ended) {
            granule = granules.get(p);
          }
          boolean lastOfAll = ended && p == packets.size() - 1;
          if (lacing.size() == room || (ended && p < headers) || lastOfAll) {
            all.writeBytes(
                page(
                    flags | (lastOfAll ? LAST : 0),
                    granule,
                    serial,
                    lacing.toByteArray(),
                    body.toByteArray()));
            lacing.reset();
            body.reset();
            granule = -1;
            flags = ended ? 0 : CONTINUED;
            room = 1 + random.nextInt(12);
          }
        }
      }
      return all.toByteArray();
    }
  }

  /** So many packets of 20 ms; the last page cuts off so many samples. */
  static byte[] oggOpus(int packets, int preSkip, int trim, long seed, int serial) {
    Ogg ogg = new Ogg(seed, serial);
    ogg.packet(opusHead(preSkip), 0).packet(join(ascii("OpusTags"), noise(700, seed)), 0);
    for (int i = 1; i <= packets; i++) {
      long granule = i * 960L - (i == packets ? trim : 0);
      ogg.packet(opus20ms(40 + (int) ((seed * 7 + i * 131) % 600), i), granule);
    }
    return ogg.build(2);
  }

  // ---- slices

  /** Cut at random, in heap and direct buffers whose content begins anywhere. */
  static List<ByteBuffer> slices(byte[] bytes, Random random) {
    int most = random.nextInt(3) == 0 ? 3 : 1 + random.nextInt(2000);
    List<ByteBuffer> slices = new ArrayList<>();
    int at = 0;
    while (at < bytes.length) {
      int count = Math.min(bytes.length - at, 1 + random.nextInt(most));
      int padding = random.nextInt(5);
      boolean direct = random.nextBoolean();
      ByteBuffer buffer =
          direct
              ? ByteBuffer.allocateDirect(padding + count)
              : ByteBuffer.allocate(padding + count);
      buffer.position(padding).put(bytes, at, count).position(padding);
      slices.add(direct ? buffer.asReadOnlyBuffer() : buffer);
      at += count;
    }
    return slices;
  }
}
