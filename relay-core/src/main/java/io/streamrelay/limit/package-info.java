/**
 * How often a tenant may ask: the limiter's interface and its engines.
 *
 * <p>Read {@link io.streamrelay.limit.RateLimiter} first.
 */
@NullMarked
package io.streamrelay.limit;

import org.jspecify.annotations.NullMarked;
