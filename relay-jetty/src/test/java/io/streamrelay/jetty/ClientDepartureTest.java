package io.streamrelay.jetty;

import static org.assertj.core.api.Assertions.assertThat;

import io.streamrelay.Abandonment;
import io.streamrelay.EndReason;
import io.streamrelay.ExchangeRecord;
import io.streamrelay.Relay;
import io.streamrelay.config.AuthConfig;
import io.streamrelay.config.RelayConfig;
import io.streamrelay.jetty.TestContainer.Mount;
import io.streamrelay.observe.Usage;
import io.streamrelay.route.ClientGonePolicy;
import io.streamrelay.route.Route;
import io.streamrelay.testkit.Counts;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What an upstream still makes for a client that has left, under each policy, on real sockets. */
@Timeout(60)
class ClientDepartureTest {
  private static final String EVENT =
      "data: {\"object\":\"chat.completion.chunk\",\"choices\":[{\"delta\":{\"content\":\"é\"}}]}\n\n";
  private static final String LAST =
      "data: {\"object\":\"chat.completion.chunk\",\"choices\":[],"
          + "\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4321}}\n\ndata: [DONE]\n\n";

  /** So many events take a few seconds, longer than any policy here lets an upstream run on. */
  private static final int ENDLESS = 5_000;

  /** Who serves. */
  enum Container {
    JETTY,
    TOMCAT;

    TestContainer start(Mount mount) throws Exception {
      Duration idle = Duration.ofSeconds(30);
      return this == JETTY
          ? TestContainer.jetty(List.of(mount), idle)
          : TestContainer.tomcat(List.of(mount), idle);
    }
  }

  private final CapturedLogs logs = new CapturedLogs();
  private final ScriptedUpstream upstream;
  private final Recorder records = new Recorder();
  private final Relay relay;

  ClientDepartureTest() throws IOException {
    upstream = new ScriptedUpstream();
    relay =
        Relay.builder(
                RelayConfig.builder()
                    .auth(AuthConfig.DISABLED)
                    .route(route("cancel", ClientGonePolicy.cancel()))
                    .route(route("drain", ClientGonePolicy.drain()))
                    .route(
                        route("time", ClientGonePolicy.drain(Duration.ofMillis(300), null, null)))
                    .route(route("tokens", ClientGonePolicy.drain(null, 50L, null)))
                    .route(route("bytes", ClientGonePolicy.drain(null, null, 5_000L)))
                    .build(),
                JettyForwarder.create())
            .listener(records)
            .build();
  }

  private Route route(String name, ClientGonePolicy policy) {
    return Route.builder(name)
        .path("/" + name)
        .upstream(upstream.uri())
        .onClientGone(policy)
        .build();
  }

  @AfterEach
  void nothingIsLeft() throws Exception {
    try {
      records.await("no exchange runs", () -> relay.activeExchanges() == 0);
      assertThat(logs.errors()).isEmpty();
    } finally {
      upstream.close();
      relay.close();
      logs.close();
    }
  }

  /** What the upstream made after its client had left, and whether it could say all. */
  private record Made(int events, boolean toTheEnd, ExchangeRecord record) {}

  /** Lets a client leave after its first event, and the upstream make so many more. */
  private Made leave(Container container, String route, int events) throws Exception {
    try (TestContainer serving = container.start(Mount.of("", "/*", new RelayServlet(relay)));
        Wire client = Wire.connect(serving.port())) {
      client.send(
          "POST /"
              + route
              + " HTTP/1.1\r\nHost: relay.test\r\nContent-Type: application/json\r\n"
              + "Content-Length: 2\r\n\r\n{}");
      Wire call = upstream.acceptRequest();
      call.send(ScriptedUpstream.EVENT_STREAM).sendChunk(EVENT);
      client.body(client.readHead()).readNBytes(EVENT.getBytes(StandardCharsets.UTF_8).length);
      client.reset();

      CountDownLatch hungUp = new CountDownLatch(1);
      Thread watching =
          new Thread(
              () -> {
                call.awaitEnd();
                hungUp.countDown();
              });
      watching.setDaemon(true);
      watching.start();
      int made = 0;
      boolean heard = true;
      try {
        while (heard && made < events) {
          call.sendChunk(EVENT);
          made++;
          heard = !hungUp.await(1, TimeUnit.MILLISECONDS);
        }
        if (heard) {
          call.sendChunk(LAST).sendLastChunk();
        }
      } catch (IOException e) {
        heard = false;
      }
      ExchangeRecord record = records.next();
      assertThat(record.end()).isEqualTo(EndReason.CLIENT_GONE);
      assertThat(record.status()).isEqualTo(200);
      // The container's end of it is over as well, whatever the upstream still does.
      records.await("no exchange runs", () -> relay.activeExchanges() == 0);
      return new Made(made, heard, record);
    }
  }

  @ParameterizedTest
  @EnumSource(Container.class)
  void cancelHangsUpOnTheUpstream(Container container) throws Exception {
    Made made = leave(container, "cancel", ENDLESS);

    assertThat(made.toTheEnd()).as("%s", made).isFalse();
    assertThat(made.record().abandonment()).isEqualTo(Abandonment.CANCEL);
    assertThat(usage(made).source()).isEqualTo(Usage.Source.ESTIMATED);
  }

  @ParameterizedTest
  @EnumSource(Container.class)
  void drainLetsTheUpstreamComeToItsEndAndLearnsTheUsage(Container container) throws Exception {
    Made made = leave(container, "drain", 500);

    assertThat(made.toTheEnd()).as("%s", made).isTrue();
    assertThat(made.record().abandonment()).isEqualTo(Abandonment.DRAIN);
    assertThat(usage(made)).isEqualTo(Counts.of(3, 4321, -1, -1, -1, Usage.Source.REPORTED));
    assertThat(made.record().abandonedBytes()).isPositive();
    assertThat(made.record().wastedOutputTokens())
        .isEqualTo(4321 - made.record().deliveredOutputTokens())
        .isPositive();
    // Every byte was either handed over or read afterwards.
    assertThat(made.record().responseBytes() + made.record().abandonedBytes())
        .isEqualTo(
            501L * EVENT.getBytes(StandardCharsets.UTF_8).length
                + LAST.getBytes(StandardCharsets.UTF_8).length);
  }

  @ParameterizedTest
  @EnumSource(Container.class)
  void aTimeBoundEndsTheDrain(Container container) throws Exception {
    Made made = leave(container, "time", ENDLESS);

    assertBounded(made);
    assertThat(Duration.ofNanos(made.record().abandonedNanos()))
        .isGreaterThanOrEqualTo(Duration.ofMillis(300));
  }

  @ParameterizedTest
  @EnumSource(Container.class)
  void aTokenBoundEndsTheDrain(Container container) throws Exception {
    Made made = leave(container, "tokens", ENDLESS);

    assertBounded(made);
    // What is here together is read together, up to 16 KiB.
    assertThat(made.record().wastedOutputTokens()).isBetween(50L, 50L + 16 * 1024 / EVENT.length());
  }

  @ParameterizedTest
  @EnumSource(Container.class)
  void aByteBoundEndsTheDrain(Container container) throws Exception {
    Made made = leave(container, "bytes", ENDLESS);

    assertBounded(made);
    assertThat(made.record().abandonedBytes()).isBetween(5_000L, 5_000L + 16 * 1024);
  }

  private static void assertBounded(Made made) {
    assertThat(made.toTheEnd()).as("%s", made).isFalse();
    assertThat(made.record().abandonment()).isEqualTo(Abandonment.DRAIN_BOUNDED);
    assertThat(usage(made).source()).isEqualTo(Usage.Source.ESTIMATED);
    assertThat(usage(made).outputTokens()).isLessThanOrEqualTo(made.events() + 1L);
  }

  private static Usage usage(Made made) {
    return made.record().usage();
  }
}
