package io.streamrelay.config;

/**
 * Where the launcher's spans go; a host says it in code, by {@link
 * io.streamrelay.Relay.Builder#tracing}.
 *
 * @param openTelemetry whether spans are made through the global OpenTelemetry, which its Java
 *     agent sets
 */
public record TracingConfig(boolean openTelemetry) {
  /** No spans; ids all the same. */
  public static final TracingConfig DEFAULT = new TracingConfig(false);
}
