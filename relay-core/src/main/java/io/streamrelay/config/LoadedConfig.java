package io.streamrelay.config;

import java.util.List;

/**
 * A configuration made from a file, and what its operator should hear about it at the start.
 *
 * @param config the configuration
 * @param warnings one line each, without any secret; empty if there is nothing to say
 */
public record LoadedConfig(RelayConfig config, List<String> warnings) {
  /** Copies the list. */
  public LoadedConfig {
    warnings = List.copyOf(warnings);
  }
}
