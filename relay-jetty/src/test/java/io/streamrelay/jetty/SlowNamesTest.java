package io.streamrelay.jetty;

import static org.assertj.core.api.Assertions.assertThat;

import io.streamrelay.Relay;
import io.streamrelay.config.RelayConfig;
import io.streamrelay.jetty.TestContainer.Mount;
import io.streamrelay.route.Route;
import io.streamrelay.route.Timeouts;
import java.net.InetAddress;
import java.net.URI;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A name server that does not answer for one upstream's name, and what goes on meanwhile. */
@Timeout(120)
class SlowNamesTest {
  /** Twice as many as the client has threads. */
  private static final int EXCHANGES = 32;

  private static final String EVENT = "data: {\"n\":1}\n\n";
  private static final String DONE = "data: [DONE]\n\n";

  private final AtomicInteger slowLookups = new AtomicInteger();
  private final Semaphore slowAsked = new Semaphore(0);
  private final CountDownLatch answered = new CountDownLatch(1);
  private final List<Wire> waiting = new ArrayList<>();
  private ScriptedUpstream upstream;
  private Relay relay;
  private TestContainer container;

  @BeforeEach
  void listen() throws Exception {
    upstream = new ScriptedUpstream();
    Duration minute = Duration.ofSeconds(60);
    RelayConfig config =
        RelayConfig.builder()
            .route(route("patient", "slow.test", minute))
            .route(route("hasty", "slow.test", Duration.ofMillis(200)))
            .route(route("quick", "quick.test", minute))
            .route(route("unknown", "unknown.test", minute))
            .build();
    relay = Relay.builder(config, JettyForwarder.builder().lookup(this::lookUp).build()).build();
    container = TestContainer.jetty(List.of(Mount.of("", "/*", new RelayServlet(relay))), minute);
  }

  @AfterEach
  void stop() throws Exception {
    answered.countDown();
    for (Wire wire : waiting) {
      wire.close();
    }
    container.close();
    relay.close();
    upstream.close();
  }

  private Route route(String name, String host, Duration connect) {
    Duration minute = Duration.ofSeconds(60);
    return Route.builder(name)
        .path("/" + name)
        .upstream(URI.create("http://" + host + ":" + upstream.uri().getPort()))
        .timeouts(new Timeouts(connect, minute, minute, Duration.ZERO))
        .build();
  }

  private InetAddress[] lookUp(String host) throws UnknownHostException {
    if (host.equals("unknown.test")) {
      throw new UnknownHostException(host);
    }
    if (host.equals("slow.test")) {
      slowLookups.incrementAndGet();
      slowAsked.release();
      boolean told = false;
      while (!told) {
        try {
          answered.await();
          told = true;
        } catch (InterruptedException e) {
          // The system's own look-up does not end either.
        }
      }
    }
    return new InetAddress[] {InetAddress.getLoopbackAddress()};
  }

  private Wire ask(String route) throws Exception {
    Wire wire =
        Wire.connect(container.port())
            .send("POST /" + route + " HTTP/1.1\r\nHost: relay\r\nContent-Length: 2\r\n\r\n{}");
    waiting.add(wire);
    return wire;
  }

  private void awaitSlowLookup() throws Exception {
    assertThat(slowAsked.tryAcquire(30, TimeUnit.SECONDS)).as("slow.test is looked up").isTrue();
  }

  @Test
  void holdsUpNoOtherRouteAndIsAskedOnceForAllWhoWait() throws Exception {
    Wire running = ask("quick");
    Wire call = upstream.acceptRequest().send(ScriptedUpstream.EVENT_STREAM).sendChunk(EVENT);
    Wire.Head head = running.readHead();
    for (int i = 0; i < EXCHANGES; i++) {
      ask("patient");
    }
    awaitSlowLookup();
    while (relay.activeExchanges() < 1 + EXCHANGES) {
      Thread.onSpinWait();
    }

    // While the first stream runs, so that this one needs a connection and its name a look-up.
    Wire other = ask("quick");
    upstream
        .acceptRequest()
        .send(ScriptedUpstream.EVENT_STREAM)
        .sendChunk(EVENT + DONE)
        .sendLastChunk();
    assertThat(other.readText(other.readHead())).isEqualTo(EVENT + DONE);
    // More than a stream sends in one turn, so that it takes a thread of the client's besides.
    String much = (": " + "x".repeat(1021) + "\n").repeat(256);
    call.sendChunk(much + "\n" + EVENT + DONE).sendLastChunk();
    assertThat(running.readText(head)).isEqualTo(EVENT + much + "\n" + EVENT + DONE);
    assertThat(slowLookups).hasValue(1);

    answered.countDown();
    List<Wire> calls = new ArrayList<>();
    for (int i = 0; i < EXCHANGES; i++) {
      calls.add(upstream.acceptRequest());
    }
    // Only now, or else one that is answered is used again by another.
    for (Wire each : calls) {
      each.send(ScriptedUpstream.EVENT_STREAM).sendChunk(EVENT + DONE).sendLastChunk();
    }
    for (Wire each : waiting.subList(1, 1 + EXCHANGES)) {
      assertThat(each.readText(each.readHead())).isEqualTo(EVENT + DONE);
    }
  }

  @Test
  void isBoundedByTheRoutesClockForConnecting() throws Exception {
    List<Wire> asked = new ArrayList<>();
    for (int i = 0; i < EXCHANGES; i++) {
      asked.add(ask("hasty"));
    }
    awaitSlowLookup();
    for (Wire each : asked) {
      Wire.Head head = each.readHead();
      assertThat(head.startLine()).contains(" 504");
      assertThat(each.readText(head)).contains("\"code\":\"upstream_connect_timeout\"");
    }
  }

  @Test
  void andANameThatIsUnknownIsToldAtOnce() throws Exception {
    Wire asked = ask("unknown");
    Wire.Head head = asked.readHead();
    assertThat(head.startLine()).contains(" 502");
    assertThat(asked.readText(head)).contains("\"code\":\"upstream_unreachable\"");
  }
}
