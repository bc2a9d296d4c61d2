package io.streamrelay.jetty.launcher;

import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.ThrowableProxyUtil;
import ch.qos.logback.core.encoder.EncoderBase;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.slf4j.event.KeyValuePair;

/**
 * Renders a log event as one JSON object, key-values beside {@code ts}, {@code level}, {@code
 * logger}, {@code thread}, {@code msg} and {@code error}.
 *
 * <p>Numbers and booleans keep their type, a map becomes an object of strings, all else is {@code
 * toString}. The Logstash encoder was tried: it renders values by reflection, so that it prints
 * what a {@code toString} hides and loses the line of a value that it cannot render; and a key
 * {@code message} gives a second field of that name. Logback's own encoder nests the key-values.
 */
final class JsonLineEncoder extends EncoderBase<ILoggingEvent> {
  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("uuuu-MM-dd'T'HH:mm:ss.SSS'Z'", Locale.ROOT)
          .withZone(ZoneOffset.UTC);
  private static final Set<String> OWN = Set.of("ts", "level", "logger", "thread", "msg", "error");
  private static final byte[] NOTHING = {};

  private final JsonFactory json = new JsonFactory();

  @Override
  public byte[] headerBytes() {
    return NOTHING;
  }

  @Override
  public byte[] footerBytes() {
    return NOTHING;
  }

  @Override
  public byte[] encode(ILoggingEvent event) {
    // A writer, since the byte generator refuses a lone surrogate, and the line would be lost.
    StringWriter out = new StringWriter(512);
    try (JsonGenerator line = json.createGenerator(out)) {
      line.writeStartObject();
      line.writeStringField("ts", TIME.format(Instant.ofEpochMilli(event.getTimeStamp())));
      line.writeStringField("level", event.getLevel().toString().toLowerCase(Locale.ROOT));
      line.writeStringField("logger", event.getLoggerName());
      line.writeStringField("thread", event.getThreadName());
      line.writeStringField("msg", event.getFormattedMessage());
      List<KeyValuePair> pairs = event.getKeyValuePairs();
      if (pairs != null) {
        for (KeyValuePair pair : pairs) {
          line.writeFieldName(OWN.contains(pair.key) ? pair.key + '_' : pair.key);
          write(line, pair.value);
        }
      }
      if (event.getThrowableProxy() != null) {
        line.writeStringField("error", ThrowableProxyUtil.asString(event.getThrowableProxy()));
      }
      line.writeEndObject();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return out.append('\n').toString().getBytes(StandardCharsets.UTF_8);
  }

  private static void write(JsonGenerator line, Object value) throws IOException {
    if (value instanceof Integer || value instanceof Long) {
      line.writeNumber(((Number) value).longValue());
    } else if (value instanceof Double || value instanceof Float) {
      line.writeNumber(((Number) value).doubleValue());
    } else if (value instanceof BigDecimal decimal) {
      line.writeNumber(decimal.toPlainString());
    } else if (value instanceof Boolean bool) {
      line.writeBoolean(bool);
    } else if (value instanceof Map<?, ?> map) {
      line.writeStartObject();
      for (Map.Entry<?, ?> entry : map.entrySet()) {
        line.writeStringField(String.valueOf(entry.getKey()), String.valueOf(entry.getValue()));
      }
      line.writeEndObject();
    } else {
      line.writeString(String.valueOf(value));
    }
  }
}
