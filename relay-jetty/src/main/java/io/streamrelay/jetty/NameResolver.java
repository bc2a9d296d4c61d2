package io.streamrelay.jetty;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import org.eclipse.jetty.util.Promise;
import org.eclipse.jetty.util.SocketAddressResolver;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds the addresses of upstreams on threads of its own, so that a name server that is slow or
 * silent holds up no stream.
 *
 * <p>The system's look-up blocks its thread, for half a minute if no name server answers. Jetty's
 * own resolver takes a thread of the client for each connection that is wanted; here all who want
 * the same name wait for one look-up, so that a name takes one thread however much it is asked for.
 * Names come from the configuration alone, which bounds the queue. There is no clock here: the
 * route's own for connecting ends what waits, and the system's ends the look-up. Nor is there a
 * cache, since the JDK has one ({@code networkaddress.cache.ttl}).
 *
 * <p>Thread-safe. Promises are kept on a look-up's thread, or at once for what is an address.
 */
final class NameResolver implements SocketAddressResolver, AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(NameResolver.class);

  /** So many names can be slow at once before another must wait. */
  static final int THREADS = 8;

  private static final long IDLE_SECONDS = 10;

  private static final Pattern IPV4 =
      Pattern.compile("((25[0-5]|2[0-4]\\d|1?\\d?\\d)(\\.(?!$)|$)){4}");

  /** How a name is looked up; {@link InetAddress#getAllByName} but in tests. */
  @FunctionalInterface
  interface Lookup {
    /**
     * May block.
     *
     * @param host a name
     * @return one address at least
     * @throws UnknownHostException if there is none
     */
    InetAddress[] addressesOf(String host) throws UnknownHostException;
  }

  private record Waiter(int port, Promise<List<InetSocketAddress>> promise) {
    void found(InetAddress[] addresses) {
      promise.succeeded(
          Arrays.stream(addresses).map(each -> new InetSocketAddress(each, port)).toList());
    }
  }

  private final Lookup lookup;
  private final ThreadPoolExecutor threads;

  /** Those who wait for each name that is being looked up; guarded by itself. */
  private final Map<String, List<Waiter>> waiters = new HashMap<>();

  NameResolver(Lookup lookup) {
    this.lookup = lookup;
    this.threads =
        new ThreadPoolExecutor(
            THREADS,
            THREADS,
            IDLE_SECONDS,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(),
            task -> {
              Thread thread = new Thread(task, "relay-upstream-names");
              thread.setDaemon(true);
              // Started by some request's thread, it must not hold that one's web application.
              thread.setContextClassLoader(NameResolver.class.getClassLoader());
              return thread;
            });
    threads.allowCoreThreadTimeOut(true);
  }

  @Override
  public void resolve(
      String host,
      int port,
      Map<String, Object> context,
      Promise<List<InetSocketAddress>> promise) {
    Waiter waiter = new Waiter(port, promise);
    if (isAddress(host)) {
      lookUp(host, found -> waiter.found(found), waiter.promise::failed);
      return;
    }
    synchronized (waiters) {
      List<Waiter> others = waiters.get(host);
      if (others != null) {
        others.add(waiter);
        return;
      }
      waiters.put(host, new ArrayList<>(List.of(waiter)));
    }
    try {
      threads.execute(
          () ->
              lookUp(
                  host,
                  found -> tell(host, each -> each.found(found)),
                  failure -> tell(host, each -> each.promise.failed(failure))));
    } catch (RejectedExecutionException closed) {
      tell(host, each -> each.promise.failed(closed));
    }
  }

  /** Whether it is an address already, for which nobody is asked. */
  private static boolean isAddress(String host) {
    return host.indexOf(':') >= 0 || IPV4.matcher(host).matches();
  }

  private void lookUp(String host, Consumer<InetAddress[]> found, Consumer<Throwable> failed) {
    InetAddress[] addresses;
    try {
      addresses = lookup.addressesOf(host);
    } catch (UnknownHostException | RuntimeException | Error e) {
      failed.accept(e);
      return;
    }
    found.accept(addresses);
  }

  private void tell(String host, Consumer<Waiter> what) {
    List<Waiter> all;
    synchronized (waiters) {
      all = waiters.remove(host);
    }
    if (all == null) {
      return;
    }
    for (Waiter each : all) {
      try {
        what.accept(each);
      } catch (RuntimeException | Error e) {
        // The others wait too.
        LOG.error("a connection to {} could not be begun", host, e);
      }
    }
  }

  /** Ends its threads as soon as their look-ups end, which nobody can hasten. */
  @Override
  public void close() {
    threads.shutdownNow();
  }
}
