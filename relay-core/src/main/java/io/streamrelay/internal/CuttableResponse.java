package io.streamrelay.internal;

import io.streamrelay.http.Headers;
import io.streamrelay.transport.ClientResponse;
import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Lets a response be cut while another thread may be writing to it, and the writer go on in
 * ignorance.
 *
 * <p>{@link ClientResponse} wants one caller at a time and the cut last. A cut that comes while a
 * call is under way is therefore made by that call's thread, at the call's end. After it nothing
 * reaches the client's side any more: the response is always ready, and drops what it gets. Of
 * {@link #complete} and {@link #cut} the first counts.
 */
final class CuttableResponse implements ClientResponse {
  private static final int FREE = 0;
  private static final int IN_USE = 1;
  private static final int CUT_ASKED = 2;
  private static final int OVER = 3;

  private final ClientResponse response;
  private final AtomicInteger state = new AtomicInteger();
  private volatile boolean cut;

  /** Whether a buffer was handed over and not yet seen to be free. */
  private volatile boolean bufferOut;

  CuttableResponse(ClientResponse response) {
    this.response = response;
  }

  /** Whether {@link #cut} came before any {@link #complete}. */
  boolean isCut() {
    return cut;
  }

  /** Whether the container may still read the buffer that was written last. */
  boolean isBufferOut() {
    return bufferOut;
  }

  /** Whether the client has taken what was written last, as far as can still be known. */
  boolean isTaken() {
    return cut ? !bufferOut : isReady();
  }

  @Override
  public void listen(Runnable onReady, Runnable onGone) {
    response.listen(onReady, onGone);
  }

  @Override
  public boolean isReady() {
    if (cut) {
      return true;
    }
    boolean mine = state.compareAndSet(FREE, IN_USE);
    if (!mine && state.get() == OVER) {
      return true;
    }
    try {
      boolean ready = response.isReady();
      if (ready) {
        bufferOut = false;
      }
      return ready;
    } finally {
      leave(mine);
    }
  }

  @Override
  public void head(int status, Headers headers) {
    use(() -> response.head(status, headers));
  }

  @Override
  public void write(ByteBuffer chunk) {
    boolean mine = state.compareAndSet(FREE, IN_USE);
    if (!mine && state.get() == OVER) {
      return;
    }
    bufferOut = true;
    try {
      response.write(chunk);
    } finally {
      leave(mine);
    }
  }

  @Override
  public void flush() {
    use(response::flush);
  }

  @Override
  public void complete() {
    int before = state.getAndSet(OVER);
    if (before != OVER) {
      if (before == CUT_ASKED) {
        response.cut();
      } else {
        response.complete();
      }
    }
  }

  @Override
  public void cut() {
    while (true) {
      int before = state.get();
      if (before == OVER || before == CUT_ASKED) {
        return;
      }
      if (state.compareAndSet(before, before == FREE ? OVER : CUT_ASKED)) {
        cut = true;
        if (before == FREE) {
          cutNow();
        }
        return;
      }
    }
  }

  private void use(Runnable call) {
    boolean mine = state.compareAndSet(FREE, IN_USE);
    if (!mine && state.get() == OVER) {
      return;
    }
    try {
      call.run();
    } finally {
      leave(mine);
    }
  }

  private void leave(boolean mine) {
    if (mine && !state.compareAndSet(IN_USE, FREE) && state.compareAndSet(CUT_ASKED, OVER)) {
      cutNow();
    }
  }

  /** Nobody else can get at the response any more, so this is the last time to ask it. */
  private void cutNow() {
    if (response.isReady()) {
      bufferOut = false;
    }
    response.cut();
  }
}
