package io.streamrelay.internal;

import io.streamrelay.error.ErrorCode;
import io.streamrelay.error.RelayError;
import org.jspecify.annotations.Nullable;

/** Why an exchange is being ended from outside its normal course; the first reason wins. */
enum Stop {
  CLIENT_GONE(null, "the client left"),
  POLICY_TIMEOUT(ErrorCode.RELAY_ERROR, "the relay could not decide on this request in time"),
  REQUEST_TIMEOUT(ErrorCode.REQUEST_TIMEOUT, "the rest of the request body did not arrive in time"),
  CONNECT_TIMEOUT(
      ErrorCode.UPSTREAM_CONNECT_TIMEOUT, "no connection to the upstream could be made in time"),
  FIRST_BYTE_TIMEOUT(
      ErrorCode.UPSTREAM_FIRST_BYTE_TIMEOUT, "the upstream did not begin to answer in time"),
  CLIENT_STALLED(
      ErrorCode.CLIENT_STALLED, "the client took nothing more of the answer for too long"),
  IDLE_TIMEOUT(ErrorCode.UPSTREAM_IDLE_TIMEOUT, "the stream stood still for too long"),
  TOTAL_TIMEOUT(ErrorCode.TOTAL_TIMEOUT, "the exchange took longer than the route allows"),
  DRAINED(ErrorCode.DRAINED, "the relay is stopping; please send the request again"),
  /** A policy's doing, which says itself what the client is told. */
  POLICY(null, "a policy ended it");

  private final @Nullable ErrorCode code;
  private final String message;

  Stop(@Nullable ErrorCode code, String message) {
    this.code = code;
    this.message = message;
  }

  /** What the client is told; null if there is nobody to tell. */
  @Nullable RelayError error() {
    return code == null ? null : RelayError.of(code, message);
  }
}
