package io.streamrelay.internal.detail;

import java.util.concurrent.atomic.AtomicLong;

/** Bounds the memory of all captures together. Thread-safe; nobody waits. */
final class CaptureBudget {
  private final AtomicLong left;

  /**
   * @param bytes how much may be taken at once
   */
  CaptureBudget(long bytes) {
    this.left = new AtomicLong(bytes);
  }

  /** Takes so many bytes, or none; false if there are not as many. */
  boolean take(int bytes) {
    long now = left.get();
    while (now >= bytes) {
      if (left.compareAndSet(now, now - bytes)) {
        return true;
      }
      now = left.get();
    }
    return false;
  }

  /** Gives back what was taken. */
  void give(int bytes) {
    left.addAndGet(bytes);
  }

  /** Bytes that can still be taken. */
  long left() {
    return left.get();
  }
}
