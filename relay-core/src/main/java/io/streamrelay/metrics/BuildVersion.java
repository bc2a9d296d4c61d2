package io.streamrelay.metrics;

import java.lang.module.ModuleDescriptor;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The version that the build wrote into the jar. */
final class BuildVersion {
  private BuildVersion() {}

  static String get() {
    // On the class path, as in the launcher's jar.
    @Nullable String version = BuildVersion.class.getPackage().getImplementationVersion();
    return version != null
        ? version
        : Optional.ofNullable(BuildVersion.class.getModule().getDescriptor())
            .flatMap(ModuleDescriptor::rawVersion)
            .orElse("development");
  }
}
