package io.streamrelay.jetty;

import io.streamrelay.jetty.TestContainer.Mount;
import java.time.Duration;
import java.util.List;
import java.util.Set;

/** The door in Jetty. */
class JettyDoorTest extends DoorContract {
  @Override
  TestContainer start(List<Mount> mounts, Duration idle) throws Exception {
    return TestContainer.jetty(mounts, idle);
  }

  @Override
  Set<String> tolerates() {
    return Set.of(
        "a bare LF ends a field",
        "bare LFs end all",
        "version in small letters",
        "two blanks before the target",
        "two blanks before the version");
  }

  /** Jetty does so when the body is first read, whatever the version. */
  @Override
  boolean tellsHttp10ToContinue() {
    return true;
  }
}
