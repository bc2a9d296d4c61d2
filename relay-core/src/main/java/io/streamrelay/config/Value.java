package io.streamrelay.config;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.SequenceNode;
import org.yaml.snakeyaml.nodes.Tag;

/** One value of the file, with its place and its key's path. */
final class Value {
  /** What a text means as the value of one key. */
  @FunctionalInterface
  interface Parser<T> {
    T parse(String text) throws BadValueException;
  }

  private static final int MAX_SHOWN = 100;

  private static final Set<String> KNOWN_TAGS =
      Set.of("str", "int", "float", "bool", "null", "timestamp", "merge", "value", "map", "seq");

  private final LoadContext context;
  private final String path;
  private final Node node;
  private final boolean secret;

  Value(LoadContext context, String path, Node node, boolean secret) {
    this.context = context;
    this.path = path;
    this.node = node;
    this.secret = secret;
  }

  String path() {
    return path;
  }

  int line() {
    return node.getStartMark().getLine() + 1;
  }

  /** The same value, never shown in a problem. */
  Value hidden() {
    return new Value(context, path, node, true);
  }

  boolean isMap() {
    return node instanceof MappingNode;
  }

  /** Whether it is one text, number or boolean. */
  boolean isScalar() {
    return node instanceof ScalarNode;
  }

  /** Reads one text; null if it is wrong, which is then among the problems. */
  <T> @Nullable T parse(Parser<T> parser) {
    if (!(node instanceof ScalarNode scalar)) {
      problem("is " + kindOf(node), "a single value");
      return null;
    }
    if (isNull(node)) {
      problem("is empty", "a value");
      return null;
    }
    if (hasUnknownTag()) {
      return null;
    }
    try {
      return parser.parse(Expansion.expand(scalar.getValue(), context.environment()));
    } catch (BadValueException e) {
      wrong(e);
      return null;
    }
  }

  /** Opens a map; null if it is none, which is then among the problems. */
  @Nullable Section asSection(List<String> known, boolean hideKeys) {
    if (!(node instanceof MappingNode map)) {
      String kind = isNull(node) ? "empty" : kindOf(node);
      problem("is " + kind, "a map with the keys " + String.join(", ", known));
      return null;
    }
    return hasUnknownTag() ? null : Section.of(context, path, map, known, hideKeys);
  }

  /** Opens a map of any keys; null if it is none, which is then among the problems. */
  @Nullable Section asOpenSection() {
    if (!(node instanceof MappingNode map)) {
      problem("is " + kindOf(node), "a map");
      return null;
    }
    return hasUnknownTag() ? null : Section.open(context, path, map);
  }

  /** Opens a list; empty if it is none, which is then among the problems. */
  List<Value> asList() {
    if (!(node instanceof SequenceNode sequence)) {
      problem("is " + kindOf(node), "a list, such as [a, b]");
      return List.of();
    }
    List<Value> items = new ArrayList<>();
    if (!hasUnknownTag()) {
      for (Node each : sequence.getValue()) {
        items.add(new Value(context, path + "[" + items.size() + "]", each, secret));
      }
    }
    return items;
  }

  void wrong(BadValueException why) {
    String shown = secret || why.hide() ? masked() : shown();
    String detail = why.detail().isEmpty() ? "" : ": " + why.detail();
    problem("is " + shown + detail, why.expected());
  }

  void problem(String problem, String expected) {
    context.problem(node.getStartMark(), path, problem, expected);
  }

  /** A value may be whatever its writer wanted, but no type that YAML would have to make. */
  private boolean hasUnknownTag() {
    String tag = node.getTag().getValue();
    if (tag.startsWith(Tag.PREFIX) && KNOWN_TAGS.contains(tag.substring(Tag.PREFIX.length()))) {
      return false;
    }
    problem("has a YAML tag", "none; a value that starts with '!' stands in quotes");
    return true;
  }

  private String masked() {
    int length = node instanceof ScalarNode scalar ? scalar.getValue().length() : 0;
    return "hidden (" + length + (length == 1 ? " character)" : " characters)");
  }

  /** The text as written: what a variable brought in may be a key, so it is not shown. */
  private String shown() {
    return node instanceof ScalarNode scalar ? "'" + printable(scalar.getValue()) + "'" : "";
  }

  /** The text on one line and not too long. */
  static String printable(String text) {
    String cut = text.length() > MAX_SHOWN ? text.substring(0, MAX_SHOWN) + "..." : text;
    StringBuilder out = new StringBuilder(cut.length());
    for (int i = 0; i < cut.length(); i++) {
      char c = cut.charAt(i);
      if (Character.isISOControl(c) || c == '\u2028' || c == '\u2029') {
        out.append(String.format("\\u%04x", (int) c));
      } else {
        out.append(c);
      }
    }
    return out.toString();
  }

  /** Whether there is nothing after the key, or {@code ~} or {@code null} without quotes. */
  static boolean isNull(Node node) {
    return node instanceof ScalarNode scalar && scalar.isPlain() && Tag.NULL.equals(node.getTag());
  }

  static String kindOf(Node node) {
    if (node instanceof MappingNode) {
      return "a map";
    }
    return node instanceof SequenceNode ? "a list" : "a single value";
  }
}
