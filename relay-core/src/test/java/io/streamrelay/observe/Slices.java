package io.streamrelay.observe;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** Cuts test input into slices of every kind of buffer. */
final class Slices {
  private Slices() {}

  static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  /** A buffer whose content stands neither at its start nor at its end. */
  static ByteBuffer padded(byte[] bytes, int from, int to, boolean direct) {
    int length = to - from + 7;
    ByteBuffer buffer = direct ? ByteBuffer.allocateDirect(length) : ByteBuffer.allocate(length);
    for (int i = 0; i < length; i++) {
      buffer.put(i, (byte) '\n');
    }
    buffer.position(3);
    ByteBuffer slice = buffer.slice();
    slice.position(1);
    slice.put(bytes, from, to - from);
    slice.limit(slice.position());
    slice.position(1);
    return direct ? slice.asReadOnlyBuffer() : slice;
  }

  /** Cut once, at the given offset. */
  static List<ByteBuffer> cutAt(byte[] bytes, int at) {
    return List.of(padded(bytes, 0, at, true), padded(bytes, at, bytes.length, false));
  }

  static List<ByteBuffer> singleBytes(byte[] bytes) {
    List<ByteBuffer> slices = new ArrayList<>();
    for (int i = 0; i < bytes.length; i++) {
      slices.add(ByteBuffer.wrap(bytes, i, 1));
    }
    return slices;
  }

  static List<ByteBuffer> random(byte[] bytes, Random random) {
    List<ByteBuffer> slices = new ArrayList<>();
    int at = 0;
    while (at < bytes.length) {
      int to = Math.min(bytes.length, at + random.nextInt(9));
      slices.add(padded(bytes, at, to, random.nextBoolean()));
      at = to;
    }
    return slices;
  }
}
