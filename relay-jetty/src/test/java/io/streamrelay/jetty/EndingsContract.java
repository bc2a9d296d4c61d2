package io.streamrelay.jetty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.prometheus.metrics.model.snapshots.CounterSnapshot.CounterDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.DataPointSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot.GaugeDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot.HistogramDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.Labels;
import io.prometheus.metrics.model.snapshots.MetricSnapshot;
import io.streamrelay.Abandonment;
import io.streamrelay.DrainResult;
import io.streamrelay.EndReason;
import io.streamrelay.Exchange;
import io.streamrelay.ExchangeRecord;
import io.streamrelay.Relay;
import io.streamrelay.config.AuthConfig;
import io.streamrelay.config.RelayConfig;
import io.streamrelay.error.ErrorCode;
import io.streamrelay.error.RelayError;
import io.streamrelay.jetty.TestContainer.Mount;
import io.streamrelay.jetty.Wire.Head;
import io.streamrelay.policy.Decision;
import io.streamrelay.policy.Policy;
import io.streamrelay.route.ClientGonePolicy;
import io.streamrelay.route.Dialect;
import io.streamrelay.route.Route;
import io.streamrelay.route.StreamKind;
import io.streamrelay.route.Timeouts;
import io.streamrelay.testkit.FakeScheduler;
import io.streamrelay.testkit.FakeTicker;
import io.streamrelay.testkit.FakeUpstream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Every {@link EndReason} reached by a real exchange in any container: what its client sees, and
 * that it is accounted for once and leaves nothing behind.
 *
 * <p>The relay's time stands still unless a test advances it, so a clock that was not taken back is
 * seen as a timer that still waits.
 */
@Timeout(60)
abstract class EndingsContract {
  private static final Duration CONNECT = Duration.ofSeconds(10);
  private static final Duration FIRST_BYTE = Duration.ofSeconds(20);
  private static final Duration IDLE = Duration.ofSeconds(30);
  private static final Duration STALL = Duration.ofSeconds(5);
  private static final Duration READ_ON = Duration.ofMinutes(1);
  private static final Duration TOTAL = Duration.ofMinutes(10);
  private static final RelayError SPENT =
      RelayError.of(ErrorCode.BUDGET_SPENT, "the budget is spent");
  private static final String HEAD =
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

  /** Takes no connection. One for all tests, because filling it takes its time. */
  private static final FakeUpstream FULL = FakeUpstream.full();

  private final CapturedLogs logs = new CapturedLogs();
  private final SevereLines severe = new SevereLines();
  private final FakeUpstream upstream = FakeUpstream.start();
  private final Recorder records = new Recorder();
  private final FakeTicker ticker = new FakeTicker();
  private final FakeScheduler scheduler = new FakeScheduler(ticker);
  private final Permits permits = new Permits();
  private final Relay relay;
  private final TestContainer container;
  private Function<Exchange, Decision> policy = exchange -> Decision.admit();
  private int errorsExpected;

  /** What is left of the client's answer. */
  private @Nullable InputStream body;

  /** Starts a container with these servlets. */
  abstract TestContainer start(List<Mount> mounts) throws Exception;

  EndingsContract() {
    try {
      RelayConfig.Builder config = RelayConfig.builder().auth(new AuthConfig(false, List.of()));
      for (Dialect dialect : List.of(Dialect.OPENAI, Dialect.ANTHROPIC, Dialect.GEMINI)) {
        config.route(route(dialect, "").build());
        config.route(
            route(dialect, "-read-on")
                .onClientGone(ClientGonePolicy.drain(READ_ON, null, null))
                .build());
        config.route(route(dialect, "-hasty").stallLimit(STALL).build());
        config.route(route(dialect, "-away").upstream(FULL.origin()).build());
      }
      relay =
          Relay.builder(config.build(), JettyForwarder.create())
              .listener(records)
              .policy(permits)
              .ticker(ticker)
              .scheduler(scheduler)
              .build();
      container = start(List.of(Mount.of("", "/*", new RelayServlet(relay))));
      severe.listen();
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  private Route.Builder route(Dialect dialect, String suffix) {
    return Route.builder(dialect.name() + suffix)
        .path("/" + dialect.name() + suffix)
        .upstream(upstream.origin())
        .kind(StreamKind.SSE)
        .dialect(dialect)
        .timeouts(new Timeouts(CONNECT, FIRST_BYTE, IDLE, TOTAL))
        // Time flies here, so that a write may seem to wait for its client.
        .stallLimit(TOTAL);
  }

  /** Takes a permit for each exchange, and gives it back at its end. */
  private final class Permits implements Policy {
    private final AtomicInteger out = new AtomicInteger();
    private final AtomicInteger taken = new AtomicInteger();
    private final List<EndReason> back = Collections.synchronizedList(new ArrayList<>());
    private volatile @Nullable Exchange last;

    @Override
    public Decision onRequest(Exchange exchange) {
      out.incrementAndGet();
      taken.incrementAndGet();
      exchange.onEnd(
          record -> {
            out.decrementAndGet();
            synchronized (back) {
              back.add(record.end());
              back.notifyAll();
            }
          });
      last = exchange;
      return policy.apply(exchange);
    }

    /** Waits until one is back, for so long at most. */
    void awaitOne(long millis) throws InterruptedException {
      synchronized (back) {
        if (back.isEmpty()) {
          back.wait(millis);
        }
      }
    }

    Exchange exchange() {
      return Objects.requireNonNull(last, "no exchange has begun");
    }
  }

  /** What Tomcat logs as severe; the other containers log where {@link CapturedLogs} looks. */
  private static final class SevereLines extends Handler {
    private final List<String> lines = Collections.synchronizedList(new ArrayList<>());

    void listen() {
      TestContainer.TOMCAT_LOG.setLevel(Level.SEVERE);
      TestContainer.TOMCAT_LOG.setUseParentHandlers(false);
      TestContainer.TOMCAT_LOG.addHandler(this);
    }

    @Override
    public void publish(LogRecord line) {
      lines.add(line.getLoggerName() + " " + line.getMessage() + " " + line.getThrown());
    }

    @Override
    public void flush() {}

    @Override
    public void close() {
      TestContainer.TOMCAT_LOG.removeHandler(this);
      TestContainer.TOMCAT_LOG.setUseParentHandlers(true);
      TestContainer.TOMCAT_LOG.setLevel(Level.OFF);
    }
  }

  @AfterEach
  void nothingIsLeft() throws Exception {
    try {
      records.await("no exchange runs", () -> relay.activeExchanges() == 0);
      assertThat(records.open()).isZero();
      assertThat(permits.out).hasValue(0);
      assertThat(permits.back).hasSize(permits.taken.get());
      assertThat(sum("relay_active_connections")).isZero();
      assertThat(scheduler.pendingTasks()).as("timers left").isZero();
      assertThat(errors()).hasSize(errorsExpected);
      assertThat(severe.lines).isEmpty();
    } finally {
      upstream.close();
      severe.close();
      container.close();
      relay.close();
      logs.close();
    }
    // Its thread would end within a second by itself.
    DepartureWatch.endIfIdle();
    records.await("the relay's threads end", () -> threads().isEmpty());
  }

  /** The relay's and its container's. */
  private List<String> errors() {
    return logs.all().stream().filter(line -> line.startsWith("ERROR")).toList();
  }

  private static List<String> threads() {
    return Thread.getAllStackTraces().keySet().stream()
        .map(Thread::getName)
        .filter(name -> name.startsWith("relay-"))
        .toList();
  }

  // ---- complete, rejected, upstream_refused

  @ParameterizedTest
  @EnumSource(names = {"OPENAI", "ANTHROPIC", "GEMINI"})
  void aWholeStreamIsComplete(Dialect dialect) throws Exception {
    String stream = event(dialect) + lastEvent(dialect);
    FakeUpstream.Connection call;
    try (Wire client = post(dialect, "")) {
      call = accept();
      call.send(HEAD + chunk(stream) + "0\r\n\r\n");
      Head head = client.readHead();
      assertThat(head.status()).isEqualTo(200);
      assertThat(client.readText(head)).isEqualTo(stream);
      ended(EndReason.COMPLETE, null, 200);
    }
    assertReused(call, dialect);
  }

  @ParameterizedTest
  @EnumSource(names = {"OPENAI", "ANTHROPIC", "GEMINI"})
  void aRefusalOfAPolicyIsRejected(Dialect dialect) throws Exception {
    policy = exchange -> Decision.reject(RelayError.of(ErrorCode.FORBIDDEN, "not you"));
    try (Wire client = post(dialect, "")) {
      assertRefused(client, dialect, ErrorCode.FORBIDDEN);
    }
    ended(EndReason.REJECTED, ErrorCode.FORBIDDEN, 403);
    assertThat(upstream.connectionCount()).isZero();
  }

  @ParameterizedTest
  @EnumSource(names = {"OPENAI", "ANTHROPIC", "GEMINI"})
  void anUpstreamsRefusalPassesAsItIs(Dialect dialect) throws Exception {
    FakeUpstream.Connection call;
    try (Wire client = post(dialect, "")) {
      call = accept();
      call.send(
          "HTTP/1.1 429 Slow Down\r\nRetry-After: 7\r\nContent-Type: application/json\r\n"
              + "Content-Length: 9\r\n\r\n{\"a\": 17}");
      Head head = client.readHead();
      assertThat(head.status()).isEqualTo(429);
      assertThat(head.field("Retry-After")).isEqualTo("7");
      assertThat(client.readText(head)).isEqualTo("{\"a\": 17}");
      ended(EndReason.UPSTREAM_REFUSED, null, 429);
    }
    assertReused(call, dialect);
  }

  // ---- upstream_error, upstream_truncated

  @ParameterizedTest
  @EnumSource(names = {"OPENAI", "ANTHROPIC", "GEMINI"})
  void anUpstreamThatBreaksBeforeItsHeadIsAnError(Dialect dialect) throws Exception {
    try (Wire client = post(dialect, "")) {
      accept().reset();
      assertRefused(client, dialect, ErrorCode.UPSTREAM_FAILED);
    }
    ended(EndReason.UPSTREAM_ERROR, ErrorCode.UPSTREAM_FAILED, 502);
  }

  @ParameterizedTest
  @EnumSource(names = {"OPENAI", "ANTHROPIC", "GEMINI"})
  void anUpstreamThatBreaksBetweenTwoEventsIsToldByALastOne(Dialect dialect) throws Exception {
    try (Wire client = post(dialect, "")) {
      FakeUpstream.Connection call = stream(client, event(dialect));
      call.reset();
      assertToldAndCut(client, dialect, ErrorCode.UPSTREAM_FAILED);
    }
    ended(EndReason.UPSTREAM_ERROR, ErrorCode.UPSTREAM_FAILED, 200);
  }

  @ParameterizedTest
  @EnumSource(names = {"OPENAI", "ANTHROPIC", "GEMINI"})
  void anUpstreamThatBreaksWithinAnEventIsToldByTheCutAlone(Dialect dialect) throws Exception {
    try (Wire client = post(dialect, "")) {
      FakeUpstream.Connection call = stream(client, event(dialect) + "data: {\"hal");
      call.reset();
      assertThat(untilCut(client)).isEmpty();
    }
    ended(EndReason.UPSTREAM_ERROR, ErrorCode.UPSTREAM_FAILED, 200);
  }

  @ParameterizedTest
  @EnumSource(names = {"OPENAI", "ANTHROPIC", "GEMINI"})
  void aStreamWithoutItsLastEventIsTruncated(Dialect dialect) throws Exception {
    FakeUpstream.Connection call;
    try (Wire client = post(dialect, "")) {
      call = stream(client, event(dialect));
      call.send("0\r\n\r\n");
      assertToldAndCut(client, dialect, ErrorCode.UPSTREAM_TRUNCATED);
    }
    ended(EndReason.UPSTREAM_TRUNCATED, ErrorCode.UPSTREAM_TRUNCATED, 200);
    assertReused(call, dialect);
  }

  // ---- the clocks

  @ParameterizedTest
  @EnumSource(names = {"OPENAI", "ANTHROPIC", "GEMINI"})
  void anUpstreamThatTakesNoConnectionIsAConnectTimeout(Dialect dialect) throws Exception {
    try (Wire client = post(dialect, "-away")) {
      records.await("the connection is waited for", () -> scheduler.pendingTasks() > 0);
      advanceUntilEnd(CONNECT);
      assertRefused(client, dialect, ErrorCode.UPSTREAM_CONNECT_TIMEOUT);
    }
    ended(EndReason.CONNECT_TIMEOUT, ErrorCode.UPSTREAM_CONNECT_TIMEOUT, 504);
  }

  @ParameterizedTest
  @EnumSource(names = {"OPENAI", "ANTHROPIC", "GEMINI"})
  void anUpstreamThatDoesNotBeginIsAFirstByteTimeout(Dialect dialect) throws Exception {
    try (Wire client = post(dialect, "")) {
      FakeUpstream.Connection call = accept();
      advanceUntilEnd(FIRST_BYTE.dividedBy(20));
      assertRefused(client, dialect, ErrorCode.UPSTREAM_FIRST_BYTE_TIMEOUT);
      call.awaitLeave();
    }
    ended(EndReason.FIRST_BYTE_TIMEOUT, ErrorCode.UPSTREAM_FIRST_BYTE_TIMEOUT, 504);
  }

  @ParameterizedTest
  @EnumSource(names = {"OPENAI", "ANTHROPIC", "GEMINI"})
  void anUpstreamThatFallsSilentIsAnIdleTimeout(Dialect dialect) throws Exception {
    try (Wire client = post(dialect, "")) {
      FakeUpstream.Connection call = stream(client, event(dialect));
      advanceUntilEnd(IDLE);
      assertToldAndCut(client, dialect, ErrorCode.UPSTREAM_IDLE_TIMEOUT);
      call.awaitLeave();
    }
    ended(EndReason.IDLE_TIMEOUT, ErrorCode.UPSTREAM_IDLE_TIMEOUT, 200);
  }

  @ParameterizedTest
  @EnumSource(names = {"OPENAI", "ANTHROPIC", "GEMINI"})
  void aClientThatTakesNothingIsAnIdleTimeoutOfItsOwn(Dialect dialect) throws Exception {
    try (Wire client = post(dialect, "-hasty")) {
      FakeUpstream.Connection call = stream(client, event(dialect));
      String events = event(dialect).repeat(1_000);
      call.sendEndlessly(chunk(events).getBytes(StandardCharsets.UTF_8));
      advanceUntilEnd(STALL.dividedBy(20));
      call.awaitLeave();
      // What was on its way comes, and then the end is none.
      assertThat(untilCut(client)).startsWith(event(dialect));
    }
    ended(EndReason.IDLE_TIMEOUT, ErrorCode.CLIENT_STALLED, 200);
  }

  @ParameterizedTest
  @EnumSource(names = {"OPENAI", "ANTHROPIC", "GEMINI"})
  void aClientThatDoesNotSendItsBodyIsAnIdleTimeoutToo(Dialect dialect) throws Exception {
    try (Wire client = Wire.connect(container.port())) {
      client.send(head(dialect, "").replace("Content-Length: 2", "Content-Length: 20") + "{");
      records.await("a policy has admitted it", () -> permits.taken.get() == 1);
      // In steps: the policies' own time may still be counted.
      advanceUntilEnd(IDLE.dividedBy(20));
      assertRefused(client, dialect, ErrorCode.REQUEST_TIMEOUT);
    }
    ended(EndReason.IDLE_TIMEOUT, ErrorCode.REQUEST_TIMEOUT, 408);
    assertThat(upstream.connectionCount()).isZero();
  }

  @ParameterizedTest
  @EnumSource(names = {"OPENAI", "ANTHROPIC", "GEMINI"})
  void aStreamThatOutlivesItsTimeIsATotalTimeout(Dialect dialect) throws Exception {
    try (Wire client = post(dialect, "")) {
      FakeUpstream.Connection call = stream(client, event(dialect));
      // A tick may come between an event's arrival at the client and its being noted here.
      Duration step = IDLE.dividedBy(10);
      for (Duration past = step; past.compareTo(TOTAL) < 0; past = past.plus(step)) {
        ticker.advance(step);
        next(call, event(dialect));
      }
      advanceUntilEnd(step);
      assertToldAndCut(client, dialect, ErrorCode.TOTAL_TIMEOUT);
      call.awaitLeave();
    }
    ended(EndReason.TOTAL_TIMEOUT, ErrorCode.TOTAL_TIMEOUT, 200);
  }

  // ---- client_gone

  @ParameterizedTest
  @EnumSource(names = {"OPENAI", "ANTHROPIC", "GEMINI"})
  void aClientThatLeavesBeforeTheHeadIsGone(Dialect dialect) throws Exception {
    Wire client = post(dialect, "");
    FakeUpstream.Connection call = accept();
    client.close();
    call.awaitLeave();
    ExchangeRecord record = ended(EndReason.CLIENT_GONE, null, 499);
    assertThat(record.abandonment()).isEqualTo(Abandonment.CANCEL);
    assertThat(sum("relay_abandoned_streams")).isEqualTo(1);
  }

  @ParameterizedTest
  @EnumSource(names = {"OPENAI", "ANTHROPIC", "GEMINI"})
  void aClientThatLeavesInMidStreamIsGone(Dialect dialect) throws Exception {
    FakeUpstream.Connection call;
    try (Wire client = post(dialect, "")) {
      call = stream(client, event(dialect));
      client.reset();
    }
    call.awaitLeave();
    ExchangeRecord record = ended(EndReason.CLIENT_GONE, null, 200);
    assertThat(record.abandonment()).isEqualTo(Abandonment.CANCEL);
    assertThat(sum("relay_abandoned_streams")).isEqualTo(1);
  }

  @ParameterizedTest
  @EnumSource(names = {"OPENAI", "ANTHROPIC", "GEMINI"})
  void theAnswerForAClientThatIsGoneMayBeReadToItsEnd(Dialect dialect) throws Exception {
    FakeUpstream.Connection call;
    try (Wire client = post(dialect, "-read-on")) {
      call = stream(client, event(dialect));
      int timers = scheduler.pendingTasks();
      client.reset();
      records.await("the departure is seen", () -> scheduler.pendingTasks() > timers);
    }
    call.send(chunk(lastEvent(dialect)) + "0\r\n\r\n");
    ExchangeRecord record = ended(EndReason.CLIENT_GONE, null, 200);
    assertThat(record.abandonment()).isEqualTo(Abandonment.DRAIN);
    assertThat(sum("relay_abandoned_streams")).isEqualTo(1);
    assertReused(call, dialect);
  }

  // ---- budget_cut, drained, relay_error

  @ParameterizedTest
  @EnumSource(names = {"OPENAI", "ANTHROPIC", "GEMINI"})
  void aStreamWhoseBudgetIsSpentIsCut(Dialect dialect) throws Exception {
    try (Wire client = post(dialect, "")) {
      FakeUpstream.Connection call = stream(client, event(dialect));
      permits.exchange().stop(SPENT);
      assertToldAndCut(client, dialect, ErrorCode.BUDGET_SPENT);
      call.awaitLeave();
    }
    ended(EndReason.BUDGET_CUT, ErrorCode.BUDGET_SPENT, 200);
  }

  @ParameterizedTest
  @EnumSource(names = {"OPENAI", "ANTHROPIC", "GEMINI"})
  void aBudgetThatIsSpentBeforeTheHeadIsAnAnswer(Dialect dialect) throws Exception {
    try (Wire client = post(dialect, "")) {
      FakeUpstream.Connection call = accept();
      permits.exchange().stop(SPENT);
      assertRefused(client, dialect, ErrorCode.BUDGET_SPENT);
      call.awaitLeave();
    }
    ended(EndReason.BUDGET_CUT, ErrorCode.BUDGET_SPENT, 429);
  }

  @ParameterizedTest
  @EnumSource(names = {"OPENAI", "ANTHROPIC", "GEMINI"})
  void aStreamThatOutlivesTheDrainTimeIsDrained(Dialect dialect) throws Exception {
    Duration drainTime = Duration.ofSeconds(3);
    CompletableFuture<DrainResult> drained;
    try (Wire client = post(dialect, "")) {
      FakeUpstream.Connection call = stream(client, event(dialect));
      drained = relay.drain(Duration.ZERO, drainTime);
      ticker.advance(drainTime);
      assertToldAndCut(client, dialect, ErrorCode.DRAINED);
      call.awaitLeave();
    }
    ended(EndReason.DRAINED, ErrorCode.DRAINED, 200);
    assertThat(drained.get(10, TimeUnit.SECONDS)).isEqualTo(new DrainResult(0, 1));
  }

  @ParameterizedTest
  @EnumSource(names = {"OPENAI", "ANTHROPIC", "GEMINI"})
  void aPolicyThatThrowsIsADefect(Dialect dialect) throws Exception {
    // The policy's, and the access log's.
    errorsExpected = 2;
    policy =
        exchange -> {
          throw new IllegalStateException("a defect");
        };
    try (Wire client = post(dialect, "")) {
      assertRefused(client, dialect, ErrorCode.RELAY_ERROR);
    }
    ended(EndReason.RELAY_ERROR, ErrorCode.RELAY_ERROR, 500);
    assertThat(upstream.connectionCount()).isZero();
  }

  @Test
  void aThousandthOfASecondBeforeItsTimeAStreamStillRuns() throws Exception {
    Dialect dialect = Dialect.OPENAI;
    try (Wire client = post(dialect, "")) {
      FakeUpstream.Connection call = stream(client, event(dialect));
      ticker.advance(IDLE.minusMillis(1));
      assertThat(relay.activeExchanges()).isEqualTo(1);
      call.send(chunk(lastEvent(dialect)) + "0\r\n\r\n");
      assertThat(Objects.requireNonNull(body).readAllBytes())
          .asString(StandardCharsets.UTF_8)
          .isEqualTo(lastEvent(dialect));
    }
    ended(EndReason.COMPLETE, null, 200);
  }

  // ---- both sides

  private static String head(Dialect dialect, String suffix) {
    return "POST /"
        + dialect
        + suffix
        + "/x HTTP/1.1\r\nHost: relay.test\r\nContent-Type: application/json\r\n"
        + "Content-Length: 2\r\n\r\n";
  }

  private Wire post(Dialect dialect, String suffix) throws IOException {
    return Wire.connect(container.port()).send(head(dialect, suffix) + "{}");
  }

  /** The upstream's end, with the whole request received. */
  private FakeUpstream.Connection accept() {
    FakeUpstream.Connection call = upstream.awaitConnection();
    call.awaitRequest();
    return call;
  }

  /** Has a stream begin with this, up to where the client has it. */
  private FakeUpstream.Connection stream(Wire client, String text) throws IOException {
    FakeUpstream.Connection call = accept();
    call.send(HEAD);
    Head head = client.readHead();
    assertThat(head.status()).isEqualTo(200);
    body = client.body(head);
    next(call, text);
    return call;
  }

  private void next(FakeUpstream.Connection call, String text) throws IOException {
    call.send(chunk(text));
    assertThat(Objects.requireNonNull(body).readNBytes(text.length()))
        .asString(StandardCharsets.UTF_8)
        .isEqualTo(text);
  }

  private static String chunk(String text) {
    return Integer.toHexString(text.length()) + "\r\n" + text + "\r\n";
  }

  private static String event(Dialect dialect) {
    return switch (dialect) {
      case ANTHROPIC ->
          "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"1\","
              + "\"type\":\"message\",\"role\":\"assistant\",\"content\":[]}}\n\n";
      case GEMINI ->
          "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"hi\"}]}}]}\r\n\r\n";
      default ->
          "data: {\"object\":\"chat.completion.chunk\","
              + "\"choices\":[{\"delta\":{\"content\":\"hi\"}}]}\n\n";
    };
  }

  private static String lastEvent(Dialect dialect) {
    return switch (dialect) {
      case ANTHROPIC -> "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
      case GEMINI ->
          "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"!\"}]},"
              + "\"finishReason\":\"STOP\"}]}\r\n\r\n";
      default -> "data: [DONE]\n\n";
    };
  }

  /** Moves on step by step, so that what happens on other threads meanwhile finds its time. */
  private void advanceUntilEnd(Duration step) throws InterruptedException {
    long deadline = System.nanoTime() + Duration.ofMillis(Wire.LIMIT_MILLIS).toNanos();
    while (permits.back.isEmpty() && System.nanoTime() < deadline) {
      ticker.advance(step);
      permits.awaitOne(10);
    }
  }

  // ---- what became of it

  /** An error of the relay's own as this dialect's clients know it. */
  private static String json(Dialect dialect, ErrorCode code) {
    String text = "\"[^\"]+\"";
    String name = "\"" + code.code() + "\"";
    return switch (dialect) {
      case ANTHROPIC ->
          "\\{\"type\":\"error\",\"error\":\\{\"type\":\"[a-z_]+_error\",\"message\":"
              + text
              + ",\"code\":"
              + name
              + "},\"request_id\":"
              + text
              + "}";
      case GEMINI ->
          "\\{\"error\":\\{\"code\":"
              + code.status()
              + ",\"message\":"
              + text
              + ",\"status\":\"[A-Z_]+\",\"details\":\\[\\{\"@type\":"
              + text
              + ",\"reason\":"
              + name
              + "}]}}";
      default ->
          "\\{\"error\":\\{\"message\":"
              + text
              + ",\"type\":\"[a-z_]+_error\",\"param\":null,\"code\":"
              + name
              + "}}";
    };
  }

  private static void assertRefused(Wire client, Dialect dialect, ErrorCode code)
      throws IOException {
    Head head = client.readHead();
    assertThat(head.status()).isEqualTo(code.status());
    assertThat(head.field("Content-Type")).isEqualTo("application/json");
    assertThat(client.readText(head)).matches(json(dialect, code));
  }

  /** That there is one whole event more, and then no end. */
  private void assertToldAndCut(Wire client, Dialect dialect, ErrorCode code) {
    String name = dialect == Dialect.ANTHROPIC ? "event: error\n" : "";
    assertThat(untilCut(client)).matches(name + "data: " + json(dialect, code) + "\n\n");
  }

  private String untilCut(Wire client) {
    InputStream rest = Objects.requireNonNull(body, "no stream has begun");
    ByteArrayOutputStream got = new ByteArrayOutputStream();
    Throwable broken = catchThrowable(() -> rest.transferTo(got));
    assertThat(broken).describedAs(client.received()).isInstanceOf(Wire.BrokenBody.class);
    return got.toString(StandardCharsets.UTF_8);
  }

  /** That the only exchange ended so, and was counted so, once. */
  private ExchangeRecord ended(EndReason end, @Nullable ErrorCode error, int status)
      throws InterruptedException {
    ExchangeRecord record = records.next();
    records.await("no exchange runs", () -> relay.activeExchanges() == 0);
    assertThat(record.end()).isEqualTo(end);
    assertThat(record.error()).isEqualTo(error);
    assertThat(record.status()).isEqualTo(status);
    assertThat(permits.back).containsExactly(end);
    assertThat(records.open()).isZero();
    String route = record.route();
    assertThat(sum("relay_active_connections")).isZero();
    assertThat(sum("relay_exchanges")).isEqualTo(1);
    assertThat(sum("relay_exchanges", "route", route, "end", end.label())).isEqualTo(1);
    assertThat(sum("relay_requests")).isEqualTo(1);
    assertThat(sum("relay_requests", "route", route, "status", status / 100 + "xx")).isEqualTo(1);
    assertThat(sum("relay_duration_ms")).isEqualTo(1);
    String type = error == null ? end.label() : error.code();
    int errors = end == EndReason.COMPLETE ? 0 : 1;
    assertThat(sum("relay_errors")).isEqualTo(errors);
    assertThat(sum("relay_errors", "route", route, "type", type)).isEqualTo(errors);
    return record;
  }

  /** That a connection is as good as new: it serves another exchange, once it has rested. */
  private void assertReused(FakeUpstream.Connection call, Dialect dialect) throws Exception {
    for (int tries = 0; tries < 20 && requests(call) < 2; tries++) {
      int before = upstream.connectionCount();
      try (Wire client = post(dialect, "")) {
        records.await(
            "another request", () -> requests(call) == 2 || upstream.connectionCount() > before);
        FakeUpstream.Connection taken = requests(call) == 2 ? call : upstream.lastConnection();
        taken.send(
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n"
                + "Content-Length: 2\r\n\r\nok");
        assertThat(client.readText(client.readHead())).isEqualTo("ok");
      }
      assertThat(records.next().end()).isEqualTo(EndReason.COMPLETE);
    }
    assertThat(requests(call)).as("%s", upstream).isEqualTo(2);
  }

  private static int requests(FakeUpstream.Connection call) {
    return call.received().split("POST /", -1).length - 1;
  }

  /** The sum of a metric's values, or a histogram's counts, over all series with these labels. */
  private double sum(String name, String... labels) {
    double sum = 0;
    for (MetricSnapshot snapshot : relay.registry().scrape()) {
      if (snapshot.getMetadata().getPrometheusName().equals(name)) {
        for (DataPointSnapshot point : snapshot.getDataPoints()) {
          sum += has(point.getLabels(), labels) ? value(point) : 0;
        }
      }
    }
    return sum;
  }

  private static boolean has(Labels all, String... wanted) {
    for (int i = 0; i < wanted.length; i += 2) {
      if (!wanted[i + 1].equals(all.get(wanted[i]))) {
        return false;
      }
    }
    return true;
  }

  private static double value(DataPointSnapshot point) {
    if (point instanceof CounterDataPointSnapshot counter) {
      return counter.getValue();
    }
    if (point instanceof GaugeDataPointSnapshot gauge) {
      return gauge.getValue();
    }
    return ((HistogramDataPointSnapshot) point).getCount();
  }
}
