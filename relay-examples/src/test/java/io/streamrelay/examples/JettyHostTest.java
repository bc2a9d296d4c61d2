package io.streamrelay.examples;

import java.net.URI;

final class JettyHostTest extends HostRules {
  private final JettyHost host = JettyHost.start(0);

  JettyHostTest() throws Exception {}

  @Override
  URI uri() {
    return host.uri();
  }

  @Override
  void stop() throws Exception {
    host.close();
  }
}
