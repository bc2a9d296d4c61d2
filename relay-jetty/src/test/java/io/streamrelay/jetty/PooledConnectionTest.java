package io.streamrelay.jetty;

import static org.assertj.core.api.Assertions.assertThat;

import io.streamrelay.Relay;
import io.streamrelay.config.RelayConfig;
import io.streamrelay.jetty.TestContainer.Mount;
import io.streamrelay.route.Route;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.util.thread.ScheduledExecutorScheduler;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** When a connection to an upstream is used again: not at once, since it may be closing. */
@Timeout(120)
class PooledConnectionTest {
  private static final String ANSWER =
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";

  private final Timer timer = new Timer();
  private ScriptedUpstream upstream;
  private Relay relay;
  private TestContainer container;

  /** Jetty's own, but that a connection's rest lasts until the test ends it. */
  private static final class Timer extends ScheduledExecutorScheduler {
    private final LinkedBlockingQueue<Runnable> rests = new LinkedBlockingQueue<>();
    private final LinkedBlockingQueue<Runnable> brokenOff = new LinkedBlockingQueue<>();

    Timer() {
      super("relay-upstream-timer", true);
    }

    @Override
    public Task schedule(Runnable task, long delay, TimeUnit unit) {
      if (unit.toMillis(delay) != JettyForwarder.POOLED_REST_MILLIS) {
        return super.schedule(task, delay, unit);
      }
      rests.add(task);
      return () -> brokenOff.add(task);
    }

    Runnable awaitRest() throws InterruptedException {
      Runnable rest = rests.poll(30, TimeUnit.SECONDS);
      if (rest == null) {
        throw new AssertionError("no connection was given a rest");
      }
      return rest;
    }
  }

  @BeforeEach
  void serve() throws Exception {
    upstream = new ScriptedUpstream();
    RelayConfig config =
        RelayConfig.builder()
            .route(Route.builder("chat").path("/v1").upstream(upstream.uri()).build())
            .build();
    relay = Relay.builder(config, JettyForwarder.builder().timer(timer).build()).build();
    container =
        TestContainer.jetty(
            List.of(Mount.of("", "/*", new RelayServlet(relay))), Duration.ofSeconds(60));
  }

  @AfterEach
  void stop() throws Exception {
    container.close();
    relay.close();
    upstream.close();
  }

  private Wire ask() throws Exception {
    return Wire.connect(container.port())
        .send("POST /v1/chat HTTP/1.1\r\nHost: relay\r\nContent-Length: 2\r\n\r\n{}");
  }

  private static void assertAnswered(Wire client) throws Exception {
    Wire.Head head = client.readHead();
    assertThat(head.startLine()).contains(" 200");
    assertThat(client.readText(head)).isEqualTo("{}");
    client.close();
  }

  /** Answers one request, on a new connection or on that which is given. */
  private Wire exchange(@Nullable Wire connection) throws Exception {
    Wire client = ask();
    Wire call = connection;
    if (call == null) {
      call = upstream.accept();
    }
    call.readBody(call.readHead());
    call.send(ANSWER);
    assertAnswered(client);
    return call;
  }

  @Test
  void oneThatHasJustAnsweredRestsAndThenIsUsedAgain() throws Exception {
    Wire first = exchange(null);
    Runnable rest = timer.awaitRest();
    Wire second = exchange(null);
    assertThat(second).isNotSameAs(first);
    rest.run();
    exchange(first);
  }

  @Test
  void oneThatIsClosedAfterItsAnswerUnannouncedCostsNoRequest() throws Exception {
    Wire first = exchange(null);
    Runnable rest = timer.awaitRest();
    first.close();
    assertThat(timer.brokenOff.poll(30, TimeUnit.SECONDS)).isSameAs(rest);
    rest.run();
    exchange(null);
  }
}
