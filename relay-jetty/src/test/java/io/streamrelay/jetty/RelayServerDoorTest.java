package io.streamrelay.jetty;

import io.streamrelay.config.RelayConfig;
import io.streamrelay.jetty.TestContainer.Mount;
import io.streamrelay.jetty.launcher.RelayServer;
import java.time.Duration;
import java.util.List;
import java.util.Set;

/** The door of the launcher's own server. */
class RelayServerDoorTest extends DoorContract {
  @Override
  TestContainer open(RelayConfig config) throws Exception {
    RelayServer server = RelayServer.start(config, () -> 0);
    return new TestContainer() {
      @Override
      public int port() {
        return server.uri().getPort();
      }

      @Override
      public void close() {
        server.close();
      }
    };
  }

  @Override
  TestContainer start(List<Mount> mounts, Duration idle) {
    throw new UnsupportedOperationException("the launcher mounts its own servlets");
  }

  @Override
  Set<String> tolerates() {
    return Set.of(
        "version in small letters",
        "two blanks before the target",
        "two blanks before the version");
  }

  /** Jetty does so when the body is first read, whatever the version. */
  @Override
  boolean tellsHttp10ToContinue() {
    return true;
  }
}
