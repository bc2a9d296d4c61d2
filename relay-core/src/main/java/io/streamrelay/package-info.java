/**
 * What an embedder touches first: the values that the other packages share.
 *
 * <p>Read {@link io.streamrelay.EndReason} first.
 */
@NullMarked
package io.streamrelay;

import org.jspecify.annotations.NullMarked;
