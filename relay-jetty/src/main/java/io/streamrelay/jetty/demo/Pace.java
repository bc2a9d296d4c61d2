package io.streamrelay.jetty.demo;

import java.time.Duration;

/**
 * How fast the demo provider plays.
 *
 * @param thinkTime from the request to the head and the first bytes
 * @param slowThinkTime the same for {@code demo-slow}
 * @param tokenGap between two events of a text stream
 * @param audioGap between two pieces of audio, each {@link Speech#PIECE_MILLIS} long
 * @param stall how long {@code demo-stall} keeps silent before the connection is cut
 */
record Pace(
    Duration thinkTime,
    Duration slowThinkTime,
    Duration tokenGap,
    Duration audioGap,
    Duration stall) {

  /** About 25 tokens a second, audio four times as fast as it is heard. */
  static final Pace LIFELIKE =
      new Pace(
          Duration.ofMillis(300),
          Duration.ofSeconds(5),
          Duration.ofMillis(40),
          Duration.ofNanos(Speech.PIECE_MILLIS * 1_000_000L / 4),
          Duration.ofMinutes(10));

  Pace slow() {
    return new Pace(slowThinkTime, slowThinkTime, tokenGap, audioGap, stall);
  }

  Pace unpaced() {
    return new Pace(Duration.ZERO, slowThinkTime, Duration.ZERO, Duration.ZERO, stall);
  }
}
