package io.streamrelay.route;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PathGuardTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "/",
        "/v1/chat/completions",
        "/openai/",
        "/v1beta/models/gemini-2.5-pro:streamGenerateContent",
        "/a%20b",
        "/a%25",
        "/.well-known/x",
        "/a..b/c."
      })
  void passesPathsThatAllReadAlike(String path) {
    assertThat(PathGuard.check(path)).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "/...",
        "/v1/..%20/admin",
        "/v1/%e0%80%af/a",
        "/v1/%ff",
        "/v1/%c3",
        "/v1/%ed%a0%80",
        "",
        "v1",
        "//v1",
        "/v1//chat",
        "/v1//",
        "/v1/../admin",
        "/v1/..",
        "/v1/.",
        "/./v1",
        "/v1/%2e%2e/admin",
        "/v1/%2E./admin",
        "/v1/.%2e",
        "/v1/%2e",
        "/v1/..;/admin",
        "/v1;x=1/chat",
        "/v1/a%2fb",
        "/v1/a%5Cb",
        "/v1/a\\b",
        "/v1/a%00b",
        "/v1/a%0d%0ab",
        "/v1/a%7f",
        "/v1/%252e%252e/a",
        "/v1/%253b",
        "/v1/%25%32%65/a",
        "/v1/%25%32f",
        "/v1/%c0%ae%c0%ae/a",
        "/v1/a%3bb",
        "/v1/%",
        "/v1/%2",
        "/v1/%zz",
        "/v1/a b",
        "/v1/a\tb",
        "/v1/\u00e9",
        "/v1/a#b",
        "http://evil/v1"
      })
  void refusesPathsThatSomeReadDifferently(String path) {
    assertThat(PathGuard.check(path)).as("path %s", path).isPresent();
  }

  @org.junit.jupiter.api.Test
  void refusesAPathBeyondTheLimit() {
    assertThat(PathGuard.check("/" + "a".repeat(PathGuard.MAX_LENGTH - 1))).isEmpty();
    assertThat(PathGuard.check("/" + "a".repeat(PathGuard.MAX_LENGTH))).isPresent();
  }

  @ParameterizedTest
  @ValueSource(strings = {"a b", "a\r\nb", "a#b", "\u00e9", "a=%zz", "a=%", "a=%2"})
  void refusesQueriesThatCannotStandInARequestLine(String query) {
    assertThat(PathGuard.checkQuery(query)).isPresent();
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "alt=sse", "a=%2F..%2e&b[]=|", "x=;y"})
  void keepsOtherQueries(String query) {
    assertThat(PathGuard.checkQuery(query)).isEmpty();
  }
}
