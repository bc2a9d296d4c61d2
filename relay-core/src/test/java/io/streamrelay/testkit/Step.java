package io.streamrelay.testkit;

import java.util.List;

/** One thing that a scripted answer does on the wire; what {@link Answer} turns itself into. */
@SuppressWarnings("ArrayRecordComponent") // Steps are never compared.
sealed interface Step {
  /**
   * Hands bytes to the socket.
   *
   * @param bytes as they go on the wire, framing included
   * @param generated what is generated with them
   */
  record Send(byte[] bytes, Generated generated) implements Step {}

  /** Waits, unless the other side leaves. */
  record Pause(long nanos) implements Step {}

  /** Waits until the test opens the gate once. */
  record Gate(String name) implements Step {}

  /** Says nothing more and keeps the connection open. */
  record Stall() implements Step {}

  /** Ends the sending side in order. */
  record End() implements Step {}

  /** Resets the connection. */
  record Reset() implements Step {}

  /** Repeats until the connection ends. */
  record Loop(List<Step> steps) implements Step {}

  /**
   * Sends a head, where it is no bytes before it is encoded.
   *
   * @param status three digits
   * @param headers whole lines
   */
  record Head(int status, List<String> headers) implements Step {}

  /** Ends a body, where that is no bytes. */
  record Finish(List<String> trailers) implements Step {}
}
