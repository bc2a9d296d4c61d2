package io.streamrelay.jetty;

import java.time.Duration;
import java.util.List;

/** Every end in a Spring Boot application on Jetty. */
class SpringJettyEndingsTest extends EndingsContract {
  @Override
  TestContainer start(List<TestContainer.Mount> mounts) {
    return SpringContainers.jetty(mounts, Duration.ofSeconds(30));
  }
}
