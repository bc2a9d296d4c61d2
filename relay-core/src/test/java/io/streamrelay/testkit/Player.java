package io.streamrelay.testkit;

import java.util.List;

/** Does the steps of an answer one after another, and keeps count; guarded by the recorder. */
abstract class Player {
  final Recorder record;
  private final Gates gates;
  private final String who;
  private int playing;
  private boolean stalled;
  private Generated generated = Generated.NOTHING;

  /**
   * Makes a player.
   *
   * @param who how it is called in the notes
   */
  Player(Recorder record, Gates gates, String who) {
    this.record = record;
    this.gates = gates;
    this.who = who;
  }

  /** Whether this side has ended it; asked while the lock is held. */
  abstract boolean isEnded();

  /** Whether the other side has left; asked while the lock is held. */
  abstract boolean isLeft();

  /** Writes; false if that failed. */
  abstract boolean write(byte[] bytes);

  abstract void end();

  abstract void reset();

  /** Sends a head that is no bytes yet. */
  void head(Step.Head head) {
    throw new IllegalStateException("heads are bytes here: " + head);
  }

  /** Ends a body by something that is no bytes yet. */
  void finish(Step.Finish finish) {
    throw new IllegalStateException("the end of a body is bytes here: " + finish);
  }

  final void begin() {
    synchronized (record) {
      playing++;
    }
  }

  /** Plays what was begun; for the thread that does the writing. */
  final void play(List<Step> steps, boolean unattended) {
    boolean whole = playAll(steps, unattended);
    synchronized (record) {
      playing--;
      record.note(who + (whole ? " has played a script" : " has given a script up"));
    }
  }

  final void awaitPlayed() {
    record.await("the scripts on " + who + " to end", () -> playing == 0);
  }

  final void awaitStalled() {
    record.await("a script on " + who + " to stall", () -> stalled);
  }

  final Generated generated() {
    synchronized (record) {
      return generated;
    }
  }

  private boolean playAll(List<Step> steps, boolean unattended) {
    for (Step step : steps) {
      if (isOver(unattended) || !play(step, unattended)) {
        return false;
      }
    }
    return true;
  }

  /** Does one step; false if there is no sense in going on. */
  private boolean play(Step step, boolean unattended) {
    if (step instanceof Step.Send send) {
      return send(send, unattended);
    } else if (step instanceof Step.Pause pause) {
      pause(pause.nanos(), unattended);
    } else if (step instanceof Step.Gate gate) {
      return gates.pass(gate.name(), who, () -> isOver(unattended));
    } else if (step instanceof Step.Stall) {
      synchronized (record) {
        stalled = true;
        record.note(who + " stalls");
      }
      pause(Long.MAX_VALUE, false);
    } else if (step instanceof Step.End) {
      end();
    } else if (step instanceof Step.Reset) {
      reset();
    } else if (step instanceof Step.Head head) {
      head(head);
    } else if (step instanceof Step.Finish finish) {
      finish(finish);
    } else if (step instanceof Step.Loop loop) {
      boolean going = true;
      while (going) {
        going = playAll(loop.steps(), unattended);
      }
    }
    return true;
  }

  private boolean send(Step.Send send, boolean unattended) {
    synchronized (record) {
      boolean left = isLeft();
      if (left && !unattended) {
        return false;
      }
      // Before the bytes are out: whoever has read them must find them counted.
      generated = generated.plus(send.generated());
      if (left) {
        return true;
      }
    }
    return write(send.bytes()) || unattended;
  }

  private boolean isOver(boolean unattended) {
    synchronized (record) {
      return isEnded() || (isLeft() && !unattended);
    }
  }

  private void pause(long nanos, boolean unattended) {
    long start = System.nanoTime();
    synchronized (record) {
      long left = nanos;
      while (left > 0 && !isOver(unattended) && Recorder.waitFor(record, left)) {
        left = nanos - (System.nanoTime() - start);
      }
    }
  }
}
