/**
 * Routes, policies, stream observation and accounting of the relay; no server and no HTTP client.
 */
module io.streamrelay.core {
  requires static transitive org.jspecify;
  requires com.fasterxml.jackson.core;
  requires io.github.cdimascio.dotenv.java;
  requires static transitive io.github.resilience4j.ratelimiter;
  requires static transitive io.opentelemetry.api;
  requires static io.opentelemetry.context;
  requires transitive io.prometheus.metrics.model;
  requires io.prometheus.metrics.core;
  requires static jdk.jfr;
  requires org.slf4j;
  requires org.yaml.snakeyaml;

  exports io.streamrelay;
  exports io.streamrelay.config;
  exports io.streamrelay.error;
  exports io.streamrelay.forward;
  exports io.streamrelay.http;
  exports io.streamrelay.limit;
  exports io.streamrelay.log;
  exports io.streamrelay.metrics;
  exports io.streamrelay.observe;
  exports io.streamrelay.otel;
  exports io.streamrelay.policy;
  exports io.streamrelay.price;
  exports io.streamrelay.route;
  exports io.streamrelay.trace;
  exports io.streamrelay.transport;
}
