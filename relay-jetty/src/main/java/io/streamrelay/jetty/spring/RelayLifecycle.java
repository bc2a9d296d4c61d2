package io.streamrelay.jetty.spring;

import io.streamrelay.DrainResult;
import io.streamrelay.Relay;
import io.streamrelay.RelayState;
import io.streamrelay.config.ServerConfig;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.CompletionStage;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.context.EnvironmentAware;
import org.springframework.context.SmartLifecycle;
import org.springframework.core.convert.ConversionException;
import org.springframework.core.env.Environment;

/**
 * Drains a relay when its Spring application stops, while the web server still serves.
 *
 * <p>To be a bean beside the relay's:
 *
 * <pre>{@code
 * @Bean
 * RelayLifecycle relayLifecycle(Relay relay) {
 *   return new RelayLifecycle(relay);
 * }
 * }</pre>
 *
 * <p>Spring calls it. It is in the phase that stops first, and Spring Boot's web server is in later
 * ones: so new requests get 503 with {@code Retry-After} rather than a refused connection, and live
 * streams run on, both as {@link Relay#drain()} says. {@link #stop(Runnable)} returns at once, so
 * beans of the same phase stop at the same time; those of later phases, the web server among them,
 * wait. When the drain is over the relay is closed. A relay drains once: after a stop the context
 * cannot be started again.
 *
 * <p><b>Time.</b> Spring waits for a phase no longer than {@code
 * spring.lifecycle.timeout-per-shutdown-phase}, which is 30 s in Spring Boot unless set; without
 * Boot it is a property of {@code DefaultLifecycleProcessor}, in Spring 6.2 of 10 s unless set.
 * After that the web server stops, and cuts what still runs without a last event. So it must not be
 * less than {@code server.pre_stop_delay} and {@code server.drain_timeout} together. If the
 * environment shows that it is, a warning at the start says so.
 */
public final class RelayLifecycle implements SmartLifecycle, EnvironmentAware {
  private static final Logger LOG = LoggerFactory.getLogger(RelayLifecycle.class);
  private static final String PHASE_TIMEOUT = "spring.lifecycle.timeout-per-shutdown-phase";
  private static final Duration BOOTS_PHASE_TIMEOUT = Duration.ofSeconds(30);

  private final Relay relay;
  private Duration phaseTimeout = BOOTS_PHASE_TIMEOUT;
  private volatile boolean running;

  /**
   * Makes the hook.
   *
   * @param relay drained and closed by this
   */
  public RelayLifecycle(Relay relay) {
    this.relay = Objects.requireNonNull(relay, "relay");
  }

  @Override
  public void setEnvironment(Environment environment) {
    try {
      phaseTimeout = environment.getProperty(PHASE_TIMEOUT, Duration.class, BOOTS_PHASE_TIMEOUT);
    } catch (IllegalArgumentException | ConversionException e) {
      // Not Spring Boot's environment, which alone knows durations and this property.
    }
  }

  /**
   * Tells what will not fit at the stop; the relay itself serves since it was built.
   *
   * @throws IllegalStateException if the relay has been drained before
   */
  @Override
  public void start() {
    RelayState state = relay.state();
    if (state != RelayState.RUNNING) {
      throw new IllegalStateException(
          "the relay is " + state + " and cannot run again (expected: a new context, a new relay)");
    }
    ServerConfig server = relay.config().server();
    if (server.preStopDelay().plus(server.drainTimeout()).compareTo(phaseTimeout) > 0) {
      LOG.warn(
          "{} is {}, less than server.pre_stop_delay {} and server.drain_timeout {} together:"
              + " the web server may stop and cut streams before the relay has ended them",
          PHASE_TIMEOUT,
          phaseTimeout,
          server.preStopDelay(),
          server.drainTimeout());
    }
    running = true;
  }

  /** Begins to drain, and returns; {@code callback} runs when the relay is closed. */
  @Override
  public void stop(Runnable callback) {
    // A stage, because Error Prone takes a future that is left alone for a failure that is lost.
    CompletionStage<DrainResult> draining = relay.drain();
    draining.thenRun(
        () -> {
          try {
            closed();
          } finally {
            callback.run();
          }
        });
  }

  /** Drains and closes, and waits for both; Spring itself calls {@link #stop(Runnable)}. */
  @Override
  public void stop() {
    relay.drain().join();
    closed();
  }

  private void closed() {
    relay.close();
    running = false;
  }

  @Override
  public boolean isRunning() {
    return running;
  }
}
