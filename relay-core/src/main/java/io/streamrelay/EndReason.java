package io.streamrelay;

import java.util.Locale;

/**
 * How an exchange ended: the closed set of answers.
 *
 * <p>It is a metric label and a log field ({@link #label()}). HTTP status alone never says whether
 * a stream ended well: a 200 may have been cut.
 */
public enum EndReason {
  /** The upstream's whole answer reached the client; its status was below 400. */
  COMPLETE,
  /** The relay itself answered: bad path, unknown route, no key, over a limit, body too large. */
  REJECTED,
  /**
   * The upstream's whole answer reached the client; it was a 4xx or 5xx. Or it was any answer but a
   * stream of events, after the relay had begun one, and the client was told of it by a last event.
   */
  UPSTREAM_REFUSED,
  /** The upstream could not be reached, or broke off, or spoke no valid HTTP. */
  UPSTREAM_ERROR,
  /**
   * The upstream ended its body as if all were well, but the stream's terminal event is missing.
   */
  UPSTREAM_TRUNCATED,
  /** No connection to the upstream within the route's connect time. */
  CONNECT_TIMEOUT,
  /** No response head from the upstream within the route's first-byte time. */
  FIRST_BYTE_TIMEOUT,
  /**
   * Nothing moved between client and upstream for the route's idle time, or the client took nothing
   * for its stall limit. The error code tells who was waited for.
   */
  IDLE_TIMEOUT,
  /** The exchange outlived the route's total time. */
  TOTAL_TIMEOUT,
  /** The client left before the end. */
  CLIENT_GONE,
  /** A policy cut the stream because its budget was spent. */
  BUDGET_CUT,
  /** The relay was stopping and the stream outlived the drain time. */
  DRAINED,
  /** A defect of the relay or of a policy. */
  RELAY_ERROR;

  private final String label = name().toLowerCase(Locale.ROOT);

  /**
   * Returns the name used in metrics, logs and stores.
   *
   * @return for example {@code client_gone}
   */
  public String label() {
    return label;
  }
}
