/**
 * What an operator sets, as values: made from a YAML file or in code, with the same reach.
 *
 * <p>Read {@link io.streamrelay.config.RelayConfig} first.
 */
@NullMarked
package io.streamrelay.config;

import org.jspecify.annotations.NullMarked;
