/**
 * Each exchange's place in a distributed trace: W3C Trace Context, and where spans come from.
 *
 * <p>Read {@link io.streamrelay.trace.Tracing} first.
 */
@NullMarked
package io.streamrelay.trace;

import org.jspecify.annotations.NullMarked;
