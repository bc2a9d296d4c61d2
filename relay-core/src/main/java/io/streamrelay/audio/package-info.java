/**
 * Measures sound while it passes: when it begins, how long it is, and whether a player would have
 * run dry.
 *
 * <p>Read {@link io.streamrelay.audio.AudioMeter} first; it looks at an answer. {@link
 * io.streamrelay.audio.SpeechRequest} looks at the request, which is where raw samples are
 * described, and counts the characters to be spoken. Nothing here changes, keeps or delays a byte.
 */
@NullMarked
package io.streamrelay.audio;

import org.jspecify.annotations.NullMarked;
