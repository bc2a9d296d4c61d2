package io.streamrelay.internal.jfr;

import jdk.jfr.Description;
import jdk.jfr.Label;
import jdk.jfr.Name;

/** The client has something. */
@Name("io.streamrelay.FirstByte")
@Label("First Byte")
@Description("The first bytes of the upstream's body were handed to the client")
final class FirstByteEvent extends StreamEvent {}
