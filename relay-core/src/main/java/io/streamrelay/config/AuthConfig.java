package io.streamrelay.config;

import io.streamrelay.policy.ApiKey;
import java.util.List;

/**
 * Which keys clients may use.
 *
 * @param enabled false if the host or the network authenticates and the relay must not
 * @param keys at least one if enabled
 */
public record AuthConfig(boolean enabled, List<ApiKey> keys) {
  /** The relay asks for no key; the host or the network does. */
  public static final AuthConfig DISABLED = new AuthConfig(false, List.of());

  /** Refuses an enabled check that no key could pass. */
  public AuthConfig {
    keys = List.copyOf(keys);
    if (enabled && keys.isEmpty()) {
      throw new IllegalArgumentException(
          "auth.api_keys is empty (expected: at least one key, or auth.enabled: false if the host"
              + " or the network authenticates)");
    }
  }
}
