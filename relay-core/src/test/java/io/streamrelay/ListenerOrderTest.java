package io.streamrelay;

import static org.assertj.core.api.Assertions.assertThat;

import io.streamrelay.error.ErrorCode;
import io.streamrelay.error.RelayError;
import io.streamrelay.forward.ForwardResult.Phase;
import io.streamrelay.policy.Decision;
import io.streamrelay.route.ClientGonePolicy;
import io.streamrelay.testkit.FakeBody;
import io.streamrelay.testkit.FakeClient;
import io.streamrelay.testkit.FakeRequest;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The rules of {@link RelayListener}, over every kind of end. */
class ListenerOrderTest extends ExchangeFixture {
  private static final String START = "start";
  private static final String REQUEST = "request 1";
  private static final String HEAD = "head 200";
  private static final String BYTE = "first byte";
  private static final String TOKEN = "first token";
  private static final ExchangeKey<Integer> COUNT = ExchangeKey.of(Integer.class);

  /** Writes down what it is told, and whether that keeps L2, L5 and L6. */
  private final class Told implements RelayListener {
    final List<String> calls = new CopyOnWriteArrayList<>();
    final List<String> violations = new CopyOnWriteArrayList<>();
    private final AtomicInteger inside = new AtomicInteger();
    private boolean ended;

    private void told(Exchange exchange, String what) {
      if (inside.getAndIncrement() != 0) {
        violations.add(what + " overlaps");
      }
      if (ended) {
        violations.add(what + " after the end");
      }
      calls.add(what);
      Integer count = exchange.attached(COUNT);
      if ((count == null ? 0 : count) != calls.size() - 1) {
        violations.add(what + " found " + count + " attached");
      }
      exchange.attach(COUNT, calls.size());
      inside.decrementAndGet();
    }

    @Override
    public void onStart(Exchange exchange) {
      told(exchange, START);
    }

    @Override
    public void onUpstreamRequest(Exchange exchange, int attempt) {
      told(exchange, "request " + attempt);
    }

    @Override
    public void onHead(Exchange exchange, int status) {
      told(exchange, "head " + status);
    }

    @Override
    public void onFirstByte(Exchange exchange) {
      told(exchange, BYTE);
    }

    @Override
    public void onFirstToken(Exchange exchange) {
      told(exchange, TOKEN);
    }

    @Override
    public void onStall(Exchange exchange, long nanos, boolean byClient) {
      told(
          exchange,
          "stall "
              + Duration.ofNanos(nanos).toMillis()
              + (byClient ? " by client" : " by upstream"));
    }

    @Override
    public void onEnd(Exchange exchange, ExchangeRecord record) {
      if (!ledger.isEmpty() && ledger.size() != 3) {
        violations.add("end before the exchange's own actions");
      }
      told(exchange, "end " + record.end().label());
      ended = true;
    }
  }

  private final Told told = new Told();

  @BeforeEach
  void listen() {
    listeners.add(told);
  }

  private void assertTold(String... calls) {
    assertThat(told.calls).containsExactly(calls);
    assertThat(told.violations).isEmpty();
  }

  /** Brings one exchange to its end. */
  private interface Ending {
    void play(ListenerOrderTest test);
  }

  private static Arguments ending(String name, Ending ending, String... calls) {
    return Arguments.of(name, ending, calls);
  }

  private static RelayError error(ErrorCode code) {
    return RelayError.of(code, "test");
  }

  static Stream<Arguments> endings() {
    return Stream.of(
        ending(
            "a whole stream",
            test -> {
              test.streaming();
              test.forwarder.call().chunk(EVENT).chunk(FINISH).chunk(DONE).complete();
            },
            START,
            REQUEST,
            HEAD,
            BYTE,
            TOKEN,
            "end complete"),
        ending(
            "a stream whose first events have no content",
            test -> {
              test.chat();
              test.forwarder.call().connected().head(200, SSE).chunk(": ping\n\n");
              assertThat(test.told.calls).containsExactly(START, REQUEST, HEAD, BYTE);
              test.forwarder.call().chunk(EVENT);
              assertThat(test.told.calls).endsWith(TOKEN);
              test.forwarder.call().chunk(FINISH).chunk(DONE).complete();
            },
            START,
            REQUEST,
            HEAD,
            BYTE,
            TOKEN,
            "end complete"),
        ending(
            "an answer that is no stream",
            test -> {
              test.chat();
              test.forwarder
                  .call()
                  .connected()
                  .head(200, "Content-Type", "application/json")
                  .chunk("{")
                  .chunk("}")
                  .complete();
            },
            START,
            REQUEST,
            HEAD,
            BYTE,
            "end complete"),
        ending(
            "no body",
            test -> {
              test.chat();
              test.forwarder.call().connected().head(204).complete();
            },
            START,
            REQUEST,
            "head 204",
            "end complete"),
        ending("no route", test -> test.send(FakeRequest.get("/nowhere")), "end rejected"),
        ending(
            "a method that is not passed on",
            test -> test.send(FakeRequest.of("PURGE", CHAT)),
            START,
            "end rejected"),
        ending(
            "a policy that rejects",
            test -> {
              test.policies.add(onRequest(e -> Decision.reject(403, "no", "no")));
              test.chat();
            },
            START,
            "end rejected"),
        ending(
            "a client that leaves while it sends",
            test -> test.send(FakeRequest.post(CHAT).body(FakeBody.declared(9))).leave(),
            START,
            "end client_gone"),
        ending(
            "a client that leaves before the head",
            test -> test.chat().leave(),
            START,
            REQUEST,
            "end client_gone"),
        ending(
            "a client that leaves within the stream",
            test -> test.streaming().leave(),
            START,
            REQUEST,
            HEAD,
            BYTE,
            TOKEN,
            "end client_gone"),
        ending(
            "an answer that is read on",
            test -> {
              test.serve(route().onClientGone(ClientGonePolicy.drain()));
              FakeClient client = test.chat();
              test.forwarder.call().connected().head(200, SSE);
              client.leave();
              test.forwarder.call().chunk(EVENT).chunk(DONE).complete();
            },
            START,
            REQUEST,
            HEAD,
            "end client_gone"),
        ending(
            "an upstream that refuses",
            test -> {
              test.chat();
              test.forwarder.call().connected().head(429).chunk("{}").complete();
            },
            START,
            REQUEST,
            "head 429",
            BYTE,
            "end upstream_refused"),
        ending(
            "no connection",
            test -> {
              test.chat();
              test.forwarder.call().fail(Phase.CONNECT);
            },
            START,
            REQUEST,
            "end upstream_error"),
        ending(
            "an upstream that breaks off",
            test -> {
              test.streaming();
              test.forwarder.call().fail(Phase.BODY);
            },
            START,
            REQUEST,
            HEAD,
            BYTE,
            TOKEN,
            "end upstream_error"),
        ending(
            "a stream without its last event",
            test -> {
              test.streaming();
              test.forwarder.call().complete();
            },
            START,
            REQUEST,
            HEAD,
            BYTE,
            TOKEN,
            "end upstream_truncated"),
        ending(
            "a head that is late",
            test -> {
              test.chat();
              test.forwarder.call().connected();
              test.ticker.advance(FIRST_BYTE);
            },
            START,
            REQUEST,
            "end first_byte_timeout"),
        ending(
            "an upstream that falls silent",
            test -> {
              test.streaming();
              test.ticker.advance(IDLE);
            },
            START,
            REQUEST,
            HEAD,
            BYTE,
            TOKEN,
            "stall 30000 by upstream",
            "end idle_timeout"),
        ending(
            "a client that takes nothing",
            test -> {
              FakeClient client = test.streaming(new FakeClient().stall());
              test.ticker.advance(IDLE);
              test.ticker.advance(FINISH_LIMIT);
              assertThat(client.isCut()).isTrue();
            },
            START,
            REQUEST,
            HEAD,
            BYTE,
            TOKEN,
            "stall 35000 by client",
            "end idle_timeout"),
        ending(
            "a policy that stops the stream",
            test -> {
              test.streaming();
              test.started.get(0).stop(error(ErrorCode.BUDGET_SPENT));
            },
            START,
            REQUEST,
            HEAD,
            BYTE,
            TOKEN,
            "end budget_cut"),
        ending(
            "a relay that closes",
            test -> {
              test.streaming();
              test.relay().close();
            },
            START,
            REQUEST,
            HEAD,
            BYTE,
            TOKEN,
            "end drained"),
        ending(
            "a forwarder that breaks",
            test -> {
              test.forwarder.throwing(new IllegalStateException("test"));
              test.chat();
            },
            START,
            REQUEST,
            "end relay_error"));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("endings")
  void l3ToL6EachCallComesOnceInItsOrder(String name, Ending ending, String[] calls) {
    ending.play(this);
    assertTold(calls);
  }

  @Test
  void aSilenceOfASecondIsToldWhenItIsOver() {
    streaming();
    ticker.advance(Duration.ofMillis(999));
    forwarder.call().chunk(EVENT);
    ticker.advance(Duration.ofSeconds(1));
    forwarder.call().chunk(EVENT);
    ticker.advance(Duration.ofMillis(2500));
    forwarder.call().chunk(FINISH).chunk(DONE).complete();
    assertTold(
        START,
        REQUEST,
        HEAD,
        BYTE,
        TOKEN,
        "stall 1000 by upstream",
        "stall 2500 by upstream",
        "end complete");
  }

  @Test
  void aStallIsTheClientsIfAWriteWaitedForHalfOfIt() {
    FakeClient client = streaming(new FakeClient().stall());
    ticker.advance(Duration.ofMillis(1500));
    client.takeAll();
    ticker.advance(Duration.ofMillis(1500));
    forwarder.call().chunk(EVENT);
    client.stall();
    forwarder.call().chunk(EVENT);
    ticker.advance(Duration.ofSeconds(1));
    client.takeAll();
    ticker.advance(Duration.ofMillis(1001));
    forwarder.call().chunk(FINISH).chunk(DONE).complete();
    client.takeAll();
    assertThat(told.calls)
        .filteredOn(call -> call.startsWith("stall"))
        .containsExactly("stall 3000 by client", "stall 2001 by upstream");
  }

  @Test
  void whatComesAfterTheAnswerIsNoStall() {
    chat();
    forwarder.call().connected().head(200, SSE).chunk(EVENT).chunk(DONE).complete();
    ticker.advance(Duration.ofSeconds(9));
    assertTold(START, REQUEST, HEAD, BYTE, TOKEN, "end complete");
  }

  @Test
  void l8AListenerThatFailsDisturbsNothingElse() {
    listeners.add(
        0,
        new RelayListener() {
          @Override
          public void onStart(Exchange exchange) {
            throw new IllegalStateException("start");
          }

          @Override
          public void onUpstreamRequest(Exchange exchange, int attempt) {
            throw new AssertionError("request");
          }

          @Override
          public void onHead(Exchange exchange, int status) {
            throw new IllegalStateException("head");
          }

          @Override
          public void onFirstByte(Exchange exchange) {
            throw new IllegalStateException("byte");
          }

          @Override
          public void onFirstToken(Exchange exchange) {
            throw new IllegalStateException("token");
          }

          @Override
          public void onStall(Exchange exchange, long nanos, boolean byClient) {
            throw new IllegalStateException("stall");
          }

          @Override
          public void onEnd(ExchangeRecord record) {
            throw new IllegalStateException("end");
          }
        });
    FakeClient client = streaming();
    ticker.advance(Duration.ofSeconds(2));
    forwarder.call().chunk(DONE).complete();
    assertTold(START, REQUEST, HEAD, BYTE, TOKEN, "stall 2000 by upstream", "end complete");
    assertComplete(client, EVENT + DONE);
  }

  @Test
  void aListenerMayStopTheExchange() {
    listeners.add(
        new RelayListener() {
          @Override
          public void onFirstToken(Exchange exchange) {
            exchange.stop(error(ErrorCode.BUDGET_SPENT));
          }
        });
    FakeClient client = streaming();
    assertCutWithEvent(client, EVENT, ErrorCode.BUDGET_SPENT);
    assertTold(START, REQUEST, HEAD, BYTE, TOKEN, "end budget_cut");
  }

  @Test
  void aListenerOfRecordsAloneIsToldToo() {
    List<ExchangeRecord> ended = new CopyOnWriteArrayList<>();
    listeners.add(
        new RelayListener() {
          @Override
          public void onEnd(ExchangeRecord record) {
            ended.add(record);
          }
        });
    FakeClient client = streaming();
    forwarder.call().chunk(DONE).complete();
    assertComplete(client, EVENT + DONE);
    assertThat(ended).containsExactly(record());
  }

  @Test
  void aForwarderThatCannotEvenCancelDoesNotKeepTheExchangeFromItsEnd() {
    FakeClient client = streaming();
    forwarder.failCancels(2, new IllegalStateException("test"));
    started.get(0).stop(error(ErrorCode.BUDGET_SPENT));
    assertThat(client.isCut()).isTrue();
    assertThat(record().end()).isEqualTo(EndReason.RELAY_ERROR);
    forwarder.call().chunk(EVENT).complete();
    assertTold(START, REQUEST, HEAD, BYTE, TOKEN, "end relay_error");
  }

  /** Where a defect ends an exchange, its call may still run. */
  @Test
  void l2EvenThenTheEndWaitsForACallUnderWayAndIsTheLast() throws InterruptedException {
    CountDownLatch inHead = new CountDownLatch(1);
    CountDownLatch go = new CountDownLatch(1);
    listeners.add(
        0,
        new RelayListener() {
          @Override
          public void onHead(Exchange exchange, int status) {
            inHead.countDown();
            await(go);
          }
        });
    chat();
    Thread pump = new Thread(() -> forwarder.call().connected().head(200, SSE).chunk(EVENT));
    pump.start();
    await(inHead);
    FakeClient client = clients.get(0);
    // The cancel below fails, which is a defect, and defects end the exchange at once.
    forwarder.failCancels(1, new IllegalStateException("test"));
    Thread leaver = new Thread(client::leave);
    leaver.start();
    awaitBlocked(leaver);
    go.countDown();
    pump.join(TimeUnit.SECONDS.toMillis(30));
    leaver.join(TimeUnit.SECONDS.toMillis(30));
    assertTold(START, REQUEST, HEAD, "end relay_error");
  }

  private static void await(CountDownLatch latch) {
    try {
      assertThat(latch.await(30, TimeUnit.SECONDS)).isTrue();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private static void awaitBlocked(Thread thread) {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
    while (thread.getState() != Thread.State.BLOCKED) {
      assertThat(System.nanoTime() - end).as("waiting for %s", thread).isNegative();
      Thread.onSpinWait();
    }
  }
}
