package io.streamrelay.observe;

/**
 * What an answer of audio was, and whether a player could have kept up with it.
 *
 * @param format how it is encoded, such as {@code wav}
 * @param durationNanos how long what the client got plays; -1 if not known
 * @param spanNanos from the first audio handed to the client to the last
 * @param underruns how often a player that starts with the first audio would have run dry; -1 if
 *     not known
 * @param underrunNanos for how long altogether; -1 if not known
 */
public record AudioStats(
    String format, long durationNanos, long spanNanos, int underruns, long underrunNanos) {}
