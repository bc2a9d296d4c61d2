package io.streamrelay.forward;

/** How one forwarded call ended. */
public sealed interface ForwardResult {
  /** The upstream's whole answer reached the sink, be it a 200 or a 429. */
  record Completed() implements ForwardResult {}

  /** {@link ForwardCall#cancel} ended it. */
  record Cancelled() implements ForwardResult {}

  /**
   * The request body could not be read to its end; the upstream call was aborted.
   *
   * @param cause what reading it threw
   */
  record RequestBodyFailed(Throwable cause) implements ForwardResult {}

  /**
   * The upstream failed.
   *
   * @param phase how far it had come
   * @param cause what the client library reported; for logs at debug level, never for the client
   */
  record UpstreamFailed(Phase phase, Throwable cause) implements ForwardResult {}

  /** How far an upstream call had come when it failed. */
  enum Phase {
    /** Too many calls wait for a connection. */
    QUEUE,
    /** No connection could be made. */
    CONNECT,
    /** The connection broke before the response head was whole. */
    HEAD,
    /** The connection broke within the response body. */
    BODY
  }
}
