package io.streamrelay.jetty;

import java.time.Duration;
import java.util.List;

/** The relay in an embedded Tomcat with the NIO2 connector. */
class TomcatNio2ContainerTest extends ServletContainerContract {
  @Override
  TestContainer start(List<TestContainer.Mount> mounts, Duration idle) throws Exception {
    return TestContainer.tomcatNio2(mounts, idle);
  }

  /** Its connections cannot be looked at: a departure shows at a write. */
  @Override
  boolean noticesSilentDepartures() {
    return false;
  }

  /** It does so itself, before it asks a servlet. */
  @Override
  boolean letsTheServletSayContinue() {
    return false;
  }

  /** Its sockets know no reset. */
  @Override
  boolean resetsHttp10() {
    return false;
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
