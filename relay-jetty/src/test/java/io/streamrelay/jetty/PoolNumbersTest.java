package io.streamrelay.jetty;

import static org.assertj.core.api.Assertions.assertThat;

import io.streamrelay.forward.ForwardResult.Completed;
import io.streamrelay.forward.UpstreamPool;
import io.streamrelay.forward.UpstreamRequest;
import io.streamrelay.http.Headers;
import io.streamrelay.testkit.FakeBodySource;
import io.streamrelay.testkit.FakeUpstream;
import io.streamrelay.testkit.RecordingSink;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What the forwarder tells of its connections. */
@Timeout(60)
class PoolNumbersTest {
  private static final String OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

  private final FakeUpstream upstream = FakeUpstream.start();
  private final JettyForwarder forwarder =
      JettyForwarder.builder().maxConnectionsPerUpstream(1).selectors(1).build();

  @AfterEach
  void close() {
    forwarder.close();
    upstream.close();
  }

  private RecordingSink send(String target) {
    RecordingSink sink = new RecordingSink();
    return sink.watch(
        forwarder.forward(
            new UpstreamRequest(
                "GET",
                upstream.origin(),
                target,
                Headers.empty(),
                0,
                ByteBuffer.allocate(0),
                new FakeBodySource(0)),
            sink));
  }

  private UpstreamPool pool(int active, int idle, int waiting) {
    String origin = upstream.origin().getAuthority();
    return new UpstreamPool(origin, active, idle, waiting);
  }

  private void awaitPools(UpstreamPool expected) {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
    while (!forwarder.pools().equals(List.of(expected)) && System.nanoTime() < deadline) {
      Thread.onSpinWait();
    }
    assertThat(forwarder.pools()).containsExactly(expected);
  }

  @Test
  void untilAnUpstreamIsCalledThereIsNothingToTell() {
    assertThat(forwarder.pools()).isEmpty();
  }

  @Test
  void aConnectionIsActiveWithACallAndIdleAfterIt() {
    RecordingSink first = send("/1");
    FakeUpstream.Connection connection = upstream.awaitConnection();
    connection.awaitRequest();
    awaitPools(pool(1, 0, 0));
    RecordingSink second = send("/2");
    assertThat(forwarder.pools()).containsExactly(pool(1, 0, 1));
    connection.send(OK);
    assertThat(first.awaitResult()).isEqualTo(new Completed());
    connection.awaitRequest();
    awaitPools(pool(1, 0, 0));
    connection.send(OK);
    assertThat(second.awaitResult()).isEqualTo(new Completed());
    awaitPools(pool(0, 1, 0));
  }
}
