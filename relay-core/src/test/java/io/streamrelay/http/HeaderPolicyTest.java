package io.streamrelay.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HeaderPolicyTest {
  private static Headers upstream(String... fields) {
    return HeaderPolicy.toUpstream(Headers.of(fields), Set.of("x-mine"), "x-api-key").build();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "Accept",
        "Content-Type",
        "anthropic-version",
        "Anthropic-Beta",
        "OpenAI-Organization",
        "x-goog-user-project",
        "X-Microsoft-OutputFormat",
        "X-DashScope-SSE",
        "Idempotency-Key",
        "X-Mine"
      })
  void whatAProviderDocumentsPasses(String name) {
    assertThat(upstream(name, "v").first(name)).isEqualTo("v");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "Authorization",
        "X-API-Key",
        "api-key",
        "Cookie",
        "X-Tenant-ID",
        "X-Forwarded-For",
        "X-Unknown",
        "Transfer-Encoding",
        "openai-api-key",
        "x-goog-iam-authorization-token",
        "X-Goog-Authenticated-User-Jwt",
        "x-dashscope-apikey",
        "x-microsoft-token"
      })
  void whatIsNotDocumentedOrIsACredentialStays(String name) {
    assertThat(upstream(name, "v").size()).isZero();
  }

  @Test
  void aConnectionFieldStripsWhatItNamesButNotTheBodysDescription() {
    Headers sent =
        upstream(
            "Connection", "close, anthropic-beta, content-type",
            "anthropic-beta", "b",
            "Content-Type", "application/json");
    assertThat(sent.contains("anthropic-beta")).isFalse();
    assertThat(sent.first("content-type")).isEqualTo("application/json");
  }

  @Test
  void anUpstreamsServerCookiesAndConnectionStay() {
    Headers sent =
        HeaderPolicy.toClient(
                Headers.of(
                    "Server", "s",
                    "Set-Cookie", "c",
                    "Connection", "x-hop",
                    "X-Hop", "1",
                    "x-request-id", "up",
                    "Retry-After", "3"))
            .build();
    assertThat(sent.toString()).isEqualTo("[X-Upstream-Request-ID, Retry-After]");
  }
}
