package io.streamrelay.jetty;

import java.time.Duration;
import java.util.List;

/** Streams that end early, in Jetty. */
class JettyCutTest extends CutContract {
  @Override
  TestContainer start(List<TestContainer.Mount> mounts) throws Exception {
    return TestContainer.jetty(mounts, Duration.ofSeconds(30));
  }

  @Override
  int step() {
    return 1;
  }
}
