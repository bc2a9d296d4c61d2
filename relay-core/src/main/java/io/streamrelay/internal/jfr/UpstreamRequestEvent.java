package io.streamrelay.internal.jfr;

import jdk.jfr.Description;
import jdk.jfr.Label;
import jdk.jfr.Name;

/** The relay has done its part: from here on it waits. */
@Name("io.streamrelay.UpstreamRequest")
@Label("Upstream Request")
@Description("The request was handed to the upstream's client")
final class UpstreamRequestEvent extends StreamEvent {
  @Label("Attempt")
  int attempt;
}
