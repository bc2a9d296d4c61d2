/**
 * Where a request goes: the guard of its path, the routes, and the table that finds one.
 *
 * <p>Read {@link io.streamrelay.route.RouteRegistry} first.
 */
@NullMarked
package io.streamrelay.route;

import org.jspecify.annotations.NullMarked;
