/**
 * What the relay counts, for Prometheus.
 *
 * <p>Read {@link io.streamrelay.metrics.RelayMetrics} first.
 */
@NullMarked
package io.streamrelay.metrics;

import org.jspecify.annotations.NullMarked;
