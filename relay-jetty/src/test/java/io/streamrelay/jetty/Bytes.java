package io.streamrelay.jetty;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;

/** Bytes to send through a relay. */
final class Bytes {
  private static final String[] LINE_ENDS = {"\n", "\r\n", "\r"};
  private static final String[] WORDS = {
    "naïve", "日本語", "🚀", "plain", "\u0000", "\ufeff", ":", ""
  };

  private Bytes() {}

  static String sha256(byte[] bytes) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  static byte[] random(Random random, int length) {
    byte[] bytes = new byte[length];
    random.nextBytes(bytes);
    return bytes;
  }

  /** An event stream with all that the format allows, one line of a megabyte, and a proper end. */
  static byte[] events(Random random) {
    ByteArrayOutputStream stream = new ByteArrayOutputStream();
    int longLineAt = random.nextInt(300);
    for (int i = 0; i < 300; i++) {
      String end = LINE_ENDS[random.nextInt(LINE_ENDS.length)];
      StringBuilder event = new StringBuilder();
      if (random.nextInt(5) == 0) {
        event.append(": a comment").append(end);
      }
      if (random.nextInt(3) == 0) {
        event.append("event: some").append(end).append("id: ").append(i).append(end);
      }
      for (int line = random.nextInt(4); line >= 0; line--) {
        event.append("data: ");
        for (int word = random.nextInt(20); word >= 0; word--) {
          event.append(WORDS[random.nextInt(WORDS.length)]);
        }
        event.append(end);
      }
      if (i == longLineAt) {
        event.append("data: ").append("long語".repeat(150_000)).append(end);
      }
      event.append(end);
      stream.writeBytes(event.toString().getBytes(StandardCharsets.UTF_8));
    }
    stream.writeBytes("data: [DONE]\n\n".getBytes(StandardCharsets.UTF_8));
    return stream.toByteArray();
  }

  /** Cuts anywhere, so within characters and line ends as well. */
  static List<byte[]> slices(Random random, byte[] whole) {
    List<byte[]> slices = new ArrayList<>();
    int at = 0;
    while (at < whole.length) {
      int length =
          switch (random.nextInt(4)) {
            case 0 -> 1 + random.nextInt(3);
            case 1 -> 1 + random.nextInt(100);
            case 2 -> 1 + random.nextInt(5_000);
            default -> 1 + random.nextInt(60_000);
          };
      int end = Math.min(whole.length, at + length);
      slices.add(Arrays.copyOfRange(whole, at, end));
      at = end;
    }
    return slices;
  }
}
