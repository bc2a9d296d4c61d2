package io.streamrelay.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Whatever stands in a file, loading it gives a configuration or says where it is wrong. */
@Timeout(60)
class ConfigFuzzTest {
  private static final int MUTANTS = 400;

  private static final List<String> PIECES =
      List.of(
          "\n",
          "  ",
          "\t",
          ":",
          ": ",
          "- ",
          "[",
          "]",
          "{",
          "}",
          "'",
          "\"",
          "#",
          "&a ",
          "*a",
          "<<: *a",
          "!!int ",
          "!!java.net.URL ",
          "!!binary ",
          "? ",
          "| ",
          "> ",
          "---\n",
          "...\n",
          "%YAML 9.9\n",
          "null",
          "~",
          "true",
          "-1",
          "1e999",
          "0x7f",
          "99999999999999999999",
          ".nan",
          "2001-01-01",
          "${",
          "${X}",
          "${X:-",
          "\0",
          "\u0007",
          "\u00e9",
          "\ud800",
          "\ufeff",
          "\u2028",
          "http://",
          "routes:\n",
          "auth: ",
          "10MB",
          "30s");

  @ParameterizedTest
  @ValueSource(strings = {"config.yaml", "relay.yaml", "demo.yaml"})
  void aMutantOfASampleLoadsOrSaysWhereItIsWrong(String sample) throws IOException {
    String text = Files.readString(Path.of("..", "configs", sample));
    for (int seed = 0; seed < MUTANTS; seed++) {
      Random random = new Random(seed);
      StringBuilder mutant = new StringBuilder(text);
      for (int left = 1 + random.nextInt(4); left > 0; left--) {
        mutate(mutant, random);
      }
      loadsOrSaysWhere(mutant.toString(), sample + " with seed " + seed);
    }
  }

  private static void mutate(StringBuilder text, Random random) {
    int at = random.nextInt(text.length());
    int to = Math.min(text.length(), at + random.nextInt(40));
    switch (random.nextInt(4)) {
      case 0 -> text.delete(at, to);
      case 1 -> text.insert(at, PIECES.get(random.nextInt(PIECES.size())));
      case 2 -> text.insert(at, text.substring(at, to));
      default -> text.replace(at, to, PIECES.get(random.nextInt(PIECES.size())));
    }
  }

  private static void loadsOrSaysWhere(String yaml, String what) {
    try {
      new RelayConfigLoader(name -> null).parse(yaml, "mutant.yaml");
    } catch (RelayConfigException e) {
      assertThat(e.problems()).as(what).isNotEmpty();
      assertThat(e.problems())
          .as(what)
          .allSatisfy(problem -> assertThat(problem.line()).isNotNegative());
    } catch (RuntimeException | Error e) {
      throw new AssertionError(what + " broke the loader; the file: <" + yaml + ">", e);
    }
  }

  @Test
  void bombsAreRefusedSoon() {
    StringBuilder laughs = new StringBuilder("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 30; i++) {
      String before = "*a" + (i - 1);
      laughs.append("a" + i + ": &a" + i + " [" + (before + ", ").repeat(8) + before + "]\n");
    }
    isRefused(laughs + "routes: *a29\nauth: *a29\n");
    isRefused("routes: &r [*r]\nauth: {api_keys: [sk-test]}\n");
    isRefused("routes: &r {<<: *r}\n");
    isRefused("routes: " + "[".repeat(100_000));
    isRefused("routes: " + "[".repeat(100_000) + "]".repeat(100_000));
    isRefused("a: ".repeat(1) + "{a: ".repeat(50_000));
    isRefused("- ".repeat(100_000));
    isRefused("? ".repeat(100_000));
    isRefused("x: '" + "y".repeat(4_000_000));
    isRefused("k: v\n".repeat(100_000));
    isRefused(
        "routes: !!javax.script.ScriptEngineManager [!!java.net.URL ['http://127.0.0.1/']]\n");
  }

  private static void isRefused(String yaml) {
    String what = yaml.substring(0, Math.min(100, yaml.length()));
    try {
      new RelayConfigLoader(name -> null).parse(yaml, "bomb.yaml");
    } catch (RelayConfigException e) {
      assertThat(e.problems()).as(what).isNotEmpty();
      return;
    } catch (RuntimeException | Error e) {
      throw new AssertionError("broke the loader: " + what, e);
    }
    throw new AssertionError("loaded: " + what);
  }
}
