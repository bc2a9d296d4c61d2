/**
 * A provider to try the relay against: it needs no key and no network.
 *
 * <p>Read {@link io.streamrelay.jetty.demo.DemoProvider} first. What differs between the APIs is in
 * {@code Api}, what goes wrong on request in {@code Fault}, how an answer is paced in {@code
 * Player}.
 */
@NullMarked
package io.streamrelay.jetty.demo;

import org.jspecify.annotations.NullMarked;
