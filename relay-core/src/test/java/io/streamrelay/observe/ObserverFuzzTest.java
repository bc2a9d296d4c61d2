package io.streamrelay.observe;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.streamrelay.route.Dialect;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Whatever passes by, looking at it breaks nothing and does not depend on how it is sliced. */
@Timeout(60)
class ObserverFuzzTest {
  private static final int STREAMS = 3_000;
  private static final int DOCUMENTS = 20_000;

  private static final ObjectMapper JSON =
      new ObjectMapper().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  private static final List<String> STREAM_PIECES =
      List.of(
          "\n",
          "\n\n",
          "\r",
          "\r\n",
          "\r\n\r\n",
          "\ufeff",
          ":",
          ": ping\n",
          "data",
          "data:",
          "data: ",
          "event: ",
          "event: error\n",
          "event: message_stop\n",
          "event: message_start\n",
          "id: 1\n",
          "retry: 5\n",
          "[DONE]",
          "{\"error\":{\"message\":\"x\"}}",
          "{\"error\":null}",
          "{\"type\":\"message_stop\"}",
          "{\"type\":\"response.completed\"}",
          "{\"object\":\"chat.completion.chunk\",\"choices\":[{\"delta\":"
              + "{\"content\":\"\u00e9\"},\"finish_reason\":\"stop\"}]}",
          "{\"candidates\":[{\"content\":{},\"finishReason\":\"STOP\"}]}",
          "{\"a\":",
          "\"",
          "\\",
          "\\u00",
          "}",
          "]",
          "[",
          "{",
          "\0",
          "\u20ac",
          "\ud83d\ude00",
          "x".repeat(3000));

  private static final List<String> JSON_PIECES =
      List.of(
          "{",
          "}",
          "[",
          "]",
          ",",
          ":",
          " ",
          "\n",
          "\"",
          "\"model\"",
          "\"model\":",
          "\"m\\u006fdel\":",
          "\"stream\":",
          "\"a\":",
          "\"gpt\"",
          "\"g\\\"t\"",
          "\"\\u00e9\"",
          "\"\\ud83d\\ude00\"",
          "true",
          "false",
          "null",
          "0",
          "-1",
          "1.5e3",
          "01",
          "tru",
          "\\",
          "\u00e9",
          "\t",
          "{\"model\":\"inner\"}",
          "[1,{\"stream\":true}]",
          "\"x\"");

  private static final List<String> JSON_KEYS =
      List.of("\"model\":", "\"m\\u006fdel\" : ", "\"stream\":", "\"a\":");

  private static final List<String> JSON_VALUES =
      List.of(
          "true",
          "false",
          "null",
          "-1",
          "1.5e3",
          "\"gpt\"",
          "\"g\\\"t\"",
          "\"\\u00e9\"",
          "\"\\ud83d\\ude00\"",
          "\"\u00e9\"",
          "{\"model\":\"inner\"}",
          "[1,{\"stream\":true}]",
          "\"\"");

  private static String text(Random random, List<String> pieces, int most) {
    StringBuilder text = new StringBuilder();
    for (int left = random.nextInt(most); left > 0; left--) {
      text.append(pieces.get(random.nextInt(pieces.size())));
    }
    return text.toString();
  }

  @ParameterizedTest
  @EnumSource(Dialect.class)
  void aStreamIsJudgedAlikeHoweverItIsSliced(Dialect dialect) {
    for (int seed = 0; seed < STREAMS; seed++) {
      Random random = new Random(seed);
      String stream = text(random, STREAM_PIECES, 30);
      byte[] bytes = stream.getBytes(UTF_8);
      if (random.nextInt(4) == 0 && bytes.length > 0) {
        bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
      }
      StreamObserver whole = new StreamObserver(dialect);
      StreamObserver sliced = new StreamObserver(dialect);
      whole.observe(ByteBuffer.wrap(bytes));
      Slices.random(bytes, random).forEach(sliced::observe);

      String what = "seed " + seed + ": <" + stream + ">";
      assertThat(sliced.verdict()).as(what).isEqualTo(whole.verdict());
      assertThat(sliced.events()).as(what).isEqualTo(whole.events());
      assertThat(sliced.atEventBorder()).as(what).isEqualTo(whole.atEventBorder());
      assertThat(sliced.finishSeen()).as(what).isEqualTo(whole.finishSeen());
      assertThat(sliced.contentSeen()).as(what).isEqualTo(whole.contentSeen());
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void membersAreReadAsJacksonReadsThem(long seed) {
    Random random = new Random(seed);
    int read = 0;
    for (int i = 0; i < DOCUMENTS; i++) {
      String json = random.nextInt(3) == 0 ? text(random, JSON_PIECES, 12) : object(random);
      byte[] bytes = json.getBytes(UTF_8);
      JsonSkimmer skimmer = new JsonSkimmer(256, "model", "stream");
      Slices.random(bytes, random).forEach(skimmer::skim);

      JsonNode tree = parsed(json);
      if (tree == null) {
        assertThat(skimmer.failed() || !skimmer.complete()).as(json).isTrue();
      } else if (tree.isObject()) {
        read++;
        assertThat(skimmer.failed()).as(json).isFalse();
        assertThat(skimmer.complete()).as(json).isTrue();
        JsonNode model = tree.path("model");
        assertThat(skimmer.string("model"))
            .as(json)
            .isEqualTo(model.isTextual() ? model.textValue() : null);
        JsonNode stream = tree.path("stream");
        assertThat(skimmer.bool("stream"))
            .as(json)
            .isEqualTo(stream.isBoolean() ? stream.booleanValue() : null);
      }
    }
    // Else nothing was compared.
    assertThat(read).isGreaterThan(DOCUMENTS / 10);
  }

  /** Mostly right, and then with a piece where none belongs. */
  private static String object(Random random) {
    StringBuilder made = new StringBuilder("{");
    for (int left = random.nextInt(5); left > 0; left--) {
      made.append(JSON_KEYS.get(random.nextInt(JSON_KEYS.size())));
      made.append(JSON_VALUES.get(random.nextInt(JSON_VALUES.size())));
      made.append(left > 1 ? "," : "");
    }
    made.append('}');
    if (random.nextBoolean()) {
      made.insert(
          random.nextInt(made.length()), JSON_PIECES.get(random.nextInt(JSON_PIECES.size())));
    }
    return made.toString();
  }

  /** Null for what is no JSON. */
  private static @Nullable JsonNode parsed(String json) {
    try {
      JsonNode tree = JSON.readTree(json);
      return tree.isMissingNode() ? null : tree;
    } catch (JsonProcessingException e) {
      return null;
    }
  }
}
