package io.streamrelay.jetty.launcher;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.EOFException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A provider for thousands of streams, on one thread.
 *
 * <p>The path says what it does: {@code /open} sends one event and then what the test says; {@code
 * /mute} takes the request and answers when the test says; {@code /deaf} reads no body until the
 * test says; {@code /answer/NAME} sends a {@link LoadAnswer} as fast as it is taken.
 */
final class LoadUpstream extends SocketLoop {
  static final String FIRST = "data: {\"choices\":[{\"delta\":{\"content\":\"1\"}}]}\n\n";
  private static final Pattern LENGTH = Pattern.compile("(?i)\r\ncontent-length: *([0-9]+)");

  private final ServerSocketChannel server;
  private final Map<String, LoadAnswer> answers = new ConcurrentHashMap<>();
  private final AtomicLong sent = new AtomicLong();
  private final Set<Conn> connections = new LinkedHashSet<>();

  LoadUpstream() {
    super("load-upstream");
    try {
      server = ServerSocketChannel.open();
      server.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 4096);
      server.configureBlocking(false);
      server.register(selector, SelectionKey.OP_ACCEPT, new Door());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    start();
  }

  String uri() {
    return "http://127.0.0.1:" + server.socket().getLocalPort();
  }

  void serve(String name, LoadAnswer answer) {
    answers.put(name, answer);
  }

  LoadAnswer answer(String name) {
    LoadAnswer answer = answers.get(name);
    if (answer == null) {
      throw new AssertionError("no answer is called " + name);
    }
    return answer;
  }

  /** Bytes of answers written so far. */
  long sent() {
    return sent.get();
  }

  /** How many requests of one path are under way, heads read. */
  int running(String path) {
    return ask(() -> (int) connections.stream().filter(on(path)).count());
  }

  private static Predicate<Conn> on(String path) {
    return conn -> conn.path != null && conn.path.startsWith(path);
  }

  private void each(String path, Consumer<Conn> action) {
    tell(() -> new ArrayList<>(connections).stream().filter(on(path)).forEach(action));
  }

  /** Sends an event on every open stream. */
  void send(String event) {
    ByteBuffer chunk = LoadAnswer.framed(event.getBytes(ISO_8859_1));
    each("/open", conn -> conn.write(chunk.duplicate()));
  }

  /** Ends every open stream as it should end. */
  void finish() {
    ByteBuffer chunk = LoadAnswer.framed(LoadAnswer.DONE.getBytes(ISO_8859_1));
    each(
        "/open",
        conn -> {
          conn.write(chunk.duplicate());
          conn.write(ByteBuffer.wrap("0\r\n\r\n".getBytes(ISO_8859_1)));
          conn.over();
        });
  }

  /** Answers every request that waits for it. */
  void answer() {
    each("/mute", Conn::answerShort);
  }

  /** Reads the bodies that it has not read so far. */
  void listen() {
    each("/deaf", conn -> conn.deaf = false);
    each("/deaf", Conn::interest);
  }

  /** Closes the connections that carry no request. */
  void closeIdle() {
    tell(
        () -> {
          for (Conn conn : List.copyOf(connections)) {
            if (conn.path == null) {
              close(conn.key());
              connections.remove(conn);
            }
          }
        });
  }

  private final class Door implements Socket {
    @Override
    public void ready(SelectionKey key) throws IOException {
      for (SocketChannel channel = server.accept(); channel != null; channel = server.accept()) {
        channel.configureBlocking(false);
        channel.setOption(StandardSocketOptions.SO_SNDBUF, 64 * 1024);
        channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
        Conn conn = new Conn(channel);
        conn.key = channel.register(selector, SelectionKey.OP_READ, conn);
        connections.add(conn);
      }
    }

    @Override
    public void broke(SelectionKey key, IOException cause) {}
  }

  private final class Conn implements Socket {
    private final SocketChannel channel;
    private @Nullable SelectionKey key;
    private final StringBuilder head = new StringBuilder();
    private @Nullable String path;
    private long bodyLeft;
    private boolean deaf;
    private boolean answered;
    private LoadAnswer.@Nullable Chunks chunks;
    private @Nullable ByteBuffer pending;

    Conn(SocketChannel channel) {
      this.channel = channel;
    }

    SelectionKey key() {
      SelectionKey mine = key;
      if (mine == null) {
        throw new AssertionError("not registered");
      }
      return mine;
    }

    @Override
    public void ready(SelectionKey ready) throws IOException {
      if (ready.isReadable()) {
        read();
      }
      if (ready.isValid() && ready.isWritable()) {
        flush();
      }
    }

    private void read() throws IOException {
      buffer.clear();
      int count = channel.read(buffer);
      if (count < 0) {
        throw new EOFException();
      }
      buffer.flip();
      while (buffer.hasRemaining()) {
        if (path != null) {
          long body = Math.min(bodyLeft, buffer.remaining());
          bodyLeft -= body;
          buffer.position(buffer.limit());
          if (bodyLeft == 0) {
            bodyEnded();
          }
          return;
        }
        head.append((char) (buffer.get() & 0xff));
        if (buffer.get(buffer.position() - 1) == '\n'
            && head.length() > 3
            && head.substring(head.length() - 4).equals("\r\n\r\n")) {
          headEnded();
        }
      }
    }

    private void headEnded() throws IOException {
      String text = head.toString();
      head.setLength(0);
      head.trimToSize();
      path = text.split(" ", 3)[1];
      Matcher length = LENGTH.matcher(text);
      bodyLeft = length.find() ? Long.parseLong(length.group(1)) : 0;
      answered = false;
      deaf = path.startsWith("/deaf");
      if (deaf) {
        bodyLeft -= buffer.remaining();
        buffer.position(buffer.limit());
        interest();
      } else if (bodyLeft == 0) {
        bodyEnded();
      }
    }

    private void bodyEnded() {
      String wanted = path;
      if (wanted == null || answered) {
        return;
      }
      answered = true;
      if (wanted.startsWith("/open")) {
        write(head("text/event-stream"));
        write(LoadAnswer.framed(FIRST.getBytes(ISO_8859_1)));
      } else if (wanted.startsWith("/answer/")) {
        LoadAnswer answer = answer(wanted.substring("/answer/".length()));
        write(head(answer.contentType()));
        chunks = answer.chunks();
        flush();
      } else if (wanted.startsWith("/deaf")) {
        answerShort();
      }
    }

    private void answerShort() {
      answered = true;
      write(
          ByteBuffer.wrap(
              "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
                  .getBytes(ISO_8859_1)));
      over();
    }

    private static ByteBuffer head(String type) {
      return ByteBuffer.wrap(
          ("HTTP/1.1 200 OK\r\nContent-Type: " + type + "\r\nTransfer-Encoding: chunked\r\n\r\n")
              .getBytes(ISO_8859_1));
    }

    private void over() {
      path = null;
      chunks = null;
    }

    void write(ByteBuffer bytes) {
      ByteBuffer waiting = pending;
      if (waiting != null && waiting.hasRemaining()) {
        pending =
            ByteBuffer.allocate(waiting.remaining() + bytes.remaining())
                .put(waiting)
                .put(bytes)
                .flip();
      } else {
        pending = bytes;
      }
      flush();
    }

    private void flush() {
      try {
        while (true) {
          ByteBuffer waiting = pending;
          if (waiting != null && waiting.hasRemaining()) {
            sent.addAndGet(channel.write(waiting));
            if (waiting.hasRemaining()) {
              break;
            }
          }
          pending = null;
          LoadAnswer.Chunks more = chunks;
          if (more == null) {
            break;
          }
          if (more.isOver()) {
            over();
            break;
          }
          pending = more.next();
        }
        interest();
      } catch (IOException e) {
        close(key());
        broke(key(), e);
      }
    }

    void interest() {
      ByteBuffer waiting = pending;
      boolean writes = waiting != null && waiting.hasRemaining();
      if (key().isValid()) {
        key().interestOps((deaf ? 0 : SelectionKey.OP_READ) | (writes ? SelectionKey.OP_WRITE : 0));
      }
    }

    @Override
    public void broke(SelectionKey broken, IOException cause) {
      connections.remove(this);
    }
  }
}
