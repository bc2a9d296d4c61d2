package io.streamrelay.jetty;

import jakarta.servlet.ServletOutputStream;
import jakarta.servlet.ServletResponse;
import java.io.IOException;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Puts chunks on their way at once, in the best manner an output stream has.
 *
 * <p>Three manners, told apart by what the stream's class can do, so that no container is needed to
 * compile: {@code write(ByteBuffer)} that goes straight to the socket (Jetty), the same into a
 * buffer and so followed by a flush (Tomcat, Servlet 6.1), and arrays followed by a flush
 * (Undertow, wrapped streams). Used by one thread at a time.
 */
abstract sealed class ChunkWriter {
  private static final ClassValue<@Nullable MethodHandle> WRITE_BUFFER =
      new ClassValue<>() {
        @Override
        protected @Nullable MethodHandle computeValue(Class<?> type) {
          try {
            return MethodHandles.publicLookup()
                .findVirtual(type, "write", MethodType.methodType(void.class, ByteBuffer.class))
                .asType(
                    MethodType.methodType(void.class, ServletOutputStream.class, ByteBuffer.class));
          } catch (NoSuchMethodException | IllegalAccessException e) {
            return null;
          }
        }
      };

  final ServletOutputStream out;
  private boolean flushOwed;

  private ChunkWriter(ServletOutputStream out) {
    this.out = out;
  }

  static ChunkWriter of(ServletOutputStream out) {
    MethodHandle writeBuffer = WRITE_BUFFER.get(out.getClass());
    // Undertow's write(ByteBuffer) sends what is left in its buffer twice when a client reads
    // slowly (2.3.26).
    if (writeBuffer == null || out.getClass().getName().startsWith("io.undertow.")) {
      return new Arrays(out);
    }
    boolean straight = out.getClass().getName().startsWith("org.eclipse.jetty.");
    return new Buffers(out, writeBuffer, !straight);
  }

  /**
   * Leaves Undertow no buffer to keep bytes in: its flush may leave some there and yet say that it
   * is ready, and they would not leave before the next chunk. A write that does not fit goes to the
   * socket, and is waited for.
   */
  static void writeThrough(ServletResponse response) {
    response.setBufferSize(1);
  }

  /** Whether the last chunk has left and another may come. */
  final boolean isReady() throws IOException {
    while (out.isReady()) {
      if (writeMore()) {
        continue;
      }
      if (!flushOwed) {
        return true;
      }
      flushOwed = false;
      out.flush();
    }
    return false;
  }

  abstract void write(ByteBuffer chunk) throws IOException;

  /** Writes the next part of the chunk; false if all of it is written. Only while ready. */
  boolean writeMore() throws IOException {
    return false;
  }

  /** Has what is there flushed, by the next look whether the stream is ready. */
  final void flush() {
    flushOwed = true;
  }

  private static final class Buffers extends ChunkWriter {
    private final MethodHandle writeBuffer;
    private final boolean needsFlush;

    Buffers(ServletOutputStream out, MethodHandle writeBuffer, boolean needsFlush) {
      super(out);
      this.writeBuffer = writeBuffer;
      this.needsFlush = needsFlush;
    }

    @Override
    void write(ByteBuffer chunk) throws IOException {
      // Tomcat leaves a changed limit behind when a write fails, and the chunk is still looked at.
      ByteBuffer bytes = needsFlush ? chunk.duplicate() : chunk;
      try {
        writeBuffer.invokeExact(out, bytes);
      } catch (IOException | RuntimeException | Error e) {
        throw e;
      } catch (Throwable e) {
        throw new IOException("writing client", e);
      }
      if (needsFlush) {
        flush();
      }
    }
  }

  private static final class Arrays extends ChunkWriter {
    private static final int PART_BYTES = 8 * 1024;

    private final byte[] part = new byte[PART_BYTES];
    private @Nullable ByteBuffer rest;

    Arrays(ServletOutputStream out) {
      super(out);
    }

    @Override
    void write(ByteBuffer chunk) throws IOException {
      rest = chunk;
      writeMore();
    }

    @Override
    boolean writeMore() throws IOException {
      ByteBuffer chunk = rest;
      if (chunk == null) {
        return false;
      }
      int count = Math.min(part.length, chunk.remaining());
      chunk.get(part, 0, count);
      if (!chunk.hasRemaining()) {
        rest = null;
      }
      out.write(part, 0, count);
      flush();
      return true;
    }
  }
}
