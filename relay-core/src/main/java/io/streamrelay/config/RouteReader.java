package io.streamrelay.config;

import io.streamrelay.Secret;
import io.streamrelay.http.HeaderPolicy;
import io.streamrelay.route.ClientGonePolicy;
import io.streamrelay.route.Dialect;
import io.streamrelay.route.Route;
import io.streamrelay.route.StreamKind;
import io.streamrelay.route.Timeouts;
import io.streamrelay.route.UpstreamCredential;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Reads the list {@code routes}. */
final class RouteReader {
  private static final Set<String> OWN_PATHS = Set.of("/healthz", "/readyz");
  private static final Set<String> BODY_HEADERS = Set.of("content-type", "content-encoding");
  private static final String SOME_ROUTES = "a list with at least one route";
  private static final String A_HEADER =
      "a header's name, such as Authorization or x-api-key, and none that belongs to the"
          + " connection or the body";
  private static final List<String> KEYS =
      List.of(
          "name",
          "path",
          "upstream",
          "strip_prefix",
          "auth_header",
          "auth_env",
          "auth_value",
          "kind",
          "dialect",
          "forward_headers",
          "require_done",
          "include_usage",
          "propagate_trace",
          "provider",
          "timeouts",
          "heartbeat",
          "commit_after",
          "stall_limit",
          ClientGoneReader.KEY);

  private final LoadContext context;
  private final Duration timeout;
  private final List<Route> routes = new ArrayList<>();
  private final Map<String, Value> byName = new HashMap<>();
  private final Map<String, Value> byPath = new LinkedHashMap<>();

  RouteReader(LoadContext context, Duration timeout) {
    this.context = context;
    this.timeout = timeout;
  }

  void readAll(Section root) {
    Value list = root.find("routes");
    if (list == null) {
      root.missing("routes", SOME_ROUTES);
      return;
    }
    int before = context.found();
    for (Value each : list.asList()) {
      Section section = each.asSection(KEYS, false);
      if (section != null) {
        read(each, section);
      }
    }
    if (routes.isEmpty() && context.found() == before) {
      list.problem("is empty", SOME_ROUTES);
    }
  }

  List<Route> routes() {
    return routes;
  }

  /** Refuses routes at the paths that the relay answers itself. */
  void refuseOwnPaths(@Nullable String prometheusPath, @Nullable Value prometheus) {
    String expected = "a path that neither a route nor /healthz or /readyz has";
    if (prometheusPath != null && prometheus != null && OWN_PATHS.contains(prometheusPath)) {
      prometheus.wrong(BadValueException.because("the relay answers there itself", expected));
    }
    byPath.forEach(
        (path, value) -> {
          if (OWN_PATHS.contains(path)) {
            value.wrong(
                BadValueException.because(
                    "the relay answers there itself", "neither /healthz nor /readyz"));
          } else if (path.equals(prometheusPath) && prometheus != null) {
            prometheus.wrong(
                BadValueException.because(
                    "the route on line " + value.line() + " has that path", expected));
          } else if (path.equals(prometheusPath)) {
            value.wrong(
                BadValueException.because(
                    "the metrics have that path",
                    "another path, or another observability.prometheus.path"));
          }
        });
  }

  private void read(Value item, Section section) {
    int before = context.found();
    String name = section.require("name", Parsers.A_NAME, Parsers::name);
    String path = section.require("path", Parsers.A_PATH, Parsers::path);
    URI upstream = section.require("upstream", Parsers.AN_UPSTREAM, Parsers::upstream);
    once(byName, name, section.find("name"), "name");
    once(byPath, path, section.find("path"), "path");
    String stripPrefix = stripPrefix(section, path);
    UpstreamCredential credential = credential(item, section, name, upstream);
    StreamKind kind = section.read("kind", StreamKind.AUTO, Parsers.oneOf(StreamKind.class));
    Dialect dialect = section.read("dialect", Parsers.oneOf(Dialect.class));
    Timeouts timeouts = timeouts(section);
    Duration heartbeat = section.read("heartbeat", Duration.ZERO, RouteReader::heartbeat);
    Duration commitAfter = section.read("commit_after", Duration.ZERO, Parsers::duration);
    Duration stallLimit = section.read("stall_limit", timeouts.idle(), Parsers::duration);
    List<String> forwardHeaders = forwardHeaders(section);
    ClientGonePolicy onClientGone = ClientGoneReader.read(section, false);
    boolean requireDone = section.read("require_done", true, Parsers::bool);
    boolean includeUsage = section.read("include_usage", false, Parsers::bool);
    boolean propagateTrace = section.read("propagate_trace", true, Parsers::bool);
    String provider = section.read("provider", RouteReader::provider);
    if (context.found() > before || name == null || path == null || upstream == null) {
      return;
    }
    Route.Builder route =
        Route.builder(name)
            .path(path)
            .upstream(upstream)
            .stripPrefix(stripPrefix)
            .kind(kind)
            .timeouts(timeouts)
            .requireDone(requireDone)
            .includeUsage(includeUsage)
            .propagateTrace(propagateTrace)
            .heartbeat(heartbeat)
            .commitAfter(commitAfter)
            .stallLimit(stallLimit)
            .forwardHeaders(forwardHeaders.toArray(String[]::new));
    warnOfNoUse(item, name, kind, timeouts, heartbeat, commitAfter, onClientGone);
    if (credential != null) {
      route.credential(credential);
    }
    if (dialect != null) {
      route.dialect(dialect);
    }
    if (onClientGone != null) {
      route.onClientGone(onClientGone);
    }
    if (provider != null) {
      route.provider(provider);
    }
    try {
      routes.add(route.build());
    } catch (IllegalArgumentException e) {
      // A rule of Route that is not also checked above: right, but without the key's own place.
      item.problem("is refused: " + Value.printable(String.valueOf(e.getMessage())), "");
    }
  }

  private static void once(
      Map<String, Value> seen, @Nullable String text, @Nullable Value value, String what) {
    if (text == null || value == null) {
      return;
    }
    Value first = seen.putIfAbsent(text, value);
    if (first != null) {
      value.wrong(
          BadValueException.because(
              "the route on line " + first.line() + " has that " + what,
              "one route for each " + what));
    }
  }

  private static String stripPrefix(Section section, @Nullable String path) {
    return section.read(
        "strip_prefix",
        "",
        text -> {
          if (text.isEmpty() || text.equals("/")) {
            return "";
          }
          String prefix = Parsers.path(text);
          if (path != null && !path.equals(prefix) && !path.startsWith(prefix + "/")) {
            throw BadValueException.expected("leading segments of the route's path " + path);
          }
          return prefix;
        });
  }

  private Timeouts timeouts(Section route) {
    Section section = route.section("timeouts", "connect", "first_byte", "idle", "total");
    return new Timeouts(
        section.read("connect", Timeouts.DEFAULT.connect(), Parsers::duration),
        section.read("first_byte", timeout, Parsers::duration),
        section.read("idle", timeout, Parsers::duration),
        section.read("total", Timeouts.DEFAULT.total(), Parsers::duration));
  }

  private static String provider(String text) throws BadValueException {
    if (!Route.isProvider(text)) {
      throw BadValueException.expected(
          "lower-case letters, digits, '.', '_', '-', at most 64, such as openai");
    }
    return text;
  }

  private static Duration heartbeat(String text) throws BadValueException {
    Duration value = Parsers.duration(text);
    if (!value.isZero() && value.compareTo(Route.SHORTEST_HEARTBEAT) < 0) {
      throw BadValueException.expected(
          "0 for off, or " + Route.SHORTEST_HEARTBEAT.toMillis() + "ms or more");
    }
    return value;
  }

  private void warnOfNoUse(
      Value item,
      String route,
      StreamKind kind,
      Timeouts timeouts,
      Duration heartbeat,
      Duration commitAfter,
      @Nullable ClientGonePolicy onClientGone) {
    String where = item.path() + " '" + route + "': ";
    if (kind == StreamKind.RAW && !heartbeat.isZero()) {
      context.warning(where + "heartbeat does nothing: a raw answer has no room for comments");
    }
    if (kind == StreamKind.RAW && !commitAfter.isZero()) {
      context.warning(where + "commit_after does nothing: a raw answer is no stream of events");
    }
    if (kind == StreamKind.RAW
        && onClientGone instanceof ClientGonePolicy.Drain drain
        && drain.tokens() != null
        && drain.time() == null
        && drain.bytes() == null) {
      context.warning(
          where
              + "on_client_gone.drain.tokens bounds nothing: a raw answer has no tokens"
              + " (expected: time or bytes as well)");
    }
    Duration firstByte = timeouts.firstByte();
    if (!commitAfter.isZero() && !firstByte.isZero() && commitAfter.compareTo(firstByte) >= 0) {
      context.warning(
          where + "commit_after does nothing: timeouts.first_byte ends the request before");
    }
  }

  private static List<String> forwardHeaders(Section section) {
    List<String> names = new ArrayList<>();
    Value list = section.find("forward_headers");
    for (Value each : list == null ? List.<Value>of() : list.asList()) {
      String name =
          each.parse(
              text -> {
                if (!Parsers.isToken(text)) {
                  throw BadValueException.expected("a header's name, such as X-Request-Source");
                }
                if (!HeaderPolicy.mayBeForwarded(text)) {
                  throw BadValueException.because(
                      "it never passes to an upstream",
                      "no credential, cookie, tenant, trace or connection header");
                }
                return text;
              });
      if (name != null) {
        names.add(name);
      }
    }
    return names;
  }

  private @Nullable UpstreamCredential credential(
      Value item, Section section, @Nullable String route, @Nullable URI upstream) {
    Value header = section.find("auth_header");
    Value variable = section.find("auth_env");
    Value clear = section.findHidden("auth_value");
    if (variable != null && clear != null) {
      clear.problem("is set as well as auth_env", "auth_env or auth_value, not both");
      return null;
    }
    if (header == null) {
      if (variable != null || clear != null) {
        section.missing("auth_header", "the header that takes the key, such as Authorization");
      }
      return null;
    }
    String headerName = header.parse(RouteReader::credentialHeader);
    if (variable == null && clear == null) {
      header.problem("is set but there is no key for it", "auth_env or auth_value as well");
      return null;
    }
    warnIfUnencrypted(item, route, upstream);
    if (clear != null) {
      Secret key = clear.parse(Parsers::secret);
      return headerName == null ? null : new UpstreamCredential(headerName, key, clear.path());
    }
    return headerName == null || variable == null
        ? null
        : fromVariable(item, route, headerName, variable);
  }

  private @Nullable UpstreamCredential fromVariable(
      Value item, @Nullable String route, String headerName, Value variable) {
    String variableName = variable.parse(RouteReader::variableName);
    if (variableName == null) {
      return null;
    }
    String value = context.environment().get(variableName);
    if (value == null || value.isBlank()) {
      context.warning(
          item.path()
              + " '"
              + route
              + "': the variable "
              + variableName
              + (value == null ? " is not set" : " is empty")
              + ", so the route's requests are refused with upstream_key_missing");
      return new UpstreamCredential(headerName, null, variableName);
    }
    try {
      return new UpstreamCredential(headerName, Parsers.secret(value), variableName);
    } catch (BadValueException e) {
      variable.wrong(
          BadValueException.because(
              "the value of that variable holds a control or non-ASCII character", Parsers.A_KEY));
      return null;
    }
  }

  private void warnIfUnencrypted(Value item, @Nullable String route, @Nullable URI upstream) {
    if (upstream != null
        && upstream.getScheme().toLowerCase(Locale.ROOT).equals("http")
        && !isLoopback(upstream.getHost().toLowerCase(Locale.ROOT))) {
      context.warning(
          item.path()
              + " '"
              + route
              + "': the provider's key travels unencrypted to http://"
              + upstream.getRawAuthority()
              + " (expected: https, or a loopback host)");
    }
  }

  private static boolean isLoopback(String host) {
    return host.equals("localhost")
        || host.endsWith(".localhost")
        || host.matches("127(\\.[0-9]{1,3}){3}")
        || host.equals("[::1]")
        || host.equals("[0:0:0:0:0:0:0:1]");
  }

  /** A wrong text is hidden: it may be the key, put where its header belongs. */
  private static String credentialHeader(String text) throws BadValueException {
    String lower = text.toLowerCase(Locale.ROOT);
    if (!Parsers.isToken(text)) {
      throw BadValueException.hidden("it is no header's name", A_HEADER);
    }
    boolean known = HeaderPolicy.CREDENTIAL_HEADERS.contains(lower);
    if (!known && (!HeaderPolicy.mayBeForwarded(text) || BODY_HEADERS.contains(lower))) {
      throw BadValueException.expected(A_HEADER);
    }
    return text;
  }

  /** A wrong text is hidden: it may be the key, put where its variable belongs. */
  private static String variableName(String text) throws BadValueException {
    if (!Expansion.VARIABLE_NAME.matcher(text).matches()) {
      throw BadValueException.hidden(
          "it is no variable's name",
          "the name of the variable that holds the key, such as OPENAI_API_KEY");
    }
    return text;
  }
}
