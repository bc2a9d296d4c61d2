package io.streamrelay.route;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What passes {@link PathGuard} is read alike by every decoder that we could think of. */
class PathGuardFuzzTest {
  private static final int PATHS = 40_000;

  private static final List<String> PIECES =
      List.of(
          "/",
          "/",
          "/",
          ".",
          "..",
          "%2e",
          "%2E",
          "%2f",
          "%5c",
          "%25",
          "%252e",
          "%",
          "%2",
          "%00",
          "%c0%ae",
          "%e2",
          "%82",
          "%ac",
          "%e2%82%ac",
          "%f0%9f%98%80",
          "%f0%80%80%af",
          "%c3%a9",
          "%c3",
          "%20",
          "%3b",
          "%3f",
          "%23",
          ";",
          "\\",
          "?",
          "#",
          ":",
          "@",
          "~",
          "a",
          "v1",
          "admin",
          " ",
          "\u00e9",
          "\uff0e",
          "\0",
          "+",
          "%7f",
          "%2525");

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void whatPassesIsReadAlike(long seed) {
    Random random = new Random(seed);
    int passed = 0;
    for (int i = 0; i < PATHS; i++) {
      StringBuilder made = new StringBuilder("/");
      for (int left = random.nextInt(7); left > 0; left--) {
        made.append(PIECES.get(random.nextInt(PIECES.size())));
      }
      String path = made.toString();
      if (PathGuard.check(path).isEmpty()) {
        passed++;
        isReadAlike(path);
      }
    }
    // Else nothing was tried.
    assertThat(passed).isGreaterThan(PATHS / 100);
  }

  private static void isReadAlike(String path) {
    try {
      URI uri = new URI("http://h" + path);
      assertThat(uri.getRawPath()).as(path).isEqualTo(path);
      assertThat(uri.normalize().getRawPath()).as(path).isEqualTo(path);
      assertThat(uri.getRawQuery()).as(path).isNull();
    } catch (URISyntaxException e) {
      // '|', '^' and the like stand in paths that browsers send.
      assertThat(path).matches(".*[\"<>\\[\\]^`{|}].*");
    }
    String decoded = decoded(path);
    assertThat(segments(decoded)).as(path).hasSize(segments(path).size());
    assertThat(segments(decoded).stream().map(String::strip)).as(path).doesNotContain(".", "..");
    assertThat(decoded).as(path).doesNotContain("\\", ";", "//", "\0", "\r", "\n");
    // Who decodes once more finds nothing to decode.
    assertThat(decoded).as(path).doesNotContainPattern("%[0-9A-Fa-f]{2}");
  }

  private static List<String> segments(String path) {
    return List.of(path.split("/", -1));
  }

  private static String decoded(String path) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    for (int i = 0; i < path.length(); i++) {
      if (path.charAt(i) == '%') {
        bytes.write(Integer.parseInt(path.substring(i + 1, i + 3), 16));
        i += 2;
      } else {
        bytes.write(path.charAt(i));
      }
    }
    try {
      return StandardCharsets.UTF_8
          .newDecoder()
          .decode(ByteBuffer.wrap(bytes.toByteArray()))
          .toString();
    } catch (CharacterCodingException e) {
      throw new AssertionError("passed, but is no UTF-8: " + path, e);
    }
  }
}
