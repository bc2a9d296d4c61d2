/** The relay in a servlet container: the servlet, the forwarder on Jetty's client. */
@NullMarked
package io.streamrelay.jetty;

import org.jspecify.annotations.NullMarked;
