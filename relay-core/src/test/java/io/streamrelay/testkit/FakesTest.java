package io.streamrelay.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.streamrelay.EndReason;
import io.streamrelay.ExchangeRecord;
import io.streamrelay.Scheduler;
import io.streamrelay.http.Headers;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class FakesTest {
  private final FakeTicker ticker = new FakeTicker(Long.MAX_VALUE - 10);
  private final FakeScheduler scheduler = new FakeScheduler(ticker);
  private final List<String> ran = new ArrayList<>();
  private final long start = ticker.nanos();

  private Runnable note(String name) {
    return () -> ran.add(name + "@" + (ticker.nanos() - start));
  }

  @Test
  void tasksRunInTimeOrderEachAtItsOwnTime() {
    scheduler.schedule(30, note("c"));
    new FakeScheduler(ticker).schedule(10, note("a"));
    scheduler.schedule(10, note("b"));
    scheduler.schedule(31, note("late"));
    ticker.advance(Duration.ofNanos(30));
    assertThat(ran).containsExactly("a@10", "b@10", "c@30");
    assertThat(ticker.nanos() - start).isEqualTo(30);
    assertThat(scheduler.pendingTasks()).isEqualTo(1);
  }

  @Test
  void aTaskWithoutDelayRunsAtTheNextAdvanceAndNotBefore() {
    scheduler.schedule(0, note("now"));
    scheduler.schedule(-5, note("past"));
    assertThat(ran).isEmpty();
    ticker.advanceNanos(0);
    assertThat(ran).containsExactly("now@0", "past@0");
  }

  @Test
  void aTaskThatATaskSchedulesRunsInTheSameAdvanceIfDue() {
    scheduler.schedule(
        10,
        () -> {
          scheduler.schedule(5, note("inner"));
          scheduler.schedule(50, note("later"));
        });
    ticker.advanceNanos(20);
    assertThat(ran).containsExactly("inner@15");
  }

  @Test
  void aCancelledTaskNeverRuns() {
    Scheduler.Cancellable b = scheduler.schedule(20, note("b"));
    scheduler.schedule(10, b::cancel);
    ticker.advanceNanos(100);
    assertThat(ran).isEmpty();
    assertThat(scheduler.pendingTasks()).isZero();
  }

  @Test
  void closingDropsWhatIsToRunAndWhateverMoreComes() {
    scheduler.schedule(10, note("a"));
    new FakeScheduler(ticker).schedule(10, note("other"));
    scheduler.close();
    scheduler.close();
    scheduler.schedule(1, note("b")).cancel();
    scheduler.schedule(1, note("c"));
    ticker.advanceNanos(100);
    assertThat(ran).containsExactly("other@10");
    assertThat(scheduler.pendingTasks()).isZero();
  }

  @Test
  void timeOnlyGoesForward() {
    assertThatThrownBy(() -> ticker.advanceNanos(-1))
        .hasMessageContaining("expected: zero or more");
  }

  @Test
  void anExchangeEndsOnceInReverseOrderWhateverAnActionThrows() {
    FakeExchange exchange = new FakeExchange(ticker).tenant("acme").keyName("k").model("m");
    exchange.onEnd(record -> ran.add("first " + record.end()));
    exchange.onEnd(
        record -> {
          throw new IllegalStateException("second");
        });
    exchange.onEnd(record -> ran.add("third " + record.tenant()));
    ticker.advanceNanos(7);
    assertThatThrownBy(() -> exchange.end(EndReason.CLIENT_GONE)).hasMessage("second");
    assertThat(ran).containsExactly("third acme", "first CLIENT_GONE");
    assertThatThrownBy(() -> exchange.end(EndReason.COMPLETE)).hasMessageContaining("one end");
    assertThatThrownBy(() -> exchange.onEnd(record -> {})).hasMessageContaining("has ended");
  }

  @Test
  void aStalledClientHoldsItsForwarderBackAndLooksAtBytesWhenItTakesThem() {
    FakeClient client = new FakeClient().stall();
    client.listen(note("ready"), note("gone"));
    client.head(200, Headers.empty());
    byte[] bytes = {'a'};
    client.write(ByteBuffer.wrap(bytes));
    assertThat(client.isReady()).isFalse();
    client.write(ByteBuffer.wrap(bytes));
    assertThat(client.violations()).containsExactly("write while not ready");
    bytes[0] = 'b';
    client.take();
    assertThat(client.text()).isEqualTo("b");
    client.complete();
    client.cut();
    assertThat(client.ends()).isEqualTo(2);
    assertThat(client.violations()).contains("cut, and it had ended before");
  }

  @Test
  void aBodyGivesWhatHasArrivedThenItsEnd() throws IOException {
    FakeBody body = FakeBody.declared(-1);
    body.onReadable(note("readable"));
    ByteBuffer into = ByteBuffer.allocate(3);
    assertThat(body.read(into)).isZero();
    body.feed(new byte[2]).feed(new byte[2]).end();
    assertThat(body.read(into)).isEqualTo(2);
    assertThat(body.read(into)).isEqualTo(1);
    assertThat(body.unread()).isEqualTo(1);
    assertThat(body.read(into.clear())).isEqualTo(1);
    assertThat(body.read(into)).isEqualTo(-1);
    assertThat(body.reads()).isEqualTo(5);
    assertThat(ran).hasSize(3);
  }

  @Test
  void theRecordTellsWhatTheExchangeKnew() {
    FakeExchange exchange = new FakeExchange(ticker).method("POST").path("/v1/audio").model("tts");
    exchange.identify("k", "acme");
    ticker.advanceNanos(7);
    ExchangeRecord record = exchange.end(EndReason.COMPLETE);
    assertThat(record.route()).isEqualTo("fake");
    assertThat(record.method()).isEqualTo("POST");
    assertThat(record.path()).isEqualTo("/v1/audio");
    assertThat(record.model()).isEqualTo("tts");
    assertThat(record.tenant()).isEqualTo("acme");
    assertThat(record.keyName()).isEqualTo("k");
    assertThat(record.status()).isEqualTo(200);
    assertThat(record.durationNanos()).isEqualTo(7);
    assertThat(exchange.timesIdentified()).isEqualTo(1);
  }
}
