package io.streamrelay.internal.jfr;

import jdk.jfr.Description;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.Timespan;
import jdk.jfr.Timestamp;

/**
 * The answer stood still. An instant event with its length in a field, since an event's own start
 * cannot be set afterwards.
 */
@Name("io.streamrelay.Stall")
@Label("Stall")
@Description("The answer stood still for a second or more; told when it went on, or at the end")
final class StallEvent extends StreamEvent {
  @Label("Gap")
  @Timespan(Timespan.NANOSECONDS)
  long gap;

  @Label("Since")
  @Timestamp(Timestamp.MILLISECONDS_SINCE_EPOCH)
  long since;

  @Label("By Client")
  @Description("Whether a write waited for the client, rather than the relay for the upstream")
  boolean byClient;
}
