package io.streamrelay.observe;

/** What {@link StreamObserver} thinks of a stream that has ended. */
public enum Verdict {
  /** No known protocol was recognised, so nothing can be said. */
  UNKNOWN,
  /** The protocol's terminal marker was seen. */
  COMPLETE,
  /** The upstream said in the stream that it failed. */
  FAILED,
  /** A protocol was recognised, but the body ended before its terminal marker. */
  TRUNCATED
}
