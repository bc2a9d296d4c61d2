package io.streamrelay.jetty;

import java.time.Duration;
import java.util.List;

/** Every end in Undertow. */
class UndertowEndingsTest extends EndingsContract {
  @Override
  TestContainer start(List<TestContainer.Mount> mounts) throws Exception {
    return TestContainer.undertow(mounts, Duration.ofSeconds(30));
  }
}
