package io.streamrelay.jetty;

import static org.assertj.core.api.Assertions.assertThat;

import io.streamrelay.ExchangeRecord;
import io.streamrelay.Relay;
import io.streamrelay.config.AuthConfig;
import io.streamrelay.config.RelayConfig;
import io.streamrelay.config.ServerConfig;
import io.streamrelay.error.ErrorCode;
import io.streamrelay.jetty.TestContainer.Mount;
import io.streamrelay.route.Route;
import io.streamrelay.testkit.FakeScheduler;
import io.streamrelay.testkit.FakeTicker;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A client that sends its body drop by drop, by the test's clock and on real sockets. */
@Timeout(60)
class SlowUploadTest {
  private static final int LENGTH = 1_000_000;

  private final FakeTicker ticker = new FakeTicker();
  private final Recorder records = new Recorder();

  private enum Container {
    JETTY,
    TOMCAT,
    UNDERTOW;

    TestContainer start(List<Mount> mounts) throws Exception {
      Duration idle = Duration.ofSeconds(30);
      return switch (this) {
        case JETTY -> TestContainer.jetty(mounts, idle);
        case TOMCAT -> TestContainer.tomcat(mounts, idle);
        case UNDERTOW -> TestContainer.undertow(mounts, idle);
      };
    }
  }

  @ParameterizedTest
  @EnumSource(Container.class)
  void anUploadThatDripsEndsAsARequestTimeout(Container container) throws Exception {
    try (ScriptedUpstream upstream = new ScriptedUpstream();
        Relay relay =
            Relay.builder(config(upstream), JettyForwarder.create())
                .ticker(ticker)
                .scheduler(new FakeScheduler(ticker))
                .listener(records)
                .build();
        TestContainer started =
            container.start(List.of(Mount.of("", "/*", new RelayServlet(relay))));
        Wire client = Wire.connect(started.port())) {
      client.send("POST /up HTTP/1.1\r\nHost: x\r\nContent-Length: " + LENGTH + "\r\n\r\n");
      client.send(new byte[100_000]);
      Wire call = upstream.accept();
      assertThat(call.body(call.readHead()).readNBytes(100_000)).hasSize(100_000);
      CompletableFuture<Wire.Head> answer = new CompletableFuture<>();
      CompletableFuture<Void> reading =
          CompletableFuture.runAsync(
              () -> {
                try {
                  answer.complete(client.readHead());
                } catch (IOException | RuntimeException | Error e) {
                  answer.completeExceptionally(e);
                }
              });
      // No pause is as long as the route's idle time; what came at once is worth ten seconds.
      int seconds = 0;
      while (!isDoneSoon(answer)) {
        ticker.advance(Duration.ofSeconds(2));
        seconds += 2;
        client.send("x");
      }
      reading.join();
      assertThat(answer.join().status()).isEqualTo(408);
      assertThat(client.readText(answer.join())).contains("\"code\":\"request_timeout\"");
      assertThat(seconds).isBetween(40, 250);
      call.awaitEnd();
      ticker.advance(Duration.ofSeconds(5));
      ExchangeRecord record = records.next();
      assertThat(record.error()).isEqualTo(ErrorCode.REQUEST_TIMEOUT);
      assertThat(record.requestBytes()).isBetween(100_000L, 100_130L);
    }
  }

  private static boolean isDoneSoon(CompletableFuture<?> future) throws InterruptedException {
    try {
      future.get(20, TimeUnit.MILLISECONDS);
    } catch (TimeoutException e) {
      return false;
    } catch (ExecutionException e) {
      // The test's own assertions tell.
    }
    return true;
  }

  private static RelayConfig config(ScriptedUpstream upstream) {
    return RelayConfig.builder()
        .server(ServerConfig.DEFAULT.withMinUploadRate(10_000))
        .auth(new AuthConfig(false, List.of()))
        .route(Route.builder("up").path("/up").upstream(upstream.uri()).build())
        .build();
  }
}
