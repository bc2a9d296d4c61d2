/**
 * The few HTTP values that both sides share: header lists and the rules for passing them on.
 *
 * <p>Read {@link io.streamrelay.http.Headers} first.
 */
@NullMarked
package io.streamrelay.http;

import org.jspecify.annotations.NullMarked;
