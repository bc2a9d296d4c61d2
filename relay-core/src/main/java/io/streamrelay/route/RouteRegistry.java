package io.streamrelay.route;

import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Finds the route for a request path.
 *
 * <p>Immutable and thread-safe; a reload swaps in a whole new registry. The longest matching prefix
 * wins, and prefixes end at segment borders. Lookup costs one hash probe per segment of the request
 * path, however many routes there are.
 */
public final class RouteRegistry {
  private final List<Route> routes;
  private final Map<String, Route> byPath;

  private RouteRegistry(Collection<Route> routes) {
    Map<String, Route> names = new LinkedHashMap<>();
    Map<String, Route> paths = new LinkedHashMap<>();
    for (Route route : routes) {
      if (names.putIfAbsent(route.name(), route) != null) {
        throw new IllegalArgumentException(
            "route name '" + route.name() + "' is used twice (expected: one route per name)");
      }
      Route other = paths.putIfAbsent(route.path(), route);
      if (other != null) {
        throw new IllegalArgumentException(
            "path "
                + route.path()
                + " is served by route '"
                + other.name()
                + "' and by route '"
                + route.name()
                + "' (expected: one route per path)");
      }
    }
    this.routes = List.copyOf(routes);
    this.byPath = Map.copyOf(paths);
  }

  /**
   * Makes a registry.
   *
   * @param routes any number, in the order they are to be listed
   * @return the registry
   * @throws IllegalArgumentException if two routes share a name or a path
   */
  public static RouteRegistry of(Collection<Route> routes) {
    return new RouteRegistry(routes);
  }

  /**
   * Finds a route.
   *
   * @param rawPath a path that {@link PathGuard} passed
   * @return the route with the longest prefix; null if none matches
   */
  public @Nullable Route find(String rawPath) {
    String prefix = rawPath;
    while (true) {
      Route found = byPath.get(prefix);
      if (found != null) {
        return found;
      }
      int slash = prefix.lastIndexOf('/');
      if (slash <= 0) {
        return byPath.get("/");
      }
      prefix = prefix.substring(0, slash);
    }
  }

  /**
   * Returns all routes.
   *
   * @return in the order given
   */
  public List<Route> routes() {
    return routes;
  }
}
