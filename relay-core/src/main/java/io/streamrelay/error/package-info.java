/**
 * What the relay itself answers when it does not pass an upstream's answer on.
 *
 * <p>Read {@link io.streamrelay.error.RelayError} first.
 */
@NullMarked
package io.streamrelay.error;

import org.jspecify.annotations.NullMarked;
