package io.streamrelay.internal.jfr;

import jdk.jfr.Description;
import jdk.jfr.Label;
import jdk.jfr.Name;

/** The upstream has answered. */
@Name("io.streamrelay.UpstreamHead")
@Label("Upstream Head")
@Description("The upstream's response head has come")
final class UpstreamHeadEvent extends StreamEvent {
  @Label("Upstream Status")
  int status;
}
