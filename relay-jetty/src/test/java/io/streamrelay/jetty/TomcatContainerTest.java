package io.streamrelay.jetty;

import java.time.Duration;
import java.util.List;

/** The relay in an embedded Tomcat. */
class TomcatContainerTest extends ServletContainerContract {
  @Override
  TestContainer start(List<TestContainer.Mount> mounts, Duration idle) throws Exception {
    return TestContainer.tomcat(mounts, idle);
  }

  @Override
  boolean noticesSilentDepartures() {
    return true;
  }

  /** It does so itself, before it asks a servlet. */
  @Override
  boolean letsTheServletSayContinue() {
    return false;
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

  /** It closes the connection. */
  @Override
  boolean answersBrokenFraming() {
    return false;
  }
}
