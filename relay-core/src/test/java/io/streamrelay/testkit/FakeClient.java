package io.streamrelay.testkit;

import io.streamrelay.http.Headers;
import io.streamrelay.transport.ClientResponse;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A client that takes its answer as the test says, and notes whoever breaks a rule of {@link
 * ClientResponse}.
 *
 * <p>Ready from the start and quick; after {@link #stall} each write or flush stays pending until
 * {@link #take}, and its bytes are only looked at then, as with a socket that is full. Thread-safe.
 */
public final class FakeClient implements ClientResponse {
  private final ByteArrayOutputStream body = new ByteArrayOutputStream();
  private final List<Integer> writes = new ArrayList<>();
  private final List<String> violations = new ArrayList<>();
  private @Nullable Runnable onReady;
  private @Nullable Runnable onGone;
  private @Nullable ByteBuffer pending;
  private boolean stalled;
  private boolean busy;
  private boolean broken;
  private boolean failNext;
  private int status;
  private Headers headers = Headers.empty();
  private boolean headTaken;
  private boolean sent;
  private int flushes;
  private int completes;
  private int cuts;

  /** Makes a client that is ready. */
  public FakeClient() {}

  // ---- what the test says

  /**
   * From now on takes nothing until {@link #take}.
   *
   * @return this
   */
  public synchronized FakeClient stall() {
    stalled = true;
    return this;
  }

  /**
   * Is not even ready for a first write until {@link #take}.
   *
   * @return this
   */
  public synchronized FakeClient notReady() {
    stalled = true;
    busy = true;
    return this;
  }

  /** Takes what is pending and says so; the next write is pending again if it stalls. */
  public void take() {
    Runnable callback;
    synchronized (this) {
      if (broken) {
        return;
      }
      finishWrite();
      busy = false;
      callback = onReady;
    }
    run(callback);
  }

  /** Takes what is pending and all that follows. */
  public void takeAll() {
    synchronized (this) {
      stalled = false;
    }
    take();
  }

  /** Leaves, and the container notices. */
  public void leave() {
    Runnable callback;
    synchronized (this) {
      callback = onGone;
    }
    run(callback);
  }

  /** Lets the pending write fail: the container notices, and the client is never ready again. */
  public void breakOff() {
    Runnable gone;
    Runnable ready;
    synchronized (this) {
      broken = true;
      pending = null;
      gone = onGone;
      ready = onReady;
    }
    run(gone);
    run(ready);
  }

  /**
   * Lets the next write fail at once.
   *
   * @return this
   */
  public synchronized FakeClient failNextWrite() {
    failNext = true;
    return this;
  }

  // ---- what it got

  /**
   * Returns the status.
   *
   * @return 0 if there was no head
   */
  public synchronized int status() {
    return status;
  }

  /**
   * Returns the headers.
   *
   * @return empty if there was no head
   */
  public synchronized Headers headers() {
    return headers;
  }

  /**
   * Returns the bytes taken.
   *
   * @return without what is pending
   */
  public synchronized byte[] bytes() {
    return body.toByteArray();
  }

  /**
   * Returns the bytes taken as text.
   *
   * @return read as UTF-8
   */
  public String text() {
    return new String(bytes(), StandardCharsets.UTF_8);
  }

  /**
   * Returns the sizes of the writes.
   *
   * @return bytes each, pending ones included
   */
  public synchronized List<Integer> writes() {
    return List.copyOf(writes);
  }

  /**
   * Returns how often a head was flushed without a chunk.
   *
   * @return zero or more
   */
  public synchronized int flushes() {
    return flushes;
  }

  /**
   * Tells whether anything, be it the head only, was sent.
   *
   * @return true after the first write or flush
   */
  public synchronized boolean sent() {
    return sent;
  }

  /**
   * Tells whether the answer was ended as whole.
   *
   * @return true after {@link #complete}
   */
  public synchronized boolean isComplete() {
    return completes > 0;
  }

  /**
   * Tells whether the answer was cut.
   *
   * @return true after {@link #cut}
   */
  public synchronized boolean isCut() {
    return cuts > 0;
  }

  /**
   * Returns how often the answer was ended, in whatever way.
   *
   * @return 1 is right
   */
  public synchronized int ends() {
    return completes + cuts;
  }

  /**
   * Returns which rules of {@link ClientResponse} were broken.
   *
   * @return empty is right
   */
  public synchronized List<String> violations() {
    return List.copyOf(violations);
  }

  // ---- the relay's side

  @Override
  public synchronized void listen(Runnable ready, Runnable gone) {
    check(onReady == null, "listen is called twice");
    onReady = ready;
    onGone = gone;
  }

  @Override
  public synchronized boolean isReady() {
    check(onReady != null, "isReady comes before listen");
    return !busy && !broken;
  }

  @Override
  public synchronized void head(int newStatus, Headers newHeaders) {
    check(onReady != null, "head comes before listen");
    check(!headTaken, "a second head: " + newStatus + " after " + status);
    check(ends() == 0, "head comes after the end");
    headTaken = true;
    status = newStatus;
    headers = newHeaders;
  }

  @Override
  public void write(ByteBuffer chunk) {
    boolean fails;
    synchronized (this) {
      check(headTaken, "write comes before head");
      checkOpen("write");
      if (broken) {
        return;
      }
      writes.add(chunk.remaining());
      sent = true;
      pending = chunk;
      fails = failNext;
      if (!fails && !stalled) {
        finishWrite();
      }
      busy = stalled;
    }
    if (fails) {
      breakOff();
    }
  }

  @Override
  public synchronized void flush() {
    check(headTaken, "flush comes before head");
    checkOpen("flush");
    flushes++;
    sent = true;
    busy = stalled;
  }

  @Override
  public synchronized void complete() {
    checkOpen("complete");
    check(headTaken, "complete comes before head");
    completes++;
    check(ends() == 1, "complete, and it had ended before");
  }

  @Override
  public synchronized void cut() {
    cuts++;
    check(ends() == 1, "cut, and it had ended before");
  }

  private void checkOpen(String what) {
    check(ends() == 0, what + " comes after the end");
    // A client may break off between the question whether it is ready and the call.
    check(!busy || broken, what + " while not ready");
  }

  private void check(boolean right, String violation) {
    if (!right) {
      violations.add(violation);
    }
  }

  private void finishWrite() {
    ByteBuffer chunk = pending;
    pending = null;
    if (chunk != null) {
      byte[] taken = new byte[chunk.remaining()];
      chunk.get(taken);
      body.writeBytes(taken);
    }
  }

  private static void run(@Nullable Runnable callback) {
    if (callback != null) {
      callback.run();
    }
  }

  /** Says all that is known, for the messages of failed tests. */
  @Override
  public synchronized String toString() {
    return "client{status="
        + status
        + ", headers="
        + headers
        + ", bytes="
        + body.size()
        + ", completes="
        + completes
        + ", cuts="
        + cuts
        + ", busy="
        + busy
        + ", broken="
        + broken
        + ", violations="
        + violations
        + "}";
  }
}
