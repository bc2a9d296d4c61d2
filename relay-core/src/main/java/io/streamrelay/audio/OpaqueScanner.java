package io.streamrelay.audio;

import java.nio.ByteBuffer;

/** Stands for sound whose length is not read: its first byte counts as the first of the sound. */
final class OpaqueScanner extends SoundScanner {
  private final String format;

  OpaqueScanner(String format) {
    this.format = format;
  }

  @Override
  void scan(ByteBuffer source, int from, int to) {
    if (to > from) {
      sawSound();
    }
  }

  @Override
  long durationNanos() {
    return UNKNOWN;
  }

  @Override
  String format() {
    return format;
  }
}
