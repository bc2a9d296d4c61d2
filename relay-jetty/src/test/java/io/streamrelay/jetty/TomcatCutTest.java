package io.streamrelay.jetty;

import java.time.Duration;
import java.util.List;

/** Streams that end early, in Tomcat. */
class TomcatCutTest extends CutContract {
  @Override
  TestContainer start(List<TestContainer.Mount> mounts) throws Exception {
    return TestContainer.tomcat(mounts, Duration.ofSeconds(30));
  }
}
