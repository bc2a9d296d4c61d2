/**
 * Who may do what: policies, their decisions, and the chain that asks them in order.
 *
 * <p>Read {@link io.streamrelay.policy.Policy} first.
 */
@NullMarked
package io.streamrelay.policy;

import org.jspecify.annotations.NullMarked;
