package io.streamrelay.route;

import java.net.URI;
import java.time.Duration;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Where the requests under one path go, and on which terms.
 *
 * <p>Immutable; made by {@link #builder(String)} or from a file, with the same reach.
 */
public final class Route {
  /** The shortest heartbeat that makes sense; shorter ones would only burn timers. */
  public static final Duration SHORTEST_HEARTBEAT = Duration.ofMillis(100);

  private final String name;
  private final String path;
  private final URI upstream;
  private final String upstreamBasePath;
  private final String stripPrefix;
  private final @Nullable UpstreamCredential credential;
  private final StreamKind kind;
  private final Dialect dialect;
  private final Timeouts timeouts;
  private final Duration heartbeat;
  private final Duration commitAfter;
  private final Duration stallLimit;
  private final Set<String> forwardHeaders;
  private final boolean requireDone;
  private final ClientGonePolicy onClientGone;
  private final boolean includeUsage;
  private final boolean propagateTrace;
  private final String provider;

  private Route(Builder b) {
    this.name = checkName(b.name);
    this.path = checkPath(name, "path", required(name, "path", b.path));
    this.upstream = checkUpstream(name, required(name, "upstream", b.upstream));
    String base = upstream.getRawPath() == null ? "" : upstream.getRawPath();
    this.upstreamBasePath = base.endsWith("/") ? base.substring(0, base.length() - 1) : base;
    this.stripPrefix = checkStripPrefix(name, path, b.stripPrefix);
    this.credential = b.credential;
    this.kind = b.kind;
    this.timeouts = b.timeouts;
    this.heartbeat = checkTime(name, "heartbeat", b.heartbeat, SHORTEST_HEARTBEAT);
    this.commitAfter = checkTime(name, "commit_after", b.commitAfter, Duration.ZERO);
    Duration stall = b.stallLimit;
    this.stallLimit =
        checkTime(name, "stall_limit", stall == null ? timeouts.idle() : stall, Duration.ZERO);
    this.forwardHeaders = Set.copyOf(b.forwardHeaders);
    this.requireDone = b.requireDone;
    this.onClientGone = b.onClientGone;
    Dialect chosen = b.dialect;
    this.dialect =
        chosen != null
            ? chosen
            : Dialect.guess(path, credential == null ? "" : credential.header());
    this.includeUsage = b.includeUsage;
    this.propagateTrace = b.propagateTrace;
    String named = b.provider;
    this.provider =
        named == null ? Providers.guess(upstream.getHost(), dialect) : checkProvider(name, named);
  }

  /**
   * Starts a route.
   *
   * @param name its name in metrics and logs: letters, digits, {@code . _ -}, at most 64
   * @return a builder with every option at its default
   */
  public static Builder builder(String name) {
    return new Builder(name);
  }

  /**
   * Returns the route's name.
   *
   * @return a metric label and log field
   */
  public String name() {
    return name;
  }

  /**
   * Returns the path prefix that this route serves.
   *
   * @return canonical: one leading slash, none at the end unless it is the root
   */
  public String path() {
    return path;
  }

  /**
   * Returns the upstream's origin and base path.
   *
   * @return an http or https URI without query
   */
  public URI upstream() {
    return upstream;
  }

  /**
   * Returns the leading path that is taken off before a request is sent on.
   *
   * @return for example {@code /openai}; empty for none
   */
  public String stripPrefix() {
    return stripPrefix;
  }

  /**
   * Returns the provider's key.
   *
   * @return null if the upstream wants none
   */
  public @Nullable UpstreamCredential credential() {
    return credential;
  }

  /**
   * Returns what the answers are.
   *
   * @return the kind
   */
  public StreamKind kind() {
    return kind;
  }

  /**
   * Returns the form of this route's errors.
   *
   * @return the dialect
   */
  public Dialect dialect() {
    return dialect;
  }

  /**
   * Tells whether the relay asks for a stream's usage where the client does not.
   *
   * @return false unless set
   */
  public boolean includeUsage() {
    return includeUsage;
  }

  /**
   * Tells whether the upstream is told the exchange's place in its trace.
   *
   * @return true unless set
   */
  public boolean propagateTrace() {
    return propagateTrace;
  }

  /**
   * Returns whose API the upstream serves, for prices, metrics and traces.
   *
   * @return a value of {@code gen_ai.provider.name} in OpenTelemetry's GenAI conventions, or one
   *     made the same way
   */
  public String provider() {
    return provider;
  }

  /**
   * Tells whether a text can be a provider's name.
   *
   * @param text any
   * @return whether {@link Builder#provider} takes it
   */
  public static boolean isProvider(String text) {
    return text.matches("[a-z0-9][a-z0-9._-]{0,63}");
  }

  /**
   * Returns the upstream's host and port.
   *
   * @return such as {@code api.openai.com:443}
   */
  public String upstreamAuthority() {
    int port = upstream.getPort();
    boolean tls = upstream.getScheme().equalsIgnoreCase("https");
    return upstream.getHost() + ':' + (port >= 0 ? port : tls ? 443 : 80);
  }

  /**
   * Returns how patient the relay is.
   *
   * @return the four clocks
   */
  public Timeouts timeouts() {
    return timeouts;
  }

  /**
   * Returns how long a client may get nothing before a comment shows it, and what is between, that
   * the stream lives.
   *
   * @return zero for no heartbeats
   */
  public Duration heartbeat() {
    return heartbeat;
  }

  /**
   * Returns how long the upstream may think before the client is told 200.
   *
   * @return zero for never: the status stays open until the upstream's head
   */
  public Duration commitAfter() {
    return commitAfter;
  }

  /**
   * Returns how long one write may wait for the client.
   *
   * @return zero for ever
   */
  public Duration stallLimit() {
    return stallLimit;
  }

  /**
   * Returns the request headers passed on beside the standard ones.
   *
   * @return names in lower case
   */
  public Set<String> forwardHeaders() {
    return forwardHeaders;
  }

  /**
   * Returns what becomes of an upstream request whose client leaves.
   *
   * @return unless the client's key says otherwise
   */
  public ClientGonePolicy onClientGone() {
    return onClientGone;
  }

  /**
   * Tells whether a stream of OpenAI's chat or completions API must end in {@code [DONE]} to count
   * as whole.
   *
   * @return false if a finish reason suffices
   */
  public boolean requireDone() {
    return requireDone;
  }

  /**
   * Maps a request path to the upstream's.
   *
   * @param rawPath a path that {@link PathGuard} passed and this route matches
   * @return the path to send, with the upstream's base path before it
   */
  public String upstreamPath(String rawPath) {
    String rest = rawPath.substring(stripPrefix.length());
    String joined = upstreamBasePath + rest;
    return joined.isEmpty() ? "/" : joined;
  }

  /** Names the route, its path and its upstream. */
  @Override
  public String toString() {
    return "route '" + name + "' " + path + " -> " + upstream;
  }

  private static String checkName(String name) {
    if (!name.matches("[A-Za-z0-9][A-Za-z0-9._-]{0,63}")) {
      throw new IllegalArgumentException(
          "route name is '"
              + name
              + "' (expected: a letter or digit, then at most 63 letters, digits, '.', '_' or '-')");
    }
    return name;
  }

  private static Duration checkTime(String name, String what, Duration value, Duration least) {
    if (value.isNegative() || (!value.isZero() && value.compareTo(least) < 0)) {
      throw new IllegalArgumentException(
          "route '"
              + name
              + "': "
              + what
              + " is "
              + value
              + " (expected: 0 for off, or "
              + (least.isZero() ? "more" : least + " or more")
              + ")");
    }
    return value;
  }

  private static <T> T required(String name, String what, @Nullable T value) {
    if (value == null) {
      throw new IllegalArgumentException(
          "route '" + name + "': " + what + " is missing (expected: it is set)");
    }
    return value;
  }

  private static String checkPath(String name, String what, String path) {
    Optional<String> wrong = PathGuard.check(path);
    if (wrong.isPresent()) {
      throw new IllegalArgumentException(
          "route '"
              + name
              + "': "
              + what
              + " is '"
              + path
              + "': "
              + wrong.get()
              + " (expected: such as /v1/messages or /openai)");
    }
    return path.length() > 1 && path.endsWith("/") ? path.substring(0, path.length() - 1) : path;
  }

  private static String checkStripPrefix(String name, String path, @Nullable String stripPrefix) {
    if (stripPrefix == null || stripPrefix.isEmpty() || stripPrefix.equals("/")) {
      return "";
    }
    String checked = checkPath(name, "strip_prefix", stripPrefix);
    if (!path.equals(checked) && !path.startsWith(checked + "/")) {
      throw new IllegalArgumentException(
          "route '"
              + name
              + "': strip_prefix is '"
              + stripPrefix
              + "' (expected: leading segments of the route's path "
              + path
              + ")");
    }
    return checked;
  }

  private static String checkProvider(String route, String provider) {
    if (!isProvider(provider)) {
      throw new IllegalArgumentException(
          "route '"
              + route
              + "': provider is '"
              + provider
              + "' (expected: lower-case letters, digits, '.', '_', '-', at most 64, such as"
              + " openai)");
    }
    return provider;
  }

  private static URI checkUpstream(String name, URI upstream) {
    String scheme = upstream.getScheme() == null ? "" : upstream.getScheme();
    boolean http =
        scheme.toLowerCase(Locale.ROOT).equals("http")
            || scheme.toLowerCase(Locale.ROOT).equals("https");
    String rawPath = upstream.getRawPath() == null ? "" : upstream.getRawPath();
    if (!http
        || upstream.getHost() == null
        || upstream.getRawUserInfo() != null
        || upstream.getRawQuery() != null
        || upstream.getRawFragment() != null
        || upstream.getPort() == 0
        || upstream.getPort() > 65535
        || (!rawPath.isEmpty() && PathGuard.check(rawPath).isPresent())) {
      // A user part may be a password: it is not repeated in the message.
      String shown = upstream.getRawUserInfo() == null ? upstream.toString() : "(has a user part)";
      throw new IllegalArgumentException(
          "route '"
              + name
              + "': upstream is '"
              + shown
              + "' (expected: an http or https origin with an optional path,"
              + " such as https://api.openai.com; no user, query or fragment)");
    }
    return upstream;
  }

  /** Collects a route's options; not thread-safe. */
  public static final class Builder {
    private final String name;
    private @Nullable String path;
    private @Nullable URI upstream;
    private @Nullable String stripPrefix;
    private @Nullable UpstreamCredential credential;
    private StreamKind kind = StreamKind.AUTO;
    private @Nullable Dialect dialect;
    private Timeouts timeouts = Timeouts.DEFAULT;
    private Duration heartbeat = Duration.ZERO;
    private Duration commitAfter = Duration.ZERO;
    private @Nullable Duration stallLimit;
    private final Set<String> forwardHeaders = new TreeSet<>();
    private boolean requireDone = true;
    private ClientGonePolicy onClientGone = ClientGonePolicy.cancel();
    private boolean includeUsage;
    private boolean propagateTrace = true;
    private @Nullable String provider;

    private Builder(String name) {
      this.name = name;
    }

    /**
     * Sets the path prefix served, at segment borders: {@code /openai} serves {@code /openai} and
     * all below it, never {@code /openaix}.
     *
     * @param path starts with one slash, has no dot segments
     * @return this
     */
    public Builder path(String path) {
      this.path = path;
      return this;
    }

    /**
     * Sets the upstream.
     *
     * @param upstream an http or https origin with an optional base path
     * @return this
     */
    public Builder upstream(URI upstream) {
      this.upstream = upstream;
      return this;
    }

    /**
     * Takes leading segments off the path before it is sent on.
     *
     * @param stripPrefix for example {@code /openai}; must be a prefix of the route's path
     * @return this
     */
    public Builder stripPrefix(String stripPrefix) {
      this.stripPrefix = stripPrefix;
      return this;
    }

    /**
     * Sets the provider's key.
     *
     * @param credential what is injected
     * @return this
     */
    public Builder credential(UpstreamCredential credential) {
      this.credential = credential;
      return this;
    }

    /**
     * Sets what the answers are.
     *
     * @param kind default {@link StreamKind#AUTO}
     * @return this
     */
    public Builder kind(StreamKind kind) {
      this.kind = kind;
      return this;
    }

    /**
     * Sets the form of errors.
     *
     * @param dialect default: guessed from the path and the credential's header
     * @return this
     */
    public Builder dialect(Dialect dialect) {
      this.dialect = dialect;
      return this;
    }

    /**
     * Sets the four clocks.
     *
     * @param timeouts default {@link Timeouts#DEFAULT}
     * @return this
     */
    public Builder timeouts(Timeouts timeouts) {
      this.timeouts = timeouts;
      return this;
    }

    /**
     * Sends an SSE comment whenever a stream of events has brought the client nothing for so long
     * and stands between two events. It keeps proxies and clients from giving up in a silence, and
     * shows the relay a client that has left. The one thing that it changes: the comments, and a
     * byte order mark behind one, which would no longer stand at the stream's start.
     *
     * @param heartbeat default zero, which is off; otherwise at least {@link #SHORTEST_HEARTBEAT}
     * @return this
     */
    public Builder heartbeat(Duration heartbeat) {
      this.heartbeat = heartbeat;
      return this;
    }

    /**
     * Answers 200 and a comment if a stream was asked for and the upstream has sent no head so long
     * after the request had gone up. The price: the upstream's own headers do not reach the client,
     * and an answer of its that is no stream of events turns into a last event with its error.
     *
     * @param commitAfter default zero, which is never
     * @return this
     */
    public Builder commitAfter(Duration commitAfter) {
      this.commitAfter = commitAfter;
      return this;
    }

    /**
     * Limits how long one write may wait because the client takes nothing.
     *
     * @param stallLimit default: the idle time; zero switches it off
     * @return this
     */
    public Builder stallLimit(Duration stallLimit) {
      this.stallLimit = stallLimit;
      return this;
    }

    /**
     * Lets further request headers through to the upstream. Credentials, cookies, the client's own
     * {@code traceparent} and connection headers never pass, whatever is named here.
     *
     * @param names header names in any case
     * @return this
     */
    public Builder forwardHeaders(String... names) {
      for (String each : names) {
        forwardHeaders.add(each.toLowerCase(Locale.ROOT));
      }
      return this;
    }

    /**
     * Sets what becomes of an upstream request whose client leaves before the answer's end.
     *
     * @param policy default {@link ClientGonePolicy#cancel()}; a key's own setting wins over it
     * @return this
     */
    public Builder onClientGone(ClientGonePolicy policy) {
      this.onClientGone = policy;
      return this;
    }

    /**
     * Says whether a stream of OpenAI's chat or completions API must end in {@code [DONE]}. Without
     * it such a stream is told to the client as truncated, which is what OpenAI's own are then.
     * Some servers that speak the same API never send it; for them a finish reason must do.
     *
     * @param requireDone default true
     * @return this
     */
    public Builder requireDone(boolean requireDone) {
      this.requireDone = requireDone;
      return this;
    }

    /**
     * Has the relay ask for a stream's usage where the client does not, and take the event out
     * again that brings it. For OpenAI's chat and completions APIs.
     *
     * @param includeUsage default false: a request's bytes are the client's own
     * @return this
     */
    public Builder includeUsage(boolean includeUsage) {
      this.includeUsage = includeUsage;
      return this;
    }

    /**
     * Says whether the upstream is told the exchange's place in its trace, by W3C's {@code
     * traceparent} and {@code tracestate}.
     *
     * @param propagateTrace default true
     * @return this
     */
    public Builder propagateTrace(boolean propagateTrace) {
      this.propagateTrace = propagateTrace;
      return this;
    }

    /**
     * Says whose API the upstream serves, for prices, metrics and traces.
     *
     * @param provider as in {@link Route#provider}: lower-case letters, digits, {@code . _ -}, at
     *     most 64; by default guessed from the upstream's host, and otherwise from the dialect
     * @return this
     */
    public Builder provider(String provider) {
      this.provider = provider;
      return this;
    }

    /**
     * Checks and freezes the options.
     *
     * @return the route
     * @throws IllegalArgumentException if an option is missing or wrong; the message names it
     */
    public Route build() {
      return new Route(this);
    }
  }
}
