package io.streamrelay.jetty;

import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Looks once a second at the connections whose container tells of no departure.
 *
 * <p>One daemon thread for all of them, there only while there is something to look at.
 * Thread-safe.
 */
final class DepartureWatch {
  /** How long a departure may go unnoticed, about. */
  static final Duration INTERVAL = Duration.ofSeconds(1);

  /** One connection. */
  @FunctionalInterface
  interface Probe {
    /** Looks whether the client is still there, and acts if not. Must not block. */
    void look();
  }

  private static final Logger LOG = LoggerFactory.getLogger(DepartureWatch.class);
  private static final String THREAD_NAME = "relay-departures";

  private static final Set<Probe> PROBES = ConcurrentHashMap.newKeySet();
  private static final Object LOCK = new Object();

  // Guarded by LOCK.
  private static @Nullable Thread thread;

  private DepartureWatch() {}

  static void add(Probe probe) {
    PROBES.add(probe);
    synchronized (LOCK) {
      if (thread == null) {
        Thread started = new Thread(DepartureWatch::run, THREAD_NAME);
        started.setDaemon(true);
        // Started by some request's thread, it must not hold that one's web application.
        started.setContextClassLoader(DepartureWatch.class.getClassLoader());
        thread = started;
        started.start();
      }
    }
  }

  static void remove(Probe probe) {
    PROBES.remove(probe);
  }

  /**
   * Has the thread end at once if nothing is left to look at, because its code is to be unloaded.
   */
  static void endIfIdle() {
    synchronized (LOCK) {
      LOCK.notifyAll();
    }
  }

  private static void run() {
    while (awaitNextRound()) {
      for (Probe probe : PROBES) {
        try {
          probe.look();
        } catch (RuntimeException | Error e) {
          remove(probe);
          LOG.warn("a client's connection cannot be watched; its departure shows at a write", e);
        }
      }
    }
  }

  /** False if the thread is to end: nothing is watched. */
  private static boolean awaitNextRound() {
    synchronized (LOCK) {
      long leftNanos = INTERVAL.toNanos();
      long deadline = System.nanoTime() + leftNanos;
      while (leftNanos > 0) {
        try {
          TimeUnit.NANOSECONDS.timedWait(LOCK, leftNanos);
        } catch (InterruptedException e) {
          // Nobody has reason to; the round comes early.
          break;
        }
        if (PROBES.isEmpty()) {
          break;
        }
        leftNanos = deadline - System.nanoTime();
      }
      if (PROBES.isEmpty()) {
        thread = null;
        return false;
      }
      return true;
    }
  }
}
