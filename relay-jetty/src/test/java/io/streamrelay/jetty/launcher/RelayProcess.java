package io.streamrelay.jetty.launcher;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** The real {@code relay.jar} in a process of its own, with what it prints. */
final class RelayProcess implements AutoCloseable {
  private static final long LIMIT_SECONDS = 60;
  private static final Pattern SERVES = Pattern.compile(" serves at (http://[0-9.:]+)");
  private static final Path ENV = Path.of("/usr/bin/env");

  private final Process process;
  private final Output out;
  private final Output err;

  private RelayProcess(Process process) {
    this.process = process;
    this.out = new Output(process.inputReader(UTF_8), "stdout");
    this.err = new Output(process.errorReader(UTF_8), "stderr");
  }

  /** Starts it in a directory, with the variables of this process and some more. */
  static RelayProcess start(Path directory, Map<String, String> variables, String... arguments) {
    return start(directory, variables, List.of("-Xmx256m"), arguments);
  }

  /** Starts it in a JVM with these options. */
  static RelayProcess start(
      Path directory, Map<String, String> variables, List<String> jvm, String... arguments) {
    List<String> command = new ArrayList<>();
    if (Files.isExecutable(ENV) && System.getProperty("os.name").equals("Linux")) {
      // A build that runs in the background ignores SIGINT, and so would what it starts.
      command.addAll(List.of(ENV.toString(), "--default-signal=INT"));
    }
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(jvm);
    command.addAll(List.of("-jar", System.getProperty("relay.jar")));
    command.addAll(List.of(arguments));
    ProcessBuilder builder = new ProcessBuilder(command).directory(directory.toFile());
    // What these say goes to stderr, where nothing but the relay's own lines is expected.
    builder
        .environment()
        .keySet()
        .removeIf(name -> name.matches("JAVA_TOOL_OPTIONS|_JAVA_OPTIONS"));
    builder.environment().remove("RELAY_CONFIG");
    builder.environment().putAll(variables);
    try {
      return new RelayProcess(builder.start());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Waits until it says that it serves, and where. */
  URI uri() {
    String line = awaitLine(SERVES.asPredicate());
    Matcher matcher = SERVES.matcher(line);
    if (!matcher.find()) {
      throw new AssertionError(line);
    }
    return URI.create(matcher.group(1));
  }

  /** Waits for a line on stdout. */
  String awaitLine(Predicate<String> wanted) {
    return out.await(wanted, this);
  }

  /** Sends SIGTERM. */
  void terminate() {
    // Process.destroy() would also close what is read from it.
    process.toHandle().destroy();
  }

  /** Sends SIGINT, as Ctrl-C does. */
  void interrupt() throws IOException, InterruptedException {
    Process kill = new ProcessBuilder("kill", "-INT", Long.toString(process.pid())).start();
    if (kill.waitFor() != 0) {
      throw new AssertionError("kill -INT failed");
    }
  }

  /** Has it collect garbage, all there is, before this returns. */
  void collectGarbage() throws IOException, InterruptedException {
    jcmd("GC.run");
  }

  /** Has its JVM run a diagnostic command to its end. */
  void jcmd(String... command) throws IOException, InterruptedException {
    List<String> line = new ArrayList<>();
    line.add(Path.of(System.getProperty("java.home"), "bin", "jcmd").toString());
    line.add(Long.toString(process.pid()));
    line.addAll(List.of(command));
    Process asked = new ProcessBuilder(line).redirectErrorStream(true).start();
    String said = new String(asked.getInputStream().readAllBytes(), UTF_8);
    if (asked.waitFor() != 0) {
      throw new AssertionError("jcmd " + String.join(" ", command) + " failed: " + said);
    }
  }

  /** Waits for the end of the process and of what it prints. */
  int exitCode() throws InterruptedException {
    if (!process.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS)) {
      throw new AssertionError("still runs after " + LIMIT_SECONDS + " s:\n" + this);
    }
    out.awaitEnd();
    err.awaitEnd();
    return process.exitValue();
  }

  List<String> out() {
    return out.lines();
  }

  List<String> err() {
    return err.lines();
  }

  /** Ends it, whatever the test came to. */
  @Override
  public void close() {
    process.toHandle().destroyForcibly();
    try {
      exitCode();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public String toString() {
    return "stdout:\n" + String.join("\n", out()) + "\nstderr:\n" + String.join("\n", err());
  }

  /** Collects the lines of one stream. */
  private static final class Output {
    private final List<String> lines = new ArrayList<>();
    private final Thread reader;
    private boolean ended;

    Output(BufferedReader source, String name) {
      reader = new Thread(() -> read(source), name);
      reader.setDaemon(true);
      reader.start();
    }

    private void read(BufferedReader source) {
      try (source) {
        for (String line = source.readLine(); line != null; line = source.readLine()) {
          add(line);
        }
      } catch (IOException e) {
        add("reading it failed: " + e);
      }
      synchronized (this) {
        ended = true;
        notifyAll();
      }
    }

    private synchronized void add(String line) {
      lines.add(line);
      notifyAll();
    }

    synchronized List<String> lines() {
      return List.copyOf(lines);
    }

    synchronized String await(Predicate<String> wanted, RelayProcess of) {
      long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(LIMIT_SECONDS);
      while (true) {
        @Nullable String found = lines.stream().filter(wanted).findFirst().orElse(null);
        if (found != null) {
          return found;
        }
        long left = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
        if (ended || left <= 0) {
          throw new AssertionError("the line waited for did not come:\n" + of);
        }
        try {
          wait(left);
        } catch (InterruptedException e) {
          throw new AssertionError("interrupted", e);
        }
      }
    }

    void awaitEnd() throws InterruptedException {
      reader.join(TimeUnit.SECONDS.toMillis(LIMIT_SECONDS));
    }
  }
}
