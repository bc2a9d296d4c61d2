package io.streamrelay.route;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.streamrelay.Secret;
import java.net.URI;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RouteRegistryTest {
  private static Route route(String name, String path) {
    return Route.builder(name).path(path).upstream(URI.create("https://api.test")).build();
  }

  private final RouteRegistry registry =
      RouteRegistry.of(
          List.of(route("v1", "/v1"), route("chat", "/v1/chat/completions"), route("oa", "/oa/")));

  @ParameterizedTest
  @CsvSource({
    "/v1, v1",
    "/v1/, v1",
    "/v1/models, v1",
    "/v1/chat, v1",
    "/v1/chat/completions, chat",
    "/v1/chat/completions/, chat",
    "/v1/chat/completions/abc, chat",
    "/oa, oa",
    "/oa/x, oa"
  })
  void theLongestPrefixAtASegmentBorderWins(String path, String expected) {
    assertThat(registry.find(path))
        .extracting(r -> r == null ? null : r.name())
        .isEqualTo(expected);
  }

  @ParameterizedTest
  @ValueSource(strings = {"/", "/v", "/v1x", "/oax", "/V1", "/v1%2fchat"})
  void aPrefixInsideASegmentIsNoMatch(String path) {
    assertThat(registry.find(path)).isNull();
  }

  @Test
  void aRootRouteTakesWhatIsLeft() {
    RouteRegistry withRoot = RouteRegistry.of(List.of(route("v1", "/v1"), route("all", "/")));
    assertThat(withRoot.find("/x/y")).extracting(r -> r == null ? "" : r.name()).isEqualTo("all");
    assertThat(withRoot.find("/")).extracting(r -> r == null ? "" : r.name()).isEqualTo("all");
  }

  @Test
  void namesAndPathsAreUnique() {
    assertThatThrownBy(() -> RouteRegistry.of(List.of(route("a", "/a"), route("a", "/b"))))
        .hasMessageContaining("'a' is used twice");
    assertThatThrownBy(() -> RouteRegistry.of(List.of(route("a", "/a"), route("b", "/a/"))))
        .hasMessageContaining("/a is served by route 'a' and by route 'b'");
  }

  @Test
  void thePrefixIsTakenOffAndTheUpstreamsBasePathPutBefore() {
    Route route =
        Route.builder("openai")
            .path("/openai")
            .stripPrefix("/openai")
            .upstream(URI.create("https://api.test/base/"))
            .build();
    assertThat(route.upstreamPath("/openai/v1/models")).isEqualTo("/base/v1/models");
    assertThat(route.upstreamPath("/openai")).isEqualTo("/base");
    assertThat(route("r", "/v1").upstreamPath("/v1/x%20y")).isEqualTo("/v1/x%20y");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "ftp://a.test",
        "https://",
        "https://user:pw@a.test",
        "https://a.test?x=1",
        "https://a.test#f",
        "a.test",
        "https://a.test/../x",
        "http://my_svc"
      })
  void anUpstreamIsAnHttpOriginWithAnOptionalPath(String upstream) {
    Route.Builder builder = Route.builder("r").path("/r");
    assertThatThrownBy(() -> builder.upstream(URI.create(upstream)).build())
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void aPasswordInAnUpstreamIsNotRepeated() {
    Route.Builder builder =
        Route.builder("r").path("/r").upstream(URI.create("https://user:hunter2@a.test"));
    assertThatThrownBy(builder::build).message().doesNotContain("hunter2");
  }

  @Test
  void authorizationGetsBearerUnlessTheKeyNamesAScheme() {
    assertThat(new UpstreamCredential("Authorization", Secret.of("sk-1"), "V").headerValue())
        .isEqualTo("Bearer sk-1");
    assertThat(new UpstreamCredential("authorization", Secret.of("Basic abc"), "V").headerValue())
        .isEqualTo("Basic abc");
    assertThat(new UpstreamCredential("x-api-key", Secret.of("sk-1"), "V").headerValue())
        .isEqualTo("sk-1");
    assertThat(new UpstreamCredential("x-api-key", null, "V").headerValue()).isNull();
  }

  @Test
  void aSecretPrintsAFingerprint() {
    UpstreamCredential credential = new UpstreamCredential("x-api-key", Secret.of("hunter2"), "V");
    assertThat(credential.toString()).doesNotContain("hunter2").contains("sha256:");
  }
}
