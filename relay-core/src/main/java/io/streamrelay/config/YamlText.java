package io.streamrelay.config;

import java.io.IOException;
import java.io.InputStream;
import java.io.StringReader;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.error.Mark;
import org.yaml.snakeyaml.error.MarkedYAMLException;
import org.yaml.snakeyaml.error.YAMLException;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.reader.StreamReader;

/** Turns a file into a text and a text into YAML nodes, which know their line and column. */
final class YamlText {
  static final int MAX_BYTES = 3 * 1024 * 1024;
  private static final int MAX_ALIASES = 50;

  /** The parser's time grows with the square of what is on one line. */
  static final int MAX_LINE_CHARACTERS = 1024 * 1024;

  private static final String A_FILE = "a YAML file, such as configs/config.yaml";
  private static final String A_MAP =
      "keys and values at the top level, such as 'routes:' with at least one route";

  private YamlText() {}

  static String read(Path file) {
    if (Files.isDirectory(file)) {
      throw noPlace(file, "is a directory", A_FILE);
    }
    byte[] bytes;
    try (InputStream in = Files.newInputStream(file)) {
      bytes = in.readNBytes(MAX_BYTES + 1);
    } catch (NoSuchFileException e) {
      throw noPlace(file, "does not exist", A_FILE);
    } catch (AccessDeniedException e) {
      throw noPlace(file, "may not be read by this user", "read permission");
    } catch (IOException e) {
      throw noPlace(file, "cannot be read: " + e.getClass().getSimpleName(), "a readable file");
    }
    if (bytes.length > MAX_BYTES) {
      throw noPlace(file, "is too large", "at most " + MAX_BYTES + " bytes");
    }
    return decode(file, bytes);
  }

  private static String decode(Path file, byte[] bytes) {
    ByteBuffer in = ByteBuffer.wrap(bytes);
    CharBuffer out = CharBuffer.allocate(bytes.length);
    CoderResult result = StandardCharsets.UTF_8.newDecoder().decode(in, out, true);
    String text = out.flip().toString();
    if (result.isError()) {
      int line = (int) text.chars().filter(c -> c == '\n').count() + 1;
      String lastLine = text.substring(text.lastIndexOf('\n') + 1);
      int column = lastLine.codePointCount(0, lastLine.length()) + 1;
      throw new RelayConfigException(
          List.of(
              new ConfigProblem(
                  file.toString(), line, column, "", "a byte is not UTF-8", "a file in UTF-8")));
    }
    return text.startsWith("\uFEFF") ? text.substring(1) : text;
  }

  private static RelayConfigException noPlace(Path file, String problem, String expected) {
    return new RelayConfigException(
        List.of(new ConfigProblem(file.toString(), 0, 0, "", problem, expected)));
  }

  /** Parses the text; empty if it is not one YAML map, which is then among the problems. */
  static Optional<MappingNode> compose(String text, LoadContext context) {
    if (refuseCharacters(text, context)) {
      return Optional.empty();
    }
    LoaderOptions options = new LoaderOptions();
    options.setCodePointLimit(MAX_BYTES);
    options.setMaxAliasesForCollections(MAX_ALIASES);
    Node root;
    try {
      root = new Yaml(options).compose(new StringReader(text));
    } catch (MarkedYAMLException e) {
      Mark at = e.getProblemMark() != null ? e.getProblemMark() : e.getContextMark();
      context.problem(at, "", describe(e), "one YAML document");
      return Optional.empty();
    } catch (YAMLException | IllegalArgumentException | IndexOutOfBoundsException e) {
      context.problem(null, "", limit(String.valueOf(e.getMessage())), "a plain YAML file");
      return Optional.empty();
    }
    if (root == null || Value.isNull(root)) {
      context.problem(null, "", "is empty", A_MAP);
      return Optional.empty();
    }
    if (!(root instanceof MappingNode map)) {
      context.problem(root.getStartMark(), "", "the top level is " + Value.kindOf(root), A_MAP);
      return Optional.empty();
    }
    return Optional.of(map);
  }

  /** Done here because the parser does not tell where a character is that it does not take. */
  private static boolean refuseCharacters(String text, LoadContext context) {
    int line = 1;
    int column = 1;
    for (int i = 0; i < text.length(); i += Character.charCount(text.codePointAt(i))) {
      int c = text.codePointAt(i);
      if (!StreamReader.isPrintable(c)) {
        context.problem(
            line,
            column,
            "",
            String.format("the character U+%04X stands in the text", c),
            "no control characters");
        return true;
      }
      if (column > MAX_LINE_CHARACTERS && c != '\n') {
        context.problem(
            line,
            column,
            "",
            "the line is too long",
            "at most " + MAX_LINE_CHARACTERS + " characters on a line");
        return true;
      }
      column = c == '\n' ? 1 : column + 1;
      line += c == '\n' ? 1 : 0;
    }
    return false;
  }

  /** The parser's own words, except where they repeat the text, which may be a key. */
  private static String describe(MarkedYAMLException e) {
    String words = e.getProblem() == null ? "" : e.getProblem();
    if (words.contains("undefined alias")) {
      words = "a value starts with '*' but names no anchor; put it in quotes";
    } else if (words.contains("undefined tag handle")) {
      words = "a value starts with '!' but names no tag; put it in quotes";
    } else if (words.startsWith("but found another document")) {
      words = "a second document starts here";
    }
    Mark start = e.getContextMark();
    String where =
        start == null || e.getContext() == null || words.startsWith("a ")
            ? ""
            : " (" + e.getContext() + " that starts on line " + (start.getLine() + 1) + ")";
    return "this is not YAML: " + words.replaceAll("\\s+", " ") + where;
  }

  private static String limit(String message) {
    if (message.startsWith("Number of aliases")) {
      return "holds more than " + MAX_ALIASES + " aliases of maps and lists";
    }
    if (message.startsWith("Nesting Depth")) {
      return "is nested too deeply";
    }
    if (message.contains("exceeds the limit")) {
      return "is too large";
    }
    return "is not YAML";
  }
}
