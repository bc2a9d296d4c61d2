package io.streamrelay.jetty;

import java.time.Duration;
import java.util.List;

/** Every end in Tomcat. */
class TomcatEndingsTest extends EndingsContract {
  @Override
  TestContainer start(List<TestContainer.Mount> mounts) throws Exception {
    return TestContainer.tomcat(mounts, Duration.ofSeconds(30));
  }
}
