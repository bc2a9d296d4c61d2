package io.streamrelay.internal.jfr;

import jdk.jfr.Description;
import jdk.jfr.Label;
import jdk.jfr.Name;

/** A request was taken: shows streams that are still running when the recording ends. */
@Name("io.streamrelay.ExchangeStart")
@Label("Exchange Start")
@Description("A request was taken and has a route")
final class ExchangeStartEvent extends StreamEvent {}
