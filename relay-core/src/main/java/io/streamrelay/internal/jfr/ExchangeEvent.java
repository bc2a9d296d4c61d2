package io.streamrelay.internal.jfr;

import jdk.jfr.DataAmount;
import jdk.jfr.Description;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.Timespan;
import org.jspecify.annotations.Nullable;

/** One exchange from its request to its end; only of those that began while recording. */
@Name("io.streamrelay.Exchange")
@Label("Exchange")
@Description("One exchange from its request to its end")
final class ExchangeEvent extends StreamEvent {
  @Label("Tenant")
  @Nullable String tenant;

  @Label("Model")
  @Nullable String model;

  @Label("Outcome")
  @Nullable String end;

  @Label("Error")
  @Nullable String error;

  @Label("Status")
  int status;

  @Label("Time to Head")
  @Description("To the head of the upstream response")
  @Timespan(Timespan.NANOSECONDS)
  long timeToHead;

  @Label("Time to First Byte")
  @Timespan(Timespan.NANOSECONDS)
  long timeToFirstByte;

  @Label("Time to First Token")
  @Timespan(Timespan.NANOSECONDS)
  long timeToFirstToken;

  @Label("Longest Stall")
  @Timespan(Timespan.NANOSECONDS)
  long longestStall;

  @Label("Client Blocked")
  @Description("In which a write waited for the client")
  @Timespan(Timespan.NANOSECONDS)
  long clientBlocked;

  @Label("Overhead")
  @Description("The share of the relay in the time to the first byte")
  @Timespan(Timespan.NANOSECONDS)
  long overhead;

  @Label("Bytes In")
  @DataAmount
  long bytesIn;

  @Label("Bytes Out")
  @DataAmount
  long bytesOut;

  @Label("Events")
  long events;
}
