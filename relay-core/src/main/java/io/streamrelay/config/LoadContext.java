package io.streamrelay.config;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.error.Mark;
import org.yaml.snakeyaml.nodes.MappingNode;

/** Collects what one load of one file finds; not thread-safe. */
final class LoadContext {
  /** A file can be wrong in every line; nobody reads further than this. */
  private static final int MAX_PROBLEMS = 100;

  private final String file;
  private final Environment environment;
  private final List<ConfigProblem> problems = new ArrayList<>();
  private final List<String> warnings = new ArrayList<>();
  private final IdentityHashMap<MappingNode, Map<String, Section.Entry>> flattened =
      new IdentityHashMap<>();
  private int found;

  LoadContext(String file, Environment environment) {
    this.file = file;
    this.environment = environment;
  }

  Environment environment() {
    return environment;
  }

  /** Maps whose merge keys are resolved, so that shared ones are resolved once. */
  IdentityHashMap<MappingNode, Map<String, Section.Entry>> flattened() {
    return flattened;
  }

  void problem(@Nullable Mark at, String key, String problem, String expected) {
    problem(
        at == null ? 0 : at.getLine() + 1,
        at == null ? 0 : at.getColumn() + 1,
        key,
        problem,
        expected);
  }

  void problem(int line, int column, String key, String problem, String expected) {
    found++;
    if (problems.size() < MAX_PROBLEMS) {
      problems.add(new ConfigProblem(file, line, column, key, problem, expected));
    }
  }

  /** Takes the problems of a further file that this one names. */
  void adopt(List<ConfigProblem> others) {
    found += others.size();
    others.stream().limit(MAX_PROBLEMS - problems.size()).forEach(problems::add);
  }

  /** How many problems were found so far, to tell whether a part of the file was clean. */
  int found() {
    return found;
  }

  void warning(String line) {
    warnings.add(line);
  }

  List<String> warnings() {
    return warnings;
  }

  void throwIfAnyProblem() {
    if (!problems.isEmpty()) {
      problems.sort(
          Comparator.comparing((ConfigProblem each) -> !each.file().equals(file))
              .thenComparingInt(ConfigProblem::line)
              .thenComparingInt(ConfigProblem::column));
      throw new RelayConfigException(problems);
    }
  }
}
