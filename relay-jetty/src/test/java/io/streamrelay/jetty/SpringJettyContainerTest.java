package io.streamrelay.jetty;

import java.time.Duration;
import java.util.List;

/** The relay in a Spring Boot application on Jetty. */
class SpringJettyContainerTest extends JettyContainerTest {
  @Override
  TestContainer start(List<TestContainer.Mount> mounts, Duration idle) {
    return SpringContainers.jetty(mounts, idle);
  }
}
