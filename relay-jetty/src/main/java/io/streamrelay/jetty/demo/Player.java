package io.streamrelay.jetty.demo;

import io.streamrelay.jetty.demo.Reply.Step;
import java.io.IOException;
import java.time.Duration;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.IteratingCallback;
import org.eclipse.jetty.util.thread.Scheduler;
import org.jspecify.annotations.Nullable;

/**
 * Plays one reply without blocking: a step's pause begins when the write before it has succeeded.
 *
 * <p>A client that leaves ends it at the next write, or at once where the connection tells.
 */
final class Player extends IteratingCallback {
  private final Reply reply;
  private final Response response;
  private final Callback callback;
  private final Pacer pacer;

  /** Only touched by {@link #process}, which never runs twice at a time. */
  private int played;

  private volatile Scheduler.@Nullable Task waiting;

  Player(Reply reply, Response response, Callback callback, Pacer pacer) {
    this.reply = reply;
    this.response = response;
    this.callback = callback;
    this.pacer = pacer;
  }

  void play() {
    response.setStatus(reply.status());
    response.getHeaders().put(HttpHeader.CONTENT_TYPE, reply.contentType());
    response.getHeaders().put(HttpHeader.CACHE_CONTROL, "no-cache");
    response.getRequest().addFailureListener(this::clientGone);
    iterate();
  }

  @Override
  protected Action process() {
    if (played < reply.steps().size()) {
      Step step = reply.steps().get(played++);
      boolean last = played == reply.steps().size() && reply.end().equals(Reply.End.CLEAN);
      after(step.pause(), () -> response.write(last, step.bytes(), this));
      return Action.SCHEDULED;
    }
    if (reply.end().clean()) {
      return Action.SUCCEEDED;
    }
    after(
        reply.end().pause(),
        () -> failed(new IOException("broken off, as the demo model's name asks for")));
    return Action.SCHEDULED;
  }

  private void after(Duration pause, Runnable step) {
    if (pause.isZero()) {
      step.run();
    } else {
      waiting = pacer.after(pause, step);
    }
  }

  private void clientGone(Throwable cause) {
    Scheduler.Task task = waiting;
    if (task != null && task.cancel()) {
      failed(cause);
    }
  }

  @Override
  protected void onCompleteSuccess() {
    callback.succeeded();
  }

  @Override
  protected void onCompleteFailure(Throwable cause) {
    callback.failed(cause);
  }
}
