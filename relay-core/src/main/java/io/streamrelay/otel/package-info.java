/**
 * Spans of exchanges through OpenTelemetry's API, for hosts that have an SDK or its agent.
 *
 * <p>Begin with {@link io.streamrelay.otel.OpenTelemetryTracing}. Nothing else in the relay needs
 * OpenTelemetry's classes.
 */
@NullMarked
package io.streamrelay.otel;

import org.jspecify.annotations.NullMarked;
