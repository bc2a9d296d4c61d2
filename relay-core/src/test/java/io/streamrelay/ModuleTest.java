package io.streamrelay;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.lang.module.ModuleDescriptor;
import org.junit.jupiter.api.Test;

class ModuleTest {
  @Test
  void coreRequiresNoHttpClientServerOrServletModule() throws IOException {
    try (InputStream in = Ticker.class.getResourceAsStream("/module-info.class")) {
      assertThat(in).isNotNull();
      assertThat(ModuleDescriptor.read(in).requires())
          .extracting(ModuleDescriptor.Requires::name)
          .noneMatch(
              name -> name.matches(".*(net\\.http|httpserver|servlet|jetty|okhttp|netty).*"));
    }
  }
}
