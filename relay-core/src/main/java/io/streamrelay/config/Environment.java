package io.streamrelay.config;

import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Where the variables of a configuration file come from.
 *
 * <p>Called while a file is loaded, on the loading thread. {@code map::get} is one.
 */
@FunctionalInterface
public interface Environment {
  /**
   * Looks up a variable.
   *
   * @param name as it stands in the file
   * @return its value; null if it is not set
   */
  @Nullable String get(String name);

  /**
   * Returns the variables of this process.
   *
   * @return those that {@link System#getenv(String)} knows
   */
  static Environment process() {
    return System::getenv;
  }

  /**
   * Adds the variables of a {@code .env} file, read once, now. What is set here, even to nothing,
   * wins over the file.
   *
   * @param envFile lines of {@code NAME=value}; it may be missing
   * @return both together
   * @throws RelayConfigException if the file is there and cannot be used
   */
  default Environment orFile(Path envFile) {
    Map<String, String> declared = EnvFile.read(envFile);
    return name -> {
      String value = get(name);
      return value != null ? value : declared.get(name);
    };
  }
}
