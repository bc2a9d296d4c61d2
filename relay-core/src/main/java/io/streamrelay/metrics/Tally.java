package io.streamrelay.metrics;

import io.streamrelay.ExchangeRecord;

/** The series of one topic, for one route or one model of it; told of each of its exchanges. */
interface Tally {
  /** Adds an exchange. Any thread. */
  void add(ExchangeRecord record);
}
