package io.streamrelay.jetty;

import java.time.Duration;
import java.util.List;

/** Waiting in Tomcat. */
class TomcatWaitingTest extends WaitingContract {
  @Override
  TestContainer start(List<TestContainer.Mount> mounts) throws Exception {
    return TestContainer.tomcat(mounts, Duration.ofSeconds(30));
  }
}
