package io.streamrelay.jetty;

import static org.assertj.core.api.Assertions.assertThat;

import io.streamrelay.DrainResult;
import io.streamrelay.Relay;
import io.streamrelay.Scheduler;
import io.streamrelay.config.RelayConfig;
import io.streamrelay.jetty.TestContainer.Mount;
import io.streamrelay.route.Route;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A relay that comes and goes within a host that stays. */
@Timeout(120)
class HostLifeTest {
  private static final String EVENT = "data: {\"n\":1}\n\n";
  private static final String DONE = "data: [DONE]\n\n";

  private Timers timers = new Timers();

  /** The relay's own scheduler, with what is still to run when it is closed. */
  private static final class Timers implements Scheduler {
    private final Set<Object> pending = ConcurrentHashMap.newKeySet();
    private final Scheduler real = Scheduler.create();
    private volatile int leftAtTheClose = -1;

    @Override
    public Cancellable schedule(long delayNanos, Runnable task) {
      Object timer = new Object();
      pending.add(timer);
      Cancellable scheduled =
          real.schedule(
              delayNanos,
              () -> {
                pending.remove(timer);
                task.run();
              });
      return () -> {
        pending.remove(timer);
        scheduled.cancel();
      };
    }

    @Override
    public void close() {
      if (leftAtTheClose < 0) {
        leftAtTheClose = pending.size();
      }
      real.close();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"jetty", "tomcat"})
  void aDrainIsDoneWhenTheLastOfFiftyStreamsHasEnded(String name) throws Exception {
    try (ScriptedUpstream upstream = new ScriptedUpstream();
        Relay relay = relay(upstream);
        TestContainer container = container(name, relay)) {
      List<Wire> clients = new ArrayList<>();
      List<Wire> calls = new ArrayList<>();
      for (int i = 0; i < 50; i++) {
        clients.add(request(container));
        calls.add(begin(upstream));
      }
      CompletableFuture<DrainResult> drained = relay.drain(Duration.ZERO, Duration.ofSeconds(60));

      try (Wire late = request(container)) {
        assertThat(late.readHead().startLine()).contains(" 503");
      }
      for (int i = 0; i < 50; i++) {
        assertThat(drained).isNotDone();
        calls.get(i).sendChunk(DONE).sendLastChunk();
        assertThat(clients.get(i).readText(clients.get(i).readHead())).isEqualTo(EVENT + DONE);
        clients.get(i).close();
      }
      assertThat(drained.get(30, TimeUnit.SECONDS)).isEqualTo(new DrainResult(50, 0));
    }
  }

  @SuppressWarnings("try") // Closed early, which is what this is about; closing is idempotent.
  @ParameterizedTest
  @ValueSource(strings = {"jetty", "tomcat"})
  void ofARelayThatWasClosedInMidStreamNoThreadIsLeft(String name) throws Exception {
    for (int round = 0; round < 20; round++) {
      try (ScriptedUpstream upstream = new ScriptedUpstream();
          Relay relay = relay(upstream);
          TestContainer container = container(name, relay);
          Wire client = request(container)) {
        begin(upstream);
        client.readHead();
        assertThat(ourThreads()).isNotEmpty();
        relay.close();
        assertThat(relay.activeExchanges()).isZero();
        assertThat(timers.leftAtTheClose).isZero();
      }
    }
    awaitNoThread();
  }

  @ParameterizedTest
  @ValueSource(strings = {"jetty", "tomcat"})
  void whatFollowsADrainMayCloseTheRelay(String name) throws Exception {
    try (ScriptedUpstream upstream = new ScriptedUpstream();
        Relay relay = relay(upstream);
        TestContainer container = container(name, relay);
        Wire client = request(container)) {
      Wire call = begin(upstream);
      Wire.Head head = client.readHead();
      CompletableFuture<Void> closed =
          relay.drain(Duration.ZERO, Duration.ofSeconds(60)).thenRun(relay::close);
      call.sendChunk(DONE).sendLastChunk();
      assertThat(client.readText(head)).isEqualTo(EVENT + DONE);

      assertThat(closed).succeedsWithin(Duration.ofSeconds(20));
      assertThat(timers.leftAtTheClose).isZero();
    }
    awaitNoThread();
  }

  private static void awaitNoThread() {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
    while (!ourThreads().isEmpty() && System.nanoTime() - deadline < 0) {
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(10));
    }
    assertThat(ourThreads()).isEmpty();
  }

  private Relay relay(ScriptedUpstream upstream) {
    timers = new Timers();
    RelayConfig config =
        RelayConfig.builder()
            .route(Route.builder("chat").path("/v1").upstream(upstream.uri()).build())
            .build();
    return Relay.builder(config, JettyForwarder.create()).scheduler(timers).build();
  }

  private static TestContainer container(String name, Relay relay) throws Exception {
    List<Mount> mounts = List.of(Mount.of("", "/*", new RelayServlet(relay)));
    Duration idle = Duration.ofSeconds(60);
    return name.equals("jetty")
        ? TestContainer.jetty(mounts, idle)
        : TestContainer.tomcat(mounts, idle);
  }

  private static Wire request(TestContainer container) throws Exception {
    return Wire.connect(container.port())
        .send("POST /v1/chat HTTP/1.1\r\nHost: relay\r\nContent-Length: 2\r\n\r\n{}");
  }

  private static Wire begin(ScriptedUpstream upstream) throws Exception {
    return upstream.acceptRequest().send(ScriptedUpstream.EVENT_STREAM).sendChunk(EVENT);
  }

  private static List<String> ourThreads() {
    return Thread.getAllStackTraces().keySet().stream()
        .map(Thread::getName)
        .filter(thread -> thread.startsWith("relay-"))
        .toList();
  }
}
