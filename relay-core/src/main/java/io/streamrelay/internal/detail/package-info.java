/**
 * The detailed log: heads, timeline and, if the operator asked for them, bodies of exchanges.
 *
 * <p>Read {@link io.streamrelay.internal.detail.DetailedLog} first.
 */
@NullMarked
package io.streamrelay.internal.detail;

import org.jspecify.annotations.NullMarked;
