package io.streamrelay.audio;

/**
 * Plays the sound along while it is handed to a client, to learn where a player would have run dry.
 *
 * <p>The player is the simplest there is. It starts with the first sound that can be played (the
 * first whole sample, frame or page), plays in real time, and lays nothing by. What comes late
 * makes it late; a delay of up to {@link #BRIDGED_NANOS} is taken for one that the output of the
 * device bridges, but delays add up. Once they are more than that, the player has run dry: all of
 * the delay counts, and it plays on from there. Nothing can run dry before sound comes that it
 * could have waited for, so the end of a stream is no under-run, however late it comes.
 */
final class Underruns {
  /** As much as the output buffer of a usual device holds. */
  static final long BRIDGED_NANOS = 10_000_000L;

  private boolean playing;
  private long startNanos;
  private long heldNanos;
  private int count;
  private long dryNanos;

  /**
   * A chunk was handed over.
   *
   * @param now the ticker's reading
   * @param durationNanos how long all the sound so far plays
   */
  void delivered(long now, long durationNanos) {
    if (durationNanos <= heldNanos) {
      return;
    }
    if (playing) {
      long late = now - startNanos - heldNanos;
      if (late > BRIDGED_NANOS) {
        count++;
        dryNanos += late;
        startNanos += late;
      }
    } else {
      playing = true;
      startNanos = now;
    }
    heldNanos = durationNanos;
  }

  int count() {
    return count;
  }

  long dryNanos() {
    return dryNanos;
  }
}
