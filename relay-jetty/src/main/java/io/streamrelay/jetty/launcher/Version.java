package io.streamrelay.jetty.launcher;

import org.jspecify.annotations.Nullable;

/** The version that the build wrote into the jar. */
final class Version {
  private Version() {}

  static String get() {
    @Nullable String version = Version.class.getPackage().getImplementationVersion();
    return version == null ? "development" : version;
  }
}
