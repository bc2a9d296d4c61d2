package io.streamrelay.testkit;

import io.streamrelay.forward.BodySource;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/**
 * A client's request body that arrives as the test says.
 *
 * <p>Thread-safe. One read gives bytes of one {@link #feed} only, as a socket gives one packet.
 */
public final class FakeBody implements BodySource {
  private final long length;
  private final Deque<ByteBuffer> arrived = new ArrayDeque<>();
  private boolean ended;
  private @Nullable IOException failure;
  private @Nullable Runnable callback;
  private int reads;

  private FakeBody(long length) {
    this.length = length;
    this.ended = length == 0;
  }

  /**
   * Makes a body of which nothing has arrived.
   *
   * @param length what the client declared; -1 for none (chunked)
   * @return the body
   */
  public static FakeBody declared(long length) {
    return new FakeBody(length);
  }

  /**
   * Makes a body that is here whole.
   *
   * @param bytes all of it; its length is declared
   * @return the body
   */
  public static FakeBody of(byte[] bytes) {
    return declared(bytes.length).feed(bytes).end();
  }

  /**
   * Makes a body that is here whole.
   *
   * @param text all of it, in UTF-8; its length is declared
   * @return the body
   */
  public static FakeBody of(String text) {
    return of(text.getBytes(StandardCharsets.UTF_8));
  }

  /**
   * Lets bytes arrive.
   *
   * @param bytes any number
   * @return this
   */
  public FakeBody feed(byte[] bytes) {
    synchronized (this) {
      if (bytes.length > 0) {
        arrived.add(ByteBuffer.wrap(Arrays.copyOf(bytes, bytes.length)));
      }
    }
    return tell();
  }

  /**
   * Lets the end arrive.
   *
   * @return this
   */
  public FakeBody end() {
    synchronized (this) {
      ended = true;
    }
    return tell();
  }

  /**
   * Lets the client break off: reads fail once what has arrived is read.
   *
   * @return this
   */
  public FakeBody breakOff() {
    synchronized (this) {
      failure = new IOException("reading client: the connection broke");
    }
    return tell();
  }

  /**
   * Ends the body because its client left: the next read fails, and says so.
   *
   * @return this
   */
  public FakeBody leave() {
    synchronized (this) {
      failure = new EOFException("reading client: the client left");
    }
    return tell();
  }

  /**
   * Returns how often the body was read; zero means that a client which waits for a 100 was not
   * told to go on.
   *
   * @return zero or more
   */
  public synchronized int reads() {
    return reads;
  }

  /**
   * Returns how much has arrived and was not read.
   *
   * @return bytes
   */
  public synchronized long unread() {
    return arrived.stream().mapToLong(ByteBuffer::remaining).sum();
  }

  private FakeBody tell() {
    Runnable waiting;
    synchronized (this) {
      waiting = callback;
    }
    if (waiting != null) {
      waiting.run();
    }
    return this;
  }

  @Override
  public long length() {
    return length;
  }

  @Override
  public synchronized void onReadable(Runnable whenReadable) {
    callback = whenReadable;
  }

  @Override
  public synchronized int read(ByteBuffer into) throws IOException {
    reads++;
    ByteBuffer next = arrived.peek();
    if (next == null) {
      if (failure != null) {
        throw failure;
      }
      return ended ? -1 : 0;
    }
    int count = Math.min(next.remaining(), into.remaining());
    into.put(next.slice(next.position(), count));
    next.position(next.position() + count);
    if (!next.hasRemaining()) {
      arrived.remove();
    }
    return count;
  }
}
