/**
 * The relay in a servlet container: the servlet, and the forwarder on Jetty's client.
 *
 * <p>Read {@link io.streamrelay.jetty.RelayServlet} first.
 */
@NullMarked
package io.streamrelay.jetty;

import org.jspecify.annotations.NullMarked;
