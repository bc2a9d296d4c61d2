/**
 * Looks at the bytes of bodies while they pass, without changing, keeping or delaying them.
 *
 * <p>Read {@link io.streamrelay.observe.StreamObserver} first; it tells whether a stream ended
 * well, and what {@link io.streamrelay.observe.Usage} it told. {@link
 * io.streamrelay.observe.SseScanner} finds the events in it, and {@link
 * io.streamrelay.observe.JsonSkimmer} the few members of a request body that matter.
 */
@NullMarked
package io.streamrelay.observe;

import org.jspecify.annotations.NullMarked;
