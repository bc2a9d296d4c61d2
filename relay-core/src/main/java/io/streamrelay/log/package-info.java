/**
 * What the relay says of its work: one line per exchange.
 *
 * <p>Read {@link io.streamrelay.log.AccessLog} first.
 */
@NullMarked
package io.streamrelay.log;

import org.jspecify.annotations.NullMarked;
