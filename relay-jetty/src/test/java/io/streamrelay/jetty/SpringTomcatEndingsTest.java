package io.streamrelay.jetty;

import java.time.Duration;
import java.util.List;

/** Every end in a Spring Boot application on Tomcat. */
class SpringTomcatEndingsTest extends EndingsContract {
  @Override
  TestContainer start(List<TestContainer.Mount> mounts) {
    return SpringContainers.tomcat(mounts, Duration.ofSeconds(30));
  }
}
