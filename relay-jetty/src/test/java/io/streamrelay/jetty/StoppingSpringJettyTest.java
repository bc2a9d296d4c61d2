package io.streamrelay.jetty;

import java.time.Duration;
import org.springframework.boot.web.servlet.server.AbstractServletWebServerFactory;

class StoppingSpringJettyTest extends StoppingSpringContract {
  @Override
  AbstractServletWebServerFactory server() {
    return SpringContainers.jetty(Duration.ofSeconds(30));
  }
}
