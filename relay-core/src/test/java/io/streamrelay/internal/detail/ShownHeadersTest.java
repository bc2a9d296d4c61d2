package io.streamrelay.internal.detail;

import static org.assertj.core.api.Assertions.assertThat;

import io.streamrelay.http.HeaderPolicy;
import io.streamrelay.http.Headers;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ShownHeadersTest {
  private static String shown(String name, String value) {
    Map<String, String> shown = ShownHeaders.of(Headers.of(name, value));
    assertThat(shown).hasSize(1);
    return shown.values().iterator().next();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "Content-Type | application/json; charset=utf-8",
        "Content-Length | 123",
        "Accept | text/event-stream, */*;q=0.1",
        "anthropic-version | 2023-06-01",
        "X-Stainless-Lang | js",
        "x-ratelimit-remaining-tokens | 149984",
        "Retry-After | Wed, 21 Oct 2026 07:28:00 GMT",
        "User-Agent | OpenAI/JS 4.1 (linux)",
      })
  void harmlessFieldsAreShown(String name, String value) {
    assertThat(shown(name, value)).isEqualTo(value);
  }

  @Test
  void noCredentialIsShown() {
    for (String name : HeaderPolicy.CREDENTIAL_HEADERS) {
      assertThat(shown(name, "sk-canary")).isEqualTo("<9 bytes>");
    }
    assertThat(shown("Cookie", "a=b")).isEqualTo("<3 bytes>");
    assertThat(shown("Set-Cookie", "a=b")).isEqualTo("<3 bytes>");
    assertThat(shown("X-Whatever", "canary")).isEqualTo("<6 bytes>");
  }

  @ParameterizedTest
  @CsvSource({
    "Content-Length, sk-canary",
    "Expect, sk-canary",
    "Transfer-Encoding, sk-canary",
    "Content-Type, sk-canary",
    "Content-Type, text/plain; boundary=canary",
    "User-Agent, 'über'",
  })
  void aFieldThatDoesNotLookAsItShouldIsNotShown(String name, String value) {
    assertThat(shown(name, value)).isEqualTo("<" + value.length() + " bytes>");
  }

  @Test
  void fieldsOfOneNameAreJoined() {
    assertThat(ShownHeaders.of(Headers.of("Accept", "a/b", "X", "1", "accept", "c/d", "x", "22")))
        .isEqualTo(Map.of("accept", "a/b, c/d", "x", "<1 bytes>, <2 bytes>"));
  }

  @Test
  void aHugeHeadIsShownInLittleRoom() {
    Headers.Builder headers = Headers.builder();
    for (int i = 0; i < 1000; i++) {
      headers.add("n".repeat(100) + i, "v".repeat(1000)).add("same", "v".repeat(1000));
      headers.add("x" + i, "v");
    }
    Map<String, String> shown = ShownHeaders.of(headers.build());
    assertThat(shown).hasSize(65).containsEntry("...", "3000 fields");
    assertThat(shown.toString()).hasSizeLessThan(4000);
  }

  @Test
  void aNameForgesNoLine() {
    assertThat(ShownHeaders.of(Headers.of("a\nb", "c"))).containsOnlyKeys("a\\u000ab");
  }
}
