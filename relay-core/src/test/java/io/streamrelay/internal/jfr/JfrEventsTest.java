package io.streamrelay.internal.jfr;

import static org.assertj.core.api.Assertions.assertThat;

import io.streamrelay.EndReason;
import io.streamrelay.RelayListener;
import io.streamrelay.error.ErrorCode;
import io.streamrelay.testkit.FakeExchange;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import jdk.jfr.EventType;
import jdk.jfr.FlightRecorder;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JfrEventsTest {
  @TempDir Path folder;

  private final RelayListener events = FlightRecording.listeners().get(0);
  private final FakeExchange exchange = new FakeExchange().id("req-1").model("m").tenant("acme");

  private List<RecordedEvent> record(Runnable what) throws IOException {
    Path file = folder.resolve("x.jfr");
    try (Recording recording = new Recording()) {
      recording.start();
      what.run();
      recording.stop();
      recording.dump(file);
    }
    return RecordingFile.readAllEvents(file).stream()
        .filter(event -> event.getEventType().getName().startsWith("io.streamrelay."))
        .toList();
  }

  private void wholeStream() {
    events.onStart(exchange);
    events.onUpstreamRequest(exchange, 1);
    events.onHead(exchange, 200);
    events.onFirstByte(exchange);
    events.onFirstToken(exchange);
    events.onStall(exchange, 1_500_000_000L, true);
    events.onEnd(exchange.end(EndReason.COMPLETE));
  }

  @Test
  void aStreamIsToldFromItsStartToItsEnd() throws IOException {
    List<RecordedEvent> told = record(this::wholeStream);

    assertThat(told)
        .extracting(event -> event.getEventType().getName())
        .containsExactlyInAnyOrder(
            "io.streamrelay.ExchangeStart",
            "io.streamrelay.UpstreamRequest",
            "io.streamrelay.UpstreamHead",
            "io.streamrelay.FirstByte",
            "io.streamrelay.FirstToken",
            "io.streamrelay.Stall",
            "io.streamrelay.Exchange");
    assertThat(told)
        .allSatisfy(
            event -> {
              assertThat(event.getString("requestId")).isEqualTo("req-1");
              assertThat(event.getString("route")).isEqualTo(exchange.route().name());
              assertThat(event.getEventType().getCategoryNames()).containsExactly("Stream Relay");
              assertThat(event.getStackTrace()).isNull();
            });
  }

  private static RecordedEvent only(List<RecordedEvent> told, String name) {
    List<RecordedEvent> found =
        told.stream()
            .filter(event -> event.getEventType().getName().equals("io.streamrelay." + name))
            .toList();
    assertThat(found).hasSize(1);
    return found.get(0);
  }

  @Test
  void theExchangeLastsFromItsStartToItsEnd() throws IOException {
    List<RecordedEvent> told = record(this::wholeStream);

    RecordedEvent whole = only(told, "Exchange");
    assertThat(whole.getString("end")).isEqualTo("complete");
    assertThat(whole.getString("tenant")).isEqualTo("acme");
    assertThat(whole.getString("model")).isEqualTo("m");
    assertThat(whole.getString("error")).isNull();
    assertThat(whole.getInt("status")).isEqualTo(200);
    assertThat(whole.getLong("timeToFirstToken")).as("not known").isEqualTo(Long.MIN_VALUE);
    assertThat(whole.getStartTime())
        .isBeforeOrEqualTo(only(told, "UpstreamRequest").getStartTime());
    assertThat(whole.getEndTime()).isAfterOrEqualTo(only(told, "Stall").getEndTime());
  }

  @Test
  void aStallSaysForHowLongAndByWhom() throws IOException {
    RecordedEvent stall = only(record(this::wholeStream), "Stall");

    assertThat(stall.getDuration("gap")).isEqualTo(Duration.ofMillis(1500));
    assertThat(stall.getBoolean("byClient")).isTrue();
    assertThat(Duration.between(stall.getInstant("since"), stall.getStartTime()))
        .isBetween(Duration.ofMillis(1400), Duration.ofMillis(1600));
  }

  @Test
  void anErrorHasItsCode() throws IOException {
    RecordedEvent whole =
        only(
            record(
                () -> {
                  events.onStart(exchange);
                  exchange.end(
                      io.streamrelay.ExchangeRecord.builder()
                          .end(EndReason.IDLE_TIMEOUT)
                          .error(ErrorCode.CLIENT_STALLED)
                          .build());
                }),
            "Exchange");
    assertThat(whole.getString("error")).isEqualTo("client_stalled");
  }

  @Test
  void aStreamThatBeganBeforeTheRecordingTellsTheRest() throws IOException {
    events.onStart(exchange);
    List<RecordedEvent> told =
        record(
            () -> {
              events.onFirstToken(exchange);
              events.onEnd(exchange.end(EndReason.COMPLETE));
            });
    assertThat(told)
        .extracting(event -> event.getEventType().getName())
        .containsExactly("io.streamrelay.FirstToken");
  }

  @Test
  void aRecordingThatEndsBeforeTheStreamDisturbsNothing() throws IOException {
    assertThat(record(() -> events.onStart(exchange))).hasSize(1);
    exchange.end(EndReason.COMPLETE);
  }

  @Test
  void everyEventIsOnUnlessSwitchedOffAndSaysWhatItIs() throws IOException {
    record(this::wholeStream);
    List<EventType> types =
        FlightRecorder.getFlightRecorder().getEventTypes().stream()
            .filter(type -> type.getName().startsWith("io.streamrelay."))
            .toList();
    assertThat(types).hasSize(7);
    assertThat(types)
        .allSatisfy(
            type -> {
              assertThat(type.isEnabled()).as("after the recording").isFalse();
              assertThat(type.getLabel()).isNotBlank();
              assertThat(type.getDescription()).isNotBlank();
              assertThat(
                      type.getSettingDescriptors().stream()
                          .filter(setting -> setting.getName().equals("enabled"))
                          .map(setting -> setting.getDefaultValue()))
                  .containsExactly("true");
            });
  }

  @Test
  void noEventHasRoomForAKeyOrAText() throws IOException {
    record(this::wholeStream);
    assertThat(
            FlightRecorder.getFlightRecorder().getEventTypes().stream()
                .filter(type -> type.getName().startsWith("io.streamrelay."))
                .flatMap(type -> type.getFields().stream())
                .filter(field -> field.getTypeName().equals("java.lang.String"))
                .map(field -> field.getName())
                .distinct())
        .containsExactlyInAnyOrder("requestId", "route", "tenant", "model", "end", "error");
  }

  /** What a stream costs while nothing records. */
  @Test
  void offMakesNothing() {
    var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
    long[] bytes = new long[20];
    for (int round = 0; round < bytes.length; round++) {
      long before = threads.getCurrentThreadAllocatedBytes();
      for (int i = 0; i < 10_000; i++) {
        events.onStart(exchange);
        events.onUpstreamRequest(exchange, 1);
        events.onHead(exchange, 200);
        events.onFirstByte(exchange);
        events.onFirstToken(exchange);
        events.onStall(exchange, 1, false);
      }
      bytes[round] = threads.getCurrentThreadAllocatedBytes() - before;
    }
    assertThat(Arrays.stream(bytes).min()).as("%s", Arrays.toString(bytes)).hasValue(0);
  }
}
