package io.streamrelay.jetty;

import io.undertow.Handlers;
import io.undertow.Undertow;
import io.undertow.UndertowOptions;
import io.undertow.server.handlers.PathHandler;
import io.undertow.servlet.Servlets;
import io.undertow.servlet.api.DeploymentInfo;
import io.undertow.servlet.api.DeploymentManager;
import io.undertow.servlet.api.ServletContainer;
import io.undertow.servlet.api.ServletInfo;
import io.undertow.servlet.util.ImmediateInstanceFactory;
import jakarta.servlet.DispatcherType;
import jakarta.servlet.Filter;
import jakarta.servlet.Servlet;
import jakarta.servlet.ServletException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.apache.catalina.Context;
import org.apache.catalina.LifecycleException;
import org.apache.catalina.Wrapper;
import org.apache.catalina.connector.Connector;
import org.apache.catalina.startup.Tomcat;
import org.apache.tomcat.util.descriptor.web.FilterDef;
import org.apache.tomcat.util.descriptor.web.FilterMap;
import org.eclipse.jetty.ee10.servlet.FilterHolder;
import org.eclipse.jetty.ee10.servlet.ServletContextHandler;
import org.eclipse.jetty.ee10.servlet.ServletHolder;
import org.eclipse.jetty.server.ConnectionFactory;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.server.handler.ContextHandlerCollection;
import org.eclipse.jetty.util.component.LifeCycle;
import org.jspecify.annotations.Nullable;
import org.xnio.Options;

/** A servlet container on a free port of this machine. */
interface TestContainer extends AutoCloseable {
  int port();

  @Override
  void close();

  /**
   * Where a servlet is.
   *
   * @param context its context's path; empty for the root
   * @param mapping its mapping in there
   * @param servlet what serves
   * @param async whether it is mounted with async support
   * @param filter in front of it, if any; with async support
   * @param config its init parameter {@code config}, if any
   */
  record Mount(
      String context,
      String mapping,
      Servlet servlet,
      boolean async,
      @Nullable Filter filter,
      @Nullable Path config) {
    static Mount of(String context, String mapping, Servlet servlet) {
      return new Mount(context, mapping, servlet, true, null, null);
    }

    Mount withoutAsync() {
      return new Mount(context, mapping, servlet, false, filter, config);
    }

    Mount behind(Filter front) {
      return new Mount(context, mapping, servlet, async, front, config);
    }

    Mount configuredBy(Path file) {
      return new Mount(context, mapping, servlet, async, filter, file);
    }
  }

  static TestContainer jetty(List<Mount> mounts, Duration idle) throws Exception {
    return jetty(mounts, idle, new HttpConnectionFactory());
  }

  static TestContainer jetty(List<Mount> mounts, Duration idle, ConnectionFactory... protocols)
      throws Exception {
    Server server = new Server();
    ServerConnector connector = new ServerConnector(server, 1, 1, protocols);
    connector.setHost("127.0.0.1");
    connector.setIdleTimeout(idle.toMillis());
    server.addConnector(connector);
    Map<String, ServletContextHandler> contexts = new HashMap<>();
    for (Mount mount : mounts) {
      ServletHolder holder = new ServletHolder(mount.servlet());
      holder.setAsyncSupported(mount.async());
      if (mount.config() != null) {
        holder.setInitParameter("config", mount.config().toString());
      }
      ServletContextHandler context =
          contexts.computeIfAbsent(
              mount.context(),
              path -> {
                ServletContextHandler made = new ServletContextHandler();
                made.setContextPath(path.isEmpty() ? "/" : path);
                return made;
              });
      context.addServlet(holder, mount.mapping());
      if (mount.filter() != null) {
        FilterHolder filter = new FilterHolder(mount.filter());
        filter.setAsyncSupported(true);
        context.addFilter(
            filter, mount.mapping(), EnumSet.of(DispatcherType.REQUEST, DispatcherType.ASYNC));
      }
    }
    server.setHandler(
        new ContextHandlerCollection(contexts.values().toArray(new ServletContextHandler[0])));
    server.start();
    return new TestContainer() {
      @Override
      public int port() {
        return connector.getLocalPort();
      }

      @Override
      public void close() {
        LifeCycle.stop(server);
      }
    };
  }

  /** Held, because java.util.logging forgets the level of a logger that nobody holds. */
  Logger TOMCAT_LOG = Logger.getLogger("org.apache");

  static TestContainer tomcat(List<Mount> mounts, Duration idle) throws Exception {
    return tomcat(mounts, idle, "org.apache.coyote.http11.Http11NioProtocol");
  }

  static TestContainer tomcatNio2(List<Mount> mounts, Duration idle) throws Exception {
    return tomcat(mounts, idle, "org.apache.coyote.http11.Http11Nio2Protocol");
  }

  private static TestContainer tomcat(List<Mount> mounts, Duration idle, String protocol)
      throws Exception {
    TOMCAT_LOG.setLevel(Level.OFF);
    Path base = Files.createTempDirectory("tomcat");
    Tomcat tomcat = new Tomcat();
    tomcat.setConnector(new Connector(protocol));
    tomcat.getConnector().setPort(0);
    tomcat.setBaseDir(base.toString());
    tomcat.getConnector().setProperty("address", "127.0.0.1");
    tomcat.getConnector().setProperty("connectionTimeout", Long.toString(idle.toMillis()));
    Map<String, Context> contexts = new HashMap<>();
    for (Mount mount : mounts) {
      Context context =
          contexts.computeIfAbsent(
              mount.context(), path -> tomcat.addContext(path, base.toString()));
      String name = "servlet" + mount.mapping();
      Wrapper wrapper = Tomcat.addServlet(context, name, mount.servlet());
      wrapper.setAsyncSupported(mount.async());
      if (mount.config() != null) {
        wrapper.addInitParameter("config", mount.config().toString());
      }
      context.addServletMapping(mount.mapping(), name, false);
      if (mount.filter() != null) {
        addFilter(context, mount.mapping(), mount.filter());
      }
    }
    tomcat.start();
    return new TestContainer() {
      @Override
      public int port() {
        return tomcat.getConnector().getLocalPort();
      }

      @Override
      public void close() {
        try (var files = Files.walk(base)) {
          tomcat.stop();
          tomcat.destroy();
          files.sorted(Comparator.reverseOrder()).forEach(file -> file.toFile().delete());
        } catch (LifecycleException | IOException e) {
          throw new IllegalStateException("Tomcat could not stop", e);
        }
      }
    };
  }

  static TestContainer undertow(List<Mount> mounts, Duration idle) throws Exception {
    PathHandler paths = Handlers.path();
    ServletContainer contexts = Servlets.newContainer();
    Map<String, DeploymentInfo> deployments = new LinkedHashMap<>();
    for (Mount mount : mounts) {
      DeploymentInfo deployment =
          deployments.computeIfAbsent(
              mount.context(),
              path ->
                  Servlets.deployment()
                      .setClassLoader(TestContainer.class.getClassLoader())
                      .setContextPath(path.isEmpty() ? "/" : path)
                      .setDeploymentName("context" + path));
      String name = "servlet" + mount.mapping();
      ServletInfo servlet =
          Servlets.servlet(
              name, mount.servlet().getClass(), new ImmediateInstanceFactory<>(mount.servlet()));
      servlet.setAsyncSupported(mount.async()).addMapping(mount.mapping());
      if (mount.config() != null) {
        servlet.addInitParam("config", mount.config().toString());
      }
      deployment.addServlet(servlet);
      if (mount.filter() != null) {
        String front = "filter" + mount.mapping();
        deployment.addFilter(
            Servlets.filter(
                    front,
                    mount.filter().getClass(),
                    new ImmediateInstanceFactory<>(mount.filter()))
                .setAsyncSupported(true));
        deployment.addFilterServletNameMapping(front, name, DispatcherType.REQUEST);
        deployment.addFilterServletNameMapping(front, name, DispatcherType.ASYNC);
      }
    }
    List<DeploymentManager> managers = new ArrayList<>();
    for (DeploymentInfo deployment : deployments.values()) {
      DeploymentManager manager = contexts.addDeployment(deployment);
      managers.add(manager);
      manager.deploy();
      paths.addPrefixPath(deployment.getContextPath(), manager.start());
    }
    int idleMillis = Math.toIntExact(idle.toMillis());
    Undertow undertow =
        Undertow.builder()
            .setIoThreads(2)
            .setWorkerThreads(16)
            .addHttpListener(0, "127.0.0.1", paths)
            .setServerOption(UndertowOptions.NO_REQUEST_TIMEOUT, idleMillis)
            // The relay's own limit is what is tested.
            .setServerOption(UndertowOptions.MAX_ENTITY_SIZE, -1L)
            .setSocketOption(Options.WRITE_TIMEOUT, idleMillis)
            .setSocketOption(Options.READ_TIMEOUT, idleMillis)
            .build();
    undertow.start();
    InetSocketAddress address = (InetSocketAddress) undertow.getListenerInfo().get(0).getAddress();
    return new TestContainer() {
      @Override
      public int port() {
        return address.getPort();
      }

      @Override
      public void close() {
        try {
          for (DeploymentManager manager : managers) {
            manager.stop();
            manager.undeploy();
          }
        } catch (ServletException e) {
          throw new IllegalStateException("Undertow could not stop", e);
        } finally {
          undertow.stop();
        }
      }
    };
  }

  private static void addFilter(Context context, String mapping, Filter filter) {
    FilterDef definition = new FilterDef();
    definition.setFilterName("filter" + mapping);
    definition.setFilter(filter);
    definition.setAsyncSupported("true");
    context.addFilterDef(definition);
    FilterMap map = new FilterMap();
    map.setFilterName(definition.getFilterName());
    map.addURLPattern(mapping);
    map.setDispatcher(DispatcherType.REQUEST.name());
    map.setDispatcher(DispatcherType.ASYNC.name());
    context.addFilterMap(map);
  }
}
