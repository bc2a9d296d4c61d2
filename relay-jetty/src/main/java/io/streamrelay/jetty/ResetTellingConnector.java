package io.streamrelay.jetty;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SelectableChannel;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;
import org.eclipse.jetty.io.ClientConnector;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.io.ManagedSelector;
import org.eclipse.jetty.io.SocketChannelEndPoint;
import org.eclipse.jetty.util.BufferUtil;
import org.eclipse.jetty.util.thread.Scheduler;

/**
 * Connects so that a reset is told from an end.
 *
 * <p>Jetty reads a reset connection as one that has ended. To a body that ends with its connection
 * that is all the difference between cut and whole.
 */
final class ResetTellingConnector extends ClientConnector {
  @Override
  protected EndPoint newEndPoint(
      SelectableChannel channel, ManagedSelector selector, SelectionKey key) {
    return channel instanceof SocketChannel socket
        ? new ResetTellingEndPoint(socket, selector, key, getScheduler())
        : super.newEndPoint(channel, selector, key);
  }

  private final class ResetTellingEndPoint extends SocketChannelEndPoint {
    ResetTellingEndPoint(
        SocketChannel channel, ManagedSelector selector, SelectionKey key, Scheduler scheduler) {
      super(channel, selector, key, scheduler);
    }

    /** As inherited, but for the exception. */
    @Override
    public int fill(ByteBuffer buffer) throws IOException {
      if (isInputShutdown()) {
        return -1;
      }
      int position = BufferUtil.flipToFill(buffer);
      try {
        int count = getChannel().read(buffer);
        if (count > 0) {
          notIdle();
        } else if (count < 0) {
          shutdownInput();
        }
        return count;
      } catch (IOException e) {
        // The exception ends the exchange, if there is one; this ends a connection that has none.
        Connection connection = getConnection();
        if (connection != null) {
          getExecutor().execute(connection::close);
        }
        throw e;
      } finally {
        BufferUtil.flipToFlush(buffer, position);
      }
    }
  }
}
