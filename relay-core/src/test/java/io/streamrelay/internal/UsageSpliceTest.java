package io.streamrelay.internal;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.streamrelay.internal.UsageSplice.Need;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What of a request's bytes changes where usage is asked for, and when none does. */
class UsageSpliceTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  private static byte[] bytes(ByteBuffer buffer) {
    byte[] bytes = new byte[buffer.remaining()];
    buffer.duplicate().get(bytes);
    return bytes;
  }

  /** The body stands neither at the start nor at the end of its buffer. */
  private static ByteBuffer buffer(String body) {
    byte[] utf8 = body.getBytes(UTF_8);
    ByteBuffer padded = ByteBuffer.allocate(utf8.length + 9).position(5);
    padded.put(utf8).flip().position(5);
    return padded;
  }

  private static String spliced(String body) {
    ByteBuffer buffer = buffer(body);
    UsageSplice splice = UsageSplice.of(buffer);
    assertThat(splice.need()).as(body).isEqualTo(Need.SPLICE);
    ByteBuffer asking = splice.put(buffer);
    assertThat(bytes(splice.takeOut(asking))).isEqualTo(body.getBytes(UTF_8));
    assertThat(bytes(buffer)).isEqualTo(body.getBytes(UTF_8));
    return new String(bytes(asking), UTF_8);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      ignoreLeadingAndTrailingWhitespace = false,
      value = {
        // No member: put in first.
        "{\"stream\":true}|{\"stream_options\":{\"include_usage\":true},\"stream\":true}",
        "{ \"stream\" : true }|{\"stream_options\":{\"include_usage\":true}, \"stream\" : true }",
        "  {\"stream\":true}  |  {\"stream_options\":{\"include_usage\":true},\"stream\":true}  ",
        "{\"a\":1e-0,\"stream\":true}|"
            + "{\"stream_options\":{\"include_usage\":true},\"a\":1e-0,\"stream\":true}",
        "{\"\\u0073tream\":true}|"
            + "{\"stream_options\":{\"include_usage\":true},\"\\u0073tream\":true}",
        // One of that name elsewhere counts for nothing.
        "{\"messages\":[{\"stream_options\":null,\"stream\":false}],\"stream\":true}|"
            + "{\"stream_options\":{\"include_usage\":true},"
            + "\"messages\":[{\"stream_options\":null,\"stream\":false}],\"stream\":true}",
        "{\"a\":\"\\\"stream_options\\\":{}\",\"stream\":true}|"
            + "{\"stream_options\":{\"include_usage\":true},"
            + "\"a\":\"\\\"stream_options\\\":{}\",\"stream\":true}",
        "{\"m\":\"日本🚀\",\"stream\":true}|"
            + "{\"stream_options\":{\"include_usage\":true},\"m\":\"日本🚀\",\"stream\":true}",
        // Null: put in its place.
        "{\"stream_options\":null,\"stream\":true}|"
            + "{\"stream_options\":{\"include_usage\":true},\"stream\":true}",
        "{\"é\":\"ü\",\"stream\":true,\"stream_options\" : null }|"
            + "{\"é\":\"ü\",\"stream\":true,\"stream_options\" : {\"include_usage\":true} }",
        "{\"stream_option\\u0073\":null,\"stream\":true}|"
            + "{\"stream_option\\u0073\":{\"include_usage\":true},\"stream\":true}",
        // Empty, or with others: put in first.
        "{\"stream\":true,\"stream_options\":{}}|"
            + "{\"stream\":true,\"stream_options\":{\"include_usage\":true}}",
        "{\"stream\":true,\"stream_options\":{ }}|"
            + "{\"stream\":true,\"stream_options\":{\"include_usage\":true }}",
        "{\"stream\":true,\"stream_options\":{ \"x\":{\"include_usage\":true}}}|"
            + "{\"stream\":true,\"stream_options\":"
            + "{\"include_usage\":true, \"x\":{\"include_usage\":true}}}",
        "{\"stream_options\":{\"include_obfuscation\":false},\"stream\":true}|"
            + "{\"stream_options\":{\"include_usage\":true,\"include_obfuscation\":false},"
            + "\"stream\":true}",
        // Not wanted: the other value.
        "{\"stream\":true,\"stream_options\":{\"include_usage\":false}}|"
            + "{\"stream\":true,\"stream_options\":{\"include_usage\":true}}",
        "{\"stream\":true,\"stream_options\":{\"include_usage\" : null , \"x\":1}}|"
            + "{\"stream\":true,\"stream_options\":{\"include_usage\" : true , \"x\":1}}",
        "{\"stream\":true,\"stream_options\":{\"x\":[false],\"incl\\u0075de_usage\":false}}|"
            + "{\"stream\":true,\"stream_options\":{\"x\":[false],\"incl\\u0075de_usage\":true}}",
      })
  void oneSliceIsAnother(String body, String expected) throws Exception {
    assertThat(spliced(body)).isEqualTo(expected);
    assertThat(JSON.readTree(expected).at("/stream_options/include_usage").asBoolean()).isTrue();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"stream\":true,\"stream_options\":{\"include_usage\":true}}",
        "{\"stream\":true,\"stream_options\":{\"x\":1, \"include_usage\" : true }}",
        "{\"stream\":false}",
        "{\"stream\":null}",
        "{\"stream\":\"true\"}",
        "{\"stream\":1}",
        "{\"stream\":[true]}",
        "{\"messages\":[{\"stream\":true}]}",
        "{}",
        "{\"stream_options\":{}}",
      })
  void aBodyThatWantsNoStreamOrAsksItselfNeedsNothing(String body) {
    assertThat(UsageSplice.of(buffer(body)).need()).isEqualTo(Need.NOTHING);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "null",
        "[{\"stream\":true}]",
        "{\"stream\":true",
        "{\"stream\":true}}",
        "{\"stream\":true}{}",
        "{\"stream\":true,}",
        "{'stream':true}",
        "{\"stream\":true,\"a\":NaN}",
        "{\"stream\":true,\"a\":\"\t\"}",
        "{\"stream\":True}",
        "{\"stream\":true/**/}",
        "\ufeff{\"stream\":true}",
        "{\"stream\":true,\"stream\":true}",
        "{\"stream\":true,\"str\\u0065am\":false}",
        "{\"stream\":true,\"stream_options\":{},\"stream_options\":{}}",
        "{\"stream\":true,\"stream_options\":{},\"stream\\u005foptions\":null}",
        "{\"stream\":true,\"stream_options\":{\"include_usage\":false,\"include_usage\":false}}",
        "{\"stream\":true,\"stream_options\":{\"include_usage\":true,\"include_usage\":true}}",
        "{\"stream\":true,\"stream_options\":[]}",
        "{\"stream\":true,\"stream_options\":\"\"}",
        "{\"stream\":true,\"stream_options\":true}",
        "{\"stream\":true,\"stream_options\":{\"include_usage\":\"false\"}}",
        "{\"stream\":true,\"stream_options\":{\"include_usage\":0}}",
        "{\"stream\":true,\"stream_options\":{\"include_usage\":{}}}",
      })
  void aBodyThatParsersReadDifferentlyStaysAsItIs(String body) {
    assertThat(UsageSplice.of(buffer(body)).need()).isEqualTo(Need.IMPOSSIBLE);
  }

  @ParameterizedTest
  @CsvSource({
    "/v1/chat/completions, true",
    "/v1/completions, true",
    "/openai/deployments/gpt-4o/chat/completions, true",
    "/openai/deployments/gpt-4o/completions, true",
    "/completions, true",
    "/v1/chat/completions/, false",
    "/v1/chat/completions/c1, false",
    "/v1/xcompletions, false",
    "/v1/responses, false",
    "/v1/messages, false",
    "/v1/embeddings, false"
  })
  void onlyCompletionsAreAsked(String path, boolean asked) {
    assertThat(UsageSplice.isFor(path)).isEqualTo(asked);
  }

  @Test
  void nothingOfTheBodyIsInItsText() {
    assertThat(UsageSplice.of(buffer("{\"stream\":true,\"stream_options\":null}")))
        .hasToString("SPLICE at 32");
  }

  /** Random objects, written with random spaces and escapes, in a random order of members. */
  @Test
  void whateverElseIsInABodyStays() throws Exception {
    for (long seed = 0; seed < 4000; seed++) {
      Random random = new Random(seed);
      String body = randomBody(random);
      String asking = spliced(body);
      assertThat(instead(body, asking)).as(asking).isIn("", "null", "fals");
      JsonNode before = JSON.readTree(body);
      JsonNode after = JSON.readTree(asking);
      assertThat(after.at("/stream_options/include_usage").booleanValue())
          .as("seed %s: %s", seed, asking)
          .isTrue();
      assertThat(withoutOption(after)).as("seed %s", seed).isEqualTo(withoutOption(before));
    }
  }

  /** What stands in the first where something else stands in the second. */
  private static String instead(String one, String other) {
    int from = 0;
    while (one.charAt(from) == other.charAt(from)) {
      from++;
    }
    int end = one.length();
    int otherEnd = other.length();
    while (end > from && one.charAt(end - 1) == other.charAt(otherEnd - 1)) {
      end--;
      otherEnd--;
    }
    return one.substring(from, end);
  }

  private static JsonNode withoutOption(JsonNode body) {
    ObjectNode copy = body.deepCopy();
    if (copy.path("stream_options") instanceof ObjectNode options) {
      options.remove("include_usage");
      if (options.isEmpty()) {
        copy.remove("stream_options");
      }
    } else {
      copy.remove("stream_options");
    }
    return copy;
  }

  private static String randomBody(Random random) {
    List<String> members = new ArrayList<>();
    members.add(key(random, "stream") + "true");
    switch (random.nextInt(5)) {
      case 0 -> members.add(key(random, "stream_options") + "null");
      case 1 -> members.add(key(random, "stream_options") + options(random, null));
      case 2 -> members.add(key(random, "stream_options") + options(random, "false"));
      case 3 -> members.add(key(random, "stream_options") + options(random, "null"));
      default -> {}
    }
    for (int i = random.nextInt(5); i > 0; i--) {
      members.add(key(random, "m" + i) + value(random, 0));
    }
    Collections.shuffle(members, random);
    return space(random) + object(random, members) + space(random);
  }

  private static String options(Random random, @Nullable String usage) {
    List<String> members = new ArrayList<>();
    if (usage != null) {
      members.add(key(random, "include_usage") + usage);
    }
    for (int i = random.nextInt(3); i > 0; i--) {
      members.add(key(random, "o" + i) + value(random, 1));
    }
    Collections.shuffle(members, random);
    return object(random, members);
  }

  private static String object(Random random, List<String> members) {
    return "{"
        + space(random)
        + String.join(space(random) + "," + space(random), members)
        + space(random)
        + "}";
  }

  private static String key(Random random, String name) {
    return string(random, name) + space(random) + ":" + space(random);
  }

  private static String string(Random random, String text) {
    StringBuilder written = new StringBuilder("\"");
    boolean escaped = false;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (!Character.isLowSurrogate(c)) {
        escaped = c == '"' || c == '\\' || c < ' ' || random.nextInt(6) == 0;
      }
      written.append(escaped ? String.format("\\u%04x", (int) c) : "" + c);
    }
    return written.append('"').toString();
  }

  private static String value(Random random, int depth) {
    return switch (random.nextInt(depth > 3 ? 5 : 7)) {
      case 0 -> "null";
      case 1 -> Boolean.toString(random.nextBoolean());
      case 2 -> Integer.toString(random.nextInt());
      case 3 -> random.nextInt(100) + ".5e-" + random.nextInt(3);
      case 4 ->
          string(
              random,
              List.of("", "{}", "日本🚀", "\"stream_options\":", "\\", "é\n").get(random.nextInt(6)));
      case 5 ->
          "[" + value(random, depth + 1) + space(random) + "," + value(random, depth + 1) + "]";
      default ->
          object(
              random,
              List.of(
                  key(random, "stream_options") + value(random, depth + 1),
                  key(random, "include_usage") + value(random, depth + 1),
                  key(random, "stream") + "false"));
    };
  }

  private static String space(Random random) {
    return List.of("", "", "", " ", "\n", "\r\n\t").get(random.nextInt(6));
  }
}
