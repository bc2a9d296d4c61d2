package io.streamrelay.config;

import java.time.Duration;

/**
 * The listening side and how it stops.
 *
 * @param host address to listen on; used by the launcher only
 * @param port TCP port, 0 for any free one; used by the launcher only
 * @param maxBodySize largest request body in bytes, at least 1
 * @param preStopDelay how long a stopping relay still serves while {@code /readyz} already fails
 * @param drainTimeout how long live streams may go on after that; zero cuts them at once
 */
public record ServerConfig(
    String host, int port, long maxBodySize, Duration preStopDelay, Duration drainTimeout) {
  /** All interfaces, port 8080, 10 MiB, no delay, 30 s. */
  public static final ServerConfig DEFAULT =
      new ServerConfig("0.0.0.0", 8080, 10_485_760, Duration.ZERO, Duration.ofSeconds(30));

  /** Refuses values out of range. */
  public ServerConfig {
    if (port < 0 || port > 65535) {
      throw new IllegalArgumentException("server.port is " + port + " (expected: 0 to 65535)");
    }
    if (maxBodySize < 1) {
      throw new IllegalArgumentException(
          "server.max_body_size is " + maxBodySize + " (expected: at least 1 byte, e.g. 10MB)");
    }
    if (preStopDelay.isNegative() || drainTimeout.isNegative()) {
      throw new IllegalArgumentException(
          "server.pre_stop_delay is "
              + preStopDelay
              + ", server.drain_timeout is "
              + drainTimeout
              + " (expected: 0 or more, e.g. 30s)");
    }
  }

  /**
   * Changes one value.
   *
   * @param host address to listen on
   * @return a copy with it
   */
  public ServerConfig withHost(String host) {
    return new ServerConfig(host, port, maxBodySize, preStopDelay, drainTimeout);
  }

  /**
   * Changes one value.
   *
   * @param port TCP port, 0 for any free one
   * @return a copy with it
   */
  public ServerConfig withPort(int port) {
    return new ServerConfig(host, port, maxBodySize, preStopDelay, drainTimeout);
  }

  /**
   * Changes one value.
   *
   * @param maxBodySize largest request body in bytes
   * @return a copy with it
   */
  public ServerConfig withMaxBodySize(long maxBodySize) {
    return new ServerConfig(host, port, maxBodySize, preStopDelay, drainTimeout);
  }

  /**
   * Changes one value.
   *
   * @param preStopDelay time to serve on while not ready; zero for none
   * @return a copy with it
   */
  public ServerConfig withPreStopDelay(Duration preStopDelay) {
    return new ServerConfig(host, port, maxBodySize, preStopDelay, drainTimeout);
  }

  /**
   * Changes one value.
   *
   * @param drainTimeout time for live streams to end; zero cuts them at once
   * @return a copy with it
   */
  public ServerConfig withDrainTimeout(Duration drainTimeout) {
    return new ServerConfig(host, port, maxBodySize, preStopDelay, drainTimeout);
  }
}
