package io.streamrelay.jetty;

import java.time.Duration;
import java.util.List;

/** The relay in Jetty's ee10 environment. */
class JettyContainerTest extends ServletContainerContract {
  @Override
  TestContainer start(List<TestContainer.Mount> mounts, Duration idle) throws Exception {
    return TestContainer.jetty(mounts, idle);
  }

  @Override
  boolean noticesSilentDepartures() {
    return true;
  }

  @Override
  boolean letsTheServletSayContinue() {
    return true;
  }

  @Override
  boolean resetsHttp10() {
    return true;
  }

  @Override
  boolean waitsForSlowReaders() {
    return true;
  }

  @Override
  boolean tellsBrokenFraming() {
    return true;
  }

  @Override
  boolean answersBrokenFraming() {
    return true;
  }
}
