package io.streamrelay.internal.jfr;

import jdk.jfr.Description;
import jdk.jfr.Label;
import jdk.jfr.Name;

/** The user sees something. */
@Name("io.streamrelay.FirstToken")
@Label("First Token")
@Description("The first event with content was handed to the client")
final class FirstTokenEvent extends StreamEvent {}
