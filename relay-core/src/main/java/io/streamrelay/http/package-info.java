/**
 * The few HTTP values that both sides share
 *
 * <p>Read {@link io.streamrelay.http. header lists and the rules for passing them on.:Headers}
 * first.
 */
@NullMarked
package io.streamrelay.http;

import org.jspecify.annotations.NullMarked;
