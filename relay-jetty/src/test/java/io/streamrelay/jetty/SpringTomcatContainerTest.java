package io.streamrelay.jetty;

import java.time.Duration;
import java.util.List;

/** The relay in a Spring Boot application on Tomcat. */
class SpringTomcatContainerTest extends TomcatContainerTest {
  @Override
  TestContainer start(List<TestContainer.Mount> mounts, Duration idle) {
    return SpringContainers.tomcat(mounts, idle);
  }
}
