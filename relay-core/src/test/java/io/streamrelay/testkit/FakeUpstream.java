package io.streamrelay.testkit;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import io.streamrelay.testkit.AnswerCompiler.Start;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A scripted HTTP/1.1 server on a real loopback socket: records what it is sent byte by byte, and
 * answers, stalls and breaks off as the test says.
 *
 * <p>By script, told beforehand; {@link Faults} has the usual ones:
 *
 * <pre>{@code
 * upstream.answer(Answer.events().event("one").awaitGo("rest").event("two").resetAt(15));
 * client.get(upstream.origin());
 * upstream.go("rest");
 * upstream.lastConnection().awaitLeave();
 * }</pre>
 *
 * <p>Or by hand, step by step, on a connection that was not given a script:
 *
 * <pre>{@code
 * FakeUpstream.Connection connection = upstream.awaitConnection();
 * assertThat(connection.awaitRequest().head()).startsWith("GET /v1/models HTTP/1.1\r\n");
 * connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello").reset();
 * }</pre>
 *
 * <p>Text stands for bytes, as ISO 8859-1; in an {@link Answer} it is UTF-8. Every wait ends after
 * 10 s in an error that tells what was recorded.
 *
 * <p>Thread-safe. It never throws on a thread of its own: what goes wrong there is recorded.
 */
public final class FakeUpstream implements AutoCloseable {
  private static final int SEND_BUFFER_BYTES = 64 * 1024;

  private final Recorder record = new Recorder("upstream");
  private final ServerSocket server;
  private final List<Connection> connections = new ArrayList<>();
  private final List<Connection> used = new ArrayList<>();
  private final List<Socket> crowd = new ArrayList<>();
  private int awaited;
  private long readLimit = Long.MAX_VALUE;
  private @Nullable Function<Request, Answer> answers;
  private final Deque<Answer> script = new ArrayDeque<>();
  private final List<Request> requests = new ArrayList<>();
  private final Gates gates = new Gates(record);

  private FakeUpstream(int backlog) {
    try {
      server = new ServerSocket();
      server.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), backlog);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Starts a server.
   *
   * @return it accepts and reads, and says nothing by itself
   */
  public static FakeUpstream start() {
    FakeUpstream upstream = new FakeUpstream(200);
    daemon("fake-upstream-accept", upstream::acceptAll);
    return upstream;
  }

  /**
   * Starts a server that no connection gets through to: its backlog is full and it never accepts.
   *
   * @return the server
   */
  public static FakeUpstream full() {
    FakeUpstream upstream = new FakeUpstream(1);
    try {
      for (int i = 0; i < 16; i++) {
        Socket one = new Socket();
        upstream.crowd.add(one);
        one.connect(upstream.server.getLocalSocketAddress(), 200);
      }
    } catch (SocketTimeoutException e) {
      return upstream;
    } catch (IOException e) {
      upstream.close();
      throw new UncheckedIOException(e);
    }
    upstream.close();
    throw new AssertionError("this system's backlog takes more than it should");
  }

  /**
   * Finds a port that nobody listens on.
   *
   * @return an origin that refuses connections
   */
  public static URI refusing() {
    FakeUpstream upstream = new FakeUpstream(1);
    upstream.close();
    return upstream.origin();
  }

  /**
   * Returns where it listens.
   *
   * @return scheme {@code http}, host and port
   */
  public URI origin() {
    return URI.create("http://127.0.0.1:" + server.getLocalPort());
  }

  /**
   * Answers every request from now on by itself.
   *
   * @param answers gives the raw bytes of the answer; the connection is kept
   * @return this
   */
  public FakeUpstream answerWith(Function<Request, String> answers) {
    return answers(request -> Answer.raw(answers.apply(request)));
  }

  /**
   * Answers every request from now on by script.
   *
   * @param answers gives the answer to a whole request, on a thread of the server; its {@link
   *     Answer#beforeRequestBody} and {@link Answer#onConnect} have no effect
   * @return this
   */
  public FakeUpstream answers(Function<Request, Answer> answers) {
    synchronized (record) {
      this.answers = answers;
      script.clear();
    }
    return this;
  }

  /**
   * Answers the next requests by script, one after another, whichever connections they come on; the
   * last script serves all further ones too.
   *
   * @param first to the next request
   * @param more to those after it
   * @return this
   */
  public FakeUpstream answer(Answer first, Answer... more) {
    first.compile();
    for (Answer answer : more) {
      answer.compile();
    }
    synchronized (record) {
      answers = null;
      script.clear();
      script.add(first);
      script.addAll(List.of(more));
    }
    return this;
  }

  /**
   * Lets one answer pass a gate once, now or when it gets there.
   *
   * @param gate as in {@link Answer#awaitGo}
   * @return this
   */
  public FakeUpstream go(String gate) {
    gates.go(gate);
    return this;
  }

  /**
   * Waits until an answer stands before a gate.
   *
   * @param gate as in {@link Answer#awaitGo}
   */
  public void awaitAtGate(String gate) {
    gates.awaitSomebodyAt(gate);
  }

  /**
   * Returns the whole requests that were answered by script.
   *
   * @return in the order in which they came
   */
  public List<Request> requests() {
    synchronized (record) {
      return List.copyOf(requests);
    }
  }

  /**
   * Waits for requests that are answered by script.
   *
   * @param count how many since the start
   * @return the last of them
   */
  public Request awaitRequests(int count) {
    synchronized (record) {
      record.await(count + " requests", () -> requests.size() >= count);
      return requests.get(count - 1);
    }
  }

  /**
   * Makes connections to come read no more than so much until {@link Connection#readOn}.
   *
   * @param bytes zero or more
   * @return this
   */
  public FakeUpstream readingOnly(long bytes) {
    synchronized (record) {
      readLimit = bytes;
    }
    return this;
  }

  /**
   * Waits for the next connection that brought a byte and that no call of this method returned
   * before. Spare connections do not count: a pool may open them.
   *
   * @return the connection
   */
  public Connection awaitConnection() {
    synchronized (record) {
      record.await("a connection", () -> used.size() > awaited);
      return used.get(awaited++);
    }
  }

  /**
   * Returns how many connections brought a byte.
   *
   * @return also those that are closed
   */
  public int connectionCount() {
    synchronized (record) {
      return used.size();
    }
  }

  /**
   * Waits for a connection that brought a byte and returns the latest; unlike {@link
   * #awaitConnection} also one that was returned before.
   *
   * @return the connection
   */
  public Connection lastConnection() {
    synchronized (record) {
      record.await("a connection", () -> !used.isEmpty());
      return used.get(used.size() - 1);
    }
  }

  /** Waits until the other side has closed every connection. */
  public void awaitAllClosed() {
    record.await(
        "every connection to close", () -> connections.stream().allMatch(c -> c.closedByPeer));
  }

  @Override
  public void close() {
    List<Connection> open;
    synchronized (record) {
      open = List.copyOf(connections);
    }
    quietly(server);
    crowd.forEach(FakeUpstream::quietly);
    open.forEach(Connection::close);
  }

  @Override
  public String toString() {
    return record.toString();
  }

  private void acceptAll() {
    while (true) {
      Connection connection;
      try {
        Socket socket = server.accept();
        socket.setTcpNoDelay(true);
        socket.setSendBufferSize(SEND_BUFFER_BYTES);
        synchronized (record) {
          connection = new Connection(socket, connections.size(), readLimit);
          connections.add(connection);
          connection.note("accepted");
          Answer first = script.peek();
          if (first != null && first.start() == Start.CONNECTED) {
            connection.answeredEarly = true;
            connection.play(nextInScript());
          }
        }
      } catch (IOException e) {
        return;
      }
      daemon("fake-upstream-read", connection::readAll);
    }
  }

  /** Takes the next answer off the script; the last one stays. */
  private Answer nextInScript() {
    return script.size() > 1 ? script.remove() : script.element();
  }

  private static Thread daemon(String name, Runnable work) {
    Thread thread = new Thread(work, name);
    thread.setDaemon(true);
    thread.start();
    return thread;
  }

  private static void quietly(AutoCloseable what) {
    try {
      what.close();
    } catch (Exception e) {
      // Closed is closed.
    }
  }

  /**
   * One request as it came.
   *
   * @param head with the empty line that ends it
   * @param framed the body as it was on the wire
   * @param body the body without chunk framing
   */
  public record Request(String head, String framed, String body) {
    /**
     * Returns the target.
     *
     * @return path and query
     */
    public String target() {
      return head.split(" ", 3)[1];
    }

    /**
     * Returns a header's value.
     *
     * @param name in any case
     * @return of the first such line; null if there is none
     */
    public @Nullable String header(String name) {
      String start = name.toLowerCase(Locale.ROOT) + ":";
      for (String line : lines()) {
        if (line.toLowerCase(Locale.ROOT).startsWith(start)) {
          return line.substring(start.length()).strip();
        }
      }
      return null;
    }

    /**
     * Returns the lines of the head.
     *
     * @return request line first
     */
    public List<String> lines() {
      return head.strip().lines().toList();
    }
  }

  /** How the other side closed a connection. */
  public enum LeftBy {
    /** In order: the end of what it sends. A client that is done closes so. */
    FIN,
    /** By a reset. */
    RESET
  }

  /**
   * The moment at which the other side left.
   *
   * @param at when this side learnt of it
   * @param by the first sign of it
   * @param sent bytes that the socket had taken by then, framing included; what lay unread in
   *     buffers is among them
   * @param generated what had been generated by then
   */
  public record Leave(Instant at, LeftBy by, long sent, Generated generated) {}

  /** Plays answers on one connection. */
  private final class Script extends Player {
    private final Connection connection;

    Script(Connection connection) {
      super(FakeUpstream.this.record, gates, "#" + connection.number);
      this.connection = connection;
    }

    @Override
    boolean isEnded() {
      return connection.closed;
    }

    @Override
    boolean isLeft() {
      return connection.closedByPeer;
    }

    @Override
    boolean write(byte[] bytes) {
      return connection.write(bytes);
    }

    @Override
    void end() {
      connection.end();
    }

    @Override
    void reset() {
      connection.reset();
    }
  }

  /** One accepted connection. */
  public final class Connection {
    private final Socket socket;
    private final int number;
    private final StringBuilder received = new StringBuilder();
    private final ExecutorService writer =
        Executors.newSingleThreadExecutor(
            work -> {
              Thread thread = new Thread(work, "fake-upstream-write");
              thread.setDaemon(true);
              return thread;
            });
    private long readLimit;
    private long read;
    private int consumed;
    private long sent;
    private boolean closedByPeer;
    private boolean closed;
    private int scanned;
    private boolean answeredEarly;
    private final Script player;
    private @Nullable Leave leave;

    private Connection(Socket socket, int number, long readLimit) {
      this.socket = socket;
      this.number = number;
      this.readLimit = readLimit;
      this.player = new Script(this);
    }

    // ---- what it is sent

    /**
     * Waits for the next whole request.
     *
     * @return the request
     */
    public Request awaitRequest() {
      synchronized (record) {
        Request[] found = new Request[1];
        record.await("a whole request on " + number, () -> (found[0] = next()) != null);
        return found[0];
      }
    }

    /**
     * Waits for the next request's head, whatever becomes of its body.
     *
     * @return the head with the empty line that ends it
     */
    public String awaitHead() {
      synchronized (record) {
        record.await("a head on " + number, () -> received.indexOf("\r\n\r\n", consumed) >= 0);
        return received.substring(consumed, received.indexOf("\r\n\r\n", consumed) + 4);
      }
    }

    /**
     * Waits for the bytes that end what was received so far.
     *
     * @param end how it must end
     */
    public void awaitReceived(String end) {
      record.await(
          "bytes that end in " + end + " on " + number,
          () -> received.length() >= end.length() && received.lastIndexOf(end) >= consumed);
    }

    /**
     * Returns everything that came on this connection.
     *
     * @return raw bytes
     */
    public String received() {
      synchronized (record) {
        return received.toString();
      }
    }

    /** Waits until the other side has closed this connection, in order or by a reset. */
    public void awaitClosed() {
      record.await("connection " + number + " to be closed", () -> closedByPeer);
    }

    /**
     * Waits until the other side has left.
     *
     * @return when, how, and how much it was sent by then
     */
    public Leave awaitLeave() {
      synchronized (record) {
        record.await("the other side to leave " + number, () -> leave != null);
        return Objects.requireNonNull(leave);
      }
    }

    /**
     * Returns when the other side left.
     *
     * @return when this side learnt of it; null if it is still there, or this side closed first
     */
    public @Nullable Instant leftAt() {
      synchronized (record) {
        return leave == null ? null : leave.at;
      }
    }

    /**
     * Returns what was generated on this connection by script: what would be billed.
     *
     * @return so far
     */
    public Generated generated() {
      return player.generated();
    }

    /**
     * Returns what was generated although the other side had left: what would be billed for
     * nothing.
     *
     * @return nothing if it is still there
     */
    public Generated sentAfterLeave() {
      synchronized (record) {
        return leave == null ? Generated.NOTHING : generated().minus(leave.generated);
      }
    }

    /** Waits until every script that was begun on this connection has come to its end. */
    public void awaitPlayed() {
      player.awaitPlayed();
    }

    /** Waits until a script on this connection says nothing more, by {@link Answer#stall}. */
    public void awaitStalled() {
      player.awaitStalled();
    }

    /** Reads all there is, after {@link FakeUpstream#readingOnly}. */
    public void readOn() {
      synchronized (record) {
        readLimit = Long.MAX_VALUE;
        note("reads on");
      }
    }

    // ---- what it does

    /**
     * Sends text.
     *
     * @param text raw bytes
     * @return this
     */
    public Connection send(String text) {
      return send(text.getBytes(ISO_8859_1));
    }

    /**
     * Sends bytes and waits until the socket has taken them.
     *
     * @param bytes raw
     * @return this
     */
    public Connection send(byte[] bytes) {
      Future<?> done = writer.submit(() -> write(bytes));
      try {
        done.get(Recorder.LIMIT_SECONDS, TimeUnit.SECONDS);
      } catch (TimeoutException e) {
        throw new AssertionError("connection " + number + " takes no bytes; " + record, e);
      } catch (InterruptedException | ExecutionException e) {
        throw new AssertionError("sending on " + number + "; " + record, e);
      }
      return this;
    }

    /**
     * Answers by script, in the background.
     *
     * @param answer whole script
     * @return this
     */
    public Connection play(Answer answer) {
      List<Step> steps = answer.compile();
      player.begin();
      writer.execute(() -> player.play(steps, answer.unattended()));
      return this;
    }

    /**
     * Sends bytes over and over, in the background, until the connection breaks.
     *
     * @param block one or more bytes
     * @return this
     */
    public Connection sendEndlessly(byte[] block) {
      writer.execute(
          () -> {
            boolean going = true;
            while (going) {
              going = write(block);
            }
          });
      return this;
    }

    /**
     * Waits until its endless sending has come to a halt because the other side reads nothing.
     *
     * @return bytes that the socket took so far
     */
    public long awaitBlockedOnWrite() {
      record.awaitQuiet("a blocked write on " + number);
      return sent();
    }

    /**
     * Returns how much was sent.
     *
     * @return bytes that the socket took
     */
    public long sent() {
      synchronized (record) {
        return sent;
      }
    }

    /** Ends its sending side in order; goes on reading. */
    public void end() {
      note("ends");
      try {
        socket.shutdownOutput();
      } catch (IOException e) {
        note("cannot end: " + e);
      }
    }

    /** Resets the connection. */
    public void reset() {
      note("resets");
      try {
        socket.setSoLinger(true, 0);
      } catch (IOException e) {
        note("cannot reset: " + e);
      }
      close();
    }

    /** Closes both sides. */
    public void close() {
      synchronized (record) {
        closed = true;
        record.notifyAll();
      }
      quietly(socket);
      writer.shutdownNow();
    }

    // ---- threads

    private void note(String what) {
      record.note("#" + number + " " + what);
    }

    private boolean write(byte[] bytes) {
      try {
        socket.getOutputStream().write(bytes);
      } catch (IOException e) {
        note("write failed: " + e.getMessage());
        return false;
      }
      synchronized (record) {
        sent += bytes.length;
        note("sent " + bytes.length);
      }
      return true;
    }

    private void readAll() {
      byte[] buffer = new byte[64 * 1024];
      String how = "end";
      try {
        InputStream in = socket.getInputStream();
        int count = 0;
        while (count >= 0) {
          int most = (int) Math.min(buffer.length, awaitReadable());
          if (most < 0) {
            return;
          }
          count = in.read(buffer, 0, most);
          if (count > 0) {
            took(new String(buffer, 0, count, ISO_8859_1));
          }
        }
      } catch (IOException e) {
        how = String.valueOf(e.getMessage());
      }
      synchronized (record) {
        if (!closed) {
          LeftBy by = how.equals("end") ? LeftBy.FIN : LeftBy.RESET;
          leave = new Leave(Instant.now(), by, sent, generated());
          closedByPeer = true;
          note("closed by the other side: " + how);
        }
      }
    }

    /** How much may be read now; -1 if this side has closed meanwhile. */
    private long awaitReadable() {
      synchronized (record) {
        while (read >= readLimit && !closed) {
          try {
            record.wait();
          } catch (InterruptedException e) {
            return -1;
          }
        }
        return closed ? -1 : readLimit - read;
      }
    }

    private void took(String bytes) {
      synchronized (record) {
        if (read == 0) {
          used.add(this);
        }
        read += bytes.length();
        received.append(bytes);
        note("received " + bytes.length());
        answerWhatCame();
      }
    }

    private void answerWhatCame() {
      while (answers != null || !script.isEmpty()) {
        Answer early = script.peek();
        if (!answeredEarly
            && early != null
            && early.start() == Start.HEAD
            && received.indexOf("\r\n\r\n", scanned) >= 0) {
          answeredEarly = true;
          play(nextInScript());
        }
        Parsed parsed = parse(scanned);
        if (parsed == null) {
          return;
        }
        scanned = parsed.end;
        requests.add(parsed.request);
        note("has a whole request");
        Function<Request, Answer> function = answers;
        if (answeredEarly) {
          answeredEarly = false;
        } else if (function != null) {
          play(function.apply(parsed.request));
        } else {
          play(nextInScript());
        }
      }
    }

    /** Takes the next request off what was received; null if it is not whole. */
    private @Nullable Request next() {
      Parsed parsed = parse(consumed);
      if (parsed == null) {
        return null;
      }
      consumed = parsed.end;
      return parsed.request;
    }

    private record Parsed(Request request, int end) {}

    private @Nullable Parsed parse(int begin) {
      int headEnd = received.indexOf("\r\n\r\n", begin);
      if (headEnd < 0) {
        return null;
      }
      int from = headEnd + 4;
      String head = received.substring(begin, from);
      int to = from;
      String body = null;
      if (head.toLowerCase(Locale.ROOT).contains("\r\ntransfer-encoding: chunked\r\n")) {
        StringBuilder content = new StringBuilder();
        int size = -1;
        while (size != 0) {
          int line = received.indexOf("\r\n", to);
          if (line < 0) {
            return null;
          }
          size = Integer.parseInt(received.substring(to, line), 16);
          to = line + 2 + size + 2;
          if (to > received.length()) {
            return null;
          }
          content.append(received, line + 2, line + 2 + size);
        }
        body = content.toString();
      } else {
        to += declaredLength(head);
        if (to > received.length()) {
          return null;
        }
      }
      String framed = received.substring(from, to);
      return new Parsed(new Request(head, framed, body == null ? framed : body), to);
    }

    private static int declaredLength(String head) {
      for (String line : head.lines().toList()) {
        if (line.toLowerCase(Locale.ROOT).startsWith("content-length:")) {
          return Integer.parseInt(line.substring("content-length:".length()).strip());
        }
      }
      return 0;
    }
  }
}
