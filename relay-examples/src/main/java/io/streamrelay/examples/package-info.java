/**
 * Small runnable mains, one idea each. Read {@link io.streamrelay.examples.JettyHost} first.
 *
 * <p>Each host is whole in itself, so that it can be copied; what two of them share is repeated.
 */
@NullMarked
package io.streamrelay.examples;

import org.jspecify.annotations.NullMarked;
