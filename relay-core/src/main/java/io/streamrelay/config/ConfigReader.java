package io.streamrelay.config;

import io.streamrelay.config.ObservabilityConfig.Logging;
import io.streamrelay.route.Timeouts;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.nodes.MappingNode;

/** Reads the top level of a file, section by section. */
final class ConfigReader {
  private static final List<String> KEYS =
      List.of(
          "server",
          "routes",
          "storage",
          "rate_limit",
          "observability",
          "prices",
          "auth",
          "demo_provider");

  private static final int NO_UPPER_LIMIT = Integer.MAX_VALUE;

  private final LoadContext context;

  ConfigReader(LoadContext context) {
    this.context = context;
  }

  /** Reads all; empty if anything was wrong, which is then among the problems. */
  Optional<RelayConfig> read(MappingNode node) {
    Section root = Section.of(context, "", node, KEYS, false);
    Section server =
        root.section(
            "server",
            "host",
            "port",
            "timeout",
            "max_body_size",
            "pre_stop_delay",
            "drain_timeout",
            "max_streams",
            "max_connections",
            "min_upload_rate");
    Duration timeout = server.read("timeout", Timeouts.DEFAULT.firstByte(), Parsers::duration);
    RouteReader routes = new RouteReader(context, timeout);
    routes.readAll(root);
    RelayConfig.Builder config = RelayConfig.builder();
    config.server(server(server));
    storage(root.section("storage", "redis", "clickhouse"));
    RateLimitConfig limits = rateLimit(root);
    ObservabilityConfig observability = observability(root, routes);
    AuthConfig auth = new AuthReader(context).read(root);
    prices(root, config);
    config.demoProvider(demoProvider(root));
    if (context.found() > 0 || limits == null || auth == null) {
      return Optional.empty();
    }
    routes.routes().forEach(config::route);
    return Optional.of(config.auth(auth).rateLimit(limits).observability(observability).build());
  }

  private static ServerConfig server(Section server) {
    ServerConfig fallback = ServerConfig.DEFAULT;
    int streams =
        server.read("max_streams", fallback.maxStreams(), Parsers.integer(1, NO_UPPER_LIMIT));
    return new ServerConfig(
        server.read("host", fallback.host(), Parsers::host),
        server.read("port", fallback.port(), Parsers.integer(0, 65535)),
        server.read("max_body_size", fallback.maxBodySize(), Parsers.size(1)),
        server.read("pre_stop_delay", fallback.preStopDelay(), Parsers::duration),
        server.read("drain_timeout", fallback.drainTimeout(), Parsers::duration),
        streams,
        server.read(
            "max_connections",
            ServerConfig.connectionsFor(streams),
            Parsers.integer(1, NO_UPPER_LIMIT)),
        server.read("min_upload_rate", fallback.minUploadRate(), Parsers.size(0)));
  }

  /** Checked like all else, so that a file stays right for the day the sections are used. */
  private void storage(Section storage) {
    Section redis = storage.section("redis", "addr", "password", "db", "ttl");
    redis.read("addr", Parsers::hostAndPort);
    readHidden(redis, "password");
    redis.read("db", Parsers.integer(0, NO_UPPER_LIMIT));
    redis.read("ttl", Parsers::secondsOrDuration);
    Section clickhouse =
        storage.section("clickhouse", "addr", "database", "username", "password", "async");
    clickhouse.read("addr", Parsers::hostAndPort);
    clickhouse.read("database", Parsers::anyText);
    clickhouse.read("username", Parsers::anyText);
    readHidden(clickhouse, "password");
    clickhouse.read("async", Parsers::bool);
    if (redis.isPresent() || clickhouse.isPresent()) {
      String set = redis.isPresent() ? "storage.redis" : "storage.clickhouse";
      boolean both = redis.isPresent() && clickhouse.isPresent();
      context.warning(
          (both ? "storage.redis and storage.clickhouse are" : set + " is")
              + " set but not used yet: nothing is stored");
    }
  }

  private static void readHidden(Section section, String key) {
    Value value = section.findHidden(key);
    if (value != null) {
      value.parse(Parsers::anyText);
    }
  }

  private @Nullable RateLimitConfig rateLimit(Section root) {
    Section limit =
        root.section("rate_limit", "enabled", "default", "burst", "per_key", "max_tenants");
    int before = context.found();
    boolean enabled = limit.read("enabled", false, Parsers::bool);
    int least = enabled ? 1 : 0;
    Integer perMinute = numberIf(enabled, limit, "default", "requests a minute", least);
    Integer burst = numberIf(enabled, limit, "burst", "requests at once", least);
    Section perKey = limit.section("per_key", "default", "burst");
    int keyPerMinute = perKey.read("default", 0, Parsers.integer(0, NO_UPPER_LIMIT));
    boolean keyLimited = keyPerMinute > 0;
    Integer keyBurst =
        numberIf(keyLimited, perKey, "burst", "requests at once", keyLimited ? 1 : 0);
    int maxTenants = limit.read("max_tenants", 100_000, Parsers.integer(1, NO_UPPER_LIMIT));
    if (context.found() > before || perMinute == null || burst == null || keyBurst == null) {
      return null;
    }
    if (!enabled && limit.find("enabled") == null && (perMinute > 0 || keyLimited)) {
      context.warning(
          "rate_limit has numbers but rate_limit.enabled is not set: there is no limit");
    }
    return new RateLimitConfig(enabled, perMinute, burst, keyPerMinute, keyBurst, maxTenants);
  }

  private static @Nullable Integer numberIf(
      boolean required, Section section, String key, String what, int least) {
    Value.Parser<Integer> parser = Parsers.integer(least, NO_UPPER_LIMIT);
    return required
        ? section.require(key, what + ", at least 1", parser)
        : section.read(key, 0, parser);
  }

  private ObservabilityConfig observability(Section root, RouteReader routes) {
    Section section =
        root.section("observability", "prometheus", "logging", "detailed_logs", "tracing");
    PrometheusConfig prometheus = prometheus(section, routes);
    LoggingReader logs = new LoggingReader(context);
    Logging logging = logs.logging(section);
    DetailedLogsConfig detailedLogs = logs.detailedLogs(section, routes.routes());
    boolean openTelemetry =
        section.section("tracing", "opentelemetry").read("opentelemetry", false, Parsers::bool);
    return new ObservabilityConfig(
        prometheus, logging, detailedLogs, new TracingConfig(openTelemetry));
  }

  private static PrometheusConfig prometheus(Section observability, RouteReader routes) {
    Section section =
        observability.section(
            "prometheus",
            "enabled",
            "path",
            "compat_metrics",
            "max_models",
            "tenants",
            "semconv",
            "native_histograms");
    PrometheusConfig fallback = PrometheusConfig.DEFAULT;
    boolean enabled = section.read("enabled", true, Parsers::bool);
    String path = section.read("path", fallback.path(), Parsers::path);
    routes.refuseOwnPaths(enabled ? path : null, section.find("path"));
    return PrometheusConfig.builder()
        .enabled(enabled)
        .path(path)
        .compatMetrics(section.read("compat_metrics", fallback.compatMetrics(), Parsers::bool))
        .maxModels(
            section.read(
                "max_models",
                fallback.maxModels(),
                Parsers.integer(0, PrometheusConfig.MOST_MODELS)))
        .tenants(tenants(section))
        .semconv(section.read("semconv", fallback.semconv(), Parsers.oneOf(Semconv.class)))
        .nativeHistograms(
            section.read("native_histograms", fallback.nativeHistograms(), Parsers::bool))
        .build();
  }

  private static List<String> tenants(Section prometheus) {
    List<String> tenants = new ArrayList<>();
    Value list = prometheus.find("tenants");
    for (Value each : list == null ? List.<Value>of() : list.asList()) {
      String tenant = each.parse(Parsers::tenant);
      if (tenant != null) {
        tenants.add(tenant);
      }
    }
    return tenants;
  }

  /** What is wrong in the file of prices stands with its own name, line and column. */
  private void prices(Section root, RelayConfig.Builder config) {
    Value file = root.section("prices", "file").find("file");
    Path path = file == null ? null : file.parse(Parsers::file);
    if (file == null || path == null) {
      return;
    }
    try {
      config.prices(PriceFile.defaultTable().override(PriceFile.load(path, context.environment())));
    } catch (RelayConfigException e) {
      if (e.problems().get(0).line() == 0) {
        // The file as a whole: this key is where that is mended.
        ConfigProblem whole = e.problems().get(0);
        file.wrong(BadValueException.because("the file " + whole.problem(), whole.expected()));
      } else {
        context.adopt(e.problems());
      }
    }
  }

  private static DemoProviderConfig demoProvider(Section root) {
    Section demo = root.section("demo_provider", "enabled", "host", "port");
    if (!demo.isPresent()) {
      return DemoProviderConfig.DISABLED;
    }
    boolean enabled = demo.read("enabled", true, Parsers::bool);
    String host = demo.read("host", DemoProviderConfig.DISABLED.host(), Parsers::host);
    Value.Parser<Integer> parser = Parsers.integer(enabled ? 1 : 0, 65535);
    Integer port =
        enabled
            ? demo.require("port", "a port from 1 to 65535", parser)
            : demo.read("port", parser);
    return new DemoProviderConfig(enabled, host, port == null ? 0 : port);
  }
}
