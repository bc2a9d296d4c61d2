package io.streamrelay.testkit;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** Makes files of sound in every format, out of nothing. */
public final class Sounds {
  private static final int CONTINUED = 1;
  private static final int FIRST = 2;
  private static final int LAST = 4;

  private Sounds() {}

  /**
   * Joins bytes.
   *
   * @param parts in order
   * @return one array
   */
  public static byte[] join(byte[]... parts) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    for (byte[] part : parts) {
      all.writeBytes(part);
    }
    return all.toByteArray();
  }

  /**
   * Makes random bytes.
   *
   * @param length how many
   * @param seed of the generator
   * @return the same for the same seed
   */
  public static byte[] noise(int length, long seed) {
    byte[] bytes = new byte[length];
    new Random(seed).nextBytes(bytes);
    return bytes;
  }

  /**
   * Encodes text.
   *
   * @param text one byte per character
   * @return the bytes
   */
  public static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.ISO_8859_1);
  }

  // ---- WAV

  /**
   * Makes a chunk of a RIFF file that says any size.
   *
   * @param name four letters
   * @param size as it is written
   * @param content as it follows, padded or not
   * @return header and content
   */
  public static byte[] chunk(String name, long size, byte[] content) {
    return join(
        ascii(name),
        ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt((int) size).array(),
        content);
  }

  /**
   * Makes a chunk of a RIFF file.
   *
   * @param name four letters
   * @param content padded if need be
   * @return header, content, padding
   */
  public static byte[] chunk(String name, byte[] content) {
    byte[] padded = content.length % 2 == 0 ? content : join(content, new byte[1]);
    return chunk(name, content.length, padded);
  }

  /**
   * Makes a WAV's format chunk.
   *
   * @param tag 1 is PCM
   * @param channels how many
   * @param rate samples per second
   * @param bits per sample
   * @return the chunk
   */
  public static byte[] fmt(int tag, int channels, int rate, int bits) {
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

  /**
   * Makes a WAV of chunks, with an open end.
   *
   * @param chunks in order
   * @return the file
   */
  public static byte[] riff(byte[]... chunks) {
    return join(chunk("RIFF", 0xffff_ffffL, ascii("WAVE")), join(chunks));
  }

  /**
   * Makes a WAV of 16 bits, mono.
   *
   * @param rate samples per second
   * @param samples how many, random
   * @return the file, with a header of 44 bytes
   */
  public static byte[] wav(int rate, int samples) {
    return riff(fmt(1, 1, rate, 16), chunk("data", noise(samples * 2, samples)));
  }

  // ---- MPEG audio

  private static final int[][] LAYER_3_KILOBITS = {
    {32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320},
    {8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160}
  };

  /**
   * Makes an MP3 frame.
   *
   * @param version 3 for MPEG 1, 2 for MPEG 2, 0 for 2.5
   * @param bitrate index into the table, 1 to 14
   * @param rate index into the table, 0 to 2
   * @param padded whether it is a byte longer
   * @param seed of the content
   * @return mono, without a table
   */
  public static byte[] mp3Frame(int version, int bitrate, int rate, boolean padded, long seed) {
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

  /**
   * Makes MP3 frames of 128 kbit/s at 44.1 kHz, 1152 samples each.
   *
   * @param frames how many
   * @return without any tag
   */
  public static byte[] mp3(int frames) {
    byte[] all = new byte[0];
    for (int i = 0; i < frames; i++) {
      all = join(all, mp3Frame(3, 9, 0, i % 3 == 0, i));
    }
    return all;
  }

  /**
   * Makes an ID3v2 tag.
   *
   * @param size of its content
   * @return ten bytes more than that
   */
  public static byte[] id3(int size) {
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

  /**
   * Makes an ADTS frame of AAC-LC.
   *
   * @param rateIndex 3 is 48 kHz, 4 is 44.1 kHz
   * @param length of all of it
   * @param blocks of 1024 samples
   * @param seed of the content
   * @return the frame
   */
  public static byte[] adtsFrame(int rateIndex, int length, int blocks, long seed) {
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

  /**
   * Makes Opus's first packet.
   *
   * @param preSkip samples at 48 kHz
   * @return the packet
   */
  public static byte[] opusHead(int preSkip) {
    return ByteBuffer.allocate(19)
        .order(ByteOrder.LITTLE_ENDIAN)
        .put(ascii("OpusHead"))
        .put((byte) 1)
        .put((byte) 1)
        .putShort((short) preSkip)
        .putInt(24_000)
        .array();
  }

  /**
   * Makes Vorbis's first packet.
   *
   * @param rate samples per second
   * @return the packet
   */
  public static byte[] vorbisHead(int rate) {
    return ByteBuffer.allocate(30)
        .order(ByteOrder.LITTLE_ENDIAN)
        .put((byte) 1)
        .put(ascii("vorbis"))
        .putInt(0)
        .put((byte) 1)
        .putInt(rate)
        .array();
  }

  /**
   * Makes an Opus packet of 20 ms (CELT, one frame): 960 samples.
   *
   * @param length in bytes
   * @param seed of the content
   * @return the packet
   */
  public static byte[] opus20ms(int length, long seed) {
    byte[] packet = noise(length, seed);
    packet[0] = (byte) (31 << 3);
    return packet;
  }

  /**
   * Makes an Ogg page without a checksum.
   *
   * @param flags see RFC 3533
   * @param granule position
   * @param serial of the stream
   * @param lacing the table of segments
   * @param body their bytes
   * @return the page
   */
  public static byte[] page(int flags, long granule, int serial, byte[] lacing, byte[] body) {
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
  public static final class Ogg {
    private final Random random;
    private final int serial;
    private final List<byte[]> packets = new ArrayList<>();
    private final List<Long> granules = new ArrayList<>();

    /**
     * Starts a stream.
     *
     * @param seed of the pages' sizes
     * @param serial of the stream
     */
    public Ogg(long seed, int serial) {
      this.random = new Random(seed);
      this.serial = serial;
    }

    /**
     * Adds a packet.
     *
     * @param packet its bytes
     * @param granule position after it
     * @return this
     */
    public Ogg packet(byte[] packet, long granule) {
      packets.add(packet);
      granules.add(granule);
      return this;
    }

    /**
     * Writes the pages.
     *
     * @param headers so many packets have pages of their own, as the formats want it
     * @return the file
     */
    public byte[] build(int headers) {
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

  /**
   * Makes an Ogg Opus file of packets of 20 ms.
   *
   * @param packets how many
   * @param preSkip samples that are dropped at the start
   * @param trim samples that the last page cuts off
   * @param seed of packets and pages
   * @param serial of the stream
   * @return the file
   */
  public static byte[] oggOpus(int packets, int preSkip, int trim, long seed, int serial) {
    Ogg ogg = new Ogg(seed, serial);
    ogg.packet(opusHead(preSkip), 0).packet(join(ascii("OpusTags"), noise(700, seed)), 0);
    for (int i = 1; i <= packets; i++) {
      long granule = i * 960L - (i == packets ? trim : 0);
      ogg.packet(opus20ms(40 + (int) ((seed * 7 + i * 131L) % 600), i), granule);
    }
    return ogg.build(2);
  }

  // ---- slices

  /**
   * Cuts at random, in heap and direct buffers whose content begins anywhere.
   *
   * @param bytes what to cut
   * @param random says where
   * @return in order, none of them empty
   */
  public static List<ByteBuffer> slices(byte[] bytes, Random random) {
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
