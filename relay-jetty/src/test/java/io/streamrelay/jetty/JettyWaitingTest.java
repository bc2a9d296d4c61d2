package io.streamrelay.jetty;

import java.time.Duration;
import java.util.List;

/** Waiting in Jetty. */
class JettyWaitingTest extends WaitingContract {
  @Override
  TestContainer start(List<TestContainer.Mount> mounts) throws Exception {
    return TestContainer.jetty(mounts, Duration.ofSeconds(30));
  }
}
