package io.streamrelay.testkit;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.Socket;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;

/**
 * A client that reads what is really on the wire: it knows sockets, not HTTP.
 *
 * <p>Reads in the background from the start. Text stands for bytes, as ISO 8859-1. Every wait ends
 * after 10 s in an error that tells what was recorded.
 */
public final class RawClient implements AutoCloseable {
  /** How the other side ended the connection. */
  public enum End {
    /** Not yet. */
    OPEN,
    /** In order. */
    FIN,
    /** By a reset. */
    RESET
  }

  private final Recorder record = new Recorder("raw client");
  private final Socket socket;
  private final ByteArrayOutputStream received = new ByteArrayOutputStream();
  private final List<Integer> reads = new ArrayList<>();
  private End end = End.OPEN;

  private RawClient(Socket socket) {
    this.socket = socket;
  }

  /**
   * Connects and begins to read.
   *
   * @param origin host and port
   * @return connected
   */
  public static RawClient connect(URI origin) {
    try {
      Socket socket = new Socket(origin.getHost(), origin.getPort());
      socket.setTcpNoDelay(true);
      RawClient client = new RawClient(socket);
      Thread reader = new Thread(client::readAll, "raw-client-read");
      reader.setDaemon(true);
      reader.start();
      return client;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Sends bytes.
   *
   * @param text raw
   * @return this
   */
  public RawClient send(String text) {
    try {
      socket.getOutputStream().write(text.getBytes(ISO_8859_1));
    } catch (IOException e) {
      record.note("cannot send: " + e.getMessage());
    }
    return this;
  }

  /**
   * Waits until a text has come.
   *
   * @param text raw
   * @return everything so far
   */
  public String awaitText(String text) {
    record.await("'" + text + "'", () -> received.toString(ISO_8859_1).contains(text));
    return text();
  }

  /**
   * Waits until so much has come.
   *
   * @param bytes since the start
   */
  public void awaitBytes(long bytes) {
    record.await(bytes + " bytes", () -> received.size() >= bytes);
  }

  /**
   * Waits until the other side has ended the connection.
   *
   * @return how
   */
  public End awaitEnd() {
    record.await("the end", () -> end != End.OPEN);
    return end();
  }

  /**
   * Returns how the other side ended the connection.
   *
   * @return so far
   */
  public End end() {
    synchronized (record) {
      return end;
    }
  }

  /**
   * Returns what came.
   *
   * @return so far
   */
  public String text() {
    return new String(bytes(), ISO_8859_1);
  }

  /**
   * Returns what came.
   *
   * @return so far
   */
  public byte[] bytes() {
    synchronized (record) {
      return received.toByteArray();
    }
  }

  /**
   * Returns how many bytes each read brought, which TCP may have joined.
   *
   * @return in order
   */
  public List<Integer> reads() {
    synchronized (record) {
      return List.copyOf(reads);
    }
  }

  /** Leaves by a reset. */
  public void reset() {
    try {
      socket.setSoLinger(true, 0);
    } catch (IOException e) {
      record.note("cannot reset: " + e.getMessage());
    }
    close();
  }

  /** Leaves in order, or by a reset if the system has bytes that were not read. */
  @Override
  public void close() {
    try {
      socket.close();
    } catch (IOException e) {
      // Closed is closed.
    }
  }

  @Override
  public String toString() {
    return record.toString();
  }

  private void readAll() {
    End how = End.FIN;
    byte[] buffer = new byte[64 * 1024];
    try {
      InputStream in = socket.getInputStream();
      int count = in.read(buffer);
      while (count >= 0) {
        synchronized (record) {
          received.write(buffer, 0, count);
          reads.add(count);
          record.note("received " + count);
        }
        count = in.read(buffer);
      }
    } catch (IOException e) {
      how = End.RESET;
    }
    synchronized (record) {
      end = how;
      record.note("ended by " + how);
    }
  }
}
