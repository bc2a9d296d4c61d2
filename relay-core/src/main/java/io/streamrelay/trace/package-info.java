/**
 * An exchange's place in a distributed trace. Begin with {@link io.streamrelay.trace.TraceContext}.
 */
@NullMarked
package io.streamrelay.trace;

import org.jspecify.annotations.NullMarked;
