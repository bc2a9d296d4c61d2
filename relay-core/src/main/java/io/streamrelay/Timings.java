package io.streamrelay;

/**
 * When what a user waits for came, and how evenly: what {@link ExchangeRecord} tells of time beyond
 * its ends. All in nanoseconds; -1 stands for not known.
 *
 * @param timeToFirstTokenNanos from the request to the first event with content handed to the
 *     client; -1 if no stream of events brought any
 * @param timeToFirstAudioNanos from the request to the first audio handed to the client; -1 if
 *     there was none
 * @param longestStallNanos the longest time between two chunks of the answer as handed to the
 *     client; -1 if there were fewer than two
 * @param outputNanos from the first event with content to the last; -1 if there was none
 * @param overheadNanos the relay's own share of the time to the first byte: from when the request
 *     was there, as far as it is kept, to when it was handed to the forwarder, without the time in
 *     which its body was waited for, and from when the answer's first chunk was there to when it
 *     was handed to the client. -1 if nothing was sent upstream
 */
public record Timings(
    long timeToFirstTokenNanos,
    long timeToFirstAudioNanos,
    long longestStallNanos,
    long outputNanos,
    long overheadNanos) {
  /** Nothing is known. */
  public static final Timings NONE = new Timings(-1, -1, -1, -1, -1);
}
