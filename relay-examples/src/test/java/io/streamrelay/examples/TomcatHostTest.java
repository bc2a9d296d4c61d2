package io.streamrelay.examples;

import java.net.URI;

final class TomcatHostTest extends HostRules {
  private final TomcatHost host = TomcatHost.start(0);

  TomcatHostTest() throws Exception {}

  @Override
  URI uri() {
    return host.uri();
  }

  @Override
  void stop() throws Exception {
    host.close();
  }
}
