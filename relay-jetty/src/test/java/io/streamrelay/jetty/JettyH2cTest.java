package io.streamrelay.jetty;

import java.time.Duration;
import java.util.List;

/** HTTP/2 in clear, by prior knowledge. */
class JettyH2cTest extends Http2Contract {
  @Override
  TestContainer start(List<TestContainer.Mount> mounts, Duration idle) throws Exception {
    return JettyContainers.h2c(mounts, idle);
  }

  @Override
  boolean isTls() {
    return false;
  }
}
