package io.streamrelay.internal.jfr;

import io.streamrelay.RelayListener;
import java.util.List;

/** Finds out whether this runtime can record, without loading what needs it. */
public final class FlightRecording {
  private FlightRecording() {}

  /**
   * Returns what writes the events.
   *
   * @return one listener; none in a runtime without the module {@code jdk.jfr}
   */
  public static List<RelayListener> listeners() {
    return isThere() ? List.of(Holder.make()) : List.of();
  }

  static boolean isThere() {
    return ModuleLayer.boot().findModule("jdk.jfr").isPresent();
  }

  /** Loaded only where its class can be. */
  private static final class Holder {
    private Holder() {}

    static RelayListener make() {
      return new JfrEvents();
    }
  }
}
