package io.streamrelay.jetty;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * One end of a connection, client's or upstream's, held by hand: what is sent and when is the
 * test's to say.
 *
 * <p>Every wait is bounded; one that fails shows what was received. Used by one thread for reading
 * and one for writing.
 */
final class Wire implements AutoCloseable {
  static final int LIMIT_MILLIS = 10_000;
  private static final int SHOWN_BYTES = 2000;

  /** A body that ended before its framing said so. */
  static final class BrokenBody extends IOException {
    private static final long serialVersionUID = 1L;

    BrokenBody(String message, @Nullable Throwable cause) {
      super(message, cause);
    }
  }

  /** A message's first line and fields. */
  record Head(String startLine, List<String> fields) {
    int status() {
      return Integer.parseInt(startLine.split(" ", 3)[1]);
    }

    String target() {
      return startLine.split(" ", 3)[1];
    }

    @Nullable String field(String name) {
      List<String> values = all(name);
      return values.isEmpty() ? null : values.get(0);
    }

    List<String> all(String name) {
      String start = name.toLowerCase(Locale.ROOT) + ":";
      return fields.stream()
          .filter(field -> field.toLowerCase(Locale.ROOT).startsWith(start))
          .map(field -> field.substring(start.length()).strip())
          .toList();
    }
  }

  private final Socket socket;
  private final InputStream in;
  private final OutputStream out;
  private final ByteArrayOutputStream seen = new ByteArrayOutputStream();

  Wire(Socket socket) throws IOException {
    this.socket = socket;
    socket.setSoTimeout(LIMIT_MILLIS);
    socket.setTcpNoDelay(true);
    this.in = new BufferedInputStream(socket.getInputStream());
    this.out = socket.getOutputStream();
  }

  static Wire connect(int port) throws IOException {
    return new Wire(new Socket(InetAddress.getLoopbackAddress(), port));
  }

  // ---- sending

  Wire send(String text) throws IOException {
    return send(text.getBytes(StandardCharsets.UTF_8));
  }

  Wire send(byte[] bytes) throws IOException {
    out.write(bytes);
    out.flush();
    return this;
  }

  Wire sendChunk(String text) throws IOException {
    return sendChunk(text.getBytes(StandardCharsets.UTF_8));
  }

  Wire sendChunk(byte[] bytes) throws IOException {
    ByteArrayOutputStream chunk = new ByteArrayOutputStream();
    chunk.writeBytes((Integer.toHexString(bytes.length) + "\r\n").getBytes(StandardCharsets.UTF_8));
    chunk.writeBytes(bytes);
    chunk.writeBytes("\r\n".getBytes(StandardCharsets.UTF_8));
    return send(chunk.toByteArray());
  }

  Wire sendLastChunk() throws IOException {
    return send("0\r\n\r\n");
  }

  /** Ends the connection the rude way, with an RST. */
  void reset() throws IOException {
    socket.setSoLinger(true, 0);
    socket.close();
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }

  // ---- receiving

  /** Reads a head; interim ones count as heads of their own. */
  Head readHead() throws IOException {
    String start = readLine();
    List<String> fields = new ArrayList<>();
    for (String line = readLine(); !line.isEmpty(); line = readLine()) {
      fields.add(line);
    }
    return new Head(start, fields);
  }

  /** Reads a whole body; throws {@link BrokenBody} if it is none. */
  byte[] readBody(Head head) throws IOException {
    return body(head).readAllBytes();
  }

  String readText(Head head) throws IOException {
    return new String(readBody(head), StandardCharsets.UTF_8);
  }

  /** A body as it comes, unframed. */
  InputStream body(Head head) {
    String coding = head.field("Transfer-Encoding");
    if (coding != null) {
      return new Chunked();
    }
    String length = head.field("Content-Length");
    if (length != null) {
      return new Fixed(Long.parseLong(length));
    }
    return head.startLine().startsWith("HTTP/") ? new UntilClose() : new Fixed(0);
  }

  /** Reads and drops until the other side has ended the connection, in whatever manner. */
  void awaitEnd() {
    try {
      while (read() >= 0) {
        // Not asked for.
      }
    } catch (IOException e) {
      // Reset: an end as well.
    }
  }

  private int read() throws IOException {
    try {
      int next = in.read();
      if (next >= 0) {
        seen.write(next);
      }
      return next;
    } catch (SocketTimeoutException e) {
      throw new AssertionError(
          "nothing came for " + LIMIT_MILLIS + " ms; received so far: <" + received() + ">", e);
    }
  }

  private int read(byte[] into, int offset, int length) throws IOException {
    try {
      int count = in.read(into, offset, length);
      if (count > 0 && seen.size() < SHOWN_BYTES) {
        seen.write(into, offset, Math.min(count, SHOWN_BYTES));
      }
      return count;
    } catch (SocketTimeoutException e) {
      throw new AssertionError(
          "nothing came for " + LIMIT_MILLIS + " ms; received so far: <" + received() + ">", e);
    }
  }

  /** The beginning of what came. */
  String received() {
    String text = seen.toString(StandardCharsets.UTF_8);
    return text.length() > SHOWN_BYTES ? text.substring(0, SHOWN_BYTES) + "…" : text;
  }

  private String readLine() throws IOException {
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    while (true) {
      int next = read();
      if (next < 0) {
        throw new BrokenBody("the connection ended; received: <" + received() + ">", null);
      }
      if (next == '\n') {
        String text = line.toString(StandardCharsets.UTF_8);
        return text.endsWith("\r") ? text.substring(0, text.length() - 1) : text;
      }
      line.write(next);
    }
  }

  private abstract static class Body extends InputStream {
    @Override
    public int read() throws IOException {
      byte[] one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public final int read(byte[] into, int offset, int length) throws IOException {
      // readNBytes asks for the last nothing as well.
      return length == 0 ? 0 : readSome(into, offset, length);
    }

    abstract int readSome(byte[] into, int offset, int length) throws IOException;
  }

  private final class UntilClose extends Body {
    @Override
    int readSome(byte[] into, int offset, int length) throws IOException {
      return Wire.this.read(into, offset, length);
    }
  }

  private class Fixed extends Body {
    private long left;

    Fixed(long length) {
      this.left = length;
    }

    @Override
    int readSome(byte[] into, int offset, int length) throws IOException {
      if (left == 0) {
        return -1;
      }
      int count = readPart(into, offset, (int) Math.min(left, length));
      left -= count;
      return count;
    }
  }

  private int readPart(byte[] into, int offset, int length) throws IOException {
    int count;
    try {
      count = read(into, offset, length);
    } catch (IOException e) {
      throw new BrokenBody("the connection broke within a body", e);
    }
    if (count < 0) {
      throw new BrokenBody("the connection ended within a body", null);
    }
    return count;
  }

  private final class Chunked extends Body {
    private int left;
    private boolean begun;
    private boolean ended;

    @Override
    int readSome(byte[] into, int offset, int length) throws IOException {
      if (ended) {
        return -1;
      }
      if (left == 0) {
        if (begun) {
          readLine();
        }
        begun = true;
        left = size();
        if (left == 0) {
          ended = true;
          readLine();
          return -1;
        }
      }
      int count = readPart(into, offset, Math.min(left, length));
      left -= count;
      return count;
    }

    private int size() throws IOException {
      String line;
      try {
        line = readLine();
      } catch (IOException e) {
        throw new BrokenBody("the connection ended between two chunks", e);
      }
      return Integer.parseInt(line.split(";", 2)[0].strip(), 16);
    }
  }
}
