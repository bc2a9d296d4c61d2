package io.streamrelay;

/**
 * How a drain went.
 *
 * @param finished exchanges that were live when it began and ended by themselves
 * @param cut exchanges that had to be cut at the deadline
 */
public record DrainResult(int finished, int cut) {}
