package io.streamrelay.config;

import io.github.cdimascio.dotenv.Dotenv;
import io.github.cdimascio.dotenv.DotenvEntry;
import io.github.cdimascio.dotenv.DotenvException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads a {@code .env} file; its problems never repeat its lines, which hold keys. */
final class EnvFile {
  private static final Pattern QUOTED =
      Pattern.compile("\\s*([A-Za-z0-9_.-]+)\\s*=\\s*[\"'].*", Pattern.DOTALL);
  private static final Pattern MALFORMED =
      Pattern.compile("Malformed entry(?:, unmatched quotes)? (.*)", Pattern.DOTALL);

  private EnvFile() {}

  static Map<String, String> read(Path file) {
    if (!Files.exists(file)) {
      return Map.of();
    }
    if (!Files.isRegularFile(file)) {
      throw problem(file, 0, "is not a regular file", "lines of NAME=value, or no such file");
    }
    // Read here too: the library does not tell a file it cannot read from one that is not there.
    List<String> lines = YamlText.read(file).lines().toList();
    Map<String, String> declared = new HashMap<>();
    try {
      for (DotenvEntry each : parse(file).entries(Dotenv.Filter.DECLARED_IN_ENV_FILE)) {
        declared.put(each.getKey(), withoutSingleQuotes(each.getValue()));
      }
    } catch (DotenvException e) {
      throw problem(
          file,
          lineOf(e, lines),
          "a line is malformed",
          "NAME=value, without 'export', with both or no quotes");
    }
    refuseOpenQuote(file, lines, declared);
    return declared;
  }

  private static Dotenv parse(Path file) {
    Path directory = file.toAbsolutePath().getParent();
    return Dotenv.configure()
        .directory(directory == null ? "/" : directory + "/")
        .filename(String.valueOf(file.getFileName()))
        .load();
  }

  /** The library takes double quotes off, but not single ones. */
  private static String withoutSingleQuotes(String value) {
    boolean quoted = value.length() > 1 && value.startsWith("'") && value.endsWith("'");
    return quoted ? value.substring(1, value.length() - 1) : value;
  }

  /** The library drops a value whose quote is never closed, and all that follows it. */
  private static void refuseOpenQuote(Path file, List<String> lines, Map<String, String> declared) {
    for (int i = 0; i < lines.size(); i++) {
      Matcher matcher = QUOTED.matcher(lines.get(i));
      if (matcher.matches() && !declared.containsKey(matcher.group(1))) {
        throw problem(file, i + 1, "a quote is not closed", "both or no quotes around a value");
      }
    }
  }

  private static int lineOf(DotenvException e, List<String> lines) {
    Matcher matcher = MALFORMED.matcher(String.valueOf(e.getMessage()));
    if (!matcher.matches()) {
      return 0;
    }
    String first = matcher.group(1).lines().findFirst().orElse("");
    return lines.indexOf(first) + 1;
  }

  private static RelayConfigException problem(Path file, int line, String what, String expected) {
    return new RelayConfigException(
        List.of(new ConfigProblem(file.toString(), line, line == 0 ? 0 : 1, "", what, expected)));
  }
}
