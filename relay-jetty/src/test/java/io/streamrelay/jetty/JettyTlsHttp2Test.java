package io.streamrelay.jetty;

import java.time.Duration;
import java.util.List;

/** HTTP/2 over TLS, agreed on by ALPN. */
class JettyTlsHttp2Test extends Http2Contract {
  @Override
  TestContainer start(List<TestContainer.Mount> mounts, Duration idle) throws Exception {
    return JettyContainers.tls(mounts, idle);
  }

  @Override
  boolean isTls() {
    return true;
  }
}
