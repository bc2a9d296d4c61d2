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

  /** All of these reach the upstream as one well-formed request (2.3.26). */
  @Override
  Set<String> tolerates() {
    return Set.of(
        "TE folded",
        "an extension with a bare LF",
        "an extension with a bare CR",
        "size ended by LF",
        "data ended by LF",
        "all ended by LF",
        "data longer than its size",
        "data shorter than its size",
        "last chunk ended by CR",
        "a folded field",
        "a folded key",
        "version 1.2");
  }

  /** Undertow's own, unless its host sets MAX_HEADER_SIZE; what it counts is not the whole head. */
  @Override
  int maxHeadBytes() {
    return 1024 * 1024;
  }

  /** A servlet in Undertow cannot tell it from none. */
  @Override
  boolean tellsAnEmptyQuery() {
    return false;
  }
}
