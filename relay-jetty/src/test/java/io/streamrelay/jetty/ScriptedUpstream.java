package io.streamrelay.jetty;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** An upstream whose every byte the test sends itself, on connections it accepts itself. */
final class ScriptedUpstream implements AutoCloseable {
  static final String EVENT_STREAM =
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
  static final String CHUNKED_AUDIO =
      "HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\nTransfer-Encoding: chunked\r\n\r\n";

  private final ServerSocket socket;
  private final List<Wire> accepted = new CopyOnWriteArrayList<>();

  ScriptedUpstream() throws IOException {
    socket = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    socket.setSoTimeout(Wire.LIMIT_MILLIS);
  }

  URI uri() {
    return URI.create("http://127.0.0.1:" + socket.getLocalPort());
  }

  /** The next connection that the relay makes. */
  Wire accept() throws IOException {
    try {
      Socket made = socket.accept();
      Wire wire = new Wire(made);
      accepted.add(wire);
      return wire;
    } catch (SocketTimeoutException e) {
      throw new AssertionError(
          "the relay made no further connection; it made " + accepted.size(), e);
    }
  }

  boolean isClosed() {
    return socket.isClosed();
  }

  /** The next connection, with its request read and dropped. */
  Wire acceptRequest() throws IOException {
    Wire wire = accept();
    wire.readBody(wire.readHead());
    return wire;
  }

  @Override
  public void close() throws IOException {
    socket.close();
    for (Wire wire : accepted) {
      wire.close();
    }
  }
}
