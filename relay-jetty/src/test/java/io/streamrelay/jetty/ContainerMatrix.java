package io.streamrelay.jetty;

import io.streamrelay.DrainResult;
import io.streamrelay.Relay;
import io.streamrelay.config.AuthConfig;
import io.streamrelay.config.RelayConfig;
import io.streamrelay.jetty.TestContainer.Mount;
import io.streamrelay.jetty.Wire.Head;
import io.streamrelay.policy.ApiKey;
import io.streamrelay.route.Route;
import io.streamrelay.route.StreamKind;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/**
 * Measures what each container can do with the relay in it, and prints a table for the README.
 *
 * <p>Its name keeps it out of the build. To run it:
 *
 * <pre>{@code
 * mvn -q -pl relay-jetty -am -Dtest=ContainerMatrix -Dsurefire.failIfNoSpecifiedTests=false \
 *     -DskipITs verify
 * }</pre>
 *
 * <p>The table is also written to {@code relay-jetty/target/container-matrix.md}.
 */
class ContainerMatrix {
  private static final String KEY = "sk-relay-matrix";
  private static final byte[] EVENT = "data: {\"n\":1}\n\n".getBytes(StandardCharsets.UTF_8);
  private static final String DONE = "data: [DONE]\n\n";
  private static final int RUNS = 3;

  /** Starts a container with these servlets, that gives idle connections so long. */
  @FunctionalInterface
  interface Starter {
    TestContainer start(List<Mount> mounts, Duration idle) throws Exception;
  }

  /** Containers by the name that the table shows; one line each. */
  private static Map<String, Starter> containers() {
    Map<String, Starter> all = new LinkedHashMap<>();
    all.put("Jetty 12.1 ee10", TestContainer::jetty);
    all.put("Tomcat 10.1, NIO", TestContainer::tomcat);
    all.put("Tomcat 10.1, NIO2", TestContainer::tomcatNio2);
    all.put("Undertow 2.3", TestContainer::undertow);
    all.put("Spring Boot 3.5, Tomcat", SpringContainers::tomcat);
    all.put("Spring Boot 3.5, Jetty 12.1", SpringContainers::jetty);
    return all;
  }

  /** One thing to measure: a row of the table. */
  @FunctionalInterface
  private interface Measure {
    String of(Trial trial) throws Exception;
  }

  private static List<Map.Entry<String, Measure>> rows() {
    List<Map.Entry<String, Measure>> all = new ArrayList<>();
    all.add(row("Chunk, upstream to client (median)", Trial::flushes));
    all.add(row("Client leaves before the head, FIN", trial -> trial.leaves(false, false)));
    all.add(row("… by RST", trial -> trial.leaves(false, true)));
    all.add(row("Client leaves mid-stream in silence, FIN", trial -> trial.leaves(true, false)));
    all.add(row("… by RST", trial -> trial.leaves(true, true)));
    all.add(row("Client leaves mid-upload", Trial::leavesInUpload));
    all.add(row("Cut visible: chunks", trial -> trial.cut("", "chunked")));
    all.add(row("… `Connection: close`", trial -> trial.cut("Connection: close\r\n", "chunked")));
    all.add(row("… `Content-Length`", trial -> trial.cut("", "length")));
    all.add(row("… HTTP/1.0", trial -> trial.cut("HTTP/1.0", "chunked")));
    all.add(row("Client reads nothing: taken from upstream", Trial::stopsReading));
    all.add(row("Client reads nothing for 3 idle times", Trial::readsNothing));
    all.add(row("Pipelined requests", Trial::pipelines));
    all.add(row("Connection used again after a stream", Trial::keepsAlive));
    all.add(row("`HEAD` keeps its length, has no body", Trial::asksForHead));
    all.add(row("Filter that wraps the stream", Trial::filters));
    all.add(row("`100 Continue` only once admitted", Trial::continues));
    all.add(row("Drain: stream ends, next is refused", Trial::drains));
    return all;
  }

  private static Map.Entry<String, Measure> row(String name, Measure measure) {
    return Map.entry(name, measure);
  }

  @Test
  void print() throws Exception {
    Map<String, Starter> containers = containers();
    StringBuilder table = new StringBuilder("| |");
    containers.keySet().forEach(name -> table.append(' ').append(name).append(" |"));
    table.append("\n|---|").append("---|".repeat(containers.size())).append('\n');
    for (Map.Entry<String, Measure> measure : rows()) {
      table.append("| ").append(measure.getKey()).append(" |");
      for (Starter starter : containers.values()) {
        table.append(' ').append(measured(starter, measure.getValue())).append(" |");
      }
      table.append('\n');
    }
    System.out.println(table);
    Files.writeString(Path.of("target", "container-matrix.md"), table);
  }

  private static String measured(Starter starter, Measure measure) {
    try (Trial trial = new Trial(starter)) {
      return measure.of(trial);
    } catch (Exception | AssertionError e) {
      return "failed: " + e.getClass().getSimpleName();
    }
  }

  /** One relay in one container, with an upstream of its own. */
  private static final class Trial implements AutoCloseable {
    private static final Duration IDLE = Duration.ofSeconds(1);

    private final CapturedLogs logs = new CapturedLogs();
    private final ScriptedUpstream upstream = new ScriptedUpstream();
    private final Relay relay;
    private final TestContainer container;

    Trial(Starter starter) throws Exception {
      relay =
          Relay.builder(
                  RelayConfig.builder()
                      .auth(new AuthConfig(true, List.of(ApiKey.plain(KEY))))
                      .route(
                          Route.builder("chat")
                              .path("/chat")
                              .upstream(upstream.uri())
                              .kind(StreamKind.RAW)
                              .build())
                      .build(),
                  JettyForwarder.create())
              .build();
      container =
          starter.start(
              List.of(
                  Mount.of("", "/*", new RelayServlet(relay)),
                  Mount.of("/filtered", "/*", new RelayServlet(relay))
                      .behind(new PlainStreamFilter())),
              IDLE);
    }

    @Override
    public void close() throws IOException {
      upstream.close();
      container.close();
      relay.close();
      logs.close();
    }

    private Wire client() throws IOException {
      return Wire.connect(container.port());
    }

    private static String request(String method, String path, String fields) {
      String version = fields.equals("HTTP/1.0") ? "HTTP/1.0" : "HTTP/1.1";
      return method
          + " "
          + path
          + " "
          + version
          + "\r\nHost: relay.test\r\nAuthorization: Bearer "
          + KEY
          + "\r\n"
          + (fields.equals("HTTP/1.0") ? "" : fields)
          + "\r\n";
    }

    private static String post(String path, String fields) {
      return post(path, fields, "{}");
    }

    private static String post(String path, String fields, String body) {
      return request("POST", path, fields)
              .replace("\r\n\r\n", "\r\nContent-Length: " + body.length() + "\r\n\r\n")
          + body;
    }

    String flushes() throws Exception {
      return streams("/chat");
    }

    private String streams(String path) throws Exception {
      try (Wire client = client().send(post(path, ""))) {
        Wire call = upstream.acceptRequest();
        call.send(ScriptedUpstream.EVENT_STREAM);
        InputStream body = client.body(client.readHead());
        long[] nanos = new long[300];
        for (int i = 0; i < nanos.length; i++) {
          long from = System.nanoTime();
          call.sendChunk(EVENT);
          body.readNBytes(EVENT.length);
          nanos[i] = System.nanoTime() - from;
        }
        call.sendChunk(DONE).sendLastChunk();
        body.readAllBytes();
        Arrays.sort(nanos);
        return String.format(Locale.ROOT, "%.2f ms", nanos[nanos.length / 2] / 1e6);
      }
    }

    String leaves(boolean afterHead, boolean byReset) throws Exception {
      List<Long> millis = new ArrayList<>();
      for (int run = 0; run < RUNS; run++) {
        Wire client = client().send(post("/chat", ""));
        Wire call = upstream.acceptRequest();
        if (afterHead) {
          call.send(ScriptedUpstream.EVENT_STREAM).sendChunk(EVENT);
          client.body(client.readHead()).readNBytes(EVENT.length);
        }
        long from = System.nanoTime();
        if (byReset) {
          client.reset();
        } else {
          client.close();
        }
        if (!ends(call)) {
          return "not before a write";
        }
        millis.add(TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - from));
      }
      return range(millis);
    }

    private static String range(List<Long> millis) {
      long least = millis.stream().mapToLong(Long::longValue).min().orElseThrow();
      long most = millis.stream().mapToLong(Long::longValue).max().orElseThrow();
      return least == most ? least + " ms" : least + "–" + most + " ms";
    }

    /** Whether the relay ends the connection within some seconds. */
    private static boolean ends(Wire call) throws InterruptedException {
      CountDownLatch ended = new CountDownLatch(1);
      background(
          () -> {
            call.awaitEnd();
            ended.countDown();
          });
      return ended.await(5, TimeUnit.SECONDS);
    }

    private static void background(Runnable task) {
      Thread thread =
          new Thread(
              () -> {
                try {
                  task.run();
                } catch (AssertionError e) {
                  // Nothing came: what waits for it says so.
                }
              },
              "matrix");
      thread.setDaemon(true);
      thread.start();
    }

    String leavesInUpload() throws Exception {
      Wire client = client();
      client.send(request("POST", "/chat", "Content-Length: 5000000\r\n"));
      client.send(new byte[200_000]);
      Wire call = upstream.accept();
      InputStream body = call.body(call.readHead());
      body.readNBytes(200_000);
      long from = System.nanoTime();
      client.close();
      return ends(call)
          ? TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - from) + " ms"
          : "not noticed";
    }

    String cut(String fields, String framing) throws Exception {
      try (Wire client = client().send(post("/chat", fields))) {
        Wire call = upstream.acceptRequest();
        if (framing.equals("chunked")) {
          call.send(ScriptedUpstream.CHUNKED_AUDIO).sendChunk(EVENT);
        } else {
          call.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n").send(EVENT);
        }
        InputStream body = client.body(client.readHead());
        body.readNBytes(EVENT.length);
        call.close();
        try {
          body.readAllBytes();
          return "no";
        } catch (IOException e) {
          return "yes";
        }
      }
    }

    private static void flood(Wire call, AtomicLong sentBytes, CountDownLatch hungUp) {
      background(
          () -> {
            byte[] part = new byte[64 * 1024];
            try {
              call.send(ScriptedUpstream.CHUNKED_AUDIO);
              while (true) {
                call.sendChunk(part);
                sentBytes.addAndGet(part.length);
              }
            } catch (IOException e) {
              hungUp.countDown();
            }
          });
    }

    String stopsReading() throws Exception {
      Socket narrow = new Socket();
      narrow.setReceiveBufferSize(16 * 1024);
      narrow.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), container.port()));
      try (Wire client = new Wire(narrow).send(post("/chat", ""))) {
        AtomicLong sentBytes = new AtomicLong();
        CountDownLatch hungUp = new CountDownLatch(1);
        flood(upstream.acceptRequest(), sentBytes, hungUp);
        long before;
        do {
          before = sentBytes.get();
          if (hungUp.await(300, TimeUnit.MILLISECONDS)) {
            return "cut";
          }
        } while (before == 0 || before != sentBytes.get());
        client.reset();
        return String.format(Locale.ROOT, "%.1f MB, then held", before / 1e6);
      }
    }

    String readsNothing() throws Exception {
      try (Wire client = client().send(post("/chat", ""))) {
        CountDownLatch hungUp = new CountDownLatch(1);
        flood(upstream.acceptRequest(), new AtomicLong(), hungUp);
        boolean cut = hungUp.await(3 * IDLE.toMillis(), TimeUnit.MILLISECONDS);
        client.reset();
        return cut ? "cut" : "waits";
      }
    }

    String pipelines() throws Exception {
      background(this::echoAll);
      try (Wire client = client().send(post("/chat", "", "0") + post("/chat", "", "1"))) {
        return client.readText(client.readHead()).equals("0")
                && client.readText(client.readHead()).equals("1")
            ? "yes"
            : "no";
      }
    }

    String keepsAlive() throws Exception {
      background(this::echoAll);
      try (Wire client = client()) {
        for (int i = 0; i < 3; i++) {
          String question = Integer.toString(i);
          client.send(post("/chat", "", question));
          if (!client.readText(client.readHead()).equals(question)) {
            return "no";
          }
        }
        return "yes";
      }
    }

    /** Repeats the body of each request, on whatever connection the relay makes. */
    private void echoAll() {
      try {
        while (true) {
          Wire call = upstream.accept();
          background(() -> echo(call));
        }
      } catch (IOException e) {
        // The trial is over.
      }
    }

    private static void echo(Wire call) {
      try (call) {
        while (true) {
          String question = call.readText(call.readHead());
          call.send(ScriptedUpstream.EVENT_STREAM).sendChunk(question).sendLastChunk();
        }
      } catch (IOException e) {
        // The trial is over.
      }
    }

    String asksForHead() throws Exception {
      try (Wire client = client().send(request("HEAD", "/chat", ""))) {
        upstream.acceptRequest().send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
        Head head = client.readHead();
        client.send(request("GET", "/nowhere", ""));
        boolean next = client.readHead().status() == 404;
        return next && "5".equals(head.field("Content-Length")) ? "yes" : "no";
      }
    }

    String filters() throws Exception {
      return streams("/filtered/chat");
    }

    String continues() throws Exception {
      String asked = request("POST", "/chat", "Content-Length: 5\r\nExpect: 100-continue\r\n");
      try (Wire refused = client().send(asked.replace(KEY, "sk-wrong"));
          Wire admitted = client().send(asked)) {
        boolean goesOn = admitted.readHead().status() == 100;
        boolean isRefused = refused.readHead().status() == 401;
        return goesOn && isRefused ? "yes" : goesOn ? "no, at once" : "no";
      }
    }

    String drains() throws Exception {
      try (Wire live = client().send(post("/chat", ""));
          Wire late = client()) {
        Wire call = upstream.acceptRequest();
        call.send(ScriptedUpstream.EVENT_STREAM).sendChunk(EVENT);
        InputStream body = live.body(live.readHead());
        body.readNBytes(EVENT.length);
        CompletableFuture<DrainResult> drained = relay.drain(Duration.ZERO, Duration.ofSeconds(20));
        boolean refused = late.send(post("/chat", "")).readHead().status() == 503;
        call.sendChunk(DONE).sendLastChunk();
        body.readAllBytes();
        return refused && drained.get(10, TimeUnit.SECONDS).cut() == 0 ? "yes" : "no";
      }
    }
  }
}
