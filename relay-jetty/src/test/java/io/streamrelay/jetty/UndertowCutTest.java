package io.streamrelay.jetty;

import java.time.Duration;
import java.util.List;

/** Streams that end early, in Undertow. */
class UndertowCutTest extends CutContract {
  @Override
  TestContainer start(List<TestContainer.Mount> mounts) throws Exception {
    return TestContainer.undertow(mounts, Duration.ofSeconds(30));
  }
}
