package io.streamrelay.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a file can be beside right, and the variables of {@code .env}. */
class LoadingFilesTest {
  @TempDir Path directory;

  @Test
  void aFileIsLoaded() throws IOException {
    Path file = write("relay.yaml", ConfigTexts.completed("server: {port: 81}"));

    assertThat(RelayConfig.load(file).config().server().port()).isEqualTo(81);
  }

  @Test
  void aByteOrderMarkIsSkipped() throws IOException {
    Path file = write("relay.yaml", "\uFEFF" + ConfigTexts.completed("server: {port: 81}"));

    assertThat(RelayConfig.load(file).config().server().port()).isEqualTo(81);
  }

  @Test
  void aMissingFileIsNamed() {
    Path file = directory.resolve("no.yaml");

    assertThat(problem(file))
        .isEqualTo(file + ": does not exist (expected: a YAML file, such as configs/config.yaml)");
  }

  @Test
  void aDirectoryIsNoFile() {
    assertThat(problem(directory)).startsWith(directory + ": is a directory (expected: a YAML");
  }

  @Test
  void aFileThatMayNotBeReadIsNamed() throws IOException {
    Path file = write("relay.yaml", "server: {}");
    assumeThat(file.toFile().setReadable(false)).isTrue();
    assumeThat(Files.isReadable(file)).as("root may read all").isFalse();

    assertThat(problem(file)).startsWith(file + ": may not be read by this user");
  }

  @Test
  void aFileInAnotherEncodingNamesItsFirstWrongByte() throws IOException {
    Path file = directory.resolve("latin1.yaml");
    Files.write(file, "server:\n  host: ä\u00fc\n".getBytes(StandardCharsets.ISO_8859_1));

    assertThat(problem(file)).startsWith(file + ":2:9: a byte is not UTF-8");
  }

  @Test
  void aHugeFileIsRefused() throws IOException {
    Path file = write("huge.yaml", "#".repeat(3 * 1024 * 1024 + 1));

    assertThat(problem(file)).startsWith(file + ": is too large (expected: at most 3145728 bytes)");
  }

  @Test
  void theEnvironmentWinsOverTheEnvFile() throws IOException {
    Path file =
        write(".env", "# keys\nBOTH=file\nEMPTY_OUTSIDE=file\nQUOTED=\"a b\" # c\nONLY='x'\n");

    Environment both =
        ((Environment) Map.of("BOTH", "process", "EMPTY_OUTSIDE", "")::get).orFile(file);

    assertThat(both.get("BOTH")).isEqualTo("process");
    assertThat(both.get("EMPTY_OUTSIDE")).isEmpty();
    assertThat(both.get("QUOTED")).isEqualTo("a b");
    assertThat(both.get("ONLY")).isEqualTo("x");
    assertThat(both.get("NEITHER")).isNull();
    assertThat(both.get("PATH")).as("nothing but the two sources").isNull();
  }

  @Test
  void theEnvFileMayBeMissing() {
    Environment none = ((Environment) name -> null).orFile(directory.resolve(".env"));

    assertThat(none.get("ANY")).isNull();
  }

  @Test
  void aMalformedEnvFileNamesTheLineButNotItsText() throws IOException {
    Path file = write(".env", "A=1\n\nexport KEY=sk-secret\n");

    assertThat(envProblem(file))
        .startsWith(file + ":3:1: a line is malformed (expected: NAME=value")
        .doesNotContain("sk-secret");
  }

  @Test
  void anOpenQuoteInTheEnvFileNamesTheLineButNotItsText() throws IOException {
    Path file = write(".env", "A=1\nKEY=\"sk-secret\nB=2\n");

    assertThat(envProblem(file))
        .startsWith(file + ":2:1: a quote is not closed")
        .doesNotContain("sk-secret");
  }

  @Test
  void anEnvFileThatIsNoFileIsNamed() throws IOException {
    Path file = Files.createDirectory(directory.resolve(".env"));

    assertThat(envProblem(file)).startsWith(file + ": is not a regular file");
  }

  private Path write(String name, String text) throws IOException {
    return Files.writeString(directory.resolve(name), text);
  }

  private static String problem(Path file) {
    return theOnly(catchThrowableOfType(RelayConfigException.class, () -> RelayConfig.load(file)));
  }

  private static String envProblem(Path file) {
    return theOnly(
        catchThrowableOfType(RelayConfigException.class, () -> Environment.process().orFile(file)));
  }

  private static String theOnly(RelayConfigException failure) {
    assertThat(failure).isNotNull();
    assertThat(failure.problems()).hasSize(1);
    assertThat(failure).hasMessage(failure.problems().get(0).toString());
    return failure.problems().get(0).toString();
  }
}
