package io.streamrelay.testkit;

import io.streamrelay.forward.ForwardCall;
import io.streamrelay.forward.ForwardResult;
import io.streamrelay.forward.ResponseSink;
import io.streamrelay.forward.StreamingForwarder;
import io.streamrelay.forward.UpstreamPool;
import io.streamrelay.forward.UpstreamRequest;
import io.streamrelay.http.Headers;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * A forwarder without a network: it keeps the requests, and the test plays the upstream.
 *
 * <pre>{@code
 * relay.handle(request, client);
 * forwarder.call().connected().head(200, "Content-Type", "text/event-stream").chunk("data: [DONE]\n\n").complete();
 * }</pre>
 *
 * <p>Keeps the contract of {@link StreamingForwarder} towards its sink: what the test says is
 * queued and goes out in order, when the sink is ready, never two calls at once. Thread-safe.
 */
public final class FakeForwarder implements StreamingForwarder {
  private final List<Call> calls = new CopyOnWriteArrayList<>();
  private volatile boolean slowToCancel;
  private volatile @Nullable RuntimeException failure;
  private volatile @Nullable RuntimeException cancelFailure;
  private final AtomicInteger cancelFailures = new AtomicInteger();
  private volatile boolean closed;
  private volatile List<UpstreamPool> pools = List.of();

  /** Makes a forwarder that nobody has called. */
  public FakeForwarder() {}

  /**
   * Lets cancelled calls run on until {@link Call#finishCancel}.
   *
   * @return this
   */
  public FakeForwarder slowToCancel() {
    slowToCancel = true;
    return this;
  }

  /**
   * Lets {@code forward} throw.
   *
   * @param toThrow what a forwarder of somebody's own might throw
   */
  public void throwing(RuntimeException toThrow) {
    failure = toThrow;
  }

  /**
   * Lets {@code cancel} throw and do nothing else.
   *
   * @param times how often, from the next call on
   * @param toThrow what a forwarder of somebody's own might throw
   */
  public void failCancels(int times, RuntimeException toThrow) {
    cancelFailure = toThrow;
    cancelFailures.set(times);
  }

  /**
   * Returns every call.
   *
   * @return in the order they came
   */
  public List<Call> calls() {
    return List.copyOf(calls);
  }

  /**
   * Returns the latest call.
   *
   * @return the call
   * @throws AssertionError if nothing was forwarded
   */
  public Call call() {
    if (calls.isEmpty()) {
      throw new AssertionError("nothing was forwarded (expected: one call)");
    }
    return calls.get(calls.size() - 1);
  }

  /**
   * Sets what is held for each upstream.
   *
   * @param held by default nothing is told
   */
  public void pools(List<UpstreamPool> held) {
    pools = held;
  }

  @Override
  public List<UpstreamPool> pools() {
    return pools;
  }

  /**
   * Tells whether the forwarder was closed.
   *
   * @return true after {@link #close}
   */
  public boolean isClosed() {
    return closed;
  }

  @Override
  public ForwardCall forward(UpstreamRequest request, ResponseSink sink) {
    RuntimeException toThrow = failure;
    if (toThrow != null) {
      throw toThrow;
    }
    Call call = new Call(request, sink);
    calls.add(call);
    sink.onReady(call::pump);
    return call;
  }

  @Override
  public void close() {
    closed = true;
    for (Call call : calls) {
      call.cancelled = true;
      call.finishCancel();
    }
  }

  /** One call, whose upstream the test plays. */
  public final class Call implements ForwardCall {
    private final UpstreamRequest request;
    private final ResponseSink sink;
    private final CompletableFuture<ForwardResult> result = new CompletableFuture<>();
    private final Queue<Step> steps = new ConcurrentLinkedQueue<>();
    private final AtomicInteger pending = new AtomicInteger();
    private final AtomicInteger cancels = new AtomicInteger();
    private final ByteArrayOutputStream received = new ByteArrayOutputStream();
    private volatile boolean cancelled;
    private volatile boolean mayCancel = !slowToCancel;
    private volatile boolean nudged;
    private volatile @Nullable ForwardResult broken;
    private volatile boolean bodyEnded;
    private volatile boolean stopped;

    /** Something was written, and the sink was not ready again since. */
    private boolean writePending;

    /** Of the last write; only whoever pumps touches it. */
    private byte @Nullable [] held;

    private record Step(boolean needsReady, Runnable action) {}

    private Call(UpstreamRequest request, ResponseSink sink) {
      this.request = request;
      this.sink = sink;
    }

    /**
     * Returns what was to be sent.
     *
     * @return the request
     */
    public UpstreamRequest request() {
      return request;
    }

    /**
     * Returns the header fields that were to be sent.
     *
     * @return without those a forwarder adds
     */
    public Headers headers() {
      return request.headers();
    }

    /**
     * Lets a connection take the request.
     *
     * @return this
     */
    public Call connected() {
      return then(false, sink::connected);
    }

    /**
     * Answers with a head.
     *
     * @param status 200 to 599
     * @param namesAndValues header fields, name and value in turn
     * @return this
     */
    public Call head(int status, String... namesAndValues) {
      return then(false, () -> sink.head(status, Headers.of(namesAndValues)));
    }

    /**
     * Lets the head go out before there is a chunk.
     *
     * @return this
     */
    public Call flush() {
      return then(true, sink::flush);
    }

    /**
     * Lets a chunk arrive, to go out when the sink is ready.
     *
     * @param text the chunk, in UTF-8
     * @return this
     */
    public Call chunk(String text) {
      return chunk(text.getBytes(StandardCharsets.UTF_8));
    }

    /**
     * Lets a chunk arrive, to go out when the sink is ready.
     *
     * @param bytes the chunk
     * @return this
     */
    public Call chunk(byte[] bytes) {
      byte[] buffer = bytes.clone();
      return then(
          true,
          () -> {
            held = buffer;
            sink.write(ByteBuffer.wrap(buffer));
          });
    }

    /** Ends the answer as whole, once all before it was taken. */
    public void complete() {
      then(true, () -> finish(new ForwardResult.Completed()));
    }

    /** Ends the answer as whole right after the last write, be it still pending. */
    public void completeAtOnce() {
      then(false, () -> finish(new ForwardResult.Completed()));
    }

    /**
     * Lets the upstream fail, now; what was not taken is lost.
     *
     * @param phase how far it had come
     */
    public void fail(ForwardResult.Phase phase) {
      broken = new ForwardResult.UpstreamFailed(phase, new IOException("reading upstream: broke"));
      pump();
    }

    /**
     * Reads what is there of the request body, as an upstream that takes it would.
     *
     * <p>Ends the call if reading fails.
     *
     * @return how many bytes were read
     */
    public int readBody() {
      return readBody(Integer.MAX_VALUE);
    }

    /**
     * Reads at most so many bytes of the request body.
     *
     * @param maxBytes a limit
     * @return how many bytes were read
     */
    public synchronized int readBody(int maxBytes) {
      ByteBuffer whole = request.wholeBody();
      if (whole != null) {
        byte[] bytes = new byte[whole.remaining()];
        whole.get(bytes);
        received.writeBytes(bytes);
        bodyEnded = true;
        return bytes.length;
      }
      int total = 0;
      try {
        while (total < maxBytes && !bodyEnded && !stopped) {
          ByteBuffer slice = ByteBuffer.allocate(Math.min(16 * 1024, maxBytes - total));
          int count = request.body().read(slice);
          if (count == 0) {
            return total;
          }
          bodyEnded = count < 0;
          total += slice.position();
          received.write(slice.array(), 0, slice.position());
        }
      } catch (IOException | RuntimeException e) {
        broken = new ForwardResult.RequestBodyFailed(e);
        pump();
      }
      return total;
    }

    /** Reads the request body as it comes, from now on. */
    public void readBodyOnDemand() {
      request.body().onReadable(this::readBody);
      readBody();
    }

    /**
     * Returns the request body as far as the upstream has taken it.
     *
     * @return bytes
     */
    public synchronized byte[] received() {
      return received.toByteArray();
    }

    /**
     * Tells whether the request body was taken to its end.
     *
     * @return true if so
     */
    public boolean bodyEnded() {
      return bodyEnded;
    }

    /**
     * Returns how often the relay cancelled the call.
     *
     * @return zero or more
     */
    public int cancels() {
      return cancels.get();
    }

    /**
     * Tells whether the call has ended.
     *
     * @return true if there is a result
     */
    public boolean isDone() {
      return result.isDone();
    }

    /** Lets a cancel that was held back end the call. */
    public void finishCancel() {
      mayCancel = true;
      pump();
    }

    @Override
    public void cancel() {
      RuntimeException toThrow = cancelFailure;
      if (toThrow != null && cancelFailures.getAndDecrement() > 0) {
        throw toThrow;
      }
      cancels.incrementAndGet();
      cancelled = true;
      pump();
    }

    @Override
    public void nudge() {
      nudged = true;
      pump();
    }

    @Override
    public CompletionStage<ForwardResult> result() {
      return result;
    }

    private Call then(boolean needsReady, Runnable action) {
      steps.add(new Step(needsReady, action));
      pump();
      return this;
    }

    private void pump() {
      if (pending.getAndIncrement() != 0) {
        return;
      }
      int seen = 1;
      do {
        move();
        seen = pending.addAndGet(-seen);
      } while (seen != 0);
    }

    private void move() {
      while (!result.isDone()) {
        ForwardResult failed = broken;
        if (failed != null) {
          finish(failed);
          return;
        }
        if (cancelled && mayCancel) {
          finish(new ForwardResult.Cancelled());
          return;
        }
        writePending = writePending && !sink.isReady();
        Step next = steps.peek();
        boolean chunkGoesFirst = next != null && next.needsReady;
        if (nudged && !chunkGoesFirst && sink.isReady()) {
          nudged = false;
          sink.nudged();
          writePending = true;
          continue;
        }
        if (next == null || (next.needsReady && !sink.isReady())) {
          return;
        }
        if (next.needsReady) {
          reuseHeld();
        }
        steps.remove();
        next.action.run();
        if (next.needsReady) {
          nudged = false;
          writePending = true;
        }
      }
    }

    /** Fills a buffer that the sink gave back, so that a client that still reads it gets that. */
    private void reuseHeld() {
      byte[] buffer = held;
      held = null;
      if (buffer != null && sink.mayReuse()) {
        Arrays.fill(buffer, (byte) '#');
      }
    }

    private void finish(ForwardResult how) {
      synchronized (this) {
        // Waits for a read that is under way: the body is the relay's again.
        stopped = true;
      }
      result.complete(how);
    }
  }
}
