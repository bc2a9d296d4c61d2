package io.streamrelay.testkit;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.eclipse.jetty.http.HttpField;
import org.eclipse.jetty.http.MetaData;
import org.eclipse.jetty.http2.hpack.HpackDecoder;
import org.eclipse.jetty.http2.hpack.HpackException;
import org.jspecify.annotations.Nullable;

/**
 * A scripted HTTP/2 server on a real loopback socket, for clients that know beforehand that it
 * speaks HTTP/2 (RFC 9113, 3.3): records what it is sent, and answers, resets and goes away as the
 * test says.
 *
 * <pre>{@code
 * upstream.answer(Answer.events().event("one").awaitGo("rest").event("two"));
 * FakeHttp2Upstream.Stream stream = upstream.awaitStream();
 * stream.connection().goAway(stream.id(), FakeHttp2Upstream.NO_ERROR);
 * upstream.go("rest");
 * }</pre>
 *
 * <p>An {@link Answer} means here: each part of the body is a DATA frame of its own, trailers are
 * HEADERS, {@link Answer#reset} is RST_STREAM with INTERNAL_ERROR, {@link Answer#close} ends the
 * whole connection. Raw bytes and interim answers are for HTTP/1.1 only.
 *
 * <p>It keeps to the client's flow-control windows and opens its own as it reads. Frames that it
 * does not know are noted and ignored. Every wait ends after 10 s in an error that tells what was
 * recorded. Thread-safe.
 *
 * <p>Needs {@code org.eclipse.jetty.http2:jetty-http2-hpack}, which reads compressed headers.
 */
public final class FakeHttp2Upstream implements AutoCloseable {
  /** Error code: a graceful end. */
  public static final int NO_ERROR = 0;

  /** Error code: the provider's own failure. */
  public static final int INTERNAL_ERROR = 2;

  /** Error code: the stream was not begun, so it is safe to send it again. */
  public static final int REFUSED_STREAM = 7;

  /** Error code: no longer wanted. Clients that leave send it. */
  public static final int CANCEL = 8;

  /** Error code: too much of something. */
  public static final int ENHANCE_YOUR_CALM = 11;

  /** Setting: how many streams the client may have at once. */
  public static final int MAX_CONCURRENT_STREAMS = 3;

  /** Setting: how many bytes the client may send on a stream before it is told to go on. */
  public static final int INITIAL_WINDOW_SIZE = 4;

  private static final int DATA = 0;
  private static final int HEADERS = 1;
  private static final int RST_STREAM = 3;
  private static final int SETTINGS = 4;
  private static final int PING = 6;
  private static final int GOAWAY = 7;
  private static final int WINDOW_UPDATE = 8;
  private static final int CONTINUATION = 9;

  private static final int END_STREAM = 0x1;
  private static final int ACK = 0x1;
  private static final int END_HEADERS = 0x4;
  private static final int PADDED = 0x8;
  private static final int PRIORITY = 0x20;

  private static final int MAX_FRAME_BYTES = 16_384;
  private static final int DEFAULT_WINDOW_BYTES = 65_535;
  private static final byte[] PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".getBytes(ISO_8859_1);

  private final Recorder record = new Recorder("http/2 upstream");
  private final Gates gates = new Gates(record);
  private final ServerSocket server;
  private final List<Connection> connections = new ArrayList<>();
  private final List<Stream> streams = new ArrayList<>();
  private final Deque<Answer> script = new ArrayDeque<>();
  private final Map<Integer, Long> settings = new HashMap<>();
  private int awaited;

  private FakeHttp2Upstream() {
    try {
      server = new ServerSocket(0, 200, InetAddress.getLoopbackAddress());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Starts a server.
   *
   * @return it accepts and reads, and answers nothing by itself
   */
  public static FakeHttp2Upstream start() {
    FakeHttp2Upstream upstream = new FakeHttp2Upstream();
    daemon("fake-http2-accept", upstream::acceptAll);
    return upstream;
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
   * Puts a setting into the SETTINGS that connections to come begin with.
   *
   * @param id such as {@link #MAX_CONCURRENT_STREAMS}
   * @param value unsigned 32 bits
   * @return this
   */
  public FakeHttp2Upstream setting(int id, long value) {
    synchronized (record) {
      settings.put(id, value);
    }
    return this;
  }

  /**
   * Answers the next requests by script; the last script serves all further ones too.
   *
   * @param first to the next request
   * @param more to those after it
   * @return this
   */
  public FakeHttp2Upstream answer(Answer first, Answer... more) {
    List<Answer> all = new ArrayList<>(List.of(first));
    all.addAll(List.of(more));
    all.forEach(Answer::compileMessages);
    synchronized (record) {
      script.clear();
      script.addAll(all);
    }
    return this;
  }

  /**
   * Lets one answer pass a gate once, now or when it gets there.
   *
   * @param gate as in {@link Answer#awaitGo}
   * @return this
   */
  public FakeHttp2Upstream go(String gate) {
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
   * Waits for the next stream that no call of this method returned before.
   *
   * @return the stream; its headers are there
   */
  public Stream awaitStream() {
    synchronized (record) {
      record.await("a stream", () -> streams.size() > awaited);
      return streams.get(awaited++);
    }
  }

  /**
   * Returns how many connections began with the preface of HTTP/2.
   *
   * @return also those that are closed
   */
  public int connectionCount() {
    synchronized (record) {
      return connections.size();
    }
  }

  @Override
  public void close() {
    List<Connection> open;
    synchronized (record) {
      open = List.copyOf(connections);
    }
    quietly(server);
    open.forEach(Connection::close);
  }

  @Override
  public String toString() {
    return record.toString();
  }

  private void acceptAll() {
    int number = 0;
    while (true) {
      try {
        Socket socket = server.accept();
        socket.setTcpNoDelay(true);
        Connection connection = new Connection(socket, number++);
        daemon("fake-http2-read", connection::readAll);
      } catch (IOException e) {
        return;
      }
    }
  }

  private static void daemon(String name, Runnable work) {
    Thread thread = new Thread(work, name);
    thread.setDaemon(true);
    thread.start();
  }

  private static void quietly(AutoCloseable what) {
    try {
      what.close();
    } catch (Exception e) {
      // Closed is closed.
    }
  }

  /** One connection that began with the preface. */
  public final class Connection {
    private final Socket socket;
    private final int number;
    private final Object writing = new Object();
    private final Map<Integer, Stream> byId = new HashMap<>();
    private final HpackDecoder decoder = new HpackDecoder(1 << 20, System::nanoTime);
    private long window = DEFAULT_WINDOW_BYTES;
    private long initialWindow = DEFAULT_WINDOW_BYTES;
    private int goAwayCode = -1;
    private boolean left;
    private boolean closed;

    private Connection(Socket socket, int number) {
      this.socket = socket;
      this.number = number;
    }

    /**
     * Sends GOAWAY; streams up to the last one may go on, and the connection stays.
     *
     * @param lastStreamId the highest stream that was or will be worked on
     * @param errorCode such as {@link #NO_ERROR}
     * @return this
     */
    public Connection goAway(int lastStreamId, int errorCode) {
      ByteBuffer payload = ByteBuffer.allocate(8).putInt(lastStreamId).putInt(errorCode);
      return frame(GOAWAY, 0, 0, payload.array());
    }

    /**
     * Sends a setting.
     *
     * @param id such as {@link #INITIAL_WINDOW_SIZE}
     * @param value unsigned 32 bits
     * @return this
     */
    public Connection setting(int id, long value) {
      return frame(SETTINGS, 0, 0, settingBytes(Map.of(id, value)));
    }

    /**
     * Sends PING.
     *
     * @return this
     */
    public Connection ping() {
      return frame(PING, 0, 0, new byte[8]);
    }

    /**
     * Sends any frame, also such as do not exist.
     *
     * @param type one byte
     * @param flags one byte
     * @param streamId zero for the connection
     * @param payload as it is
     * @return this
     */
    public Connection frame(int type, int flags, int streamId, byte[] payload) {
      ByteBuffer frame = ByteBuffer.allocate(9 + payload.length);
      frame.put((byte) (payload.length >> 16)).putShort((short) payload.length);
      frame.put((byte) type).put((byte) flags).putInt(streamId).put(payload);
      note(
          "sends frame %d, flags %d, stream %d, %d bytes"
              .formatted(type, flags, streamId, payload.length));
      send(frame.array());
      return this;
    }

    /**
     * Waits for the client's GOAWAY.
     *
     * @return its error code
     */
    public int awaitGoAway() {
      record.await("GOAWAY on " + number, () -> goAwayCode >= 0);
      synchronized (record) {
        return goAwayCode;
      }
    }

    /** Waits until the other side has closed this connection. */
    public void awaitClosed() {
      record.await("connection " + number + " to be closed", () -> left);
    }

    /** Ends its sending side in order. */
    public void end() {
      note("ends");
      try {
        socket.shutdownOutput();
      } catch (IOException e) {
        note("cannot end: " + e.getMessage());
      }
    }

    /** Resets the TCP connection. */
    public void reset() {
      note("resets");
      try {
        socket.setSoLinger(true, 0);
      } catch (IOException e) {
        note("cannot reset: " + e.getMessage());
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
    }

    private void note(String what) {
      record.note("#" + number + " " + what);
    }

    private boolean send(byte[] bytes) {
      try {
        synchronized (writing) {
          socket.getOutputStream().write(bytes);
        }
        return true;
      } catch (IOException e) {
        note("write failed: " + e.getMessage());
        return false;
      }
    }

    private void readAll() {
      try {
        DataInputStream in = new DataInputStream(socket.getInputStream());
        if (!Arrays.equals(in.readNBytes(PREFACE.length), PREFACE)) {
          note("no preface of HTTP/2");
          close();
          return;
        }
        byte[] first;
        synchronized (record) {
          connections.add(this);
          note("has the preface");
          first = settingBytes(settings);
        }
        frame(SETTINGS, 0, 0, first);
        while (true) {
          int length = (in.readUnsignedByte() << 16) | in.readUnsignedShort();
          int type = in.readUnsignedByte();
          int flags = in.readUnsignedByte();
          int streamId = in.readInt() & Integer.MAX_VALUE;
          byte[] payload = in.readNBytes(length);
          note("frame %d, flags %d, stream %d, %d bytes".formatted(type, flags, streamId, length));
          took(in, type, flags, streamId, payload);
        }
      } catch (IOException | HpackException e) {
        synchronized (record) {
          if (!closed) {
            left = true;
            note("closed by the other side: " + e.getMessage());
            byId.values().forEach(stream -> stream.leave(CANCEL));
          }
        }
      }
    }

    private void took(DataInputStream in, int type, int flags, int streamId, byte[] payload)
        throws IOException, HpackException {
      ByteBuffer bytes = ByteBuffer.wrap(payload);
      switch (type) {
        case DATA -> data(streamId, flags, bytes);
        case HEADERS -> headers(in, streamId, flags, bytes);
        case RST_STREAM -> stream(streamId).leave(bytes.getInt());
        case SETTINGS -> settings(flags, bytes);
        case PING -> {
          if ((flags & ACK) == 0) {
            frame(PING, ACK, 0, payload);
          }
        }
        case GOAWAY -> {
          synchronized (record) {
            goAwayCode = bytes.getInt(4);
            note("GOAWAY with " + goAwayCode);
          }
        }
        case WINDOW_UPDATE -> {
          synchronized (record) {
            int more = bytes.getInt() & Integer.MAX_VALUE;
            if (streamId == 0) {
              window += more;
            } else {
              stream(streamId).window += more;
            }
            record.notifyAll();
          }
        }
        default -> {}
      }
    }

    private void settings(int flags, ByteBuffer bytes) {
      if ((flags & ACK) != 0) {
        return;
      }
      synchronized (record) {
        while (bytes.hasRemaining()) {
          int id = bytes.getShort();
          long value = bytes.getInt() & 0xffff_ffffL;
          if (id == INITIAL_WINDOW_SIZE) {
            long change = value - initialWindow;
            initialWindow = value;
            byId.values().forEach(stream -> stream.window += change);
          }
        }
        record.notifyAll();
      }
      frame(SETTINGS, ACK, 0, new byte[0]);
    }

    private void data(int streamId, int flags, ByteBuffer bytes) {
      int taken = bytes.remaining();
      Stream stream = stream(streamId);
      unpad(flags, bytes);
      byte[] body = new byte[bytes.remaining()];
      bytes.get(body);
      if (taken > 0) {
        byte[] more = ByteBuffer.allocate(4).putInt(taken).array();
        frame(WINDOW_UPDATE, 0, 0, more);
        frame(WINDOW_UPDATE, 0, streamId, more);
      }
      stream.body(body, (flags & END_STREAM) != 0);
    }

    private void headers(DataInputStream in, int streamId, int flags, ByteBuffer bytes)
        throws IOException, HpackException {
      unpad(flags, bytes);
      if ((flags & PRIORITY) != 0) {
        bytes.position(bytes.position() + 5);
      }
      ByteArrayOutputStream block = new ByteArrayOutputStream();
      byte[] begin = new byte[bytes.remaining()];
      bytes.get(begin);
      block.writeBytes(begin);
      boolean whole = (flags & END_HEADERS) != 0;
      while (!whole) {
        int length = (in.readUnsignedByte() << 16) | in.readUnsignedShort();
        if (in.readUnsignedByte() != CONTINUATION) {
          throw new IOException("no CONTINUATION where one belongs");
        }
        whole = (in.readUnsignedByte() & END_HEADERS) != 0;
        in.readInt();
        block.writeBytes(in.readNBytes(length));
      }
      stream(streamId).headers(decode(block.toByteArray()), (flags & END_STREAM) != 0);
    }

    private List<String> decode(byte[] block) throws HpackException {
      MetaData decoded = decoder.decode(ByteBuffer.wrap(block));
      List<String> lines = new ArrayList<>();
      if (decoded instanceof MetaData.Request request) {
        lines.add(":method: " + request.getMethod());
        lines.add(":path: " + request.getHttpURI().getPathQuery());
        lines.add(":authority: " + request.getHttpURI().getAuthority());
      }
      for (HttpField field : decoded.getHttpFields()) {
        lines.add(field.getLowerCaseName() + ": " + field.getValue());
      }
      return lines;
    }

    private Stream stream(int id) {
      synchronized (record) {
        return byId.computeIfAbsent(id, key -> new Stream(this, key));
      }
    }

    private static void unpad(int flags, ByteBuffer bytes) {
      if ((flags & PADDED) != 0) {
        int padding = bytes.get() & 0xff;
        bytes.limit(bytes.limit() - padding);
      }
    }
  }

  /** One request and its answer. */
  public final class Stream {
    private final Connection connection;
    private final int id;
    private final List<String> headers = new ArrayList<>();
    private final ByteArrayOutputStream body = new ByteArrayOutputStream();
    private final Script player;
    private long window;
    private boolean begun;
    private boolean whole;
    private boolean answered;
    private boolean ended;
    private int resetCode = -1;
    private @Nullable Instant leftAt;
    private Generated generatedBefore = Generated.NOTHING;

    private Stream(Connection connection, int id) {
      this.connection = connection;
      this.id = id;
      this.window = connection.initialWindow;
      this.player = new Script(this);
    }

    /**
     * Returns its number.
     *
     * @return odd
     */
    public int id() {
      return id;
    }

    /**
     * Returns the connection that it is on.
     *
     * @return shared with other streams
     */
    public Connection connection() {
      return connection;
    }

    /**
     * Returns what the request's header fields are.
     *
     * @return as {@code name: value}, pseudo fields first, trailers last
     */
    public List<String> headers() {
      synchronized (record) {
        return List.copyOf(headers);
      }
    }

    /**
     * Waits for the whole request.
     *
     * @return its body, as ISO 8859-1
     */
    public String awaitBody() {
      record.await("the whole request on stream " + id, () -> whole);
      synchronized (record) {
        return body.toString(ISO_8859_1);
      }
    }

    /**
     * Waits until the client has reset the stream or closed the connection.
     *
     * @return the error code; {@link #CANCEL} if the connection is closed
     */
    public int awaitReset() {
      record.await("stream " + id + " to be reset", () -> resetCode >= 0);
      synchronized (record) {
        return resetCode;
      }
    }

    /**
     * Returns when the client left this stream.
     *
     * @return when this side learnt of it; null if it is still there
     */
    public @Nullable Instant leftAt() {
      synchronized (record) {
        return leftAt;
      }
    }

    /**
     * Returns what was generated by script: what would be billed.
     *
     * @return so far
     */
    public Generated generated() {
      return player.generated();
    }

    /**
     * Returns what was generated although the client had left: what would be billed for nothing.
     *
     * @return nothing if it is still there
     */
    public Generated sentAfterLeave() {
      synchronized (record) {
        return leftAt == null ? Generated.NOTHING : generated().minus(generatedBefore);
      }
    }

    /** Waits until every script that was begun on this stream has come to its end. */
    public void awaitPlayed() {
      player.awaitPlayed();
    }

    /**
     * Answers by script, in the background.
     *
     * @param answer without raw bytes
     * @return this
     */
    public Stream play(Answer answer) {
      List<Step> steps = answer.compileMessages();
      player.begin();
      daemon("fake-http2-write", () -> player.play(steps, answer.unattended()));
      return this;
    }

    /**
     * Sends a head.
     *
     * @param status three digits
     * @param lines such as {@code Content-Type: text/event-stream}
     * @return this
     */
    public Stream respond(int status, String... lines) {
      List<String> all = new ArrayList<>();
      all.add(":status: " + status);
      all.addAll(List.of(lines));
      connection.frame(HEADERS, END_HEADERS, id, block(all));
      return this;
    }

    /**
     * Sends a part of the body, in frames of up to 16 KiB, as far as the client's windows allow;
     * waits for more room.
     *
     * @param text as UTF-8
     * @return this
     */
    public Stream data(String text) {
      if (!write(text.getBytes(UTF_8))) {
        throw new AssertionError("stream " + id + " takes no data; " + record);
      }
      return this;
    }

    /** Ends the body well. */
    public void end() {
      ended(() -> connection.frame(DATA, END_STREAM, id, new byte[0]));
    }

    /**
     * Ends the body well, with trailers.
     *
     * @param lines such as {@code X-Checksum: 1}
     */
    public void trailers(String... lines) {
      ended(() -> connection.frame(HEADERS, END_HEADERS | END_STREAM, id, block(List.of(lines))));
    }

    /**
     * Sends RST_STREAM.
     *
     * @param errorCode such as {@link #INTERNAL_ERROR}
     */
    public void reset(int errorCode) {
      byte[] code = ByteBuffer.allocate(4).putInt(errorCode).array();
      ended(() -> connection.frame(RST_STREAM, 0, id, code));
    }

    private void ended(Runnable last) {
      last.run();
      synchronized (record) {
        ended = true;
        record.notifyAll();
      }
    }

    private boolean write(byte[] bytes) {
      int from = 0;
      while (from < bytes.length) {
        int to = from + awaitRoom(Math.min(MAX_FRAME_BYTES, bytes.length - from));
        if (to == from) {
          return false;
        }
        connection.frame(DATA, 0, id, Arrays.copyOfRange(bytes, from, to));
        from = to;
      }
      return true;
    }

    /** Takes room in both windows, at most what is asked; 0 if there will be none. */
    private int awaitRoom(int most) {
      synchronized (record) {
        while (Math.min(window, connection.window) <= 0) {
          if (isOver() || !Recorder.waitFor(record, Long.MAX_VALUE)) {
            return 0;
          }
        }
        if (isOver()) {
          return 0;
        }
        int room = (int) Math.min(most, Math.min(window, connection.window));
        window -= room;
        connection.window -= room;
        return room;
      }
    }

    private boolean isOver() {
      return ended || leftAt != null || connection.closed;
    }

    private void headers(List<String> lines, boolean last) {
      synchronized (record) {
        if (!begun) {
          begun = true;
          streams.add(this);
        }
        headers.addAll(lines);
        whole |= last;
        record.note("stream " + id + " has headers");
        answerIfDue();
      }
    }

    private void body(byte[] bytes, boolean last) {
      synchronized (record) {
        body.writeBytes(bytes);
        whole |= last;
        record.notifyAll();
        answerIfDue();
      }
    }

    private void answerIfDue() {
      Answer next = script.peek();
      if (next != null && !answered && (whole || next.start() != AnswerCompiler.Start.REQUEST)) {
        answered = true;
        play(script.size() > 1 ? script.remove() : script.element());
      }
    }

    private void leave(int code) {
      synchronized (record) {
        if (leftAt == null && !ended) {
          leftAt = Instant.now();
          resetCode = code;
          generatedBefore = generated();
          record.note("stream " + id + " left with " + code);
        }
      }
    }
  }

  /** Plays an answer on one stream. */
  private final class Script extends Player {
    private final Stream stream;

    Script(Stream stream) {
      super(FakeHttp2Upstream.this.record, gates, "stream " + stream.id);
      this.stream = stream;
    }

    @Override
    boolean isEnded() {
      return stream.ended || stream.connection.closed;
    }

    @Override
    boolean isLeft() {
      return stream.leftAt != null;
    }

    @Override
    boolean write(byte[] bytes) {
      return stream.write(bytes);
    }

    @Override
    void head(Step.Head head) {
      stream.respond(head.status(), head.headers().toArray(String[]::new));
    }

    @Override
    void finish(Step.Finish finish) {
      if (finish.trailers().isEmpty()) {
        stream.end();
      } else {
        stream.trailers(finish.trailers().toArray(String[]::new));
      }
    }

    @Override
    void end() {
      stream.connection.end();
    }

    @Override
    void reset() {
      stream.reset(INTERNAL_ERROR);
    }
  }

  private static byte[] settingBytes(Map<Integer, Long> settings) {
    ByteBuffer bytes = ByteBuffer.allocate(6 * settings.size());
    settings.forEach((id, value) -> bytes.putShort(id.shortValue()).putInt(value.intValue()));
    return bytes.array();
  }

  /** Encodes fields literally, each with its name and without an index (RFC 7541, 6.2.2). */
  private static byte[] block(List<String> lines) {
    ByteArrayOutputStream block = new ByteArrayOutputStream();
    for (String line : lines) {
      int colon = line.indexOf(':', 1);
      block.write(0);
      string(block, line.substring(0, colon).toLowerCase(Locale.ROOT));
      string(block, line.substring(colon + 1).strip());
    }
    return block.toByteArray();
  }

  /** A string without Huffman code: its length in an integer of 7 bits prefix, its bytes. */
  private static void string(ByteArrayOutputStream block, String text) {
    byte[] bytes = text.getBytes(ISO_8859_1);
    int rest = bytes.length;
    if (rest < 0x7f) {
      block.write(rest);
    } else {
      block.write(0x7f);
      rest -= 0x7f;
      while (rest >= 0x80) {
        block.write((rest & 0x7f) | 0x80);
        rest >>= 7;
      }
      block.write(rest);
    }
    block.writeBytes(bytes);
  }
}
