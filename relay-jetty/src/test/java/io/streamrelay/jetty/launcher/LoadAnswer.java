package io.streamrelay.jetty.launcher;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;

/** A long answer that costs no memory: one block, so many times, between a beginning and an end. */
final class LoadAnswer {
  static final String DONE = "data: [DONE]\n\n";
  private static final int BLOCK = 16 * 1024;

  private final String contentType;
  private final byte[] begin;
  private final byte[] block;
  private final int times;
  private final byte[] end;

  private LoadAnswer(String contentType, byte[] begin, byte[] block, int times, byte[] end) {
    this.contentType = contentType;
    this.begin = begin;
    this.block = block;
    this.times = times;
    this.end = end;
  }

  String contentType() {
    return contentType;
  }

  /** Audio, or anything else that nobody looks into. */
  static LoadAnswer raw(long bytes) {
    byte[] block = new byte[BLOCK];
    for (int i = 0; i < BLOCK; i++) {
      block[i] = (byte) (i * 31 + i / 251);
    }
    return new LoadAnswer(
        "application/octet-stream", bytes("<"), block, (int) (bytes / BLOCK), bytes(">"));
  }

  /** Events of some size. */
  static LoadAnswer events(int eventBytes, long bytes) {
    byte[] event = line(eventBytes);
    return new LoadAnswer(
        "text/event-stream", new byte[0], event, (int) (bytes / eventBytes), bytes(DONE));
  }

  /** One event whose only line does not end for all but the last bytes. */
  static LoadAnswer oneLine(long bytes) {
    byte[] block = new byte[BLOCK];
    Arrays.fill(block, (byte) 'x');
    return new LoadAnswer(
        "text/event-stream",
        bytes("data: \""),
        block,
        (int) (bytes / BLOCK),
        bytes("\"\n\n" + DONE));
  }

  private static byte[] line(int size) {
    byte[] line = new byte[size];
    Arrays.fill(line, (byte) 'y');
    byte[] start = bytes("data: {\"choices\":[{\"delta\":{\"content\":\"");
    byte[] rest = bytes("\"}}]}\n\n");
    System.arraycopy(start, 0, line, 0, start.length);
    System.arraycopy(rest, 0, line, size - rest.length, rest.length);
    return line;
  }

  private static byte[] bytes(String text) {
    return text.getBytes(ISO_8859_1);
  }

  long length() {
    return begin.length + (long) block.length * times + end.length;
  }

  String sha256() {
    MessageDigest digest = digest();
    digest.update(begin);
    for (int i = 0; i < times; i++) {
      digest.update(block);
    }
    return HexFormat.of().formatHex(digest.digest(end));
  }

  static MessageDigest digest() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }

  /** The parts in order, each as a chunk of HTTP's chunked coding; null at the end. */
  Chunks chunks() {
    return new Chunks();
  }

  /** Gives one chunk after the other. */
  final class Chunks {
    private final ByteBuffer framedBlock = framed(block);
    private int next = -1;

    /** Empty when all are out. */
    ByteBuffer next() {
      int part = next++;
      if (part < 0) {
        return framed(begin);
      }
      if (part < times) {
        return framedBlock.duplicate();
      }
      return part == times ? framed(end) : part == times + 1 ? last() : ByteBuffer.allocate(0);
    }

    boolean isOver() {
      return next > times + 1;
    }

    private ByteBuffer last() {
      return ByteBuffer.wrap(bytes("0\r\n\r\n"));
    }
  }

  static ByteBuffer framed(byte[] part) {
    if (part.length == 0) {
      return ByteBuffer.allocate(0);
    }
    byte[] size = bytes(Integer.toHexString(part.length) + "\r\n");
    return ByteBuffer.allocate(size.length + part.length + 2)
        .put(size)
        .put(part)
        .put(bytes("\r\n"))
        .flip();
  }
}
