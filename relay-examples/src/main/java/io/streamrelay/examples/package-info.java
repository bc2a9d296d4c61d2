/** Small runnable mains, one idea each. */
@NullMarked
package io.streamrelay.examples;

import org.jspecify.annotations.NullMarked;
