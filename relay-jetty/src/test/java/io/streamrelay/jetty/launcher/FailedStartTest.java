package io.streamrelay.jetty.launcher;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.streamrelay.config.DemoProviderConfig;
import io.streamrelay.config.RelayConfig;
import io.streamrelay.config.ServerConfig;
import io.streamrelay.jetty.demo.DemoProvider;
import io.streamrelay.route.Route;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.time.Duration;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** A {@link RelayServer} that could not start leaves nothing behind. */
class FailedStartTest {
  private static final String HOST = "127.0.0.1";

  @Test
  void aTakenPortLeavesNothingRunning() throws Exception {
    int demoPort = freePort();
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      RelayConfig config =
          builder(taken.getLocalPort(), new DemoProviderConfig(true, HOST, demoPort)).build();
      assertFailsAndLeavesNothing(config, IOException.class, "cannot listen on 127.0.0.1:");
    }
    // Its port is free again.
    DemoProvider.start(HOST, demoPort).close();
  }

  @Test
  void aTakenDemoProviderPortLeavesNothingRunning() throws Exception {
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      DemoProviderConfig demo = new DemoProviderConfig(true, HOST, taken.getLocalPort());
      assertFailsAndLeavesNothing(
          builder(0, demo).build(), IOException.class, "demo_provider.port");
    }
  }

  @Test
  void aConfigurationThatTheRelayRefusesLeavesNothingRunning() throws Exception {
    Route twice =
        Route.builder("chat").path("/chat").upstream(URI.create("http://127.0.0.1:1")).build();
    RelayConfig config =
        builder(0, new DemoProviderConfig(true, HOST, 0)).route(twice).route(twice).build();
    assertFailsAndLeavesNothing(config, IllegalArgumentException.class, "chat");
  }

  private static RelayConfig.Builder builder(int port, DemoProviderConfig demo) {
    return RelayConfig.builder()
        .server(new ServerConfig(HOST, port, 1024, Duration.ZERO, Duration.ZERO))
        .demoProvider(demo);
  }

  private static void assertFailsAndLeavesNothing(
      RelayConfig config, Class<? extends Throwable> type, String message) throws Exception {
    Set<Thread> before = threads();

    assertThatThrownBy(() -> RelayServer.start(config, () -> 0))
        .isInstanceOf(type)
        .hasMessageContaining(message);

    for (Thread left : threads()) {
      if (!before.contains(left)) {
        left.join(10_000);
        assertThat(left.isAlive()).as("%s runs", left).isFalse();
      }
    }
  }

  private static Set<Thread> threads() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(
            thread -> thread.getName().startsWith("relay-") || thread.getName().startsWith("demo-"))
        .collect(Collectors.toSet());
  }

  private static int freePort() throws IOException {
    try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return free.getLocalPort();
    }
  }
}
