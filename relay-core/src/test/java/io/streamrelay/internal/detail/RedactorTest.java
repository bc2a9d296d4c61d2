package io.streamrelay.internal.detail;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RedactorTest {
  private static final Redactor BUILT_IN = new Redactor(List.of(), Redactor.STEPS_PER_TEXT);

  private static String redact(String text) {
    return BUILT_IN.redact(text, List.of());
  }

  /** In all of these the word SECRET, and what is glued to it, must not be shown. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "use sk-SECRET-abc now",
        "use sk-ant-api03-SECRET_abc now",
        "(sk-SECRETabc)",
        "\"sk-SECRETabc",
        "gsk_SECRETabcdefghijkl",
        "xai-SECRETabcdefghijkl",
        "hf_SECRETabcdefghijkl",
        "AIzaSECRETabcdefghijklmnopqrstuvwxyz012",
        "AKIASECRETABCDEFGHIJ",
        "ghp_SECRETabcdefghijklmnopqrstuvwxyz0123",
        "xoxb-SECRET-12345-abc",
        "eyJhbGciOiJI.eyJTRUNSRVQSECRET.SECRET",
        "Authorization: Bearer SECRETabcdef",
        "curl -H 'authorization: Token SECRET' x",
        "curl -H 'X-Api-Key: SECRET' x",
        "Cookie: a=SECRET; b=SECRET",
        "bearer SECRET1234567",
        "Basic SECRET1234567=",
        "{\"api_key\":\"SECRET\"}",
        "{\"apiKey\" : \"SECRET\"}",
        "{\"API-KEY\":\n\"SECRET\"}",
        "{\"openai_api_key\":\"SECRET\"}",
        "{\"key\":\"SECRET\"}",
        "{\"access_token\":\"SECRET\"}",
        "{\"sessionToken\":\"SECRET\"}",
        "{\"token\":\"a\\\"SECRET\"}",
        "{\"password\":\"SECRET",
        "{\"client_secret\":\"SECRET\\u0000\\",
        "{\"authorization\":\"SECRET\"}",
        "{\"arguments\":\"{\\\"password\\\": \\\"SECRET\\\"}\"}",
        "{\"a\":\"{\\\\\\\"password\\\\\\\":\\\\\\\"SECRET\\\\\\\"}\"}",
        "user=me&password=SECRET&x=1",
        "https://x/?api_key=SECRET",
        "-----BEGIN RSA PRIVATE KEY-----\nSECRET\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\\nSECRET\\nSECRET",
      })
  void takesOutWhatLooksLikeACredential(String text) {
    assertThat(redact(text)).contains(Redactor.MARK).doesNotContain("SECRET");
    assertThat(redact("x\n" + text + "\n, y")).startsWith("x\n").doesNotContain("SECRET");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "{\"model\":\"gpt-5\",\"max_tokens\":100,\"stream\":true}",
        "a risk-free task-force asks-nothing",
        "the bearer of good news",
        "a basic example",
        "{\"tokens\":\"a\",\"keys\":[\"b\"],\"monkey\":\"c\",\"keyboard\":\"d\"}",
        "data: {\"choices\":[{\"delta\":{\"content\":\"Passwords are secret.\"}}]}\n\n",
        "sk-42",
      })
  void leavesOtherTextAsItIs(String text) {
    assertThat(redact(text)).isEqualTo(text);
  }

  @Test
  void showsWhatStandsAround() {
    assertThat(redact("{\"a\":1,\"password\":\"p\\\"q\",\"b\":2}"))
        .isEqualTo("{\"a\":1,[redacted],\"b\":2}");
    assertThat(redact("x=1&token=abc&y=2")).isEqualTo("x=1&[redacted]&y=2");
  }

  @Test
  void audioInJsonIsShownByItsLength() {
    assertThat(redact("{\"data\":\"" + "QUJD".repeat(100) + "==\"}"))
        .isEqualTo("{\"data\":\"[402 of base64]\"}");
  }

  @Test
  void knownSecretsGoWhateverTheyLookLike() {
    List<String> secrets = Redactor.secretsOf(Arrays.asList("Bearer plain-word", null, "short"));
    assertThat(secrets).containsExactly("Bearer plain-word", "plain-word");
    assertThat(BUILT_IN.redact("say plain-word, short", secrets))
        .isEqualTo("say [redacted], short");
  }

  @Test
  void theOperatorsPatternsCountToo() {
    Redactor own =
        new Redactor(
            List.of(Pattern.compile("[\\w.]+@[\\w.]+"), Pattern.compile("x*")),
            Redactor.STEPS_PER_TEXT);
    assertThat(own.redact("mail me@example.org, xx!", List.of()))
        .isEqualTo("mail [redacted], [redacted]!");
  }

  @Test
  void aPatternThatWouldTakeForEverHidesTheText() {
    // The reference keeps the engine from remembering where it has been.
    Redactor own = new Redactor(List.of(Pattern.compile("(a+)+\\1!")), Redactor.STEPS_PER_TEXT);
    assertThat(own.redact("a".repeat(64) + "?", List.of())).isEqualTo(Redactor.GIVEN_UP);
    assertThat(own.redact("short", List.of())).isEqualTo("short");
  }

  @Test
  void aPatternThatNeedsTooMuchStackHidesTheText() {
    Redactor own = new Redactor(List.of(Pattern.compile("(?:a|b|\\.)*c")), Long.MAX_VALUE / 2);
    assertThat(own.redact("ab.".repeat(500_000), List.of())).isEqualTo(Redactor.GIVEN_UP);
  }

  /** What is built in must get through the worst text within a text's budget, at any size. */
  @Test
  void builtInPatternsAreNearlyLinear() {
    Random random = new Random(4);
    String[] pieces = {
      "\"",
      "\\",
      "key",
      "_",
      "-",
      "sk-",
      "token",
      "\":\"",
      "\\\\\\\"",
      "=",
      " ",
      "eyJ",
      ".",
      "-----BEGIN ",
      "PRIVATE KEY-----",
      "bearer ",
      ": ",
      "a",
      "A1",
      "/",
      "cookie"
    };
    for (String piece : pieces) {
      String text = piece.repeat((1 << 17) / piece.length());
      assertGetsThrough(text);
      assertGetsThrough("\"key\":\"" + text);
    }
    for (int round = 0; round < 5; round++) {
      StringBuilder text = new StringBuilder();
      while (text.length() < 1 << 17) {
        text.append(pieces[random.nextInt(pieces.length)]);
      }
      assertGetsThrough(text.toString());
    }
  }

  private static void assertGetsThrough(String text) {
    assertThat(redact(text)).as("%s...", text.substring(0, 20)).isNotEqualTo(Redactor.GIVEN_UP);
  }
}
