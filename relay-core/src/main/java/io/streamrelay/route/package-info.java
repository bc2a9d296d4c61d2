/**
 * Where a request goes
 *
 * <p>Read {@link io.streamrelay.route. the guard of its path, the routes, and the table that finds
 * one.:RouteRegistry} first.
 */
@NullMarked
package io.streamrelay.route;

import org.jspecify.annotations.NullMarked;
