package io.streamrelay.jetty;

import java.time.Duration;
import java.util.List;

/** The relay in an embedded Undertow. */
class UndertowContainerTest extends ServletContainerContract {
  @Override
  TestContainer start(List<TestContainer.Mount> mounts, Duration idle) throws Exception {
    return TestContainer.undertow(mounts, idle);
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

  /** It takes a size that is none for that of the last chunk (2.3.26). */
  @Override
  boolean tellsBrokenFraming() {
    return false;
  }

  @Override
  boolean answersBrokenFraming() {
    return false;
  }
}
