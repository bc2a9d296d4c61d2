package io.streamrelay.jetty;

import java.time.Duration;
import java.util.List;

/** Every end in Jetty. */
class JettyEndingsTest extends EndingsContract {
  @Override
  TestContainer start(List<TestContainer.Mount> mounts) throws Exception {
    return TestContainer.jetty(mounts, Duration.ofSeconds(30));
  }
}
