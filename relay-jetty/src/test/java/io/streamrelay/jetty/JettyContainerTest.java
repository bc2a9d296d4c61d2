package io.streamrelay.jetty;

import java.util.List;

/** The relay in Jetty's ee10 environment. */
class JettyContainerTest extends ServletContainerContract {
  @Override
  TestContainer start(List<TestContainer.Mount> mounts) throws Exception {
    return TestContainer.jetty(mounts);
  }

  @Override
  boolean noticesSilentDepartures() {
    return true;
  }

  @Override
  boolean letsTheServletSayContinue() {
    return true;
  }
}
