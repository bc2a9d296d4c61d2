package io.streamrelay.forward;

import java.util.Objects;

/**
 * What a forwarder holds for one upstream at one moment.
 *
 * @param upstream its host and port, as in {@code api.openai.com:443}
 * @param active connections that carry a call, or rest a moment after one
 * @param idle connections that wait for a call
 * @param waiting calls that wait for a connection
 */
public record UpstreamPool(String upstream, int active, int idle, int waiting) {
  /** Refuses null. */
  public UpstreamPool {
    Objects.requireNonNull(upstream, "upstream");
  }
}
