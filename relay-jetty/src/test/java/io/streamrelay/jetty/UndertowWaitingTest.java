package io.streamrelay.jetty;

import java.time.Duration;
import java.util.List;

/** Waiting in Undertow. */
class UndertowWaitingTest extends WaitingContract {
  @Override
  TestContainer start(List<TestContainer.Mount> mounts) throws Exception {
    return TestContainer.undertow(mounts, Duration.ofSeconds(30));
  }
}
