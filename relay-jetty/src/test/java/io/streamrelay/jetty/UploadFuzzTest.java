package io.streamrelay.jetty;

import static org.assertj.core.api.Assertions.assertThat;

import io.streamrelay.EndReason;
import io.streamrelay.ExchangeRecord;
import io.streamrelay.Relay;
import io.streamrelay.config.AuthConfig;
import io.streamrelay.config.RelayConfig;
import io.streamrelay.config.ServerConfig;
import io.streamrelay.jetty.TestContainer.Mount;
import io.streamrelay.route.Route;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.locks.LockSupport;
import java.util.zip.CRC32;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Uploads of all kinds meet upstreams of all kinds; the seed is in the failure's text. */
@Timeout(120)
class UploadFuzzTest {
  private static final Duration RUN = Duration.ofSeconds(Long.getLong("relay.fuzz.seconds", 3));
  private static final long SEED = 20260301;
  private static final String REFUSED =
      "HTTP/1.1 429 Slow Down\r\nContent-Length: 7\r\nConnection: close\r\n\r\nrefused";

  private final Recorder records = new Recorder();
  private volatile Round round = new Round(SEED);

  /**
   * Without Undertow: once in a while it does not tell of a client's end behind a chunked body, and
   * then a clock ends the exchange, which takes longer than is waited here.
   */
  private enum Container {
    JETTY,
    TOMCAT;

    TestContainer start(List<Mount> mounts) throws Exception {
      Duration idle = Duration.ofSeconds(30);
      return switch (this) {
        case JETTY -> TestContainer.jetty(mounts, idle);
        case TOMCAT -> TestContainer.tomcat(mounts, idle);
      };
    }
  }

  /** What the upstream does. */
  private enum Upstream {
    READS_ALL,
    ANSWERS_EARLY,
    RESETS
  }

  /** One exchange. */
  private static final class Round {
    private final long seed;
    private final byte[] body;
    private final boolean chunked;
    private final int leavesAt;
    private final boolean byReset;
    private final Upstream upstream;
    private final int upstreamReads;

    Round(long seed) {
      Random random = new Random(seed);
      this.seed = seed;
      this.body = Bytes.random(random, random.nextInt(4) == 0 ? 0 : random.nextInt(400_000));
      this.chunked = random.nextBoolean();
      this.leavesAt = random.nextInt(3) == 0 && body.length > 0 ? random.nextInt(body.length) : -1;
      this.byReset = random.nextBoolean();
      Upstream[] all = Upstream.values();
      this.upstream = all[random.nextInt(all.length)];
      this.upstreamReads = random.nextInt(2) * random.nextInt(1 + body.length);
    }

    private String sum() {
      CRC32 crc = new CRC32();
      crc.update(body);
      return Long.toHexString(crc.getValue());
    }

    @Override
    public String toString() {
      return "seed "
          + seed
          + (chunked ? ", chunked " : ", length ")
          + body.length
          + ", leaves at "
          + leavesAt
          + (byReset ? " by reset, " : " by end, ")
          + upstream
          + " after "
          + upstreamReads;
    }
  }

  @ParameterizedTest
  @EnumSource(Container.class)
  void eachUploadEndsAsItsEndsSay(Container container) throws Exception {
    int done = 0;
    try (CapturedLogs logs = new CapturedLogs();
        ScriptedUpstream upstream = new ScriptedUpstream();
        Relay relay =
            Relay.builder(config(upstream), JettyForwarder.create()).listener(records).build();
        TestContainer started =
            container.start(List.of(Mount.of("", "/*", new RelayServlet(relay))))) {
      Thread serving = new Thread(() -> serve(upstream), "upload-fuzz-upstream");
      serving.setDaemon(true);
      serving.start();
      long end = System.nanoTime() + RUN.toNanos();
      for (long seed = SEED; System.nanoTime() < end; seed++) {
        round = new Round(seed);
        try {
          play(round, started.port());
          records.await("no exchange runs", () -> relay.activeExchanges() == 0);
        } catch (IOException | RuntimeException | AssertionError e) {
          throw new AssertionError(round.toString(), e);
        }
        done++;
      }
      assertThat(logs.errors()).isEmpty();
    }
    assertThat(records.open()).isZero();
    assertThat(done).isGreaterThan(10);
  }

  private void play(Round r, int port) throws Exception {
    try (Wire client = Wire.connect(port)) {
      client.send(
          "POST /up HTTP/1.1\r\nHost: x\r\n"
              + (r.chunked ? "Transfer-Encoding: chunked" : "Content-Length: " + r.body.length)
              + "\r\n\r\n");
      Random random = new Random(r.seed);
      int to = r.leavesAt < 0 ? r.body.length : r.leavesAt;
      for (int at = 0; at < to; ) {
        int next = Math.min(to, at + 1 + random.nextInt(60_000));
        byte[] part = Arrays.copyOfRange(r.body, at, next);
        if (r.chunked) {
          client.sendChunk(part);
        } else {
          client.send(part);
        }
        at = next;
        if (random.nextInt(8) == 0) {
          LockSupport.parkNanos(random.nextInt(5_000_000));
        }
      }
      if (r.leavesAt >= 0) {
        leave(client, r.byReset);
        assertThat(records.next().end())
            .isIn(EndReason.CLIENT_GONE, EndReason.UPSTREAM_REFUSED, EndReason.UPSTREAM_ERROR);
        return;
      }
      if (r.chunked) {
        client.sendLastChunk();
      }
      Wire.Head head = client.readHead();
      String text = client.readText(head);
      ExchangeRecord record = records.next();
      switch (r.upstream) {
        case READS_ALL -> {
          assertThat(text).isEqualTo(r.sum());
          assertThat(record.end()).isEqualTo(EndReason.COMPLETE);
          assertThat(record.requestBytes()).isEqualTo(r.body.length);
        }
        case ANSWERS_EARLY -> {
          assertThat(head.status()).isEqualTo(429);
          assertThat(text).isEqualTo("refused");
          assertThat(record.end()).isEqualTo(EndReason.UPSTREAM_REFUSED);
        }
        case RESETS -> {
          assertThat(head.status()).isEqualTo(502);
          assertThat(record.end()).isEqualTo(EndReason.UPSTREAM_ERROR);
        }
      }
    }
  }

  private static void leave(Wire client, boolean byReset) throws IOException {
    if (byReset) {
      client.reset();
    } else {
      client.close();
    }
  }

  private void serve(ScriptedUpstream upstream) {
    while (!upstream.isClosed()) {
      try {
        Wire call = upstream.accept();
        // Of its own, for one that the relay keeps for later says nothing for long.
        Thread thread = new Thread(() -> serveOne(call), "upload-fuzz-call");
        thread.setDaemon(true);
        thread.start();
      } catch (IOException | AssertionError e) {
        // Closed; or nothing came for a while.
      }
    }
  }

  private void serveOne(Wire call) {
    try (call) {
      answer(call);
    } catch (IOException | AssertionError e) {
      // The relay left in mid-upload, or never came.
    }
  }

  private void answer(Wire call) throws IOException {
    Wire.Head head = call.readHead();
    // Not before: a connection that was made for a client that left serves the next.
    Round r = round;
    InputStream body = call.body(head);
    switch (r.upstream) {
      case READS_ALL -> {
        CRC32 crc = new CRC32();
        crc.update(body.readAllBytes());
        String sum = Long.toHexString(crc.getValue());
        call.send(
            "HTTP/1.1 200 OK\r\nContent-Length: "
                + sum.length()
                + "\r\nConnection: close\r\n\r\n"
                + sum);
      }
      case ANSWERS_EARLY -> {
        body.readNBytes(r.upstreamReads);
        call.send(REFUSED);
        call.awaitEnd();
      }
      case RESETS -> {
        body.readNBytes(r.upstreamReads);
        call.reset();
      }
    }
  }

  private static RelayConfig config(ScriptedUpstream upstream) {
    return RelayConfig.builder()
        .server(ServerConfig.DEFAULT)
        .auth(new AuthConfig(false, List.of()))
        .route(Route.builder("up").path("/up").upstream(upstream.uri()).build())
        .build();
  }
}
