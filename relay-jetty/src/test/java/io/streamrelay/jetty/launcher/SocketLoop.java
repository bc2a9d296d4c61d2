package io.streamrelay.jetty.launcher;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.util.Queue;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/** One thread that serves thousands of sockets, so that the load costs less than what bears it. */
abstract class SocketLoop implements AutoCloseable {
  private static final long TICK_MILLIS = 10;

  final Selector selector;
  final ByteBuffer buffer = ByteBuffer.allocateDirect(256 * 1024);
  private final Queue<Runnable> tasks = new ConcurrentLinkedQueue<>();
  private final Thread thread;
  private volatile boolean closed;
  private volatile @Nullable Throwable failure;

  /** What is attached to a key. */
  interface Socket {
    void ready(SelectionKey key) throws IOException;

    void broke(SelectionKey key, IOException cause);
  }

  SocketLoop(String name) {
    try {
      selector = Selector.open();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    thread = new Thread(this::loop, name);
    thread.setDaemon(true);
  }

  final void start() {
    thread.start();
  }

  /** Called about every 10 ms. */
  void tick() {}

  /** Runs something on the loop's thread and waits for what it returns. */
  final <T> T ask(Callable<T> question) {
    CompletableFuture<T> answer = new CompletableFuture<>();
    tasks.add(
        () -> {
          try {
            answer.complete(question.call());
          } catch (Exception | Error e) {
            answer.completeExceptionally(e);
          }
        });
    selector.wakeup();
    try {
      return answer.get(60, TimeUnit.SECONDS);
    } catch (InterruptedException | ExecutionException | TimeoutException e) {
      throw new AssertionError("the load's thread did not answer; it failed with " + failure, e);
    }
  }

  final void tell(Runnable task) {
    ask(
        () -> {
          task.run();
          return true;
        });
  }

  private void loop() {
    long nextTick = System.nanoTime();
    try {
      while (!closed) {
        selector.select(TICK_MILLIS);
        for (SelectionKey key : selector.selectedKeys()) {
          serve(key);
        }
        selector.selectedKeys().clear();
        for (Runnable task = tasks.poll(); task != null; task = tasks.poll()) {
          task.run();
        }
        if (System.nanoTime() - nextTick >= 0) {
          nextTick = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(TICK_MILLIS);
          tick();
        }
      }
      for (SelectionKey key : selector.keys()) {
        key.channel().close();
      }
      selector.close();
    } catch (IOException | RuntimeException | Error e) {
      failure = e;
    }
  }

  private static void serve(SelectionKey key) {
    Socket socket = (Socket) key.attachment();
    try {
      if (key.isValid()) {
        socket.ready(key);
      }
    } catch (IOException e) {
      close(key);
      socket.broke(key, e);
    }
  }

  static void close(SelectionKey key) {
    key.cancel();
    try {
      key.channel().close();
    } catch (IOException e) {
      // It is gone, which is what was wanted.
    }
  }

  @Override
  public void close() {
    closed = true;
    selector.wakeup();
    try {
      thread.join(TimeUnit.SECONDS.toMillis(10));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
