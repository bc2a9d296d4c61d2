package io.streamrelay.config;

import java.util.List;
import java.util.stream.Collectors;

/** Tells an operator everything that is wrong in a configuration file, at once. */
public final class RelayConfigException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final transient List<ConfigProblem> problems;

  /**
   * Makes the exception.
   *
   * @param problems at least one, in the order of the file
   */
  public RelayConfigException(List<ConfigProblem> problems) {
    super(describe(problems));
    this.problems = List.copyOf(problems);
  }

  /**
   * Returns what is wrong.
   *
   * @return at least one problem, in the order of the file; at most 100
   */
  public List<ConfigProblem> problems() {
    return problems;
  }

  private static String describe(List<ConfigProblem> problems) {
    if (problems.isEmpty()) {
      throw new IllegalArgumentException("problems is empty (expected: at least one)");
    }
    if (problems.size() == 1) {
      return problems.get(0).toString();
    }
    return problems.stream()
        .map(ConfigProblem::toString)
        .collect(Collectors.joining("\n", problems.size() + " problems:\n", ""));
  }
}
