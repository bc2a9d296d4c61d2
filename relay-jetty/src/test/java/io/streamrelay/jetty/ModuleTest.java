package io.streamrelay.jetty;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.lang.module.Configuration;
import java.lang.module.ModuleDescriptor;
import java.lang.module.ModuleDescriptor.Requires.Modifier;
import java.lang.module.ModuleFinder;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class ModuleTest {
  private static Path of(Class<?> type) throws URISyntaxException {
    URI place = type.getProtectionDomain().getCodeSource().getLocation().toURI();
    return Path.of(place);
  }

  @Test
  void aHostIsNotMadeToHaveAServerOrALoggingBackend() throws URISyntaxException {
    ModuleDescriptor module =
        ModuleFinder.of(of(RelayServlet.class))
            .find("io.streamrelay.jetty")
            .orElseThrow()
            .descriptor();
    assertThat(module.requires())
        .filteredOn(requires -> !requires.modifiers().contains(Modifier.STATIC))
        .extracting(ModuleDescriptor.Requires::name)
        .contains("io.streamrelay.core", "org.eclipse.jetty.client")
        .noneMatch(name -> name.matches(".*(jetty\\.server|ee10|tomcat|logback|picocli|spring).*"));
  }

  /** What a modular host without Jetty's server puts on its module path is enough. */
  @Test
  void theModulePathOfAHostResolves() throws URISyntaxException {
    String needed =
        "relay-core.*|classes|jetty-(client|http|io|util|alpn-client|compression-[a-z]+)-.*"
            + "|jakarta.servlet-api-.*|jackson-core-.*|snakeyaml-.*|dotenv-java-.*|slf4j-api-.*"
            + "|prometheus-metrics-(core|model|config)-.*";
    Path[] host =
        Stream.of(System.getProperty("java.class.path").split(File.pathSeparator))
            .map(Path::of)
            .filter(path -> path.getFileName().toString().matches(needed))
            .filter(path -> !path.toString().endsWith("-tests.jar"))
            .toArray(Path[]::new);
    Configuration resolved =
        Configuration.resolve(
            ModuleFinder.of(host),
            List.of(ModuleLayer.boot().configuration()),
            ModuleFinder.of(),
            List.of("io.streamrelay.jetty"));
    assertThat(resolved.findModule("io.streamrelay.jetty")).isPresent();
    assertThat(resolved.findModule("org.eclipse.jetty.client")).isPresent();
  }
}
