package io.streamrelay.internal;

import io.streamrelay.forward.BodySource;
import io.streamrelay.internal.detail.ExchangeDetail;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Takes a client's request body in: keeps a small one whole, lets a large one through piece by
 * piece, and counts either against the limit.
 *
 * <p>Read by the exchange while it admits ({@link #fill}) and by the forwarder afterwards ({@link
 * #read}), never at once.
 */
final class RequestIntake implements BodySource {
  private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

  /** Bodies up to this size are kept whole. */
  static final int KEEP_BYTES = 64 * 1024;

  private static final int FIRST_BYTES = 4 * 1024;

  /** The body is larger than the relay accepts. */
  static final class TooLarge extends IOException {
    private static final long serialVersionUID = 1L;

    TooLarge(long limit) {
      super("the request body is larger than " + limit + " bytes");
    }
  }

  private final BodySource body;
  private final long maxBytes;
  private final BodyProbe probe;
  private final Runnable onBytes;
  private final Runnable onWhole;
  private final UploadPace pace;

  private @Nullable ExchangeDetail detail;
  private ByteBuffer start = NOTHING;
  private long wholeLength;
  private volatile boolean whole;
  private boolean touched;
  private long received;
  private long dropped;

  /**
   * @param body the client's
   * @param maxBytes more is refused
   * @param probe looks at the bytes as they come
   * @param onBytes told whenever some came
   * @param onWhole told when a body that streams through has ended
   * @param pace told when the client is waited for, and when its bytes come
   */
  RequestIntake(
      BodySource body,
      long maxBytes,
      BodyProbe probe,
      Runnable onBytes,
      Runnable onWhole,
      UploadPace pace) {
    this.body = body;
    this.maxBytes = maxBytes;
    this.probe = probe;
    this.onBytes = onBytes;
    this.onWhole = onWhole;
    this.pace = pace;
    this.whole = body.length() == 0;
  }

  /** Says where the bytes are looked at for the detailed log. */
  void showTo(ExchangeDetail exchangeDetail) {
    detail = exchangeDetail;
  }

  /**
   * Reads until the body is whole or its first 64 KiB are here.
   *
   * @return false if more is to come later; the callback of {@link #onReadable} will run
   */
  boolean fill() throws IOException {
    if (body.length() > maxBytes) {
      throw new TooLarge(maxBytes);
    }
    touched |= !whole;
    while (!whole && start.position() <= KEEP_BYTES) {
      if (!start.hasRemaining()) {
        start = ByteBuffer.allocate(nextCapacity()).put(start.flip());
      }
      int before = start.position();
      int count = pull(start);
      if (count == 0) {
        return false;
      }
      if (count < 0) {
        checkLength();
        whole = true;
      } else {
        took(start, before, count);
      }
    }
    start.flip();
    wholeLength = start.limit();
    return true;
  }

  /** Forgets the bytes of a whole body, which the forwarder has now: a stream may be long. */
  void release() {
    if (whole) {
      start = NOTHING;
    }
  }

  /** One byte more than what is kept, so that the end of a body of just that size is seen. */
  private int nextCapacity() {
    long length = body.length();
    if (length >= 0) {
      return (int) Math.min(length, KEEP_BYTES) + 1;
    }
    return Math.min(Math.max(start.capacity() * 4, FIRST_BYTES), KEEP_BYTES + 1);
  }

  /** The bytes that {@link #fill} took. */
  ByteBuffer start() {
    return start.duplicate();
  }

  /** Whether {@link #start} is the whole body. */
  boolean isWhole() {
    return whole;
  }

  /** Body bytes taken from the client so far. */
  long received() {
    return received;
  }

  /** Whether the last read found nothing: the client is what all wait for. */
  boolean isStarved() {
    return pace.isStarved();
  }

  /** Whether the client was asked for bytes: only then is a waiting one told to go on. */
  boolean isTouched() {
    return touched;
  }

  /** Body bytes that came, taken or dropped. */
  long seen() {
    return received + dropped;
  }

  /** Reads and drops some; used to let a client finish sending before it is refused. */
  int discard(ByteBuffer scratch) throws IOException {
    touched = true;
    int count = whole ? -1 : body.read(scratch);
    whole = whole || count < 0;
    dropped += Math.max(0, count);
    return count;
  }

  @Override
  public long length() {
    return whole ? wholeLength : body.length();
  }

  @Override
  public void onReadable(Runnable callback) {
    body.onReadable(callback);
  }

  @Override
  public int read(ByteBuffer into) throws IOException {
    if (start.hasRemaining()) {
      int count = Math.min(start.remaining(), into.remaining());
      int limit = start.limit();
      into.put(start.limit(start.position() + count));
      start.limit(limit);
      if (!start.hasRemaining()) {
        start = NOTHING;
      }
      return count;
    }
    if (whole) {
      return -1;
    }
    int before = into.position();
    int count = pull(into);
    if (count < 0) {
      checkLength();
      whole = true;
      onWhole.run();
    } else if (count > 0) {
      took(into, before, count);
    }
    return count;
  }

  private int pull(ByteBuffer into) throws IOException {
    int count = body.read(into);
    if (count == 0) {
      pace.starve();
    } else {
      pace.feed(Math.max(0, count));
    }
    return count;
  }

  private void took(ByteBuffer buffer, int from, int count) throws TooLarge {
    received += count;
    if (received > maxBytes) {
      throw new TooLarge(maxBytes);
    }
    onBytes.run();
    probe.look(buffer, from, count);
    ExchangeDetail shown = detail;
    if (shown != null) {
      shown.requestBytes(buffer, from, count);
    }
  }

  private void checkLength() throws IOException {
    if (body.length() >= 0 && received != body.length()) {
      throw new IOException(
          "reading client: the body ended after "
              + received
              + " bytes (expected: "
              + body.length()
              + ")");
    }
  }
}
