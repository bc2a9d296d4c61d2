package io.streamrelay;

import static org.assertj.core.api.Assertions.assertThat;

import io.prometheus.metrics.model.registry.PrometheusRegistry;
import io.streamrelay.config.RelayConfig;
import io.streamrelay.config.ServerConfig;
import io.streamrelay.forward.ForwardResult.Phase;
import io.streamrelay.policy.Decision;
import io.streamrelay.policy.Policy;
import io.streamrelay.policy.RequestBody;
import io.streamrelay.route.ClientGonePolicy;
import io.streamrelay.route.Route;
import io.streamrelay.route.StreamKind;
import io.streamrelay.route.Timeouts;
import io.streamrelay.testkit.FakeBody;
import io.streamrelay.testkit.FakeClient;
import io.streamrelay.testkit.FakeForwarder;
import io.streamrelay.testkit.FakeRequest;
import io.streamrelay.testkit.FakeScheduler;
import io.streamrelay.testkit.FakeTicker;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Many exchanges whose events come in any order, from several threads at once. */
class ChaosTest {
  private static final int ROUNDS = 500;
  private static final int EXCHANGES = 8;
  private static final int EVENTS = 14;
  private static final int THREADS = 3;
  private static final long SEED = 20_260_101;
  private static final String COMMENT = ": keep-alive";

  private final ExecutorService threads = Executors.newFixedThreadPool(THREADS);
  private final Map<EndReason, Integer> endings = new EnumMap<>(EndReason.class);
  private long heartbeats;
  private long earlyCommits;
  private final Map<Abandonment, Integer> abandonments = new EnumMap<>(Abandonment.class);

  @AfterEach
  void stopThreads() {
    threads.shutdownNow();
  }

  @Test
  void whateverHappensEachExchangeEndsOnceAndNothingIsLeft() throws Exception {
    for (int i = 0; i < ROUNDS; i++) {
      new Round(new Random(SEED + i)).run();
    }
    assertThat(endings.values().stream().mapToInt(Integer::intValue).sum())
        .isEqualTo(ROUNDS * EXCHANGES);
    // That the chaos was one: most ways to end were met.
    assertThat(endings.keySet())
        .contains(
            EndReason.COMPLETE,
            EndReason.REJECTED,
            EndReason.UPSTREAM_ERROR,
            EndReason.CLIENT_GONE,
            EndReason.CONNECT_TIMEOUT,
            EndReason.IDLE_TIMEOUT,
            EndReason.DRAINED,
            EndReason.UPSTREAM_REFUSED,
            EndReason.RELAY_ERROR);
    assertThat(heartbeats).isGreaterThan(ROUNDS);
    assertThat(earlyCommits).isGreaterThan(ROUNDS / 10);
    assertThat(abandonments.keySet()).contains(Abandonment.values());
  }

  /** One relay and its exchanges. */
  private final class Round {
    private final Random random;
    private final FakeTicker ticker = new FakeTicker(Long.MAX_VALUE - 30_000_000_000L);
    private final FakeScheduler scheduler = new FakeScheduler(ticker);
    private final FakeForwarder forwarder = new FakeForwarder();
    private final AtomicInteger starts = new AtomicInteger();
    private final AtomicInteger permits = new AtomicInteger();
    private final List<ExchangeRecord> records = Collections.synchronizedList(new ArrayList<>());
    private final Map<String, CompletableFuture<Decision>> stages = new ConcurrentHashMap<>();
    private final List<One> exchanges = new ArrayList<>();
    private final Relay relay;

    Round(Random random) {
      this.random = random;
      if (random.nextInt(3) == 0) {
        forwarder.slowToCancel();
      }
      ServerConfig server =
          new ServerConfig("", 0, 150_000, Duration.ofSeconds(3), Duration.ofSeconds(9));
      Route route =
          Route.builder("chaos")
              .path("/v1")
              .upstream(URI.create("https://upstream.test"))
              .timeouts(
                  new Timeouts(
                      Duration.ofSeconds(10),
                      Duration.ofSeconds(15),
                      Duration.ofSeconds(20),
                      Duration.ofSeconds(60)))
              .kind(random.nextBoolean() ? StreamKind.SSE : StreamKind.AUTO)
              .heartbeat(Duration.ofSeconds(1 + random.nextInt(3)))
              .commitAfter(Duration.ofSeconds(random.nextInt(5)))
              .stallLimit(Duration.ofSeconds(random.nextInt(12)))
              .onClientGone(onClientGone())
              .build();
      this.relay =
          Relay.builder(RelayConfig.builder().server(server).route(route).build(), forwarder)
              .ticker(ticker)
              .scheduler(scheduler)
              .registry(new PrometheusRegistry())
              .policy(new Slow())
              .listener(
                  new RelayListener() {
                    @Override
                    public void onStart(Exchange exchange) {
                      starts.incrementAndGet();
                    }

                    @Override
                    public void onEnd(ExchangeRecord record) {
                      records.add(record);
                    }
                  })
              .build();
      for (int i = 0; i < EXCHANGES; i++) {
        exchanges.add(new One("x" + i));
      }
    }

    private ClientGonePolicy onClientGone() {
      return switch (random.nextInt(5)) {
        case 0 -> ClientGonePolicy.cancel();
        case 1 -> ClientGonePolicy.drain(Duration.ofSeconds(5), null, null);
        case 2 -> ClientGonePolicy.drain(null, 3L, null);
        case 3 -> ClientGonePolicy.drain(null, null, 200L);
        default -> ClientGonePolicy.drain();
      };
    }

    /** Takes a permit, and decides when the test says so, in either phase. */
    private final class Slow implements Policy {
      @Override
      public Decision onRequest(Exchange exchange) {
        take(exchange);
        return answer(exchange.id() + " request");
      }

      @Override
      public Decision onRequestBody(Exchange exchange, RequestBody body) {
        take(exchange);
        return answer(exchange.id() + " body");
      }

      private void take(Exchange exchange) {
        permits.incrementAndGet();
        exchange.onEnd(record -> permits.decrementAndGet());
      }

      private Decision answer(String key) {
        CompletableFuture<Decision> stage = stages.get(key);
        return stage == null ? Decision.admit() : Decision.later(stage);
      }
    }

    void run() throws Exception {
      List<Runnable> events = new ArrayList<>();
      for (One one : exchanges) {
        for (int i = 0; i < EVENTS; i++) {
          events.add(one.event());
        }
      }
      for (int i = 0; i < EXCHANGES; i++) {
        long nanos = Duration.ofMillis(random.nextInt(6000)).toNanos();
        events.add(() -> ticker.advanceNanos(nanos));
      }
      if (random.nextInt(3) == 0) {
        events.add(() -> assertThat(relay.drain()).isNotNull());
      }
      Collections.shuffle(events, random);
      // Most requests come early, so that there is something to disturb.
      for (One one : exchanges) {
        events.add(random.nextInt(1 + events.size() / 3), one::send);
      }
      inThreads(events);
      settle();
      check();
    }

    private void inThreads(List<Runnable> events) throws Exception {
      AtomicInteger next = new AtomicInteger();
      Callable<@Nullable Void> worker =
          () -> {
            for (int i = next.getAndIncrement(); i < events.size(); i = next.getAndIncrement()) {
              events.get(i).run();
            }
            return null;
          };
      for (Future<?> done : threads.invokeAll(Collections.nCopies(THREADS, worker))) {
        done.get();
      }
    }

    /** Lets time pass until every clock has run out. */
    private void settle() {
      for (int i = 0; i < 20; i++) {
        forwarder.calls().forEach(FakeForwarder.Call::finishCancel);
        ticker.advance(Duration.ofSeconds(10));
      }
      forwarder.calls().forEach(FakeForwarder.Call::finishCancel);
      ticker.advance(Duration.ofSeconds(10));
    }

    private void check() {
      assertThat(relay.activeExchanges()).as("live: %s", exchanges).isZero();
      assertThat(starts).hasValue(EXCHANGES);
      assertThat(records).hasSize(EXCHANGES);
      assertThat(records.stream().map(ExchangeRecord::requestId).distinct()).hasSize(EXCHANGES);
      assertThat(scheduler.pendingTasks()).as("timers left").isZero();
      for (One one : exchanges) {
        assertThat(one.client.violations()).as("%s", one.client).isEmpty();
        assertThat(one.client.ends()).as("%s", one.client).isEqualTo(1);
        String text = one.client.text();
        for (int at = text.indexOf(COMMENT); at >= 0; at = text.indexOf(COMMENT, at + 1)) {
          assertThat(text.substring(0, at)).matches("(?s)|.*\n\n");
        }
      }
      // What is decided after the end takes nothing for good.
      stages.values().forEach(stage -> stage.complete(Decision.admit()));
      assertThat(permits).hasValue(0);
      assertThat(forwarder.calls()).allMatch(FakeForwarder.Call::isDone);
      relay.close();
      assertThat(records).hasSize(EXCHANGES);
      for (ExchangeRecord record : records) {
        endings.merge(record.end(), 1, Integer::sum);
        heartbeats += record.heartbeats();
        earlyCommits += record.earlyCommit() ? 1 : 0;
        assertThat(record.clientBlockedNanos()).isBetween(0L, record.durationNanos());
        assertThat(record.upstreamWaitNanos()).isBetween(-1L, record.durationNanos());
        Abandonment abandonment = record.abandonment();
        if (abandonment != null) {
          assertThat(record.end()).isEqualTo(EndReason.CLIENT_GONE);
          abandonments.merge(abandonment, 1, Integer::sum);
        }
      }
    }

    /** One exchange and what can happen to it. */
    private final class One {
      private final String id;
      private final FakeClient client = new FakeClient();
      private final FakeBody body;
      private int upstreamStep;

      One(String id) {
        this.id = id;
        this.body =
            switch (random.nextInt(4)) {
              case 0 -> FakeBody.declared(-1);
              case 1 -> FakeBody.declared(100_000);
              case 2 -> FakeBody.of("{\"stream\":true}");
              default -> FakeBody.declared(0);
            };
        if (random.nextInt(3) == 0) {
          stages.put(id + " request", new CompletableFuture<>());
        }
        if (random.nextInt(4) == 0) {
          stages.put(id + " body", new CompletableFuture<>());
        }
      }

      void send() {
        relay.handle(
            FakeRequest.post("/v1/x")
                .header("X-Request-ID", id)
                .header("X-Client-Request-ID", id)
                .body(body)
                .build(),
            client);
      }

      Runnable event() {
        int size = random.nextInt(5) == 0 ? 60_000 : 1000;
        return switch (random.nextInt(28)) {
          case 0 -> client::stall;
          case 1, 2, 3 -> client::take;
          case 4 -> client::takeAll;
          case 5 -> random.nextInt(3) == 0 ? client::leave : client::takeAll;
          case 6 -> random.nextInt(3) == 0 ? client::breakOff : client::takeAll;
          case 7 -> random.nextInt(3) == 0 ? client::failNextWrite : client::takeAll;
          case 8, 9, 10 -> () -> body.feed(new byte[size]);
          case 11 -> body::end;
          case 12 -> random.nextInt(3) == 0 ? body::breakOff : body::end;
          case 13, 14 -> () -> decide("request", Decision.admit());
          case 15 -> () -> decide("body", Decision.admit());
          case 16 -> () -> decide("body", Decision.reject(403, "no", "no"));
          default -> upstream(random.nextInt(100));
        };
      }

      private void decide(String phase, Decision decision) {
        CompletableFuture<Decision> stage = stages.get(id + " " + phase);
        if (stage != null) {
          stage.complete(decision);
        }
      }

      private Runnable upstream(int dice) {
        return () -> {
          for (FakeForwarder.Call call : forwarder.calls()) {
            if (id.equals(call.headers().first("X-Client-Request-ID"))) {
              play(call, dice);
            }
          }
        };
      }

      private synchronized void play(FakeForwarder.Call call, int dice) {
        if (dice < 5) {
          call.fail(upstreamStep == 0 ? Phase.CONNECT : Phase.BODY);
          return;
        }
        if (dice < 20) {
          call.readBodyOnDemand();
          return;
        }
        if (dice < 26) {
          call.nudge();
          return;
        }
        switch (upstreamStep++) {
          case 0 -> call.connected();
          case 1 -> call.head(dice < 30 ? 429 : 200, "Content-Type", "text/event-stream");
          default -> {
            if (dice < 50) {
              call.chunk("data: [DONE]\n\n").complete();
            } else if (dice < 60) {
              call.completeAtOnce();
            } else if (dice < 65) {
              call.flush();
            } else {
              call.chunk(
                  "data: {\"object\":\"chat.completion.chunk\"}\n\n" + (dice < 75 ? "data: " : ""));
            }
          }
        }
      }

      @Override
      public String toString() {
        return id + " " + client;
      }
    }
  }
}
