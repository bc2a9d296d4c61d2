package io.streamrelay.jetty;

import java.time.Duration;
import java.util.List;

/** The relay in an embedded Tomcat. */
class TomcatContainerTest extends ServletContainerContract {
  @Override
  TestContainer start(List<TestContainer.Mount> mounts, Duration idle) throws Exception {
    return TestContainer.tomcat(mounts, idle);
  }

  /** Nothing reads Tomcat's socket while an answer is awaited: a departure shows at a write. */
  @Override
  boolean noticesSilentDepartures() {
    return false;
  }

  /** It does so itself, before it asks a servlet. */
  @Override
  boolean letsTheServletSayContinue() {
    return false;
  }

  @Override
  boolean resetsHttp10() {
    return false;
  }

  @Override
  boolean waitsForSlowReaders() {
    return false;
  }
}
