package io.streamrelay.observe;

import static io.streamrelay.observe.Slices.utf8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class JsonSkimmerTest {
  private static final ObjectMapper JACKSON =
      JsonMapper.builder().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).build();

  private static JsonSkimmer skimmer() {
    return new JsonSkimmer(256, "model", "stream");
  }

  private static JsonSkimmer skim(List<ByteBuffer> slices) {
    JsonSkimmer skimmer = skimmer();
    for (ByteBuffer slice : slices) {
      int position = slice.position();
      int limit = slice.limit();
      skimmer.skim(slice);
      assertThat(slice.position()).isEqualTo(position);
      assertThat(slice.limit()).isEqualTo(limit);
    }
    return skimmer;
  }

  private static JsonSkimmer skim(String json) {
    return skim(List.of(ByteBuffer.wrap(utf8(json))));
  }

  /** Everything a skimmer can say. */
  private static List<@Nullable Object> answers(JsonSkimmer skimmer) {
    List<@Nullable Object> answers = new ArrayList<>();
    for (String name : List.of("model", "stream")) {
      answers.addAll(
          Arrays.asList(
              skimmer.string(name),
              skimmer.bool(name),
              skimmer.count(name),
              skimmer.tooLong(name),
              skimmer.valueStart(name),
              skimmer.valueEnd(name)));
    }
    answers.addAll(
        List.of(skimmer.failed(), skimmer.complete(), skimmer.objectStart(), skimmer.hasMembers()));
    return answers;
  }

  @Test
  void readsTopLevelMembers() {
    String json =
        " {\"messages\":[{\"model\":\"no\",\"content\":\"\\\"model\\\":\\\"no\\\"\"}],"
            + "\"model\" : \"gpt-4o\", \"stream\":true, \"n\":1}";
    JsonSkimmer skimmer = skim(json);
    assertThat(skimmer.string("model")).isEqualTo("gpt-4o");
    assertThat(skimmer.bool("stream")).isTrue();
    assertThat(skimmer.complete()).isTrue();
    assertThat(skimmer.failed()).isFalse();
    assertThat(skimmer.objectStart()).isEqualTo(1);
    assertThat(skimmer.hasMembers()).isTrue();
    assertThat(json.substring((int) skimmer.valueStart("model"), (int) skimmer.valueEnd("model")))
        .isEqualTo("\"gpt-4o\"");
    assertThat(json.substring((int) skimmer.valueStart("stream"), (int) skimmer.valueEnd("stream")))
        .isEqualTo("true");
  }

  @Test
  void offsetsCountBytesAndTheBom() {
    byte[] bytes = utf8("\ufeff{\"x\":\"\u20ac\ud83d\ude00\",\"model\":[1,{\"a\":2}] ,\"y\":3}");
    JsonSkimmer skimmer = skim(List.of(ByteBuffer.wrap(bytes)));
    assertThat(
            Arrays.copyOfRange(
                bytes, (int) skimmer.valueStart("model"), (int) skimmer.valueEnd("model")))
        .isEqualTo(utf8("[1,{\"a\":2}]"));
    assertThat(skimmer.has("model")).isTrue();
    assertThat(skimmer.string("model")).isNull();
    assertThat(skimmer.objectStart()).isEqualTo(3);
  }

  @Test
  void unescapesKeysAndStrings() {
    assertThat(skim("{\"m\\u006fdel\":\"a\\u20AC\\ud83d\\ude00\\n\\/\\\"\"}").string("model"))
        .isEqualTo("a\u20ac\ud83d\ude00\n/\"");
    assertThat(skim("{\"\\u006d\\u006f\\u0064\\u0065\\u006c\":\"x\"}").string("model"))
        .isEqualTo("x");
    assertThat(skim("{\"model\":\"\\ud800x\"}").string("model")).isEqualTo("\ud800x");
    assertThat(skim("{\"model\\u0000\":\"x\"}").has("model")).isFalse();
    assertThat(skim("{\"mod\":\"x\",\"modell\":\"y\",\"\":1}").has("model")).isFalse();
  }

  @Test
  void theLastOfRepeatedMembersCounts() {
    JsonSkimmer skimmer = skim("{\"model\":\"a\",\"model\":\"b\",\"stream\":true,\"stream\":1}");
    assertThat(skimmer.string("model")).isEqualTo("b");
    assertThat(skimmer.count("model")).isEqualTo(2);
    assertThat(skimmer.bool("stream")).isNull();
    assertThat(skim("{\"model\":\"a\",\"model\":null}").string("model")).isNull();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"[{\"model\":\"x\"}]", "\"model\"", "12", "null", "{}", " {} ", "-0.5e+3"})
  void otherDocumentsHaveNoMembers(String json) {
    JsonSkimmer skimmer = skim(json);
    assertThat(skimmer.complete()).isTrue();
    assertThat(skimmer.failed()).isFalse();
    assertThat(skimmer.hasMembers()).isFalse();
    assertThat(skimmer.string("model")).isNull();
    assertThat(skimmer.valueStart("model")).isEqualTo(-1);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"model\":\"x\",}",
        "{\"model\":\"x\"]",
        "{\"model\":\"x\"}}",
        "{\"model\":\"x\"} {}",
        "{\"model\":\"x\" \"y\":1}",
        "{\"model\":\"x\",\"y\":01}",
        "{\"model\":\"x\",\"y\":1.}",
        "{\"model\":\"x\",\"y\":+1}",
        "{\"model\":\"x\",\"y\":NaN}",
        "{\"model\":\"x\",\"y\":trUe}",
        "{\"model\":\"x\",\"y\":\"\\x\"}",
        "{\"model\":\"x\",\"y\":\"\\u12g4\"}",
        "{\"model\":\"x\",\"y\":\"\n\"}",
        "{\"model\":\"x\",y:1}",
        "{\"model\":\"x\",\"y\":[1,]}",
        "\u00ef{\"model\":\"x\"}"
      })
  void wrongJsonTakesEverythingBack(String json) {
    JsonSkimmer skimmer = skim(json);
    assertThat(skimmer.failed()).isTrue();
    assertThat(skimmer.complete()).isFalse();
    assertThat(skimmer.has("model")).isFalse();
    assertThat(skimmer.string("model")).isNull();
    assertThat(skimmer.valueStart("model")).isEqualTo(-1);
    assertThat(skimmer.valueEnd("model")).isEqualTo(-1);
    assertThat(skimmer.objectStart()).isEqualTo(-1);
  }

  @Test
  void aCutDocumentKeepsWhatWasRead() {
    JsonSkimmer skimmer = skim("{\"model\":\"x\",\"stream\":tr");
    assertThat(skimmer.string("model")).isEqualTo("x");
    assertThat(skimmer.bool("stream")).isNull();
    assertThat(skimmer.has("stream")).isTrue();
    assertThat(skimmer.valueEnd("stream")).isEqualTo(-1);
    assertThat(skimmer.complete()).isFalse();
    assertThat(skimmer.failed()).isFalse();
  }

  @Test
  void aTooLongStringIsToldFromAMissingOne() {
    JsonSkimmer skimmer = new JsonSkimmer(4, "model");
    skimmer.skim(ByteBuffer.wrap(utf8("{\"model\":\"abcde\"}")));
    assertThat(skimmer.string("model")).isNull();
    assertThat(skimmer.tooLong("model")).isTrue();
    assertThat(skimmer.valueEnd("model")).isEqualTo(16);
    skimmer.reset();
    assertThat(skimmer.has("model")).isFalse();
    skimmer.skim(ByteBuffer.wrap(utf8("{\"model\":\"abcd\"}")));
    assertThat(skimmer.string("model")).isEqualTo("abcd");
    assertThat(skimmer.tooLong("model")).isFalse();
  }

  @Test
  void hugeInputIsSkippedInBoundedMemory() {
    JsonSkimmer skimmer = skimmer();
    skimmer.skim(ByteBuffer.wrap(utf8("{\"a\":\"")));
    byte[] text = utf8("x".repeat(100_000));
    for (int i = 0; i < 100; i++) {
      skimmer.skim(ByteBuffer.wrap(text));
    }
    skimmer.skim(ByteBuffer.wrap(utf8("\",\"" + "k".repeat(100_000) + "\":1,\"b\":")));
    byte[] open = utf8("[{\"]\\\"\":".repeat(10_000));
    byte[] close = utf8("}]".repeat(10_000));
    for (int i = 0; i < 20; i++) {
      skimmer.skim(ByteBuffer.wrap(open));
    }
    skimmer.skim(ByteBuffer.wrap(utf8("1")));
    for (int i = 0; i < 20; i++) {
      skimmer.skim(ByteBuffer.wrap(close));
    }
    assertThat(skimmer.failed()).isFalse();
    skimmer.skim(ByteBuffer.wrap(utf8(",\"model\":\"m\"}")));
    assertThat(skimmer.string("model")).isEqualTo("m");
    assertThat(skimmer.complete()).isTrue();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "\ufeff{\"m\\u006fdel\":\"a\\ud83d\\ude00\u20ac\",\"x\":[1.5e-3,{},[],\"\\\\\"],"
            + "\"stream\":false,\"model\":\"b\\\"\"}",
        "{\"stream\":true,\"y\":{\"stream\":null}} x",
        "-12.5E+7"
      })
  void answersTheSameWhereverTheDocumentIsCut(String json) {
    byte[] bytes = utf8(json);
    List<@Nullable Object> whole = answers(skim(json));
    for (int at = 0; at <= bytes.length; at++) {
      assertThat(answers(skim(Slices.cutAt(bytes, at)))).as("cut at %d", at).isEqualTo(whole);
    }
    assertThat(answers(skim(Slices.singleBytes(bytes)))).isEqualTo(whole);
  }

  @Test
  void agreesWithJacksonOnRandomDocuments() {
    Random random = new Random(42);
    int good = 0;
    int bad = 0;
    for (int round = 0; round < 20_000; round++) {
      StringBuilder document = new StringBuilder();
      object(document, random, 0);
      String json = document.toString();
      if (random.nextBoolean()) {
        json = mutate(json, random);
      }
      JsonSkimmer skimmer = skim(Slices.random(utf8(json), random));
      JsonNode parsed = parse(json);
      assertThat(skimmer.complete()).as("%s", json).isEqualTo(parsed != null);
      if (parsed == null) {
        bad++;
        continue;
      }
      good++;
      for (String name : List.of("model", "stream")) {
        JsonNode value = parsed.get(name);
        assertThat(skimmer.has(name)).as("%s", json).isEqualTo(value != null);
        assertThat(skimmer.string(name))
            .as("%s", json)
            .isEqualTo((value != null && value.isTextual()) ? value.textValue() : null);
        assertThat(skimmer.bool(name))
            .as("%s", json)
            .isEqualTo((value != null && value.isBoolean()) ? value.booleanValue() : null);
        if (value != null) {
          byte[] bytes = utf8(json);
          int start = (int) skimmer.valueStart(name);
          int end = (int) skimmer.valueEnd(name);
          assertThat(parse(new String(bytes, start, end - start, StandardCharsets.UTF_8)))
              .as("%s", json)
              .isEqualTo(value);
        }
      }
    }
    assertThat(good).isGreaterThan(8_000);
    assertThat(bad).isGreaterThan(4_000);
  }

  @Test
  void neverThrowsOnAnyBytes() {
    Random random = new Random(1);
    byte[] syntax = utf8("{}[]\":,\\tfn01eE.-+u ");
    for (int round = 0; round < 20_000; round++) {
      byte[] bytes = new byte[random.nextInt(40)];
      random.nextBytes(bytes);
      for (int i = 0; i < bytes.length; i++) {
        if (random.nextInt(8) > 0) {
          bytes[i] = syntax[random.nextInt(syntax.length)];
        }
      }
      assertThat(answers(skim(Slices.random(bytes, random)))).hasSize(16);
    }
  }

  @Test
  void refusesANameThatWasNotGiven() {
    assertThatThrownBy(() -> skimmer().string("models"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("'models'");
  }

  /** Null if Jackson rejects it or finds nothing. */
  private static @Nullable JsonNode parse(String json) {
    try {
      JsonNode node = JACKSON.readTree(json);
      return node.isMissingNode() ? null : node;
    } catch (JsonProcessingException e) {
      return null;
    }
  }

  private static String mutate(String json, Random random) {
    char[] chars = json.toCharArray();
    String syntax = "{}[]\":,\\tfn01eE.-+u \n";
    char put = syntax.charAt(random.nextInt(syntax.length()));
    int at = random.nextInt(chars.length);
    return switch (random.nextInt(3)) {
      case 0 -> json.substring(0, at) + put + json.substring(at);
      case 1 -> json.substring(0, at) + json.substring(at + 1);
      default -> json.substring(0, at) + put + json.substring(at + 1);
    };
  }

  private static void object(StringBuilder out, Random random, int level) {
    String[] keys = {
      "model", "stream", "m\\u006fdel", "messages", "x", "", "str\\u0065am", "\u20ac"
    };
    out.append('{');
    for (int i = random.nextInt(5); i > 0; i--) {
      out.append('"').append(keys[random.nextInt(keys.length)]).append("\":");
      space(out, random);
      value(out, random, level + 1);
      out.append(i > 1 ? "," : "");
      space(out, random);
    }
    out.append('}');
  }

  private static void value(StringBuilder out, Random random, int level) {
    String[] scalars = {
      "true",
      "false",
      "null",
      "0",
      "-1",
      "12",
      "1.5e3",
      "\"\"",
      "\"gpt\"",
      "\"\\u20ac\\n\"",
      "\"\u20acx\\\\\"",
      "\"\\\"model\\\":\""
    };
    int kind = level > 4 ? 9 : random.nextInt(10);
    if (kind == 0) {
      object(out, random, level);
    } else if (kind == 1) {
      out.append('[');
      for (int i = random.nextInt(4); i > 0; i--) {
        value(out, random, level + 1);
        out.append(i > 1 ? "," : "");
      }
      out.append(']');
    } else {
      out.append(scalars[random.nextInt(scalars.length)]);
    }
  }

  private static void space(StringBuilder out, Random random) {
    if (random.nextInt(4) == 0) {
      out.append(" \n\t\r".charAt(random.nextInt(4)));
    }
  }
}
