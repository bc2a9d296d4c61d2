package io.streamrelay.testkit;

import java.util.HashMap;
import java.util.Map;
import java.util.function.BooleanSupplier;

/** The places where scripts wait for the test; guarded by the recorder. */
final class Gates {
  private final Recorder record;
  private final Map<String, Integer> goes = new HashMap<>();
  private final Map<String, Integer> waiting = new HashMap<>();

  Gates(Recorder record) {
    this.record = record;
  }

  void go(String gate) {
    synchronized (record) {
      goes.merge(gate, 1, Integer::sum);
      record.note("go " + gate);
    }
  }

  void awaitSomebodyAt(String gate) {
    record.await("an answer at the gate " + gate, () -> waiting.getOrDefault(gate, 0) > 0);
  }

  /** Waits for a go, or until it is over; false if it did not pass. */
  boolean pass(String gate, String who, BooleanSupplier over) {
    synchronized (record) {
      waiting.merge(gate, 1, Integer::sum);
      record.note(who + " waits at gate " + gate);
      boolean going = true;
      while (going && goes.getOrDefault(gate, 0) == 0) {
        going = !over.getAsBoolean() && Recorder.waitFor(record, Long.MAX_VALUE);
      }
      waiting.merge(gate, -1, Integer::sum);
      if (going) {
        goes.merge(gate, -1, Integer::sum);
        record.note(who + " passes gate " + gate);
      }
      return going;
    }
  }
}
