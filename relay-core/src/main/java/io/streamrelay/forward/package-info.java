/**
 * Sending one admitted request upstream and handing the answer on as it arrives.
 *
 * <p>Read {@link io.streamrelay.forward.StreamingForwarder} first: its numbered rules are what the
 * contract test checks.
 */
@NullMarked
package io.streamrelay.forward;

import org.jspecify.annotations.NullMarked;
