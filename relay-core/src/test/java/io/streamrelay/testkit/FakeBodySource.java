package io.streamrelay.testkit;

import io.streamrelay.forward.BodySource;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/** A request body that the test gives slice by slice. Thread-safe. */
public final class FakeBodySource implements BodySource {
  private static final int MAX_VAIN_READS = 10;

  private final Recorder record = new Recorder("request body");
  private final long length;
  private final Deque<ByteBuffer> slices = new ArrayDeque<>();
  private @Nullable Runnable onReadable;
  private boolean callbackOwed;
  private boolean ended;
  private byte @Nullable [] endless;
  private @Nullable IOException failure;
  private @Nullable Thread reader;
  private @Nullable String breach;
  private long taken;
  private int vainReads;

  /**
   * Makes a body without any bytes yet.
   *
   * @param length what it declares, in bytes; -1 if unknown
   */
  public FakeBodySource(long length) {
    this.length = length;
  }

  /**
   * Gives bytes.
   *
   * @param bytes one or more
   * @return this
   */
  public FakeBodySource offer(byte[] bytes) {
    return change("offers " + bytes.length, () -> slices.add(ByteBuffer.wrap(bytes)));
  }

  /**
   * Ends the body behind what was offered.
   *
   * @return this
   */
  public FakeBodySource end() {
    return change("ends", () -> ended = true);
  }

  /**
   * Makes reading fail behind what was offered.
   *
   * @param cause what it throws
   * @return this
   */
  public FakeBodySource fail(IOException cause) {
    return change("fails", () -> failure = cause);
  }

  /**
   * Gives the same bytes for ever.
   *
   * @param block one or more bytes
   * @return this
   */
  public FakeBodySource endless(byte[] block) {
    return change("is endless", () -> endless = block.clone());
  }

  private FakeBodySource change(String what, Runnable change) {
    Runnable callback;
    synchronized (record) {
      change.run();
      record.note(what);
      vainReads = 0;
      callback = callbackOwed ? onReadable : null;
      callbackOwed = false;
    }
    if (callback != null) {
      callback.run();
    }
    return this;
  }

  /**
   * Returns how much was read.
   *
   * @return bytes
   */
  public long taken() {
    synchronized (record) {
      return taken;
    }
  }

  /**
   * Waits until so much was read.
   *
   * @param bytes how many in all
   */
  public void awaitTaken(long bytes) {
    record.await(bytes + " bytes taken", () -> taken >= bytes);
  }

  /** Waits until a read found nothing. */
  public void awaitStarved() {
    record.await("a read that found nothing", () -> callbackOwed);
  }

  /**
   * Waits until nothing was read for a while.
   *
   * @return bytes read so far
   */
  public long awaitQuiet() {
    record.awaitQuiet("a body that nobody reads");
    return taken();
  }

  /** Fails if two threads read at once, or one did not wait to be called back. */
  public void check() {
    synchronized (record) {
      if (breach != null) {
        throw new AssertionError("request body: " + breach + "; recorded: " + record);
      }
    }
  }

  @Override
  public long length() {
    return length;
  }

  @Override
  public void onReadable(Runnable callback) {
    synchronized (record) {
      onReadable = callback;
    }
  }

  @Override
  public int read(ByteBuffer into) throws IOException {
    synchronized (record) {
      if (reader != null) {
        breach = Thread.currentThread() + " reads while " + reader + " does";
      }
      reader = Thread.currentThread();
    }
    Thread.onSpinWait();
    synchronized (record) {
      reader = null;
      return take(into);
    }
  }

  private int take(ByteBuffer into) throws IOException {
    byte[] block = endless;
    if (slices.isEmpty() && block != null) {
      slices.add(ByteBuffer.wrap(block));
    }
    ByteBuffer slice = slices.peek();
    if (slice == null) {
      IOException failed = failure;
      if (failed != null) {
        record.note("read failed");
        throw failed;
      }
      if (ended) {
        record.note("read to the end");
        return -1;
      }
      callbackOwed = true;
      if (++vainReads > MAX_VAIN_READS) {
        breach = "polled " + vainReads + " times while there was nothing";
      }
      record.note("read in vain");
      return 0;
    }
    int count = Math.min(into.remaining(), slice.remaining());
    into.put(slice.slice().limit(count));
    slice.position(slice.position() + count);
    if (!slice.hasRemaining()) {
      slices.remove();
    }
    taken += count;
    record.note("read " + count);
    return count;
  }
}
