package io.streamrelay.jetty.launcher;

import io.streamrelay.DrainResult;
import io.streamrelay.config.DemoProviderConfig;
import io.streamrelay.config.LoadedConfig;
import io.streamrelay.config.RelayConfig;
import io.streamrelay.config.RelayConfigException;
import io.streamrelay.config.ServerConfig;
import io.streamrelay.route.Route;
import java.io.IOException;
import java.io.PrintWriter;
import java.net.URI;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** The command line: {@code java -jar relay.jar --config FILE}. */
@Command(
    name = "relay",
    description = "A streaming relay for LLM and TTS APIs.",
    sortOptions = false,
    mixinStandardHelpOptions = true,
    versionProvider = Main.Versions.class,
    subcommands = PricesCommand.class,
    footer = {
      "",
      "Exit codes:",
      "  0  stopped, every stream ended by itself; or the configuration is valid",
      "  1  could not start, for example because the port is in use",
      "  2  the command line or the configuration is wrong",
      "  3  stopped, but streams had to be cut at the drain deadline",
      "  130, 143  halted by a second SIGINT or SIGTERM, or by one before it served"
    })
public final class Main implements Callable<Integer> {
  static final int OK = 0;
  static final int CANNOT_START = 1;
  static final int WRONG_CONFIG = 2;
  static final int STREAMS_CUT = 3;

  @Option(
      names = "--config",
      paramLabel = "FILE",
      defaultValue = "${env:RELAY_CONFIG}",
      description = "The YAML configuration; the variable RELAY_CONFIG says the same.")
  private @Nullable Path config;

  @Option(
      names = "--port",
      paramLabel = "N",
      description = "Listens on port N instead of server.port; 0 for any free one.")
  private @Nullable Integer port;

  @Option(names = "--check", description = "Validates the configuration and exits.")
  private boolean check;

  @Spec private @Nullable CommandSpec spec;

  /** Made by {@link #main}. */
  Main() {}

  /**
   * Runs the relay until it is told to stop.
   *
   * @param args see {@code --help}
   */
  public static void main(String[] args) {
    int code = commandLine().execute(args);
    if (code != RUNNING) {
      System.exit(code);
    }
  }

  static CommandLine commandLine() {
    CommandLine line = new CommandLine(new Main());
    line.setParameterExceptionHandler(Main::refuse);
    return line;
  }

  /** Not an exit code: the server runs, and its shutdown hook decides how the process ends. */
  private static final int RUNNING = -1;

  /** One line instead of the whole help, which would push it out of sight. */
  private static int refuse(CommandLine.ParameterException wrong, String[] args) {
    wrong.getCommandLine().getErr().println(wrong.getMessage() + " (see --help)");
    return WRONG_CONFIG;
  }

  @Override
  public Integer call() {
    Path file = config;
    if (file == null || file.toString().isEmpty()) {
      err().println("no configuration (expected: --config FILE, or the variable RELAY_CONFIG)");
      return WRONG_CONFIG;
    }
    Integer chosen = port;
    if (chosen != null && (chosen < 0 || chosen > 65535)) {
      err().println("--port " + chosen + " (expected: 0 to 65535)");
      return WRONG_CONFIG;
    }
    LoadedConfig loaded;
    try {
      loaded = RelayConfig.load(file);
    } catch (RelayConfigException e) {
      e.problems().forEach(err()::println);
      return WRONG_CONFIG;
    }
    RelayConfig relayConfig = chosen == null ? loaded.config() : withPort(loaded.config(), chosen);
    if (portsClash(relayConfig)) {
      err()
          .println(
              (chosen == null ? file + ": server.port" : "--port")
                  + " is "
                  + relayConfig.server().port()
                  + ", and so is demo_provider.port (expected: two different ports)");
      return WRONG_CONFIG;
    }
    if (check) {
      loaded.warnings().forEach(warning -> err().println("warning: " + warning));
      out().println(file + " is valid: " + relayConfig.routes().size() + " routes");
      return OK;
    }
    return run(relayConfig, loaded);
  }

  private int run(RelayConfig relayConfig, LoadedConfig loaded) {
    LogSetup logs;
    try {
      logs = LogSetup.install(relayConfig.observability().logging());
    } catch (IllegalArgumentException e) {
      err().println(e.getMessage());
      return CANNOT_START;
    }
    RelayServer server;
    try {
      server = RelayServer.start(relayConfig, logs::droppedLines);
    } catch (IOException e) {
      logs.close();
      err().println(e.getMessage());
      return CANNOT_START;
    } catch (RuntimeException e) {
      LoggerFactory.getLogger(Main.class).error("the relay could not start", e);
      logs.close();
      return CANNOT_START;
    }
    // First of all, so that whoever reads the lines below can already stop the relay in order.
    Runtime.getRuntime()
        .addShutdownHook(
            new Thread(() -> Runtime.getRuntime().halt(stop(server, logs)), "relay-stop"));
    StopSignals.install();
    Logger log = LoggerFactory.getLogger(Main.class);
    loaded.warnings().forEach(log::warn);
    announce(log, relayConfig, server);
    return RUNNING;
  }

  private static void announce(Logger log, RelayConfig relayConfig, RelayServer server) {
    for (Route route : relayConfig.routes()) {
      log.info("{}", route);
    }
    URI uri = server.uri();
    URI demo = server.demoUri();
    if (demo != null) {
      log.info("demo provider at {}", demo);
    }
    String metrics =
        relayConfig.observability().prometheus().enabled()
            ? ", metrics at " + uri + relayConfig.observability().prometheus().path()
            : "";
    log.info(
        "stream relay {} serves at {}, readiness at {}/readyz{}", Version.get(), uri, uri, metrics);
  }

  /** On a signal: drains, closes, and says by the exit code whether streams had to be cut. */
  private static int stop(RelayServer server, LogSetup logs) {
    Logger log = LoggerFactory.getLogger(Main.class);
    int code;
    try {
      DrainResult result = server.stop();
      log.info("stopped: {} live exchanges ended, {} were cut", result.finished(), result.cut());
      code = result.cut() == 0 ? OK : STREAMS_CUT;
    } catch (RuntimeException e) {
      log.error("stopping failed", e);
      code = CANNOT_START;
    }
    logs.close();
    return code;
  }

  private static RelayConfig withPort(RelayConfig from, int port) {
    return from.toBuilder().server(from.server().withPort(port)).build();
  }

  /** Whether the relay and the demo provider want the same socket. */
  private static boolean portsClash(RelayConfig relayConfig) {
    ServerConfig server = relayConfig.server();
    DemoProviderConfig demo = relayConfig.demoProvider();
    return demo.enabled()
        && demo.port() != 0
        && demo.port() == server.port()
        && (demo.host().equals(server.host()) || takesAll(demo.host()) || takesAll(server.host()));
  }

  private static boolean takesAll(String host) {
    return host.equals("0.0.0.0") || host.equals("::");
  }

  private PrintWriter out() {
    return line().getOut();
  }

  private PrintWriter err() {
    return line().getErr();
  }

  private CommandLine line() {
    CommandSpec here = spec;
    if (here == null) {
      throw new IllegalStateException("picocli did not set the command (expected: main() runs)");
    }
    return here.commandLine();
  }

  /** Tells picocli the version. */
  static final class Versions implements CommandLine.IVersionProvider {
    @Override
    public String[] getVersion() {
      return new String[] {"stream relay " + Version.get()};
    }
  }
}
