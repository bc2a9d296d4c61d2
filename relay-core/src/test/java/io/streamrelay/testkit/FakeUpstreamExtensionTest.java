package io.streamrelay.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.reflect.Proxy;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.RegisterExtension;

class FakeUpstreamExtensionTest {
  @RegisterExtension final FakeUpstreamExtension extension = new FakeUpstreamExtension();

  @BeforeEach
  void itIsThereBeforeTheTest() {
    extension.get().answer(Answer.whole(200, "text/plain", "from before"));
  }

  @Test
  void theFieldAndTheParameterAreOne(FakeUpstream upstream) {
    assertThat(upstream).isSameAs(extension.get());
    assertThat(extension.origin()).isEqualTo(upstream.origin());
    try (RawClient client = RawClient.connect(upstream.origin())) {
      client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").awaitText("from before");
    }
  }

  @Test
  void aFailureShowsWhatWasRecordedAndTheServerStops() {
    FakeUpstreamExtension other = new FakeUpstreamExtension();
    ExtensionContext context = context();
    other.beforeEach(context);
    FakeUpstream upstream = other.get();
    AssertionError failure = new AssertionError("expected");
    try (RawClient client = RawClient.connect(upstream.origin())) {
      client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
      upstream.awaitConnection().awaitRequest();
      assertThatThrownBy(() -> other.handleTestExecutionException(context, failure))
          .isSameAs(failure);
      assertThat(failure.getSuppressed()[0]).hasMessageContaining("ms #0 received 27");
      other.afterEach(context);
      client.awaitEnd();
    }
    assertThatThrownBy(other::get).isInstanceOf(IllegalStateException.class);
  }

  /** A context that knows its id and keeps a store, as the extension asks no more of it. */
  private static ExtensionContext context() {
    Map<Object, Object> kept = new HashMap<>();
    ClassLoader loader = ExtensionContext.class.getClassLoader();
    Object store =
        Proxy.newProxyInstance(
            loader,
            new Class<?>[] {ExtensionContext.Store.class},
            (proxy, method, args) ->
                method.getName().equals("put") ? kept.put(args[0], args[1]) : kept.get(args[0]));
    return (ExtensionContext)
        Proxy.newProxyInstance(
            loader,
            new Class<?>[] {ExtensionContext.class},
            (proxy, method, args) -> method.getName().equals("getStore") ? store : "id");
  }
}
