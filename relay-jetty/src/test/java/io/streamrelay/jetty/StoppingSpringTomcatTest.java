package io.streamrelay.jetty;

import java.time.Duration;
import org.springframework.boot.web.servlet.server.AbstractServletWebServerFactory;

class StoppingSpringTomcatTest extends StoppingSpringContract {
  @Override
  AbstractServletWebServerFactory server() {
    return SpringContainers.tomcat(Duration.ofSeconds(30));
  }
}
