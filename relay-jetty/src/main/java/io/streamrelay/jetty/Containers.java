package io.streamrelay.jetty;

import jakarta.servlet.http.HttpServletRequest;

/** Tells containers apart where they differ in what the Servlet API leaves open. */
final class Containers {
  private Containers() {}

  static boolean isJetty(HttpServletRequest request) {
    return request.getServletContext().getServerInfo().startsWith("jetty/");
  }

  static boolean isTomcat(HttpServletRequest request) {
    return request.getServletContext().getServerInfo().startsWith("Apache Tomcat/");
  }
}
