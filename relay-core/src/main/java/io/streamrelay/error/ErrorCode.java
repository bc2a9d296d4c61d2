package io.streamrelay.error;

import io.streamrelay.EndReason;
import java.util.Locale;

/**
 * The closed set of errors the relay answers with; stable, so that clients and dashboards can rely
 * on them.
 */
public enum ErrorCode {
  /** The path or query is one that servers read differently. */
  INVALID_PATH(400, EndReason.REJECTED),
  /** The request is broken in another way. */
  INVALID_REQUEST(400, EndReason.REJECTED),
  /** A header of the relay, such as the tenant's, has a value that it does not accept. */
  INVALID_HEADER(400, EndReason.REJECTED),
  /** The body is shorter than its declared length, or the client's framing is broken. */
  INVALID_BODY(400, EndReason.REJECTED),
  /** No key came with the request. */
  MISSING_API_KEY(401, EndReason.REJECTED),
  /** A key came that the relay does not know. */
  INVALID_API_KEY(401, EndReason.REJECTED),
  /** The key is known, but not for this. */
  FORBIDDEN(403, EndReason.REJECTED),
  /** No route serves the path. */
  ROUTE_NOT_FOUND(404, EndReason.REJECTED),
  /** The method is none that the relay passes on. */
  METHOD_NOT_ALLOWED(405, EndReason.REJECTED),
  /** The client sent nothing more of its body for the route's idle time. */
  REQUEST_TIMEOUT(408, EndReason.IDLE_TIMEOUT),
  /** The client took nothing more of the answer for the route's stall limit. */
  CLIENT_STALLED(408, EndReason.IDLE_TIMEOUT),
  /** The body is larger than the relay accepts. */
  BODY_TOO_LARGE(413, EndReason.REJECTED),
  /** The tenant or key is over its rate. */
  RATE_LIMITED(429, EndReason.REJECTED),
  /** A policy refused for a reason of its own. */
  POLICY_REJECTED(403, EndReason.REJECTED),
  /** As many streams run as the relay takes at once. */
  RELAY_BUSY(503, EndReason.REJECTED),
  /** The relay is stopping and takes no new work. */
  DRAINING(503, EndReason.REJECTED),
  /** The relay was stopping and the stream outlived the drain time. */
  DRAINED(503, EndReason.DRAINED),
  /** The provider's key is not configured. */
  UPSTREAM_KEY_MISSING(503, EndReason.REJECTED),
  /** Too many requests wait for a connection to the upstream. */
  UPSTREAM_BUSY(503, EndReason.UPSTREAM_ERROR),
  /** No connection to the upstream: refused, unknown host, TLS failure. */
  UPSTREAM_UNREACHABLE(502, EndReason.UPSTREAM_ERROR),
  /** The upstream broke off, or spoke no valid HTTP. */
  UPSTREAM_FAILED(502, EndReason.UPSTREAM_ERROR),
  /**
   * The upstream answered otherwise than with a stream of events, after the relay had begun one in
   * its stead. Where its status is an error, that one counts instead of this.
   */
  UPSTREAM_REFUSED(502, EndReason.UPSTREAM_REFUSED),
  /** The upstream ended its stream without its terminal event. */
  UPSTREAM_TRUNCATED(502, EndReason.UPSTREAM_TRUNCATED),
  /** No connection within the route's connect time. */
  UPSTREAM_CONNECT_TIMEOUT(504, EndReason.CONNECT_TIMEOUT),
  /** No response head within the route's first-byte time. */
  UPSTREAM_FIRST_BYTE_TIMEOUT(504, EndReason.FIRST_BYTE_TIMEOUT),
  /** The upstream sent nothing more for the route's idle time. */
  UPSTREAM_IDLE_TIMEOUT(504, EndReason.IDLE_TIMEOUT),
  /** The exchange outlived the route's total time. */
  TOTAL_TIMEOUT(504, EndReason.TOTAL_TIMEOUT),
  /** The budget was spent in mid-stream. */
  BUDGET_SPENT(429, EndReason.BUDGET_CUT),
  /** A defect of the relay or of a policy. */
  RELAY_ERROR(500, EndReason.RELAY_ERROR);

  private final int status;
  private final EndReason endReason;
  private final String code = name().toLowerCase(Locale.ROOT);

  ErrorCode(int status, EndReason endReason) {
    this.status = status;
    this.endReason = endReason;
  }

  /**
   * Returns the HTTP status used while nothing was sent yet.
   *
   * @return 4xx or 5xx
   */
  public int status() {
    return status;
  }

  /**
   * Returns how an exchange with this error ends.
   *
   * @return the reason
   */
  public EndReason endReason() {
    return endReason;
  }

  /**
   * Returns the code as clients see it.
   *
   * @return for example {@code rate_limited}
   */
  public String code() {
    return code;
  }
}
