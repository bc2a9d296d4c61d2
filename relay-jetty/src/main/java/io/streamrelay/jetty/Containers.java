package io.streamrelay.jetty;

import jakarta.servlet.ServletRequest;
import jakarta.servlet.ServletRequestWrapper;
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

  /** Hosts like WildFly give their own name for Undertow's. */
  static boolean isUndertow(HttpServletRequest request) {
    return isUndertowsOwn(unwrapped(request));
  }

  static boolean isUndertowsOwn(ServletRequest made) {
    return made.getClass().getName().equals("io.undertow.servlet.spec.HttpServletRequestImpl");
  }

  static boolean isTomcatsOwn(ServletRequest made) {
    return made.getClass().getName().equals("org.apache.catalina.connector.RequestFacade");
  }

  /** A request as its container made it, without what filters put around it. */
  static ServletRequest unwrapped(ServletRequest request) {
    ServletRequest made = request;
    while (made instanceof ServletRequestWrapper wrapper) {
      made = wrapper.getRequest();
    }
    return made;
  }
}
