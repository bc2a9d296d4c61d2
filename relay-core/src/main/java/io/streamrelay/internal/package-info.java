/**
 * The running parts behind {@link io.streamrelay.Relay}. Not exported: they may change freely.
 *
 * <p>Read {@link io.streamrelay.internal.ExchangeRun} first.
 */
@NullMarked
package io.streamrelay.internal;

import org.jspecify.annotations.NullMarked;
