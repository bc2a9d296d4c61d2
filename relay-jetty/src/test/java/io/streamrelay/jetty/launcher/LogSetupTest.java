package io.streamrelay.jetty.launcher;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.util.ContextInitializer;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.streamrelay.EndReason;
import io.streamrelay.ExchangeRecord;
import io.streamrelay.config.ObservabilityConfig.Format;
import io.streamrelay.config.ObservabilityConfig.Level;
import io.streamrelay.config.ObservabilityConfig.LogFile;
import io.streamrelay.config.ObservabilityConfig.Logging;
import io.streamrelay.log.AccessLog;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

class LogSetupTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final PrintStream stdoutBefore = System.out;
  private final ByteArrayOutputStream stdout = new ByteArrayOutputStream();
  private final Logger logger = LoggerFactory.getLogger("io.streamrelay.test.Some");

  @TempDir Path directory;

  @BeforeEach
  void capture() {
    System.setOut(new PrintStream(stdout, true, StandardCharsets.UTF_8));
  }

  @AfterEach
  void restore() throws Exception {
    System.setOut(stdoutBefore);
    LoggerContext context = (LoggerContext) LoggerFactory.getILoggerFactory();
    context.reset();
    new ContextInitializer(context).autoConfig();
  }

  @Test
  void anAccessLineIsOneFlatJsonObject() throws Exception {
    Instant before = Instant.now();
    run(
        Format.JSON,
        () ->
            new AccessLog()
                .onEnd(
                    ExchangeRecord.builder()
                        .requestId("req-1")
                        .route("openai")
                        .tenant("a\"\nb")
                        .method("POST")
                        .path("/v1/chat/completions")
                        .status(200)
                        .end(EndReason.COMPLETE)
                        .durationNanos(Duration.ofMillis(1234).toNanos())
                        .requestBytes(9_000_000_000L)
                        .events(3)
                        .build()));

    assertThat(output()).endsWith("}\n").hasLineCount(1);
    JsonNode line = JSON.readTree(output());
    assertThat(line.get("ts").asText())
        .matches("\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z");
    assertThat(Instant.parse(line.get("ts").asText()))
        .isBetween(before.minusMillis(1), Instant.now());
    assertThat(output().substring(output().indexOf(",\"level\"")))
        .isEqualTo(
            ",\"level\":\"info\",\"logger\":\"io.streamrelay.access\",\"thread\":\""
                + Thread.currentThread().getName()
                + "\",\"msg\":\"POST /v1/chat/completions 200 complete 1234 ms\","
                + "\"request_id\":\"req-1\",\"tenant_id\":\"a\\\"\\\\u000ab\",\"route\":\"openai\","
                + "\"stream\":false,\"method\":\"POST\",\"path\":\"/v1/chat/completions\","
                + "\"status_code\":200,\"attempts\":0,\"outcome\":\"complete\","
                + "\"duration_ms\":1234,\"bytes_in\":9000000000,\"bytes_out\":0,\"events\":3}\n");
  }

  @Test
  void jsonTakesAnyValueAndAnyText() throws Exception {
    Object opaque =
        new Object() {
          @Override
          public String toString() {
            return "opaque";
          }
        };
    run(
        Format.JSON,
        () ->
            logger
                .atWarn()
                .addKeyValue("msg", "not the message")
                .addKeyValue("ratio", 1.5)
                .addKeyValue("yes", true)
                .addKeyValue("at", Instant.EPOCH)
                .addKeyValue("object", opaque)
                .addKeyValue("nothing", (Object) null)
                .addKeyValue("cost", new BigDecimal("0.0000001234"))
                .addKeyValue("head", Map.of("a\"b", "c\nd"))
                .setCause(new IllegalStateException("broken\n{\"level\":\"info\"}"))
                .log("lone \ud83d and line\nend"));

    assertThat(output()).hasLineCount(1);
    JsonNode line = JSON.readTree(output());
    assertThat(line.get("level").asText()).isEqualTo("warn");
    assertThat(line.get("msg").asText()).isEqualTo("lone ? and line\nend");
    assertThat(line.get("msg_").asText()).isEqualTo("not the message");
    assertThat(line.get("ratio").isDouble()).isTrue();
    assertThat(line.get("yes").isBoolean()).isTrue();
    assertThat(line.get("at").asText()).isEqualTo("1970-01-01T00:00:00Z");
    assertThat(output()).contains("\"cost\":0.0000001234,");
    assertThat(line.get("head").get("a\"b").asText()).isEqualTo("c\nd");
    assertThat(line.get("object").asText()).isEqualTo("opaque");
    assertThat(line.get("nothing").asText()).isEqualTo("null");
    assertThat(line.get("error").asText())
        .startsWith("java.lang.IllegalStateException: broken\n")
        .contains("LogSetupTest");
  }

  @Test
  void textIsForPeople() throws Exception {
    run(
        Format.TEXT,
        () -> logger.atInfo().addKeyValue("route", "openai").addKeyValue("n", 7).log("hello"));
    assertThat(output())
        .matches(
            "\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d\\.\\d{3} INFO  Some  hello route=openai n=7\n");
  }

  @ParameterizedTest
  @ValueSource(strings = {"ERROR", "WARN", "INFO", "DEBUG", "TRACE"})
  void logsFromTheLevelOn(String name) {
    List<String> order = List.of("ERROR", "WARN", "INFO", "DEBUG", "TRACE");
    try (LogSetup log = install(Level.valueOf(name), Format.JSON, null)) {
      for (String each : order) {
        boolean expected = order.indexOf(each) <= order.indexOf(name);
        assertThat(logger.isEnabledForLevel(org.slf4j.event.Level.valueOf(each)))
            .as(each)
            .isEqualTo(expected);
      }
      assertThat(log.droppedLines()).isZero();
    }
  }

  @Test
  void jettyIsQuietAndNeverShowsWhatItTransports() {
    Logger jetty = LoggerFactory.getLogger("org.eclipse.jetty.io.ManagedSelector");
    // Its warnings quote what clients sent.
    Logger parser = LoggerFactory.getLogger("org.eclipse.jetty.http.HttpParser");
    try (LogSetup log = install(Level.ERROR, Format.JSON, null)) {
      assertThat(log.droppedLines()).isZero();
      assertThat(jetty.isWarnEnabled()).isFalse();
    }
    try (LogSetup log = install(Level.INFO, Format.JSON, null)) {
      assertThat(log.droppedLines()).isZero();
      assertThat(jetty.isWarnEnabled()).isTrue();
      assertThat(jetty.isInfoEnabled()).isFalse();
    }
    try (LogSetup log = install(Level.TRACE, Format.JSON, null)) {
      assertThat(log.droppedLines()).isZero();
      assertThat(jetty.isInfoEnabled()).isTrue();
      assertThat(jetty.isDebugEnabled()).isFalse();
      assertThat(parser.isWarnEnabled()).isFalse();
    }
  }

  @Test
  void aLoggerMayHaveALevelOfItsOwn() {
    Logging logging =
        new Logging(
            Level.WARN,
            Map.of(
                "io.streamrelay.test.Some", Level.DEBUG, "io.streamrelay.test.Other", Level.ERROR),
            Format.TEXT,
            null);
    try (LogSetup log = LogSetup.install(logging)) {
      logger.debug("shown");
      LoggerFactory.getLogger("io.streamrelay.test.Other.Below").warn("not shown");
      LoggerFactory.getLogger("io.streamrelay.test.Third").info("not shown either");
      LoggerFactory.getLogger("io.streamrelay.test.Third").warn("shown too");
      assertThat(log.droppedLines()).isZero();
    }
    assertThat(output().lines().map(line -> line.substring(line.lastIndexOf("  ") + 2)))
        .containsExactly("shown", "shown too");
  }

  @Test
  void theFileMayHaveAFormatOfItsOwn() throws Exception {
    Path file = directory.resolve("relay.log");
    try (LogSetup log =
        install(Level.INFO, Format.TEXT, new LogFile(file.toString(), 1024, 1, Format.JSON))) {
      logger.info("hello");
      assertThat(log.droppedLines()).isZero();
    }
    assertThat(output()).endsWith("INFO  Some  hello\n");
    assertThat(JSON.readTree(Files.readString(file)).get("msg").asText()).isEqualTo("hello");
  }

  @Test
  void closeWritesWhatIsQueuedAndCountsWhatComesLater() {
    LogSetup log = install(Level.INFO, Format.TEXT, null);
    for (int i = 0; i < 1000; i++) {
      logger.info("line {}", i);
    }
    log.close();
    assertThat(output()).hasLineCount(1000).endsWith("line 999\n");
    assertThat(log.droppedLines()).isZero();

    logger.info("late");
    assertThat(log.droppedLines()).isEqualTo(1);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 25})
  void theFileRotatesAndKeepsNoMoreThanAskedFor(int maxFiles) throws Exception {
    // Characters that a Logback file name pattern would read as its own.
    Path file = directory.resolve("50%d (x)").resolve("relay.log");
    int lines = 2000;
    LogSetup log = install(Level.INFO, Format.TEXT, new LogFile(file.toString(), 1024, maxFiles));
    for (int i = 0; i < lines; i++) {
      logger.info("line {}", i);
    }
    log.close();
    assertThat(log.droppedLines()).isZero();

    List<String> expected = new ArrayList<>();
    IntStream.rangeClosed(1, maxFiles).forEach(i -> expected.add("relay.log." + i));
    expected.add("relay.log");
    try (Stream<Path> found = Files.list(file.getParent())) {
      assertThat(found.map(path -> path.getFileName().toString()))
          .containsExactlyInAnyOrderElementsOf(expected);
    }
    List<String> kept = new ArrayList<>();
    for (int i = maxFiles; i >= 1; i--) {
      kept.addAll(read(file.resolveSibling("relay.log." + i)));
    }
    kept.addAll(read(file));
    int first = lines - kept.size();
    for (int i = 0; i < kept.size(); i++) {
      assertThat(kept.get(i)).endsWith(" line " + (first + i));
    }
    assertThat(output()).hasLineCount(lines);
  }

  @Test
  void aFileThatCannotBeWrittenIsRefused() {
    assertThatThrownBy(
            () ->
                install(Level.INFO, Format.TEXT, new LogFile(directory.toString(), 1024, 1))
                    .close())
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith("observability.logging.file.path: cannot write '" + directory);
  }

  private static List<String> read(Path file) throws IOException {
    // One line over the limit is what it takes to notice.
    assertThat(Files.size(file)).as("%s", file).isLessThan(1024 + 100);
    return Files.readAllLines(file);
  }

  private static LogSetup install(Level level, Format format, @Nullable LogFile file) {
    return LogSetup.install(new Logging(level, format, file));
  }

  private static void run(Format format, Runnable logging) {
    LogSetup log = install(Level.INFO, format, null);
    logging.run();
    log.close();
    assertThat(log.droppedLines()).isZero();
  }

  private String output() {
    return stdout.toString(StandardCharsets.UTF_8);
  }
}
