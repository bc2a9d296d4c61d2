package io.streamrelay.internal.jfr;

import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.StackTrace;
import org.jspecify.annotations.Nullable;

/** What all events say: which exchange it is. */
@Category("Stream Relay")
@StackTrace(false)
abstract class StreamEvent extends Event {
  @Label("Request")
  @Description("The exchange's id, as in X-Request-ID and the access log")
  @Nullable String requestId;

  @Label("Route")
  @Nullable String route;
}
