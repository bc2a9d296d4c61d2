package io.streamrelay.testkit;

import io.streamrelay.forward.ForwardCall;
import io.streamrelay.forward.ForwardResult;
import io.streamrelay.forward.ResponseSink;
import io.streamrelay.http.Headers;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * A sink that accepts on command and records what it is given, and every breach of {@link
 * ResponseSink}'s contract.
 *
 * <pre>{@code
 * RecordingSink sink = new RecordingSink().acceptingNothing();
 * sink.watch(forwarder.forward(request, sink));
 * sink.accept(1);
 * assertThat(sink.awaitBytes(5)).isEqualTo("hello".getBytes(UTF_8));
 * sink.awaitResult();
 * sink.check();
 * }</pre>
 *
 * <p>Accepts everything at once unless told otherwise. Thread-safe.
 */
public final class RecordingSink implements ResponseSink {
  private static final long ALL = Long.MAX_VALUE;

  private final Recorder record = new Recorder("sink");
  private final List<String> breaches = new ArrayList<>();
  private final List<byte[]> chunks = new ArrayList<>();
  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
  private final Map<Thread, Long> bytesByThread = new HashMap<>();
  private long discarded;
  private boolean discarding;
  private long permits = ALL;
  private boolean callbackOwed;
  private boolean connected;
  private boolean flushed;
  private boolean endedWithinWrite;
  private boolean justReady;
  private boolean occupiedByTurns;
  private int asked;
  private int turns;
  private int status;
  private int results;
  private Headers headers = Headers.empty();
  private @Nullable Thread caller;
  private @Nullable Runnable onReady;
  private @Nullable ByteBuffer pending;
  private byte[] pendingCopy = {};
  private @Nullable CompletableFuture<ForwardResult> result;
  private @Nullable ForwardCall call;

  /** Makes a sink that accepts everything. */
  public RecordingSink() {}

  /**
   * Makes it accept nothing until told.
   *
   * @return this
   */
  public RecordingSink acceptingNothing() {
    synchronized (record) {
      permits = 0;
    }
    return this;
  }

  /**
   * Counts the bytes only, for streams without an end.
   *
   * @return this
   */
  public RecordingSink discarding() {
    synchronized (record) {
      discarding = true;
    }
    return this;
  }

  /**
   * Makes it not ready after each turn until it is told to accept more.
   *
   * @return this
   */
  public RecordingSink occupiedByTurns() {
    synchronized (record) {
      occupiedByTurns = true;
    }
    return this;
  }

  /**
   * Ends the pending write and accepts more; runs the callback on this thread if it is owed.
   *
   * @param writes how many writes or flushes
   */
  public void accept(int writes) {
    turnReady(writes);
  }

  /** Ends the pending write and accepts everything from now on. */
  public void acceptAll() {
    turnReady(ALL);
  }

  private void turnReady(long writes) {
    Runnable callback;
    synchronized (record) {
      ByteBuffer unfinished = pending;
      if (unfinished != null) {
        pending = null;
        if (!unfinished.equals(ByteBuffer.wrap(pendingCopy))) {
          breach("a buffer changed while its write was pending");
        }
      }
      permits = writes == ALL ? ALL : permits + writes;
      callback = callbackOwed ? onReady : null;
      callbackOwed = false;
      record.note("accepts " + (writes == ALL ? "all" : writes));
    }
    if (callback != null) {
      callback.run();
    }
  }

  /**
   * Says which call fills this sink, so that calls after its result are noticed.
   *
   * @param running what {@code forward} returned
   * @return this
   */
  public RecordingSink watch(ForwardCall running) {
    CompletableFuture<ForwardResult> future = running.result().toCompletableFuture();
    synchronized (record) {
      call = running;
      result = future;
    }
    var unused =
        future.whenComplete(
            (how, failure) -> {
              synchronized (record) {
                results++;
                endedWithinWrite = pending != null;
                if (caller != null) {
                  breach("the result came within a call to the sink");
                }
                if (how == null) {
                  breach("the result is an exception: " + failure);
                }
                record.note("result " + how);
              }
            });
    return this;
  }

  /** Cancels the watched call. */
  public void cancel() {
    ForwardCall running;
    synchronized (record) {
      running = call;
      record.note("cancelling");
    }
    if (running == null) {
      throw new IllegalStateException("no call is watched (expected: watch() first)");
    }
    running.cancel();
  }

  /** Nudges the watched call. */
  public void nudge() {
    ForwardCall running;
    synchronized (record) {
      running = call;
      asked++;
      record.note("nudging");
    }
    if (running == null) {
      throw new IllegalStateException("no call is watched (expected: watch() first)");
    }
    running.nudge();
  }

  // ---- what was recorded

  /**
   * Waits for the end.
   *
   * @return how the watched call ended
   */
  public ForwardResult awaitResult() {
    synchronized (record) {
      record.await("the result", () -> results > 0);
      CompletableFuture<ForwardResult> ended = result;
      if (ended == null) {
        throw new IllegalStateException("no call is watched (expected: watch() first)");
      }
      return ended.join();
    }
  }

  /**
   * Waits for the head.
   *
   * @return the status
   */
  public int awaitHead() {
    synchronized (record) {
      record.await("the head", () -> status != 0);
      return status;
    }
  }

  /** Waits until the request is being sent. */
  public void awaitConnected() {
    record.await("a connection", () -> connected);
  }

  /** Waits until the head was flushed without a chunk. */
  public void awaitFlush() {
    record.await("a flush", () -> flushed);
  }

  /**
   * Waits for turns.
   *
   * @param count how many there must be in all
   */
  public void awaitTurns(int count) {
    record.await(count + " turns", () -> turns >= count);
  }

  /**
   * Returns how many turns there were.
   *
   * @return at most one for each nudge
   */
  public int turns() {
    synchronized (record) {
      return turns;
    }
  }

  /** Waits until somebody found this sink ready and has not used that yet. */
  public void awaitFoundReady() {
    record.await("a look at a sink that is ready", () -> justReady);
  }

  /**
   * Tells whether the watched call has ended.
   *
   * @return true if so
   */
  public boolean hasResult() {
    synchronized (record) {
      return results > 0;
    }
  }

  /** Waits until somebody found this sink not ready. */
  public void awaitAskedInVain() {
    record.await("a look at a sink that is not ready", () -> callbackOwed);
  }

  /**
   * Waits for bytes.
   *
   * @param count how many there must be in all
   * @return all there are
   */
  public byte[] awaitBytes(long count) {
    synchronized (record) {
      record.await(count + " bytes", () -> received() >= count);
      return bytes.toByteArray();
    }
  }

  /** Waits until no call has come for a while. */
  public void awaitQuiet() {
    record.awaitQuiet("a sink without calls");
  }

  /**
   * Returns what was written so far.
   *
   * @return the bytes; empty if {@link #discarding}
   */
  public byte[] bytes() {
    synchronized (record) {
      return bytes.toByteArray();
    }
  }

  /**
   * Returns how much was written so far.
   *
   * @return bytes
   */
  public long received() {
    synchronized (record) {
      return bytes.size() + discarded;
    }
  }

  /**
   * Returns what each write brought.
   *
   * @return chunks in order; empty if {@link #discarding}
   */
  public List<byte[]> chunks() {
    synchronized (record) {
      return List.copyOf(chunks);
    }
  }

  /**
   * Returns how much a thread wrote.
   *
   * @param thread the thread
   * @return bytes
   */
  public long receivedOn(Thread thread) {
    synchronized (record) {
      return bytesByThread.getOrDefault(thread, 0L);
    }
  }

  /**
   * Returns the status.
   *
   * @return 0 if there was no head
   */
  public int status() {
    synchronized (record) {
      return status;
    }
  }

  /**
   * Returns the head's fields.
   *
   * @return as they came
   */
  public Headers headers() {
    synchronized (record) {
      return headers;
    }
  }

  /**
   * Tells whether a connection has taken the request.
   *
   * @return true if so
   */
  public boolean isConnected() {
    synchronized (record) {
      return connected;
    }
  }

  /**
   * Tells whether the result came while a write was pending, its buffer still in use.
   *
   * @return true if so
   */
  public boolean endedWithinWrite() {
    synchronized (record) {
      return endedWithinWrite;
    }
  }

  /** Fails if the contract was broken or a watched call had no single result. */
  public void check() {
    synchronized (record) {
      if (!breaches.isEmpty()) {
        throw new AssertionError("sink: " + breaches + "; recorded: " + record);
      }
      if (result != null && results != 1) {
        throw new AssertionError("sink: " + results + " results; recorded: " + record);
      }
    }
  }

  @Override
  public String toString() {
    return record.toString();
  }

  // ---- what forwarders call

  @Override
  public void onReady(Runnable callback) {
    enter("onReady");
    synchronized (record) {
      if (onReady != null || connected || status != 0) {
        breach("onReady was not the first call");
      }
      onReady = callback;
    }
    leave();
  }

  @Override
  public void connected() {
    enter("connected");
    synchronized (record) {
      if (connected || status != 0) {
        breach("connected came twice or after the head");
      }
      connected = true;
    }
    leave();
  }

  @Override
  public void head(int upstreamStatus, Headers upstreamResponse) {
    enter("head " + upstreamStatus);
    synchronized (record) {
      if (status != 0) {
        breach("a second head");
      }
      if (upstreamStatus < 200 || upstreamStatus > 599) {
        breach("status " + upstreamStatus);
      }
      status = upstreamStatus;
      headers = upstreamResponse;
    }
    leave();
  }

  @Override
  public boolean isReady() {
    enter(null);
    boolean ready;
    synchronized (record) {
      ready = permits > 0;
      justReady = ready;
      if (!ready && !callbackOwed) {
        callbackOwed = true;
        record.note("not ready");
      }
    }
    leave();
    return ready;
  }

  @Override
  public void write(ByteBuffer chunk) {
    byte[] copy = new byte[chunk.remaining()];
    enter("write " + copy.length);
    synchronized (record) {
      take("write");
      ByteBuffer same = chunk.slice();
      chunk.get(copy);
      if (copy.length == 0) {
        breach("an empty chunk");
      }
      if (permits == 0) {
        pending = same;
        pendingCopy = copy;
      }
      if (discarding) {
        discarded += copy.length;
      } else {
        chunks.add(copy);
        bytes.writeBytes(copy);
      }
      bytesByThread.merge(Thread.currentThread(), (long) copy.length, Long::sum);
    }
    leave();
  }

  @Override
  public void flush() {
    enter("flush");
    synchronized (record) {
      take("flush");
      flushed = true;
    }
    leave();
  }

  @Override
  public void nudged() {
    enter("nudged");
    synchronized (record) {
      if (!justReady || permits == 0) {
        breach("a turn without having asked whether the sink is ready");
      }
      justReady = false;
      turns++;
      if (turns > asked) {
        breach("more turns than nudges");
      }
      if (occupiedByTurns) {
        permits = 0;
      }
    }
    leave();
  }

  private void take(String what) {
    if (status == 0) {
      breach(what + " before the head");
    }
    if (permits == 0) {
      breach(what + " while not ready");
    } else if (permits != ALL) {
      permits--;
    }
    justReady = false;
  }

  /** A call's two ends take the lock apart, so that another call in between is seen. */
  private void enter(@Nullable String what) {
    synchronized (record) {
      if (caller != null) {
        breach(what + " on " + Thread.currentThread() + " within a call on " + caller);
      }
      CompletableFuture<ForwardResult> ended = result;
      if (ended != null && ended.isDone()) {
        breach((what == null ? "isReady" : what) + " after the result");
      }
      caller = Thread.currentThread();
    }
    Thread.onSpinWait();
    if (what != null) {
      record.note(what);
    }
  }

  private void leave() {
    synchronized (record) {
      caller = null;
      record.notifyAll();
    }
  }

  private void breach(String what) {
    breaches.add(what);
    record.note("BREACH: " + what);
  }
}
