/**
 * What a flight recording tells of streams.
 *
 * <p>Read {@link io.streamrelay.internal.jfr.JfrEvents} first. Nothing outside of this package may
 * name a class of it but {@code FlightRecording}: a runtime without the module {@code jdk.jfr} can
 * load no other.
 */
@NullMarked
package io.streamrelay.internal.jfr;

import org.jspecify.annotations.NullMarked;
