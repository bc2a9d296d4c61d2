package io.streamrelay.jetty;

import io.streamrelay.Exchange;
import io.streamrelay.ExchangeRecord;
import io.streamrelay.RelayListener;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;

/** Keeps the records of a relay's exchanges, and lets a test wait for what they make true. */
final class Recorder implements RelayListener {
  // Guarded by this.
  private final List<ExchangeRecord> records = new ArrayList<>();
  private int taken;
  private int started;

  @Override
  public synchronized void onStart(Exchange exchange) {
    started++;
    notifyAll();
  }

  /** How many exchanges started, which only those with a route do, and have not ended. */
  synchronized int open() {
    return started
        - (int) records.stream().filter(r -> !r.route().equals(ExchangeRecord.NO_ROUTE)).count();
  }

  @Override
  public synchronized void onEnd(ExchangeRecord record) {
    records.add(record);
    notifyAll();
  }

  /** The next record that was not taken yet. */
  synchronized ExchangeRecord next() throws InterruptedException {
    await("an exchange ends", () -> records.size() > taken);
    return records.get(taken++);
  }

  /** Waits for what the start or end of an exchange makes true. */
  synchronized void await(String what, BooleanSupplier condition) throws InterruptedException {
    long deadline = System.nanoTime() + Duration.ofMillis(Wire.LIMIT_MILLIS).toNanos();
    while (!condition.getAsBoolean()) {
      long leftMillis = (deadline - System.nanoTime()) / 1_000_000;
      if (leftMillis <= 0) {
        throw new AssertionError(
            "not within " + Wire.LIMIT_MILLIS + " ms: " + what + "; ended so far: " + shown());
      }
      // The relay tells of an end just before it stops counting the exchange, so look again soon.
      wait(Math.min(leftMillis, 10));
    }
  }

  private List<String> shown() {
    return records.stream()
        .map(r -> r.method() + " " + r.path() + " " + r.status() + " " + r.end().label())
        .toList();
  }
}
