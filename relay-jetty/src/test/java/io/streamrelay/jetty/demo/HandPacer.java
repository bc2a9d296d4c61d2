package io.streamrelay.jetty.demo;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.util.thread.Scheduler;
import org.jspecify.annotations.Nullable;

/** Holds every step back until a test lets it go. */
final class HandPacer implements Pacer {
  /** A step that waits. */
  record Held(Duration pause, Runnable step) {}

  private final BlockingQueue<Held> held = new LinkedBlockingQueue<>();

  @Override
  public Scheduler.Task after(Duration pause, Runnable step) {
    Held waiting = new Held(pause, step);
    held.add(waiting);
    return () -> held.remove(waiting);
  }

  /** Lets the next step go and returns the pause it had asked for. */
  Duration step() throws InterruptedException {
    Held next = held.poll(10, TimeUnit.SECONDS);
    assertThat(next).as("a step within 10 s").isNotNull();
    next.step().run();
    return next.pause();
  }

  /** Lets the next step go if there is one within a second. */
  boolean stepIfAny() throws InterruptedException {
    @Nullable Held next = held.poll(1, TimeUnit.SECONDS);
    if (next != null) {
      next.step().run();
    }
    return next != null;
  }

  boolean holdsNothing() {
    return held.isEmpty();
  }
}
