package io.streamrelay.jetty;

import io.streamrelay.jetty.TestContainer.Mount;
import jakarta.servlet.DispatcherType;
import java.net.InetAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.logging.Level;
import org.eclipse.jetty.ee10.webapp.WebAppContext;
import org.eclipse.jetty.server.AbstractConnector;
import org.eclipse.jetty.server.Connector;
import org.springframework.boot.Banner;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.ImportAutoConfiguration;
import org.springframework.boot.autoconfigure.context.LifecycleAutoConfiguration;
import org.springframework.boot.logging.LoggingSystem;
import org.springframework.boot.web.embedded.jetty.JettyServletWebServerFactory;
import org.springframework.boot.web.embedded.tomcat.TomcatServletWebServerFactory;
import org.springframework.boot.web.server.Shutdown;
import org.springframework.boot.web.servlet.FilterRegistrationBean;
import org.springframework.boot.web.servlet.ServletContextInitializer;
import org.springframework.boot.web.servlet.ServletRegistrationBean;
import org.springframework.boot.web.servlet.context.ServletWebServerApplicationContext;
import org.springframework.boot.web.servlet.server.AbstractServletWebServerFactory;
import org.springframework.boot.web.servlet.server.ServletWebServerFactory;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.support.GenericApplicationContext;
import org.springframework.web.filter.CharacterEncodingFilter;
import org.springframework.web.filter.RequestContextFilter;

/**
 * Spring Boot 3 applications on a free port, on each of the servers that the relay is tested on.
 *
 * <p>The server is a bean of its own, because Boot's autoconfiguration chooses one by what is on
 * the class path, and here both are.
 */
final class SpringContainers {
  private SpringContainers() {}

  static TestContainer tomcat(List<Mount> mounts, Duration idle) {
    return start(tomcat(idle), mounts);
  }

  static TestContainer jetty(List<Mount> mounts, Duration idle) {
    return start(jetty(idle), mounts);
  }

  /** As Boot makes it when Tomcat's starter is there. */
  static TomcatServletWebServerFactory tomcat(Duration idle) {
    TestContainer.TOMCAT_LOG.setLevel(Level.OFF);
    TomcatServletWebServerFactory tomcat = new TomcatServletWebServerFactory(0);
    tomcat.addConnectorCustomizers(
        connector -> connector.setProperty("connectionTimeout", Long.toString(idle.toMillis())));
    return likeBoots(tomcat);
  }

  /** As Boot makes it when Jetty's starter is there. */
  static JettyServletWebServerFactory jetty(Duration idle) {
    JettyServletWebServerFactory jetty = new BootOnJetty121();
    jetty.setPort(0);
    jetty.addServerCustomizers(
        server -> {
          for (Connector connector : server.getConnectors()) {
            ((AbstractConnector) connector).setIdleTimeout(idle.toMillis());
          }
        });
    return likeBoots(jetty);
  }

  /** What the README tells hosts on Jetty to use. */
  static final class BootOnJetty121 extends JettyServletWebServerFactory {
    @Override
    protected org.eclipse.jetty.ee10.webapp.Configuration[] getWebAppContextConfigurations(
        WebAppContext context, ServletContextInitializer... initializers) {
      var all =
          new ArrayList<>(List.of(super.getWebAppContextConfigurations(context, initializers)));
      all.remove(2); // gives extensions their media types, by a class that Jetty 12.1 does not have
      return all.toArray(new org.eclipse.jetty.ee10.webapp.Configuration[0]);
    }
  }

  private static <F extends AbstractServletWebServerFactory> F likeBoots(F server) {
    server.setAddress(InetAddress.getLoopbackAddress());
    // The default of the property server.shutdown.
    server.setShutdown(Shutdown.GRACEFUL);
    return server;
  }

  /** Starts an application with these servlets and nothing else of its own. */
  private static TestContainer start(AbstractServletWebServerFactory server, List<Mount> mounts) {
    List<String> paths = mounts.stream().map(Mount::context).distinct().toList();
    boolean isOne = paths.size() == 1;
    if (isOne) {
      server.setContextPath(paths.get(0));
    }
    ConfigurableApplicationContext application =
        run(
            server,
            Map.of(),
            beans -> {
              for (Mount mount : mounts) {
                add(beans, mount, isOne ? mount.mapping() : mount.context() + mount.mapping());
              }
            });
    return new TestContainer() {
      @Override
      public int port() {
        return SpringContainers.port(application);
      }

      @Override
      public void close() {
        application.close();
      }
    };
  }

  private static void add(GenericApplicationContext beans, Mount mount, String mapping) {
    beans.registerBean(
        "servlet" + mapping,
        ServletRegistrationBean.class,
        () -> {
          var servlet = new ServletRegistrationBean<>(mount.servlet(), mapping);
          servlet.setName("servlet" + mapping);
          servlet.setAsyncSupported(mount.async());
          if (mount.config() != null) {
            servlet.addInitParameter("config", mount.config().toString());
          }
          return servlet;
        });
    if (mount.filter() != null) {
      beans.registerBean(
          "filter" + mapping,
          FilterRegistrationBean.class,
          () -> {
            var filter = new FilterRegistrationBean<>(mount.filter());
            filter.setName("filter" + mapping);
            filter.addUrlPatterns(mapping);
            filter.setDispatcherTypes(EnumSet.of(DispatcherType.REQUEST, DispatcherType.ASYNC));
            return filter;
          });
    }
  }

  /** Runs an application; the log stays as it is. */
  static ConfigurableApplicationContext run(
      AbstractServletWebServerFactory server,
      Map<String, Object> properties,
      Consumer<GenericApplicationContext> beans) {
    System.setProperty(LoggingSystem.SYSTEM_PROPERTY, LoggingSystem.NONE);
    SpringApplication application = new SpringApplication(Application.class);
    application.setWebApplicationType(WebApplicationType.SERVLET);
    application.setBannerMode(Banner.Mode.OFF);
    application.setRegisterShutdownHook(false);
    application.setDefaultProperties(properties);
    application.addInitializers(
        context -> {
          GenericApplicationContext generic = (GenericApplicationContext) context;
          generic.registerBean(ServletWebServerFactory.class, () -> server);
          beans.accept(generic);
        });
    return application.run();
  }

  static int port(ConfigurableApplicationContext application) {
    return ((ServletWebServerApplicationContext) application).getWebServer().getPort();
  }

  /** With the filters that Boot puts in front of every servlet of a web application. */
  @Configuration(proxyBeanMethods = false)
  @ImportAutoConfiguration(LifecycleAutoConfiguration.class)
  static class Application {
    @Bean
    CharacterEncodingFilter characterEncodingFilter() {
      return new CharacterEncodingFilter("UTF-8", true, false);
    }

    @Bean
    RequestContextFilter requestContextFilter() {
      return new RequestContextFilter();
    }
  }
}
