package io.streamrelay.jetty;

import io.streamrelay.Relay;
import java.nio.file.Path;
import java.util.logging.Level;
import org.apache.catalina.Context;
import org.apache.catalina.Lifecycle;
import org.apache.catalina.Wrapper;
import org.apache.catalina.startup.Tomcat;
import org.junit.jupiter.api.io.TempDir;

/** A Tomcat that drains its relay before it stops by itself. */
class StoppingTomcatTest extends StoppingHostContract {
  @TempDir Path base;

  @Override
  Host start(Relay relay) throws Exception {
    TestContainer.TOMCAT_LOG.setLevel(Level.OFF);
    Tomcat tomcat = new Tomcat();
    tomcat.setBaseDir(base.toString());
    tomcat.setPort(0);
    tomcat.getConnector().setProperty("address", "127.0.0.1");
    Context context = tomcat.addContext("", base.toString());
    Wrapper servlet = Tomcat.addServlet(context, "relay", new RelayServlet(relay));
    servlet.setAsyncSupported(true);
    servlet.addMapping("/ai/*");
    Tomcat.addServlet(context, "health", new HealthServlet(relay)).addMapping("/readyz");
    tomcat
        .getServer()
        .addLifecycleListener(
            event -> {
              if (event.getType().equals(Lifecycle.BEFORE_STOP_EVENT)) {
                relay.drain().join();
                relay.close();
              }
            });
    tomcat.start();
    int port = tomcat.getConnector().getLocalPort();
    return new Host() {
      @Override
      public int port() {
        return port;
      }

      @Override
      public void stop() throws Exception {
        tomcat.stop();
        tomcat.destroy();
      }
    };
  }
}
