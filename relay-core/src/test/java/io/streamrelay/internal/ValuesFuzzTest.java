package io.streamrelay.internal;

import static org.assertj.core.api.Assertions.assertThat;

import io.streamrelay.error.ErrorCode;
import io.streamrelay.error.RelayError;
import io.streamrelay.http.HeaderPolicy;
import io.streamrelay.http.Headers;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Values that clients and upstreams choose never carry what they must not. */
class ValuesFuzzTest {
  private static final int TRIES = 20_000;
  private static final String EVIL = "evil";

  private static final List<String> QUERY_PIECES =
      List.of(
          "&",
          "&",
          "=",
          ";",
          "a",
          "b=1",
          "api-key=evil",
          "API%2dKEY=evil",
          "api_key=evil",
          "x=%26api-key",
          "%",
          "+",
          "access_token=evil",
          "apikey=evil",
          "subscription-key=evil",
          "?",
          "/",
          "%3d",
          "alt=sse");

  private static final List<String> NAMES =
      List.of(
          "Authorization",
          "AUTHORIZATION",
          "x-api-key",
          "X-Api-Key",
          "api-key",
          "Cookie",
          "Proxy-Authorization",
          "Accept",
          "Content-Type",
          "Content-Length",
          "Transfer-Encoding",
          "Connection",
          "Upgrade",
          "TE",
          "Host",
          "OpenAI-Organization",
          "OpenAI-Api-Key",
          "anthropic-version",
          "X-Provider",
          "x-provider",
          "X-Custom",
          "X-Tenant-ID",
          "Keep-Alive",
          "Expect",
          "x-goog-token",
          "Set-Cookie",
          "Server",
          "X-Request-ID");

  private static final List<String> VALUES =
      List.of(
          "1",
          "",
          "accept",
          "X-Provider, accept",
          "close",
          "a\r\nX: b",
          "a\nb",
          "a\0b",
          "\t",
          "evil",
          "\u007f");

  @ParameterizedTest
  @ValueSource(longs = {1, 2})
  void noCredentialIsLeftInAQueryAndNothingElseIsLost(long seed) {
    Random random = new Random(seed);
    for (int i = 0; i < TRIES; i++) {
      StringBuilder made = new StringBuilder();
      for (int left = random.nextInt(8); left > 0; left--) {
        made.append(QUERY_PIECES.get(random.nextInt(QUERY_PIECES.size())));
        if (random.nextBoolean()) {
          made.append('&');
        }
      }
      String query = made.toString();
      String kept = Queries.withoutCredentials(query);
      String again = kept == null ? null : Queries.withoutCredentials(kept);
      assertThat(again).as(query).isEqualTo(kept);
      for (String pair : (kept == null ? "" : kept).split("[&;]", -1)) {
        assertThat(pair.toLowerCase(Locale.ROOT))
            .as(query)
            .doesNotMatch("(api[-_]key|api%2dkey|apikey|access_token|subscription-key)(=.*)?");
      }
      if (!query.contains(EVIL)) {
        // Names of keys without a value are keys too.
        assertThat(kept).as(query).isEqualTo(query);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2})
  void fieldsGoUpOnlyByTheListAndNeverSplit(long seed) {
    Random random = new Random(seed);
    for (int i = 0; i < TRIES; i++) {
      Headers.Builder made = Headers.builder();
      for (int left = random.nextInt(8); left > 0; left--) {
        made.add(
            NAMES.get(random.nextInt(NAMES.size())), VALUES.get(random.nextInt(VALUES.size())));
      }
      Headers client = made.build();
      Headers up =
          HeaderPolicy.toUpstream(client, Set.of("x-custom"), "X-Provider")
              .set("X-Provider", "ours")
              .build();
      assertThat(up.all("x-provider")).containsExactly("ours");
      up.forEach(
          (name, value) -> {
            assertThat(name.toLowerCase(Locale.ROOT))
                .as(client.toString())
                .isIn(
                    "accept",
                    "content-type",
                    "openai-organization",
                    "anthropic-version",
                    "x-custom",
                    "x-provider");
            assertThat(value).as(client.toString()).doesNotContain("\r", "\n", "\0", "\u007f");
          });
      Headers down = HeaderPolicy.toClient(client).build();
      down.forEach(
          (name, value) -> {
            assertThat(name.toLowerCase(Locale.ROOT))
                .as(client.toString())
                .isNotIn(
                    "connection",
                    "transfer-encoding",
                    "upgrade",
                    "te",
                    "keep-alive",
                    "set-cookie",
                    "server",
                    "x-request-id");
            assertThat(value).as(client.toString()).doesNotContain("\r", "\n", "\0", "\u007f");
          });
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2})
  void anIdCanStandInALogAndAField(long seed) {
    Random random = new Random(seed);
    for (int i = 0; i < TRIES; i++) {
      StringBuilder made = new StringBuilder();
      for (int left = random.nextInt(200); left > 0; left--) {
        made.append(
            random.nextInt(50) == 0
                ? (char) random.nextInt(400)
                : (char) ('a' + random.nextInt(26)));
      }
      String clients = made.toString();
      String id = Requests.id(clients);
      assertThat(id).as(clients).matches("[A-Za-z0-9._:-]{1,128}");
      assertThat(id.equals(clients))
          .as(clients)
          .isEqualTo(clients.matches("[A-Za-z0-9._:-]{1,128}"));
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2})
  void aWaitIsNeverToldTooShort(long seed) {
    Random random = new Random(seed);
    for (int i = 0; i < TRIES; i++) {
      Duration wait = Duration.ofNanos(random.nextLong() >>> (1 + random.nextInt(62)));
      Headers told =
          Answers.headers(RelayError.of(ErrorCode.RATE_LIMITED, "x").retryAfter(wait), "id", 1);
      long seconds = Long.parseLong(String.valueOf(told.first("Retry-After")));
      long millis = Long.parseLong(String.valueOf(told.first("Retry-After-Ms")));
      assertThat(seconds).as(wait.toString()).isPositive();
      assertThat(Duration.ofSeconds(seconds)).as(wait.toString()).isGreaterThanOrEqualTo(wait);
      assertThat(Duration.ofMillis(millis)).as(wait.toString()).isGreaterThanOrEqualTo(wait);
    }
  }
}
