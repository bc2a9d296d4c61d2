package io.streamrelay.config;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.NodeTuple;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.SequenceNode;
import org.yaml.snakeyaml.nodes.Tag;

/** One map of the file, of which all keys are known; a key without a value counts as absent. */
final class Section {
  /** A key and its value; for a merged one, where the anchor wrote them. */
  record Entry(Node key, Node value) {}

  private final LoadContext context;
  private final String path;
  private final @Nullable MappingNode node;
  private final List<String> known;
  private final Map<String, Entry> entries;

  private Section(
      LoadContext context,
      String path,
      @Nullable MappingNode node,
      List<String> known,
      Map<String, Entry> entries) {
    this.context = context;
    this.path = path;
    this.node = node;
    this.known = known;
    this.entries = entries;
  }

  /** Opens a map and reports its unknown keys, without their text where it may be a secret. */
  static Section of(
      LoadContext context, String path, MappingNode node, List<String> known, boolean hideKeys) {
    Map<String, Entry> entries = flatten(context, path, node, known);
    Section section = new Section(context, path, node, known, entries);
    entries.forEach(
        (key, entry) -> {
          if (!known.contains(key)) {
            section.unknown(key, entry, hideKeys);
          }
        });
    return section;
  }

  private static Section absent(LoadContext context, String path, List<String> known) {
    return new Section(context, path, null, known, Map.of());
  }

  LoadContext context() {
    return context;
  }

  boolean isPresent() {
    return node != null;
  }

  /** Finds a value; null if the key is absent or has none. */
  @Nullable Value find(String key) {
    if (!known.contains(key)) {
      throw new IllegalArgumentException(
          "key '"
              + key
              + "' of '"
              + path
              + "' is read but not listed (expected: one of "
              + known
              + ")");
    }
    Entry entry = entries.get(key);
    return entry == null || Value.isNull(entry.value())
        ? null
        : new Value(context, pathOf(key), entry.value(), false);
  }

  /** Finds a value that no problem shows; null if the key is absent or has none. */
  @Nullable Value findHidden(String key) {
    Value value = find(key);
    return value == null ? null : value.hidden();
  }

  /** Reads a value; null if it is absent or wrong. */
  <T> @Nullable T read(String key, Value.Parser<T> parser) {
    Value value = find(key);
    return value == null ? null : value.parse(parser);
  }

  /** Reads a value; the fallback if it is absent or wrong. */
  <T> T read(String key, T fallback, Value.Parser<T> parser) {
    T value = read(key, parser);
    return value == null ? fallback : value;
  }

  /** Reads a value; null if it is absent or wrong, both of which are problems. */
  <T> @Nullable T require(String key, String expected, Value.Parser<T> parser) {
    Value value = find(key);
    if (value == null) {
      missing(key, expected);
      return null;
    }
    return value.parse(parser);
  }

  /** Reports that a key is absent, at the section's own place. */
  void missing(String key, String expected) {
    Entry entry = entries.get(key);
    context.problem(
        entry != null ? entry.key().getStartMark() : node == null ? null : node.getStartMark(),
        pathOf(key),
        "is missing",
        expected);
  }

  /** Opens a map below this one; one without keys if it is absent or wrong. */
  Section section(String key, String... keys) {
    List<String> names = List.of(keys);
    Value value = find(key);
    Section found = value == null ? null : value.asSection(names, false);
    return found == null ? absent(context, pathOf(key), names) : found;
  }

  /** Opens a map below this one whose keys are the file's own; without keys if absent or wrong. */
  Section openSection(String key) {
    Value value = find(key);
    Section found = value == null ? null : value.asOpenSection();
    return found == null ? absent(context, pathOf(key), List.of()) : found;
  }

  /** Opens a map whose keys are the file's own. */
  static Section open(LoadContext context, String path, MappingNode node) {
    List<String> own = new ArrayList<>();
    for (NodeTuple each : node.getValue()) {
      if (each.getKeyNode() instanceof ScalarNode key) {
        own.add(key.getValue());
      }
    }
    Map<String, Entry> entries = flatten(context, path, node, own);
    return new Section(context, path, node, List.copyOf(entries.keySet()), entries);
  }

  /** The keys that may be asked for; of an open map those that are there. */
  List<String> keys() {
    return known;
  }

  private String pathOf(String key) {
    return join(path, key);
  }

  private static String join(String path, String key) {
    return path.isEmpty() ? key : path + "." + key;
  }

  private void unknown(String key, Entry entry, boolean hideKeys) {
    String near = nearest(key);
    boolean show = !hideKeys || near != null;
    context.problem(
        entry.key().getStartMark(),
        show ? pathOf(Value.printable(key)) : path,
        (show ? "is no known key" : "has an unknown key (" + key.length() + " characters)")
            + (near == null ? "" : ", did you mean '" + near + "'?"),
        "one of " + String.join(", ", known));
  }

  private @Nullable String nearest(String key) {
    String folded = key.toLowerCase(Locale.ROOT).replace('-', '_').replace(' ', '_');
    String plain = folded.replace("_", "");
    String best = null;
    int bestDistance = Integer.MAX_VALUE;
    for (String each : known) {
      int distance =
          plain.equals(each.replace("_", "")) ? 0 : EditDistance.between(folded, each, 3);
      if (distance < bestDistance && distance <= Math.max(1, each.length() / 3)) {
        best = each;
        bestDistance = distance;
      }
    }
    return best;
  }

  /** Resolves merge keys: what a map says itself wins, then the first of the merged maps. */
  private static Map<String, Entry> flatten(
      LoadContext context, String path, MappingNode node, List<String> known) {
    Map<String, Entry> done = context.flattened().get(node);
    if (done != null) {
      return done;
    }
    Map<String, Entry> own = new LinkedHashMap<>();
    // Known from now on, so that a map that merges itself ends here.
    context.flattened().put(node, own);
    List<Node> merged = new ArrayList<>();
    for (NodeTuple each : node.getValue()) {
      Node key = each.getKeyNode();
      if (Tag.MERGE.equals(key.getTag())) {
        merged.add(each.getValueNode());
      } else if (key instanceof ScalarNode scalar) {
        Entry entry = new Entry(scalar, each.getValueNode());
        Entry first = own.putIfAbsent(scalar.getValue(), entry);
        if (first != null && known.contains(scalar.getValue())) {
          reportTwice(context, join(path, scalar.getValue()), first, entry);
        }
      } else {
        context.problem(key.getStartMark(), path, "has a map or list as a key", "a name");
      }
    }
    for (Node each : merged) {
      merge(context, path, own, each, known);
    }
    return own;
  }

  private static void reportTwice(LoadContext context, String key, Entry first, Entry second) {
    context.problem(
        second.key().getStartMark(),
        key,
        "is set twice, first on line " + (first.key().getStartMark().getLine() + 1),
        "each key once");
  }

  private static void merge(
      LoadContext context, String path, Map<String, Entry> own, Node merged, List<String> known) {
    if (merged instanceof MappingNode map) {
      flatten(context, path, map, known).forEach(own::putIfAbsent);
    } else if (merged instanceof SequenceNode list
        && list.getValue().stream().allMatch(MappingNode.class::isInstance)) {
      list.getValue().forEach(each -> merge(context, path, own, each, known));
    } else {
      context.problem(
          merged.getStartMark(), path, "merges something else than maps", "<<: *anchor of a map");
    }
  }
}
