package io.streamrelay.jetty.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.LoggingEvent;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.ZoneOffset;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.slf4j.event.KeyValuePair;

class TextLineEncoderTest {
  private final LoggerContext context = new LoggerContext();
  private final TextLineEncoder encoder = new TextLineEncoder(ZoneOffset.ofHours(1));

  @Test
  void oneLineWithKeyValues() {
    LoggingEvent event = event("POST /v1/messages 200 complete 1234 ms", null);
    event.addKeyValuePair(new KeyValuePair("route", "anthropic"));
    event.addKeyValuePair(new KeyValuePair("tenant", "a route=\"x\" \\"));
    event.addKeyValuePair(new KeyValuePair("status", 200L));
    event.addKeyValuePair(new KeyValuePair("empty", ""));
    event.addKeyValuePair(new KeyValuePair("cost", new BigDecimal("0.0000001234")));
    assertThat(encode(event))
        .isEqualTo(
            "2026-11-24 12:00:00.123 INFO  access  POST /v1/messages 200 complete 1234 ms"
                + " route=anthropic tenant=\"a route=\\\"x\\\" \\\\\" status=200 empty=\"\" cost=0.0000001234\n");
  }

  @Test
  void noTextStartsALineOfItsOwn() {
    String forged = "x\n2026-11-24 12:00:00.123 ERROR forged\u001b[1A";
    LoggingEvent event = event(forged, new IllegalStateException(forged));
    event.addKeyValuePair(new KeyValuePair("k", forged));
    assertThat(encode(event).lines().skip(1)).isNotEmpty().allMatch(row -> row.startsWith("    "));
    assertThat(encode(event))
        .startsWith("2026-11-24 12:00:00.123 INFO  access  x\\u000a2026")
        .contains(" k=\"x\\u000a2026")
        .contains("\n    java.lang.IllegalStateException: x\n    2026-11-24")
        .doesNotContain("\u001b");
  }

  private LoggingEvent event(String message, @Nullable Throwable cause) {
    LoggingEvent event =
        new LoggingEvent(
            "fqcn", context.getLogger("io.streamrelay.access"), Level.INFO, message, cause, null);
    event.setInstant(Instant.parse("2026-11-24T11:00:00.123Z"));
    return event;
  }

  private String encode(LoggingEvent event) {
    return new String(encoder.encode(event), StandardCharsets.UTF_8);
  }
}
