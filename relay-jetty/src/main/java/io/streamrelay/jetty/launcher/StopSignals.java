package io.streamrelay.jetty.launcher;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.IntConsumer;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells the first SIGTERM or SIGINT from a second one: the first stops the relay in order, the
 * second ends the process while that goes on.
 *
 * <p>A shutdown hook hears of the first alone. {@code sun.misc.Signal} hears of all; it has no
 * successor in the JDK (JEP 260 keeps it), and is called by reflection because the compiler's
 * warning of it cannot be suppressed. Where it is missing, or the JVM runs with {@code -Xrs},
 * further signals have no effect.
 */
final class StopSignals {
  private static final Logger LOG = LoggerFactory.getLogger(StopSignals.class);

  /** Their numbers are those of POSIX; a shell tells a process that they ended by 128 and more. */
  private static final Map<String, Integer> NUMBERS = Map.of("INT", 2, "TERM", 15);

  private static final int ENDED_BY_SIGNAL = 128;

  /** Who starts a relay in a terminal or a container may pass on what it has received as well. */
  static final long SAME_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

  private final Runnable stop;
  private final IntConsumer halt;
  private final LongSupplier nanoTime;
  private boolean stopping;
  private long stoppingSince;

  /**
   * @param stop stops in order; may block until the process ends
   * @param halt ends the process at once, with an exit code
   * @param nanoTime elapsed time
   */
  StopSignals(Runnable stop, IntConsumer halt, LongSupplier nanoTime) {
    this.stop = stop;
    this.halt = halt;
    this.nanoTime = nanoTime;
  }

  /** Listens to the signals of this process. */
  static void install() {
    StopSignals signals =
        new StopSignals(
            () -> System.exit(Main.OK), code -> Runtime.getRuntime().halt(code), System::nanoTime);
    try {
      Class<?> signal = Class.forName("sun.misc.Signal");
      Class<?> handler = Class.forName("sun.misc.SignalHandler");
      Method handle = signal.getMethod("handle", signal, handler);
      for (Map.Entry<String, Integer> each : NUMBERS.entrySet()) {
        Object onSignal =
            Proxy.newProxyInstance(
                StopSignals.class.getClassLoader(),
                new Class<?>[] {handler},
                signals.handler(each.getValue()));
        handle.invoke(
            null, signal.getConstructor(String.class).newInstance(each.getKey()), onSignal);
      }
    } catch (ReflectiveOperationException e) {
      LOG.debug("only the first SIGTERM or SIGINT will count", e);
    }
  }

  private InvocationHandler handler(int number) {
    return (proxy, method, arguments) ->
        switch (method.getName()) {
          case "handle" -> {
            received(number);
            yield null;
          }
          case "equals" -> proxy == arguments[0];
          case "hashCode" -> System.identityHashCode(proxy);
          default -> "stops on signal " + number;
        };
  }

  /** Called on a thread of its own for each signal, also while another one stops the relay. */
  void received(int number) {
    if (isFirst()) {
      stop.run();
    } else if (isAnother()) {
      halt.accept(ENDED_BY_SIGNAL + number);
    }
  }

  private synchronized boolean isFirst() {
    if (stopping) {
      return false;
    }
    stopping = true;
    stoppingSince = nanoTime.getAsLong();
    return true;
  }

  private synchronized boolean isAnother() {
    return nanoTime.getAsLong() - stoppingSince >= SAME_NANOS;
  }
}
