package io.streamrelay.jetty;

import static java.util.concurrent.TimeUnit.MILLISECONDS;

import io.streamrelay.forward.ForwardCall;
import io.streamrelay.forward.ForwardResult;
import io.streamrelay.forward.ResponseSink;
import io.streamrelay.forward.UpstreamRequest;
import io.streamrelay.http.Headers;
import java.net.ProtocolException;
import java.nio.ByteBuffer;
import java.util.Locale;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import org.eclipse.jetty.client.Connection;
import org.eclipse.jetty.client.HttpClient;
import org.eclipse.jetty.client.Request;
import org.eclipse.jetty.client.Response;
import org.eclipse.jetty.client.Result;
import org.eclipse.jetty.http.HttpField;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.HttpStatus;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.io.RetainableByteBuffer;
import org.eclipse.jetty.util.thread.Invocable;
import org.jspecify.annotations.Nullable;

/**
 * Pumps one upstream answer into its sink.
 *
 * <p>Whatever happens (content arrives, the sink turns ready, somebody cancels, the connection
 * fails) leaves a note and calls {@link #pump}; a work-in-progress counter lets one thread at a
 * time take the steps. Only {@link #step} touches the sink.
 */
final class JettyCall
    implements ForwardCall,
        Response.ContentSourceListener,
        Response.CompleteListener,
        Invocable.Task {
  /** A stream that never pauses gives its thread to the others after so many bytes. */
  private static final int YIELD_BYTES = 64 * 1024;

  /** Chunks that are here together leave together, up to so many bytes. */
  private static final int BATCH_BYTES = 16 * 1024;

  private static final long SENT_GRACE_MILLIS = 250;

  private final HttpClient client;
  private final ResponseSink sink;
  private final CompletableFuture<ForwardResult> result = new CompletableFuture<>();
  private final AtomicInteger pending = new AtomicInteger();
  private final boolean isSecure;
  private final Request request;
  private final @Nullable StreamedBody streamedBody;

  // Notes for the next step.
  private volatile boolean cancelled;
  private volatile boolean nudged;
  private volatile boolean begun;
  private volatile boolean requestSent;
  private volatile boolean demanded;
  private volatile @Nullable Throwable failure;
  private volatile @Nullable Response response;
  private volatile Content.@Nullable Source source;

  // Owned by whoever takes the steps.
  private boolean toldConnected;
  private boolean toldHead;
  private boolean flushed;
  private boolean drained;
  private boolean last;
  private boolean done;

  /** The sink had a turn and was not ready again since. */
  private boolean turnPending;

  private int budget;
  private @Nullable RetainableByteBuffer held;
  private Content.@Nullable Chunk carried;

  JettyCall(HttpClient client, UpstreamRequest upstreamRequest, ResponseSink sink) {
    this.client = client;
    this.sink = sink;
    var origin = upstreamRequest.origin();
    String scheme = origin.getScheme().toLowerCase(Locale.ROOT);
    this.isSecure = scheme.equals("https");
    int port = origin.getPort() >= 0 ? origin.getPort() : isSecure ? 443 : 80;
    ByteBuffer whole = upstreamRequest.wholeBody();
    this.streamedBody =
        whole == null
            ? new StreamedBody(
                client.getByteBufferPool(), upstreamRequest.body(), upstreamRequest.contentLength())
            : null;
    this.request =
        client
            .newRequest(origin.getHost(), port)
            .scheme(scheme)
            .method(upstreamRequest.method())
            .path(upstreamRequest.pathAndQuery())
            // The relay's own clocks watch the exchange.
            .idleTimeout(0, MILLISECONDS)
            .headers(
                fields -> {
                  fields.clear();
                  upstreamRequest.headers().forEach(fields::add);
                });
    if (streamedBody != null) {
      request.body(streamedBody);
    } else if (whole != null
        && (whole.hasRemaining() || sendsLengthOfNothing(upstreamRequest.method()))) {
      request.body(new WholeBody(whole));
    }
  }

  /** RFC 9110 §8.6: a POST without a body says so. */
  private static boolean sendsLengthOfNothing(String method) {
    return switch (method) {
      case "POST", "PUT" -> true;
      default -> false;
    };
  }

  void send() {
    sink.onReady(this::pump);
    if (isSecure) {
      // Jetty begins a request before the TLS handshake, which is part of making a connection.
      request.onRequestCommit(this::begun);
    } else {
      request.onRequestBegin(this::begun);
    }
    request.onRequestSuccess(r -> requestSent = true).send(this);
  }

  private void begun(Request sent) {
    if (!isSecure || isHandshakeDone(sent)) {
      begun = true;
      pump();
    }
  }

  /** Jetty commits a request also if its connection ended within the handshake. */
  private static boolean isHandshakeDone(Request sent) {
    Connection connection = sent.getConnection();
    EndPoint.SslSessionData tls = connection == null ? null : connection.getSslSessionData();
    return tls != null && !"SSL_NULL_WITH_NULL_NULL".equals(tls.cipherSuite());
  }

  // ---- notes from outside

  @Override
  public void cancel() {
    cancelled = true;
    abort(new CancellationException("cancelled by the relay"));
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

  @Override
  public void onContentSource(Response answer, Content.Source contentSource) {
    if (answer.getStatus() == HttpStatus.SWITCHING_PROTOCOLS_101) {
      abort(new ProtocolException("the upstream switched protocols without being asked"));
      return;
    }
    if (answer.getStatus() > 599) {
      abort(new ProtocolException("the upstream's status is none of HTTP's (RFC 9110 §15)"));
      return;
    }
    String coding = answer.getHeaders().get(HttpHeader.TRANSFER_ENCODING);
    if (coding != null && !coding.strip().equalsIgnoreCase("chunked")) {
      // Jetty takes a further coding for granted, and the client would not be told of it.
      abort(new ProtocolException("the upstream used a transfer coding beside chunked"));
      return;
    }
    response = answer;
    source = contentSource;
    pump();
  }

  @Override
  public void onComplete(Result ended) {
    if (ended.isFailed()) {
      failure = ended.getFailure();
      pump();
    }
  }

  /** The demand was met. */
  @Override
  public void run() {
    demanded = false;
    pump();
  }

  @Override
  public InvocationType getInvocationType() {
    return InvocationType.NON_BLOCKING;
  }

  /** What comes of it is told by {@link #onComplete} or the content source, as any failure. */
  @SuppressWarnings("FutureReturnValueIgnored")
  private void abort(Throwable cause) {
    request.abort(cause);
  }

  // ---- the pump

  private void pump() {
    if (pending.getAndIncrement() == 0) {
      takeSteps();
    }
  }

  /** Called by whoever owns the steps: who raised the counter from zero, or was handed them. */
  private void takeSteps() {
    budget = YIELD_BYTES;
    int seen;
    do {
      seen = pending.get();
      try {
        step();
        if (budget <= 0 && !done) {
          // The others' turn. The counter stays up, so that nobody else takes the steps until a
          // free thread does.
          client.getExecutor().execute(this::takeSteps);
          return;
        }
      } catch (Throwable e) {
        abort(e);
        fail(e);
      }
    } while (pending.addAndGet(-seen) != 0);
  }

  private void step() {
    if (done) {
      return;
    }
    if (cancelled) {
      finish(new ForwardResult.Cancelled());
      return;
    }
    if (begun && !toldConnected) {
      toldConnected = true;
      sink.connected();
    }
    Content.Source content = source;
    Response answer = response;
    if (content == null || answer == null) {
      Throwable failed = failure;
      if (failed != null) {
        fail(failed);
      } else if (nudged || turnPending) {
        giveTurn();
      }
      return;
    }
    if (!toldHead) {
      toldHead = true;
      sink.head(answer.getStatus(), headers(answer));
    }
    if (nudged || turnPending) {
      giveTurn();
    }
    while (!demanded && !done && budget > 0) {
      if (!sink.isReady()) {
        return;
      }
      releaseHeld();
      if (last) {
        finish(new ForwardResult.Completed());
        return;
      }
      move(content);
    }
  }

  /**
   * Lets the sink write something of its own, if it is ready and no chunk waits. It is asked again
   * until it is ready, also while nothing comes from upstream, because it measures its client by
   * that.
   */
  private void giveTurn() {
    if (last || carried != null) {
      nudged = false;
    }
    if (!sink.isReady()) {
      return;
    }
    releaseHeld();
    turnPending = false;
    if (nudged) {
      nudged = false;
      sink.nudged();
      turnPending = !sink.isReady();
    }
  }

  /** Moves what is there, or asks to be told when something is. */
  private void move(Content.Source content) {
    Content.Chunk chunk = carried;
    carried = null;
    if (chunk == null && !drained) {
      chunk = content.read();
    }
    drained = false;
    if (chunk == null) {
      if (!flushed) {
        // A head without content yet goes out now.
        flushed = true;
        drained = true;
        sink.flush();
        return;
      }
      demanded = true;
      content.demand(this);
      return;
    }
    if (Content.Chunk.isFailure(chunk)) {
      fail(chunk.getFailure());
      return;
    }
    last = chunk.isLast();
    if (!chunk.hasRemaining()) {
      chunk.release();
      return;
    }
    flushed = true;
    Content.Chunk next = last ? null : content.read();
    if (next == null || Content.Chunk.isFailure(next) || !fit(chunk.remaining(), next)) {
      drained = next == null && !last;
      carried = next;
      write(chunk);
    } else {
      writeTogether(content, chunk, next);
    }
  }

  private static boolean fit(int bytes, Content.Chunk next) {
    return bytes + next.remaining() <= BATCH_BYTES;
  }

  private void writeTogether(Content.Source content, Content.Chunk first, Content.Chunk second) {
    RetainableByteBuffer batch = client.getByteBufferPool().acquire(BATCH_BYTES, true);
    ByteBuffer bytes = batch.getByteBuffer();
    bytes.clear();
    bytes.put(first.getByteBuffer());
    first.release();
    Content.Chunk next = second;
    while (next != null && !Content.Chunk.isFailure(next) && fit(bytes.position(), next)) {
      bytes.put(next.getByteBuffer());
      last = next.isLast();
      next.release();
      next = last ? null : content.read();
    }
    drained = next == null && !last;
    carried = next;
    bytes.flip();
    write(batch);
  }

  private void write(RetainableByteBuffer buffer) {
    held = buffer;
    ByteBuffer bytes = buffer.getByteBuffer();
    budget -= bytes.remaining();
    sink.write(bytes);
  }

  private void releaseHeld() {
    RetainableByteBuffer written = held;
    if (written != null) {
      held = null;
      if (sink.mayReuse()) {
        written.release();
      }
    }
  }

  private void fail(Throwable cause) {
    StreamedBody body = streamedBody;
    Throwable bodyFailure = body == null ? null : body.failure();
    if (cancelled) {
      // The failure that was read is the cancelling's own doing.
      finish(new ForwardResult.Cancelled());
    } else if (bodyFailure != null) {
      finish(new ForwardResult.RequestBodyFailed(bodyFailure));
    } else {
      finish(new ForwardResult.UpstreamFailed(phase(cause), cause));
    }
  }

  private ForwardResult.Phase phase(Throwable cause) {
    if (source != null) {
      return ForwardResult.Phase.BODY;
    }
    if (begun) {
      return ForwardResult.Phase.HEAD;
    }
    return cause instanceof RejectedExecutionException
        ? ForwardResult.Phase.QUEUE
        : ForwardResult.Phase.CONNECT;
  }

  private void finish(ForwardResult how) {
    if (done) {
      return;
    }
    done = true;
    if (held != null && sink.isReady()) {
      releaseHeld();
    }
    // A buffer whose write is still pending is left to the garbage collector: given back to the
    // pool now, it could go out with another stream's bytes in it.
    held = null;
    Content.Chunk unread = carried;
    if (unread != null) {
      carried = null;
      unread.release();
    }
    if (streamedBody != null) {
      streamedBody.stop();
    }
    if (how instanceof ForwardResult.Completed) {
      if (!requestSent) {
        // Either the upstream answered without taking the whole request, or the thread that sent it
        // has not come round to saying so.
        client.getScheduler().schedule(this::abortUnlessSent, SENT_GRACE_MILLIS, MILLISECONDS);
      }
    } else {
      abortUnlessSent();
    }
    result.complete(how);
  }

  private void abortUnlessSent() {
    if (!requestSent) {
      abort(new CancellationException("the exchange is over"));
    }
  }

  private static Headers headers(Response answer) {
    Headers.Builder headers = Headers.builder();
    for (HttpField field : answer.getHeaders()) {
      String value = field.getValue();
      headers.add(field.getName(), value == null ? "" : value);
    }
    return headers.build();
  }
}
