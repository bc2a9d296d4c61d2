package io.streamrelay.jetty.demo;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.regex.Pattern;

/**
 * Sings a text, one soft note a word, as mono 16-bit PCM.
 *
 * <p>Any part can be computed without the parts before it. Every note starts and ends at silence,
 * so there are no clicks. Immutable.
 */
final class Melody {
  static final int BYTES_PER_SAMPLE = 2;

  private static final Pattern SPACE = Pattern.compile("\\s+");
  private static final int NOTES_PER_SECOND = 4;
  private static final int MAX_SECONDS = 20;

  /** Semitones over the root: a pentatonic scale, where any two notes go together. */
  private static final int[] SCALE = {0, 2, 4, 7, 9, 12, 14, 16};

  private static final double ROOT_HERTZ = 220;
  private static final int HARMONICS = 4;
  private static final double VOLUME = 0.35;
  private static final double ATTACK_SECONDS = 0.015;
  private static final double RELEASE_SECONDS = 0.12;

  private final List<String> words;
  private final int samplesPerSecond;

  Melody(String text, int samplesPerSecond) {
    this.words = SPACE.splitAsStream(text.strip()).limit(MAX_SECONDS * NOTES_PER_SECOND).toList();
    this.samplesPerSecond = samplesPerSecond;
  }

  int samples() {
    return words.size() * samplesPerNote();
  }

  /** Returns samples as little-endian bytes. */
  ByteBuffer pcm(int from, int to) {
    ByteBuffer bytes =
        ByteBuffer.allocate((to - from) * BYTES_PER_SAMPLE).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = from; i < to; i++) {
      bytes.putShort((short) Math.round(sample(i) * Short.MAX_VALUE));
    }
    return bytes.flip();
  }

  private int samplesPerNote() {
    return samplesPerSecond / NOTES_PER_SECOND;
  }

  private double sample(int index) {
    String word = words.get(index / samplesPerNote());
    double seconds = (double) (index % samplesPerNote()) / samplesPerSecond;
    int semitones = SCALE[Math.floorMod(word.hashCode(), SCALE.length)];
    double phase = 2 * Math.PI * ROOT_HERTZ * Math.pow(2, semitones / 12.0) * seconds;
    // Longer words sound a little brighter, as another vowel would.
    double brightness = 0.2 + 0.04 * Math.min(word.length(), 10);
    double tone = 0;
    double strength = 1;
    for (int harmonic = 1; harmonic <= HARMONICS; harmonic++) {
      tone += strength * Math.sin(harmonic * phase);
      strength *= brightness;
    }
    return VOLUME * tone * (1 - brightness) * envelope(seconds);
  }

  private static double envelope(double seconds) {
    double left = 1.0 / NOTES_PER_SECOND - seconds;
    return smooth(seconds / ATTACK_SECONDS) * smooth(left / RELEASE_SECONDS);
  }

  /** Rises from 0 to 1 without a corner. */
  private static double smooth(double x) {
    return x >= 1 ? 1 : (1 - Math.cos(Math.PI * x)) / 2;
  }
}
