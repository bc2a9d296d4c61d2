package io.streamrelay.jetty;

import io.streamrelay.Relay;
import org.eclipse.jetty.ee10.servlet.ServletContextHandler;
import org.eclipse.jetty.ee10.servlet.ServletHolder;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.util.component.LifeCycle;

/** A Jetty that drains its relay before it stops by itself. */
class StoppingJettyTest extends StoppingHostContract {
  @Override
  Host start(Relay relay) throws Exception {
    Server server = new Server();
    ServerConnector connector = new ServerConnector(server, 1, 1);
    connector.setHost("127.0.0.1");
    server.addConnector(connector);
    ServletContextHandler context = new ServletContextHandler();
    context.addServlet(new ServletHolder(new RelayServlet(relay)), "/ai/*");
    context.addServlet(new ServletHolder(new HealthServlet(relay)), "/readyz");
    server.setHandler(context);
    server.addEventListener(
        new LifeCycle.Listener() {
          @Override
          public void lifeCycleStopping(LifeCycle stopping) {
            relay.drain().join();
            relay.close();
          }
        });
    server.start();
    int port = connector.getLocalPort();
    return new Host() {
      @Override
      public int port() {
        return port;
      }

      @Override
      public void stop() throws Exception {
        server.stop();
      }
    };
  }
}
