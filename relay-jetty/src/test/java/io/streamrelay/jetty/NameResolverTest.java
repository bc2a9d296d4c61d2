package io.streamrelay.jetty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.util.Promise;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** How names of upstreams are looked up. */
@Timeout(60)
class NameResolverTest {
  private final List<String> lookedUp = new CopyOnWriteArrayList<>();
  private final CountDownLatch goOn = new CountDownLatch(1);
  private final NameResolver names = new NameResolver(this::lookUp);

  @AfterEach
  void close() {
    goOn.countDown();
    names.close();
  }

  private InetAddress[] lookUp(String host) throws UnknownHostException {
    lookedUp.add(host + " on " + Thread.currentThread().getName());
    if (host.endsWith(".slow")) {
      try {
        goOn.await();
      } catch (InterruptedException e) {
        throw new UnknownHostException("interrupted");
      }
    }
    if (host.startsWith("unknown")) {
      throw new UnknownHostException(host);
    }
    return host.endsWith(".slow")
        ? new InetAddress[] {InetAddress.getLoopbackAddress()}
        : InetAddress.getAllByName(host);
  }

  private CompletableFuture<List<InetSocketAddress>> resolve(String host, int port) {
    Promise.Completable<List<InetSocketAddress>> promise = new Promise.Completable<>();
    names.resolve(host, port, Map.of(), promise);
    return promise;
  }

  @ParameterizedTest
  @ValueSource(strings = {"127.0.0.1", "0.0.0.0", "255.249.199.9", "[::1]", "::1"})
  void anAddressTakesNoThread(String address) {
    assertThat(resolve(address, 80)).isCompleted();
    assertThat(lookedUp).containsExactly(address + " on " + Thread.currentThread().getName());
  }

  @Test
  void aNameTakesOneThreadWhoeverAsksAndEachGetsItsPort() throws Exception {
    CompletableFuture<List<InetSocketAddress>> first = resolve("a.slow", 80);
    CompletableFuture<List<InetSocketAddress>> second = resolve("a.slow", 81);
    assertThat(first).isNotDone();
    goOn.countDown();
    InetAddress loopback = InetAddress.getLoopbackAddress();
    assertThat(first.get(30, TimeUnit.SECONDS))
        .containsExactly(new InetSocketAddress(loopback, 80));
    assertThat(second.get(30, TimeUnit.SECONDS))
        .containsExactly(new InetSocketAddress(loopback, 81));
    assertThat(lookedUp).containsExactly("a.slow on relay-upstream-names");
  }

  @Test
  void aFailureIsToldToAllWhoWaitAndThenForgotten() {
    List<CompletableFuture<List<InetSocketAddress>>> asked =
        List.of(resolve("unknown.slow", 80), resolve("unknown.slow", 80));
    goOn.countDown();
    for (CompletableFuture<List<InetSocketAddress>> each : asked) {
      assertThatThrownBy(() -> each.get(30, TimeUnit.SECONDS))
          .isInstanceOf(ExecutionException.class)
          .hasCauseInstanceOf(UnknownHostException.class);
    }
    assertThat(resolve("unknown.slow", 80)).failsWithin(java.time.Duration.ofSeconds(30));
    assertThat(lookedUp).hasSize(2);
  }

  @Test
  void afterTheCloseThereIsNoAnswerToWaitFor() {
    names.close();
    assertThat(resolve("a.slow", 80)).isCompletedExceptionally();
    assertThat(resolve("a.slow", 80)).isCompletedExceptionally();
  }
}
