package io.streamrelay.audio;

import java.nio.ByteBuffer;

/**
 * Finds the sound in the bytes of one format as they pass, however they are sliced.
 *
 * <p>Keeps a few bytes of a header at most, whatever the input. Never throws because of it.
 */
abstract class SoundScanner {
  /** What {@link #durationNanos} says if it cannot say. */
  static final long UNKNOWN = -1;

  private static final long NANOS_PER_SECOND = 1_000_000_000L;

  /** Whether a byte has come that is sound, not a header. */
  private boolean soundSeen;

  /** Looks at {@code source[from, to)}, read by absolute index. */
  abstract void scan(ByteBuffer source, int from, int to);

  /** How long the sound is that has come so far; {@link #UNKNOWN} if that cannot be said. */
  abstract long durationNanos();

  /** The format's name in records; one of a fixed few. */
  abstract String format();

  final boolean soundSeen() {
    return soundSeen;
  }

  final void sawSound() {
    soundSeen = true;
  }

  /** So many samples at this rate, rounded down; never overflows for counts of real bytes. */
  static long nanos(long samples, int sampleRate) {
    return samples / sampleRate * NANOS_PER_SECOND
        + samples % sampleRate * NANOS_PER_SECOND / sampleRate;
  }
}
