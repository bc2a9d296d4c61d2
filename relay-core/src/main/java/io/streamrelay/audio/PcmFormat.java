package io.streamrelay.audio;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * How raw samples without a header are written.
 *
 * @param name the format's name in records
 * @param sampleRate samples per second and channel
 * @param frameBytes bytes of one sample of all channels
 */
record PcmFormat(String name, int sampleRate, int frameBytes) {
  static final int LOWEST_RATE = 1000;
  static final int HIGHEST_RATE = 768_000;
  static final int MOST_CHANNELS = 64;

  /**
   * Makes a format of what was told.
   *
   * @param encoding a provider's word for it, such as {@code linear16} or {@code pcm_f32le}
   * @param sampleRate as told
   * @param channels as told
   * @return null if the encoding is not known or a number cannot be right
   */
  static @Nullable PcmFormat of(String encoding, long sampleRate, long channels) {
    int sampleBytes = sampleBytes(encoding);
    boolean sane =
        sampleBytes > 0
            && sampleRate >= LOWEST_RATE
            && sampleRate <= HIGHEST_RATE
            && channels >= 1
            && channels <= MOST_CHANNELS;
    return sane
        ? new PcmFormat(name(encoding), (int) sampleRate, sampleBytes * (int) channels)
        : null;
  }

  /** Bytes of one sample; 0 if the word is not known. */
  static int sampleBytes(String encoding) {
    return switch (encoding.toLowerCase(Locale.ROOT)) {
      case "mulaw", "ulaw", "pcm_mulaw", "mu-law", "alaw", "pcm_alaw", "a-law", "l8", "pcm_u8" -> 1;
      case "pcm", "linear16", "pcm_s16le", "l16", "s16le" -> 2;
      case "l24", "pcm_s24le" -> 3;
      case "linear32", "pcm_s32le", "pcm_f32le", "l32" -> 4;
      default -> 0;
    };
  }

  private static String name(String encoding) {
    String lower = encoding.toLowerCase(Locale.ROOT);
    if (lower.contains("ulaw") || lower.equals("mu-law")) {
      return "mulaw";
    }
    return lower.contains("alaw") || lower.equals("a-law") ? "alaw" : "pcm";
  }
}
