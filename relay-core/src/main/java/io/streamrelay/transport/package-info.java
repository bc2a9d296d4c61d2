/**
 * The door for container adapters: what a server hands the relay for each request.
 *
 * <p>Read {@link io.streamrelay.transport.ClientResponse} first.
 */
@NullMarked
package io.streamrelay.transport;

import org.jspecify.annotations.NullMarked;
