package io.streamrelay.metrics;

import io.streamrelay.Abandonment;
import io.streamrelay.ExchangeRecord;
import io.streamrelay.error.ErrorCode;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** How one attempt at an upstream ended: a closed set, as a label. */
enum AttemptOutcome {
  /** The whole answer came, with such a status. */
  ANSWERED_2XX("2xx"),
  ANSWERED_3XX("3xx"),
  ANSWERED_4XX("4xx"),
  /** Also for statuses of 600 and above, which RFC 9110 §15 has a client take for a 5xx. */
  ANSWERED_5XX("5xx"),
  /** No connection could be made. */
  CONNECT_FAILED,
  /** None was made in time. */
  CONNECT_TIMEOUT,
  /** Too many calls waited for one. */
  BUSY,
  /** It was silent for too long, or the exchange took too long. */
  TIMEOUT,
  /** It broke off, or ended a stream without its last event. */
  BROKEN,
  /** It ended its stream with an error event. */
  ERROR_EVENT,
  /**
   * The relay ended it: the client had left or stood still, a budget was spent, the relay stops.
   */
  CANCELLED,
  /** The relay sent the request again. */
  RETRIED;

  private final String label;

  AttemptOutcome() {
    this.label = name().toLowerCase(Locale.ROOT);
  }

  AttemptOutcome(String label) {
    this.label = label;
  }

  String label() {
    return label;
  }

  /** How an exchange's last attempt ended; earlier ones were {@link #RETRIED}. */
  static AttemptOutcome ofLast(ExchangeRecord record) {
    return switch (record.end()) {
      case COMPLETE, UPSTREAM_REFUSED -> answered(record.upstreamStatus());
      case UPSTREAM_TRUNCATED -> BROKEN;
      case UPSTREAM_ERROR -> failed(record.error());
      case CONNECT_TIMEOUT -> CONNECT_TIMEOUT;
      case FIRST_BYTE_TIMEOUT, TOTAL_TIMEOUT -> TIMEOUT;
      case IDLE_TIMEOUT -> record.error() == ErrorCode.UPSTREAM_IDLE_TIMEOUT ? TIMEOUT : CANCELLED;
      case CLIENT_GONE ->
          record.abandonment() == Abandonment.DRAIN && record.upstreamStatus() != 0
              ? answered(record.upstreamStatus())
              : CANCELLED;
      case REJECTED, BUDGET_CUT, DRAINED, RELAY_ERROR -> CANCELLED;
    };
  }

  private static AttemptOutcome failed(@Nullable ErrorCode error) {
    if (error == null) {
      return ERROR_EVENT;
    }
    return switch (error) {
      case UPSTREAM_BUSY -> BUSY;
      case UPSTREAM_UNREACHABLE -> CONNECT_FAILED;
      default -> BROKEN;
    };
  }

  private static AttemptOutcome answered(int status) {
    return switch (status / 100) {
      case 2 -> ANSWERED_2XX;
      case 3 -> ANSWERED_3XX;
      case 4 -> ANSWERED_4XX;
      default -> ANSWERED_5XX;
    };
  }
}
