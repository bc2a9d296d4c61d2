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
 * @param maxStreams how many exchanges may run at once, at least 1; more are refused
 * @param maxConnections how many clients may be connected at once, at least 1; more wait until one
 *     leaves; used by the launcher only
 * @param minUploadRate how many bytes a second a client must send of its request body, on average
 *     over the time in which it is waited for and after 30 s of that; 0 for any. What it is ahead
 *     never counts for more than the route's {@code idle}.
 */
public record ServerConfig(
    String host,
    int port,
    long maxBodySize,
    Duration preStopDelay,
    Duration drainTimeout,
    int maxStreams,
    int maxConnections,
    long minUploadRate) {
  /**
   * What one stream may take of the heap at the most, for {@link #maxStreams}' default.
   *
   * <p>An ordinary stream takes about 16 KiB. A large request body adds 64 KiB until the upstream
   * has taken it, and 16 KiB while it streams through; a request head adds what it is long, twice,
   * and a response head likewise.
   */
  public static final int HEAP_BYTES_PER_STREAM = 128 * 1024;

  private static final int LEAST_STREAMS = 100;

  /** About a tenth of what a phone sends over GPRS, the slowest there is. */
  private static final long DEFAULT_UPLOAD_RATE = 256;

  /**
   * All interfaces, port 8080, 10 MiB, no delay, 30 s, as many streams as fit into half of this
   * JVM's largest heap, four times as many connections, 256 bytes a second.
   */
  public static final ServerConfig DEFAULT =
      new ServerConfig("0.0.0.0", 8080, 10_485_760, Duration.ZERO, Duration.ofSeconds(30));

  /**
   * With the defaults of {@code maxStreams}, {@code maxConnections} and {@code minUploadRate}.
   *
   * @param host address to listen on
   * @param port TCP port
   * @param maxBodySize largest request body in bytes
   * @param preStopDelay time to serve on while not ready
   * @param drainTimeout time for live streams to end
   */
  public ServerConfig(
      String host, int port, long maxBodySize, Duration preStopDelay, Duration drainTimeout) {
    this(
        host,
        port,
        maxBodySize,
        preStopDelay,
        drainTimeout,
        defaultStreams(),
        connectionsFor(defaultStreams()),
        DEFAULT_UPLOAD_RATE);
  }

  private static int defaultStreams() {
    long fit = Runtime.getRuntime().maxMemory() / 2 / HEAP_BYTES_PER_STREAM;
    return (int) Math.max(LEAST_STREAMS, Math.min(fit, 1_000_000));
  }

  /** An idle connection is cheap; clients keep some between requests. */
  static int connectionsFor(int streams) {
    return (int) Math.min(4L * streams, Integer.MAX_VALUE);
  }

  /** Refuses values out of range. */
  public ServerConfig {
    if (port < 0 || port > 65535) {
      throw new IllegalArgumentException("server.port is " + port + " (expected: 0 to 65535)");
    }
    if (maxBodySize < 1) {
      throw new IllegalArgumentException(
          "server.max_body_size is " + maxBodySize + " (expected: at least 1 byte, e.g. 10MB)");
    }
    if (maxStreams < 1 || maxConnections < 1) {
      throw new IllegalArgumentException(
          "server.max_streams is "
              + maxStreams
              + ", server.max_connections is "
              + maxConnections
              + " (expected: at least 1)");
    }
    if (minUploadRate < 0) {
      throw new IllegalArgumentException(
          "server.min_upload_rate is "
              + minUploadRate
              + " (expected: bytes per second, e.g. 256; 0 for any)");
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
    return new ServerConfig(
        host,
        port,
        maxBodySize,
        preStopDelay,
        drainTimeout,
        maxStreams,
        maxConnections,
        minUploadRate);
  }

  /**
   * Changes one value.
   *
   * @param port TCP port, 0 for any free one
   * @return a copy with it
   */
  public ServerConfig withPort(int port) {
    return new ServerConfig(
        host,
        port,
        maxBodySize,
        preStopDelay,
        drainTimeout,
        maxStreams,
        maxConnections,
        minUploadRate);
  }

  /**
   * Changes one value.
   *
   * @param maxBodySize largest request body in bytes
   * @return a copy with it
   */
  public ServerConfig withMaxBodySize(long maxBodySize) {
    return new ServerConfig(
        host,
        port,
        maxBodySize,
        preStopDelay,
        drainTimeout,
        maxStreams,
        maxConnections,
        minUploadRate);
  }

  /**
   * Changes one value.
   *
   * @param preStopDelay time to serve on while not ready; zero for none
   * @return a copy with it
   */
  public ServerConfig withPreStopDelay(Duration preStopDelay) {
    return new ServerConfig(
        host,
        port,
        maxBodySize,
        preStopDelay,
        drainTimeout,
        maxStreams,
        maxConnections,
        minUploadRate);
  }

  /**
   * Changes one value.
   *
   * @param drainTimeout time for live streams to end; zero cuts them at once
   * @return a copy with it
   */
  public ServerConfig withDrainTimeout(Duration drainTimeout) {
    return new ServerConfig(
        host,
        port,
        maxBodySize,
        preStopDelay,
        drainTimeout,
        maxStreams,
        maxConnections,
        minUploadRate);
  }

  /**
   * Changes one value. {@code maxConnections} stays as it is.
   *
   * @param maxStreams how many exchanges may run at once
   * @return a copy with it
   */
  public ServerConfig withMaxStreams(int maxStreams) {
    return new ServerConfig(
        host,
        port,
        maxBodySize,
        preStopDelay,
        drainTimeout,
        maxStreams,
        maxConnections,
        minUploadRate);
  }

  /**
   * Changes one value.
   *
   * @param maxConnections how many clients may be connected at once
   * @return a copy with it
   */
  public ServerConfig withMaxConnections(int maxConnections) {
    return new ServerConfig(
        host,
        port,
        maxBodySize,
        preStopDelay,
        drainTimeout,
        maxStreams,
        maxConnections,
        minUploadRate);
  }

  /**
   * Changes one value.
   *
   * @param minUploadRate bytes per second of a request body, 0 for any
   * @return a copy with it
   */
  public ServerConfig withMinUploadRate(long minUploadRate) {
    return new ServerConfig(
        host,
        port,
        maxBodySize,
        preStopDelay,
        drainTimeout,
        maxStreams,
        maxConnections,
        minUploadRate);
  }
}
