package io.streamrelay.route;

import java.time.Duration;

/**
 * The four clocks of a route; each has its own {@link io.streamrelay.EndReason}.
 *
 * @param connect from the request being ready to a connection that takes it; zero switches it off
 * @param firstByte from a connection having taken the request, or the end of a large body's upload,
 *     to the upstream's response head; zero switches it off
 * @param idle between bytes, in either direction; zero switches it off
 * @param total for the whole exchange; zero (the default) switches it off, because a total clock
 *     kills long reasoning streams
 */
public record Timeouts(Duration connect, Duration firstByte, Duration idle, Duration total) {
  /** 10 s, 300 s, 300 s, off. */
  public static final Timeouts DEFAULT =
      new Timeouts(
          Duration.ofSeconds(10), Duration.ofSeconds(300), Duration.ofSeconds(300), Duration.ZERO);

  /** Refuses negative times. */
  public Timeouts {
    check("connect", connect);
    check("first_byte", firstByte);
    check("idle", idle);
    check("total", total);
  }

  /**
   * Changes one value.
   *
   * @param connect zero for off
   * @return a copy with it
   */
  public Timeouts withConnect(Duration connect) {
    return new Timeouts(connect, firstByte, idle, total);
  }

  /**
   * Changes one value.
   *
   * @param firstByte zero for off
   * @return a copy with it
   */
  public Timeouts withFirstByte(Duration firstByte) {
    return new Timeouts(connect, firstByte, idle, total);
  }

  /**
   * Changes one value.
   *
   * @param idle zero for off
   * @return a copy with it
   */
  public Timeouts withIdle(Duration idle) {
    return new Timeouts(connect, firstByte, idle, total);
  }

  /**
   * Changes one value.
   *
   * @param total zero for off
   * @return a copy with it
   */
  public Timeouts withTotal(Duration total) {
    return new Timeouts(connect, firstByte, idle, total);
  }

  private static void check(String name, Duration value) {
    if (value.isNegative()) {
      throw new IllegalArgumentException(
          "timeouts: " + name + " is " + value + " (expected: 0 for off, or more, e.g. PT30S)");
    }
  }
}
