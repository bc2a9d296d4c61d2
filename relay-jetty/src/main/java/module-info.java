/**
 * The servlet, the forwarder on Jetty's client, and the launcher on Jetty's server.
 *
 * <p>Only the servlet and the forwarder are needed in a host; what is {@code static} here serves
 * the launcher, the demo provider, a probe that a host's own Jetty brings the classes for, or hosts
 * on Spring.
 */
module io.streamrelay.jetty {
  requires static transitive org.jspecify;
  requires transitive io.streamrelay.core;
  requires transitive jakarta.servlet;
  requires org.eclipse.jetty.client;
  requires org.eclipse.jetty.http;
  requires org.eclipse.jetty.io;
  requires org.eclipse.jetty.util;
  requires org.slf4j;
  requires static ch.qos.logback.classic;
  requires static ch.qos.logback.core;
  requires static com.fasterxml.jackson.core;
  requires static com.fasterxml.jackson.databind;
  requires static info.picocli;
  requires static io.opentelemetry.api;
  requires static io.prometheus.metrics.core;
  requires static io.prometheus.metrics.exporter.servlet.jakarta;
  requires static io.prometheus.metrics.instrumentation.jvm;
  requires static java.xml;
  requires static org.eclipse.jetty.ee10.servlet;
  requires static org.eclipse.jetty.http2.common;
  requires static org.eclipse.jetty.server;
  requires static transitive spring.context;
  requires static transitive spring.core;

  exports io.streamrelay.jetty;
  exports io.streamrelay.jetty.demo;
  exports io.streamrelay.jetty.launcher;
  exports io.streamrelay.jetty.spring;

  opens io.streamrelay.jetty.launcher to
      info.picocli;
}
