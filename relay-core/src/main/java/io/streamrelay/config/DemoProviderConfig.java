package io.streamrelay.config;

/**
 * The launcher's embedded demo provider, which needs no key and no network.
 *
 * @param enabled whether it is started
 * @param host address it listens on
 * @param port TCP port it listens on; routes name it in their {@code upstream}
 */
public record DemoProviderConfig(boolean enabled, String host, int port) {
  /** Not started. */
  public static final DemoProviderConfig DISABLED = new DemoProviderConfig(false, "127.0.0.1", 0);
}
