package io.streamrelay.jetty.demo;

import java.time.Duration;
import org.eclipse.jetty.util.thread.Scheduler;

/** Runs the next step of an answer after a pause: the server's scheduler, or a test's hand. */
@FunctionalInterface
interface Pacer {
  Scheduler.Task after(Duration pause, Runnable step);
}
