package io.streamrelay.route;

/**
 * What a route's answers are, which decides how they are observed. They are never changed by it.
 */
public enum StreamKind {
  /** Server-sent events, unless the answer's {@code Content-Type} names something else. */
  SSE,
  /** No events, but bytes such as audio. Audio is measured, whatever the kind. */
  RAW,
  /** As the answer's {@code Content-Type} says. */
  AUTO
}
