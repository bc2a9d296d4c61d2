package io.streamrelay.config;

import java.nio.file.Path;
import java.util.Optional;
import org.yaml.snakeyaml.nodes.MappingNode;

/**
 * Makes a configuration from a YAML file and the variables it names.
 *
 * <p>The whole file is checked and everything wrong with it is told at once. In values, {@code
 * ${NAME}} stands for a variable, {@code ${NAME:-default}} for a variable or, where that is unset
 * or empty, a default, and <code>$${</code> for a plain <code>${</code>. The keys are listed in
 * {@code configs/relay.yaml}. Thread-safe if its environment is.
 */
public final class RelayConfigLoader {
  private final Environment environment;

  /**
   * Makes a loader.
   *
   * @param environment where variables come from
   */
  public RelayConfigLoader(Environment environment) {
    this.environment = environment;
  }

  /**
   * Makes a loader that takes variables from this process and, after that, from the file {@code
   * .env} in the working directory if there is one.
   *
   * @return the loader
   * @throws RelayConfigException if {@code .env} is there and cannot be used
   */
  public static RelayConfigLoader standard() {
    return new RelayConfigLoader(Environment.process().orFile(Path.of(".env")));
  }

  /**
   * Reads a file.
   *
   * @param file UTF-8, at most 3 MiB
   * @return the configuration, with the warnings its operator should see
   * @throws RelayConfigException if the file cannot be read or anything in it is wrong
   */
  public LoadedConfig load(Path file) {
    return parse(YamlText.read(file), file.toString());
  }

  /**
   * Reads a text.
   *
   * @param yaml the file's content
   * @param fileName what problems call it
   * @return the configuration, with the warnings its operator should see
   * @throws RelayConfigException if anything in it is wrong
   */
  public LoadedConfig parse(String yaml, String fileName) {
    LoadContext context = new LoadContext(fileName, environment);
    Optional<MappingNode> root = YamlText.compose(yaml, context);
    Optional<RelayConfig> config = root.flatMap(node -> new ConfigReader(context).read(node));
    context.throwIfAnyProblem();
    return new LoadedConfig(config.orElseThrow(), context.warnings());
  }
}
