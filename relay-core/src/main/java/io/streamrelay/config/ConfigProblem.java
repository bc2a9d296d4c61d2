package io.streamrelay.config;

/**
 * One thing that is wrong in a configuration file, and where.
 *
 * <p>No component holds the value of a key, a password or a variable: such values are described by
 * their length.
 *
 * @param file the file's name as the operator gave it
 * @param line from 1; 0 if the problem has no place in the file
 * @param column from 1, in characters; 0 if the problem has no place in the file
 * @param key the path to the key, such as {@code routes[1].upstream}; empty if it is none's
 * @param problem what is wrong, with the offending value, such as {@code is 'ftp://x'}
 * @param expected what would be right; empty if {@code problem} says it
 */
public record ConfigProblem(
    String file, int line, int column, String key, String problem, String expected) {

  /** Returns one line: {@code file:line:column: key problem (expected: ...)}. */
  @Override
  public String toString() {
    StringBuilder out = new StringBuilder(file);
    if (line > 0) {
      out.append(':').append(line).append(':').append(column);
    }
    out.append(": ");
    if (!key.isEmpty()) {
      out.append(key).append(' ');
    }
    out.append(problem);
    if (!expected.isEmpty()) {
      out.append(" (expected: ").append(expected).append(')');
    }
    return out.toString();
  }
}
