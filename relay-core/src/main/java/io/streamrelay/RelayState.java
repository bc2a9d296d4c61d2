package io.streamrelay;

/** Where a relay is in its life; it only moves forward. */
public enum RelayState {
  /** Takes and serves requests. */
  RUNNING,
  /**
   * {@link Relay#drain} was called: readiness is down, and after the pre-stop delay new requests
   * get a 503 while live ones go on.
   */
  DRAINING,
  /** Nothing runs any more. */
  STOPPED
}
