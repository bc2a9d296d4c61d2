package io.streamrelay.jetty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.streamrelay.Relay;
import io.streamrelay.RelayState;
import io.streamrelay.jetty.spring.RelayLifecycle;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.springframework.boot.web.servlet.ServletRegistrationBean;
import org.springframework.boot.web.servlet.server.AbstractServletWebServerFactory;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.SmartLifecycle;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.support.GenericApplicationContext;
import org.springframework.core.env.MapPropertySource;

/** A Spring Boot application whose {@link RelayLifecycle} drains the relay when it is closed. */
abstract class StoppingSpringContract extends StoppingHostContract {
  private static final String PHASE_TIMEOUT = "spring.lifecycle.timeout-per-shutdown-phase";

  abstract AbstractServletWebServerFactory server();

  @Override
  Host start(Relay relay) {
    return host(run(relay, Map.of()));
  }

  private ConfigurableApplicationContext run(Relay relay, Map<String, Object> properties) {
    return SpringContainers.run(server(), properties, beans -> beans(beans, relay));
  }

  private static void beans(GenericApplicationContext beans, Relay relay) {
    beans.registerBean(Relay.class, () -> relay, bean -> bean.setDestroyMethodName("close"));
    beans.registerBean(
        "healthServlet",
        ServletRegistrationBean.class,
        () -> new ServletRegistrationBean<>(new HealthServlet(relay), "/readyz"));
    beans.registerBean(OfTheReadme.class);
  }

  /** As there, but for the relay's configuration. */
  @Configuration(proxyBeanMethods = false)
  static class OfTheReadme {
    @Bean
    ServletRegistrationBean<RelayServlet> relayServlet(Relay relay) {
      return new ServletRegistrationBean<>(new RelayServlet(relay), "/ai/*");
    }

    @Bean
    RelayLifecycle relayLifecycle(Relay relay) {
      return new RelayLifecycle(relay);
    }
  }

  private static Host host(ConfigurableApplicationContext application) {
    int port = SpringContainers.port(application);
    return new Host() {
      @Override
      public int port() {
        return port;
      }

      @Override
      public void stop() {
        application.close();
      }
    };
  }

  @Test
  void whatElseStopsFirstIsNotHeldUp() throws Exception {
    Relay relay = relay(NO_HURRY);
    Bystander bystander = new Bystander();
    Host host =
        host(
            SpringContainers.run(
                server(),
                Map.of(),
                beans -> {
                  beans(beans, relay);
                  beans.registerBean(Bystander.class, () -> bystander);
                }));
    Stream stream = stream(host);

    FutureTask<Void> stopping = stopping(host);

    assertThat(bystander.stopped.await(10, TimeUnit.SECONDS)).isTrue();
    assertThat(stopping.isDone()).isFalse();
    finish(stream);
    stopping.get(10, TimeUnit.SECONDS);
  }

  /** A bean of the same phase. */
  private static final class Bystander implements SmartLifecycle {
    final CountDownLatch stopped = new CountDownLatch(1);
    private volatile boolean running;

    @Override
    public void start() {
      running = true;
    }

    @Override
    public void stop() {
      running = false;
      stopped.countDown();
    }

    @Override
    public boolean isRunning() {
      return running;
    }
  }

  @Test
  void aPhaseThatIsShorterThanTheDrainIsWarnedOf() {
    Relay relay = relay(NO_HURRY);
    run(relay, Map.of(PHASE_TIMEOUT, "19s")).close();

    assertThat(warnings())
        .singleElement()
        .asString()
        .contains(PHASE_TIMEOUT + " is PT19S")
        .contains("server.drain_timeout PT20S");
  }

  @Test
  void aPhaseThatIsLongEnoughIsNot() {
    run(relay(NO_HURRY), Map.of(PHASE_TIMEOUT, "20s")).close();
    // Boot's default and the relay's.
    run(relay(Duration.ofSeconds(30)), Map.of()).close();

    assertThat(warnings()).isEmpty();
  }

  private List<String> warnings() {
    return logs.all().stream()
        .filter(line -> line.startsWith("WARN " + RelayLifecycle.class.getName()))
        .toList();
  }

  @Test
  void aRelayThatWasDrainedCannotBeStartedAgain() {
    ConfigurableApplicationContext application = run(relay(NO_HURRY), Map.of());
    application.stop();

    assertThat(catchThrowable(application::start))
        .hasStackTraceContaining("the relay is STOPPED and cannot run again");
    application.close();
  }

  /** Without Boot nothing turns 30s into a duration, and that is no reason to fail. */
  @Test
  void anApplicationWithoutBootIsServedTheSame() {
    Relay relay = relay(NO_HURRY);
    try (var application = new AnnotationConfigApplicationContext()) {
      application
          .getEnvironment()
          .getPropertySources()
          .addFirst(new MapPropertySource("test", Map.of(PHASE_TIMEOUT, "30s")));
      application.registerBean(RelayLifecycle.class, () -> new RelayLifecycle(relay));
      application.refresh();
      assertThat(application.getBean(RelayLifecycle.class).isRunning()).isTrue();
    }
    assertThat(relay.state()).isEqualTo(RelayState.STOPPED);
  }
}
