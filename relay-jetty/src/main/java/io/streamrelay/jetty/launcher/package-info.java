/**
 * The relay as a program of its own: its server and its log.
 *
 * <p>Nothing in here is meant for a host that embeds the relay.
 */
@NullMarked
package io.streamrelay.jetty.launcher;

import org.jspecify.annotations.NullMarked;
