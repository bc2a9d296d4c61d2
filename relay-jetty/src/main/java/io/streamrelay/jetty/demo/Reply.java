package io.streamrelay.jetty.demo;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;

/**
 * What is sent, and when: a head, steps in order, an end.
 *
 * @param status HTTP status; the head goes out with the first step
 * @param contentType media type
 * @param steps at least one; may be computed while it is read
 * @param end how it ends
 */
record Reply(int status, String contentType, List<Step> steps, End end) {
  static final String JSON = "application/json";
  static final String EVENTS = "text/event-stream; charset=utf-8";

  /**
   * One write.
   *
   * @param pause since the last write succeeded
   * @param bytes what to write; read once
   */
  record Step(Duration pause, ByteBuffer bytes) {
    static Step of(Duration pause, String text) {
      return new Step(pause, ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8)));
    }
  }

  /**
   * The end of the answer.
   *
   * @param pause since the last write succeeded
   * @param clean whether the body ends as HTTP demands; if not, the connection is broken
   */
  record End(Duration pause, boolean clean) {
    static final End CLEAN = new End(Duration.ZERO, true);
  }
}
