package io.streamrelay.jetty;

import io.streamrelay.jetty.TestContainer.Mount;
import java.time.Duration;
import java.util.List;
import java.util.Set;

/** The door in Undertow. */
class UndertowDoorTest extends DoorContract {
  @Override
  TestContainer start(List<Mount> mounts, Duration idle) throws Exception {
    return TestContainer.undertow(mounts, idle);
  }

  @Override
  Set<String> tolerates() {
    return Set.of(
        "CL then TE",
        "TE then CL",
        "CL 0 and TE",
        "TE folded",
        "TE behind a bare LF, with CL",
        "a folded field",
        "a folded key",
        "a bare LF ends a field",
        "bare LFs end all",
        "two blanks before the target",
        "two blanks before the version",
        "tabs in the request line");
  }
}
