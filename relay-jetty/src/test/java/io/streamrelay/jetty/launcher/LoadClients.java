package io.streamrelay.jetty.launcher;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.EOFException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;
import java.security.MessageDigest;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Thousands of clients of a relay, on one thread. Each sends one request. */
final class LoadClients extends SocketLoop {
  /** More at once would only queue up in front of the relay's door. */
  private static final int CONNECTING_AT_ONCE = 200;

  private static final int SLOW_BYTES_A_TICK = 160 * 1024;

  /** How a client takes its answer. */
  enum Pace {
    FAST,
    /** At most so much every 10 ms. */
    SLOW,
    /** Nothing at all, until told otherwise. */
    STALLED
  }

  private final InetSocketAddress relay;
  private final Deque<Client> toConnect = new ArrayDeque<>();
  private final Set<Client> slow = new HashSet<>();
  private int connecting;

  LoadClients(URI relay) {
    super("load-clients");
    this.relay = new InetSocketAddress(relay.getHost(), relay.getPort());
    start();
  }

  /** Sends a POST with a body of some size. */
  List<Client> post(int count, String path, long bodyBytes, Pace pace) {
    List<Client> clients = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      clients.add(new Client(path, bodyBytes, pace));
    }
    tell(
        () -> {
          toConnect.addAll(clients);
          connectMore();
        });
    return clients;
  }

  /** Lets a client read. */
  void resume(List<Client> clients, Pace pace) {
    tell(
        () ->
            clients.forEach(
                client -> {
                  client.pace = pace;
                  client.interest();
                }));
  }

  /** Has clients leave without a word. */
  void leave(List<Client> clients) {
    tell(() -> clients.forEach(Client::leave));
  }

  private void connectMore() {
    while (connecting < CONNECTING_AT_ONCE && !toConnect.isEmpty()) {
      connecting++;
      toConnect.remove().connect();
    }
  }

  @Override
  void tick() {
    for (Client client : slow) {
      client.interest();
    }
    slow.clear();
  }

  /** One client; what it tells is told by its loop's thread. */
  final class Client implements Socket {
    private static final ByteBuffer ZEROS = ByteBuffer.allocateDirect(64 * 1024);

    private final String path;
    private final long bodyBytes;
    private Pace pace;
    private @Nullable SelectionKey key;
    private @Nullable ByteBuffer head;
    private long bodyLeft;
    private @Nullable StringBuilder responseHead = new StringBuilder();
    private @Nullable MessageDigest digest;
    private int chunkLeft = -1;
    private final StringBuilder size = new StringBuilder();
    private long lengthLeft = -1;
    private boolean connected;
    private boolean lastChunk;
    private long taken;

    volatile int status;
    volatile String headers = "";
    volatile long bytes;
    volatile long uploaded;
    volatile boolean complete;
    volatile @Nullable String cut;

    Client(String path, long bodyBytes, Pace pace) {
      this.path = path;
      this.bodyBytes = bodyBytes;
      this.pace = pace;
    }

    String sha256() {
      MessageDigest made = digest;
      return made == null ? "" : HexFormat.of().formatHex(made.digest());
    }

    void connect() {
      String request =
          "POST "
              + path
              + " HTTP/1.1\r\nHost: relay\r\nContent-Type: application/json\r\nContent-Length: "
              + bodyBytes
              + "\r\n\r\n";
      head = ByteBuffer.wrap(request.getBytes(ISO_8859_1));
      bodyLeft = bodyBytes;
      if (path.contains("/answer")) {
        digest = LoadAnswer.digest();
      }
      try {
        SocketChannel channel = SocketChannel.open();
        channel.configureBlocking(false);
        channel.setOption(StandardSocketOptions.SO_RCVBUF, 64 * 1024);
        key = channel.register(selector, SelectionKey.OP_CONNECT, this);
        channel.connect(relay);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    private SelectionKey key() {
      SelectionKey mine = key;
      if (mine == null) {
        throw new AssertionError("not connected");
      }
      return mine;
    }

    @Override
    public void ready(SelectionKey ready) throws IOException {
      SocketChannel channel = (SocketChannel) ready.channel();
      if (ready.isConnectable()) {
        channel.finishConnect();
        connected = true;
        connecting--;
        connectMore();
        interest();
      }
      if (ready.isWritable()) {
        send(channel);
      }
      if (ready.isValid() && ready.isReadable()) {
        read(channel);
      }
    }

    private void send(SocketChannel channel) throws IOException {
      ByteBuffer rest = head;
      if (rest != null) {
        channel.write(rest);
        if (rest.hasRemaining()) {
          return;
        }
        head = null;
      }
      while (bodyLeft > 0) {
        ByteBuffer part = ZEROS.duplicate();
        part.clear();
        part.limit((int) Math.min(part.capacity(), bodyLeft));
        int count = channel.write(part);
        bodyLeft -= count;
        uploaded = bodyBytes - bodyLeft;
        if (part.hasRemaining()) {
          return;
        }
      }
      interest();
    }

    private void interest() {
      if (!connected || !key().isValid()) {
        return;
      }
      boolean sends = head != null || bodyLeft > 0;
      key()
          .interestOps(
              (sends ? SelectionKey.OP_WRITE : 0)
                  | (pace == Pace.STALLED ? 0 : SelectionKey.OP_READ));
    }

    private void leave() {
      toConnect.remove(this);
      if (key != null) {
        close(key);
      }
      if (!complete) {
        cut = "left";
      }
    }

    private void read(SocketChannel channel) throws IOException {
      buffer.clear();
      if (pace == Pace.SLOW) {
        buffer.limit(SLOW_BYTES_A_TICK);
      }
      int count = channel.read(buffer);
      if (count < 0) {
        throw new EOFException();
      }
      if (pace == Pace.SLOW) {
        key().interestOps(key().interestOps() & ~SelectionKey.OP_READ);
        slow.add(this);
      }
      buffer.flip();
      while (buffer.hasRemaining() && !complete) {
        if (responseHead != null) {
          readHead(responseHead);
        } else if (lengthLeft >= 0) {
          lengthLeft -= take((int) Math.min(lengthLeft, buffer.remaining()));
          complete = lengthLeft == 0;
        } else if (chunkLeft > 0) {
          chunkLeft -= take(Math.min(chunkLeft, buffer.remaining()));
        } else {
          readChunkSize();
        }
      }
    }

    private int take(int count) {
      if (digest != null) {
        ByteBuffer part = buffer.duplicate();
        digest.update(part.limit(part.position() + count));
      }
      buffer.position(buffer.position() + count);
      taken += count;
      bytes = taken;
      return count;
    }

    private void readHead(StringBuilder text) {
      char c = (char) (buffer.get() & 0xff);
      text.append(c);
      int length = text.length();
      if (c == '\n' && length > 3 && text.substring(length - 4).equals("\r\n\r\n")) {
        responseHead = null;
        headers = text.toString().toLowerCase(Locale.ROOT);
        status = Integer.parseInt(headers.split(" ", 3)[1]);
        int at = headers.indexOf("content-length: ");
        if (at >= 0) {
          int end = headers.indexOf('\r', at);
          lengthLeft = Long.parseLong(headers.substring(at + "content-length: ".length(), end));
          complete = lengthLeft == 0;
        }
      }
    }

    private void readChunkSize() throws IOException {
      char c = (char) buffer.get();
      if (c != '\n') {
        if (c != '\r') {
          size.append(c);
        }
        return;
      }
      if (size.isEmpty()) {
        complete = lastChunk;
        return;
      }
      chunkLeft = Integer.parseInt(size.toString(), 16);
      size.setLength(0);
      lastChunk = chunkLeft == 0;
    }

    @Override
    public void broke(SelectionKey broken, IOException cause) {
      if (!connected) {
        connecting--;
        connectMore();
      }
      if (!complete) {
        cut = String.valueOf(cause);
      }
    }

    @Override
    public String toString() {
      return path + " " + status + ", " + bytes + " bytes, " + (complete ? "complete" : cut);
    }
  }
}
