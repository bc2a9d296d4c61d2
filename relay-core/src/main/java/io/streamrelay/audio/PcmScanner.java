package io.streamrelay.audio;

import java.nio.ByteBuffer;

/** Measures samples that stand there without any header. */
final class PcmScanner extends SoundScanner {
  private final PcmFormat format;
  private long bytes;

  PcmScanner(PcmFormat format) {
    this.format = format;
  }

  @Override
  void scan(ByteBuffer source, int from, int to) {
    if (to > from) {
      bytes += to - from;
      sawSound();
    }
  }

  @Override
  long durationNanos() {
    return nanos(bytes / format.frameBytes(), format.sampleRate());
  }

  @Override
  String format() {
    return format.name();
  }
}
