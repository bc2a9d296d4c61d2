package io.streamrelay.examples;

import io.streamrelay.Exchange;
import io.streamrelay.ExchangeKey;
import io.streamrelay.RelayListener;
import java.time.Duration;
import java.util.function.Consumer;

/**
 * Reports each stream whose user waited too long for its first token, with the trace to look at.
 *
 * <p>While the stream still runs: what an access line tells comes only at the end.
 */
public final class SlowFirstTokens implements RelayListener {
  /** The listener keeps nothing itself, so nothing is left behind whatever becomes of a stream. */
  private static final ExchangeKey<Long> STARTED = ExchangeKey.of(Long.class);

  private final long limitNanos;
  private final Consumer<String> report;

  /**
   * Makes the listener.
   *
   * @param limit from which on a wait is too long
   * @param report takes a line, on an I/O thread, such as {@code log::warn}
   */
  public SlowFirstTokens(Duration limit, Consumer<String> report) {
    limitNanos = limit.toNanos();
    this.report = report;
  }

  @Override
  public void onStart(Exchange exchange) {
    exchange.attach(STARTED, exchange.ticker().nanos());
  }

  @Override
  public void onFirstToken(Exchange exchange) {
    Long started = exchange.attached(STARTED);
    long waited = started == null ? 0 : exchange.ticker().nanos() - started;
    if (waited >= limitNanos) {
      report.accept(
          "first token of route "
              + exchange.route().name()
              + " after "
              + Duration.ofNanos(waited).toMillis()
              + " ms, trace "
              + exchange.trace().traceId());
    }
  }
}
