package io.streamrelay;

import static org.assertj.core.api.Assertions.assertThat;

import io.prometheus.metrics.model.registry.PrometheusRegistry;
import io.prometheus.metrics.model.snapshots.CounterSnapshot.CounterDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.DataPointSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot.GaugeDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot.HistogramDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.Labels;
import io.prometheus.metrics.model.snapshots.MetricSnapshot;
import io.streamrelay.config.RelayConfig;
import io.streamrelay.config.ServerConfig;
import io.streamrelay.error.ErrorCode;
import io.streamrelay.policy.Decision;
import io.streamrelay.policy.Policy;
import io.streamrelay.policy.RequestBody;
import io.streamrelay.route.Route;
import io.streamrelay.route.Timeouts;
import io.streamrelay.testkit.FakeClient;
import io.streamrelay.testkit.FakeForwarder;
import io.streamrelay.testkit.FakeRequest;
import io.streamrelay.testkit.FakeScheduler;
import io.streamrelay.testkit.FakeTicker;
import io.streamrelay.trace.Tracing;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.BiFunction;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;

/** A relay among fakes: no server, no network, no clock but the test's. */
abstract class ExchangeFixture {
  static final String CHAT = "/v1/chat/completions";
  static final String[] SSE = {"Content-Type", "text/event-stream"};
  static final String EVENT =
      "data: {\"object\":\"chat.completion.chunk\",\"choices\":[{\"delta\":{\"content\":\"hi\"}}]}"
          + "\n\n";
  static final String FINISH =
      "data: {\"object\":\"chat.completion.chunk\",\"choices\":[{\"finish_reason\":\"stop\"}]}\n\n";
  static final String DONE = "data: [DONE]\n\n";

  static final Duration CONNECT = Duration.ofSeconds(10);
  static final Duration FIRST_BYTE = Duration.ofSeconds(20);
  static final Duration IDLE = Duration.ofSeconds(30);
  static final Duration FINISH_LIMIT = Duration.ofSeconds(5);

  /** Its readings turn negative within the test. */
  final FakeTicker ticker = new FakeTicker(Long.MAX_VALUE - 1_000_000_000L);

  final FakeScheduler scheduler = new FakeScheduler(ticker);
  final FakeForwarder forwarder = new FakeForwarder();
  final PrometheusRegistry registry = new PrometheusRegistry();
  final RelayConfig.Builder config = RelayConfig.builder();
  final List<Policy> policies = new ArrayList<>();
  final List<RelayListener> listeners = new ArrayList<>();
  final List<Exchange> started = new CopyOnWriteArrayList<>();
  final List<ExchangeRecord> records = new CopyOnWriteArrayList<>();
  final List<FakeClient> clients = new CopyOnWriteArrayList<>();

  /** What {@link Taking} took and was given back, in order. */
  final List<String> ledger = new CopyOnWriteArrayList<>();

  private Tracing tracing = Tracing.headersOnly();
  private @Nullable Relay relay;

  /** Takes two things from every exchange before its body is read. */
  private final class Taking implements Policy {
    @Override
    public Decision onRequest(Exchange exchange) {
      ledger.add("took");
      exchange.onEnd(record -> ledger.add("first back: " + record.end()));
      exchange.onEnd(record -> ledger.add("second back: " + record.end()));
      return Decision.admit();
    }
  }

  static Route.Builder route() {
    return Route.builder("chat")
        .path("/v1")
        .upstream(URI.create("https://upstream.test"))
        .timeouts(new Timeouts(CONNECT, FIRST_BYTE, IDLE, Duration.ZERO));
  }

  static Timeouts timeouts(int connect, int firstByte, int idle, int total) {
    return new Timeouts(
        Duration.ofSeconds(connect),
        Duration.ofSeconds(firstByte),
        Duration.ofSeconds(idle),
        Duration.ofSeconds(total));
  }

  final void serve(Route.Builder... routes) {
    for (Route.Builder each : routes) {
      config.route(each.build());
    }
  }

  final void tracing(Tracing source) {
    tracing = source;
  }

  final void maxBodySize(long bytes) {
    ServerConfig server = ServerConfig.DEFAULT;
    config.server(
        new ServerConfig(server.host(), 0, bytes, server.preStopDelay(), server.drainTimeout()));
  }

  final Relay relay() {
    Relay built = relay;
    if (built == null) {
      if (config.build().routes().isEmpty()) {
        serve(route());
      }
      Relay.Builder builder =
          Relay.builder(config.build(), forwarder)
              .ticker(ticker)
              .scheduler(scheduler)
              .registry(registry)
              .tracing(tracing)
              .policy(new Taking())
              .listener(
                  new RelayListener() {
                    @Override
                    public void onStart(Exchange exchange) {
                      started.add(exchange);
                    }

                    @Override
                    public void onEnd(ExchangeRecord record) {
                      records.add(record);
                    }
                  });
      policies.forEach(builder::policy);
      listeners.forEach(builder::listener);
      built = builder.build();
      relay = built;
    }
    return built;
  }

  /** The state turns at once, the stage a moment later, on a thread of its own. */
  final void assertDrained(CompletableFuture<DrainResult> drained, int finished, int cut) {
    assertThat(relay().state()).isEqualTo(RelayState.STOPPED);
    assertThat(drained)
        .succeedsWithin(Duration.ofSeconds(30))
        .isEqualTo(new DrainResult(finished, cut));
  }

  final void assertDraining(CompletableFuture<DrainResult> drained) {
    assertThat(relay().state()).isEqualTo(RelayState.DRAINING);
    assertThat(drained).isNotDone();
  }

  final FakeClient send(FakeRequest request) {
    return send(request, new FakeClient());
  }

  final FakeClient send(FakeRequest request, FakeClient client) {
    clients.add(client);
    relay().handle(request.build(), client);
    return client;
  }

  /** Sends a chat request whose body is here. */
  final FakeClient chat() {
    return chat(new FakeClient());
  }

  final FakeClient chat(FakeClient client) {
    return send(FakeRequest.post(CHAT).json("{\"model\":\"m\",\"stream\":true}"), client);
  }

  /** A chat whose stream has begun. */
  final FakeClient streaming() {
    return streaming(new FakeClient());
  }

  final FakeClient streaming(FakeClient client) {
    chat(client);
    forwarder.call().connected().head(200, SSE).chunk(EVENT);
    return client;
  }

  static Policy onRequest(Function<Exchange, Decision> answer) {
    return new Policy() {
      @Override
      public Decision onRequest(Exchange exchange) {
        return answer.apply(exchange);
      }

      @Override
      public String name() {
        return "test";
      }
    };
  }

  static Policy onBody(BiFunction<Exchange, RequestBody, Decision> answer) {
    return new Policy() {
      @Override
      public Decision onRequestBody(Exchange exchange, RequestBody body) {
        return answer.apply(exchange, body);
      }

      @Override
      public String name() {
        return "test";
      }
    };
  }

  final ExchangeRecord record() {
    assertThat(records).as("records; clients: %s", clients).hasSize(1);
    return records.get(0);
  }

  final void assertRunning(FakeClient client) {
    assertThat(client.ends()).as("%s", client).isZero();
    assertThat(records).isEmpty();
    assertThat(relay().activeExchanges()).isEqualTo(1);
  }

  /** That the only exchange ended once, in every respect. */
  final ExchangeRecord assertEnded(
      FakeClient client, int status, EndReason end, @Nullable ErrorCode error) {
    ExchangeRecord ended = record();
    assertThat(ended.end()).isEqualTo(end);
    assertThat(ended.error()).isEqualTo(error);
    assertThat(ended.status()).isEqualTo(status);
    assertThat(client.ends()).as("%s", client).isEqualTo(1);
    assertThat(client.violations()).isEmpty();
    assertThat(relay().activeExchanges()).isZero();
    assertThat(scheduler.pendingTasks()).as("timers left").isZero();
    assertThat(forwarder.calls()).allMatch(FakeForwarder.Call::isDone);

    String route = ended.route();
    boolean routed = !route.equals(ExchangeRecord.NO_ROUTE);
    assertThat(started).hasSize(routed ? 1 : 0);
    assertThat(metric("relay_active_connections")).isZero();
    assertThat(metric("relay_requests")).isEqualTo(1);
    assertThat(metric("relay_requests", "route", route, "status", status / 100 + "xx"))
        .isEqualTo(1);
    assertThat(metric("relay_duration_ms", "route", route)).isEqualTo(1);
    assertThat(metric("relay_exchanges")).isEqualTo(1);
    assertThat(metric("relay_exchanges", "route", route, "end", end.label())).isEqualTo(1);
    String type = error == null ? end.label() : error.code();
    double errors = end == EndReason.COMPLETE ? 0 : 1;
    assertThat(metric("relay_errors")).isEqualTo(errors);
    assertThat(metric("relay_errors", "route", route, "type", type)).isEqualTo(errors);

    if (!ledger.isEmpty()) {
      assertThat(ledger).containsExactly("took", "second back: " + end, "first back: " + end);
    }
    return ended;
  }

  final ExchangeRecord assertComplete(FakeClient client, String text) {
    assertThat(client.text()).isEqualTo(text);
    assertThat(client.isComplete()).isTrue();
    return assertEnded(client, client.status(), EndReason.COMPLETE, null);
  }

  /** That the only exchange ended with an error answer of the relay's own. */
  final ExchangeRecord assertRefused(FakeClient client, ErrorCode code) {
    assertThat(client.status()).as("%s", client).isEqualTo(code.status());
    assertThat(client.text()).contains("\"" + code.code() + "\"");
    assertThat(client.headers().first("Content-Type")).isEqualTo("application/json");
    assertThat(client.headers().first("Content-Length"))
        .isEqualTo(Integer.toString(client.bytes().length));
    assertThat(client.isComplete()).isTrue();
    return assertEnded(client, code.status(), code.endReason(), code);
  }

  /** That the only exchange was cut after this text and no more. */
  final ExchangeRecord assertCut(
      FakeClient client, String text, EndReason end, @Nullable ErrorCode error) {
    assertThat(client.text()).isEqualTo(text);
    assertThat(client.isCut()).isTrue();
    return assertEnded(client, client.status(), end, error);
  }

  /** That the only exchange was cut after this text and a terminal event in OpenAI's form. */
  final ExchangeRecord assertCutWithEvent(FakeClient client, String text, ErrorCode code) {
    assertThat(client.text()).startsWith(text + "data: {\"error\":{\"message\":");
    String event = client.text().substring(text.length());
    assertThat(event).contains("\"code\":\"" + code.code() + "\"").endsWith("}}\n\n");
    assertThat(event.indexOf("\n\n")).isEqualTo(event.length() - 2);
    assertThat(client.isCut()).isTrue();
    return assertEnded(client, client.status(), code.endReason(), code);
  }

  /** The sum of a metric's values, or a histogram's counts, over all series with these labels. */
  final double metric(String name, String... labels) {
    double sum = 0;
    for (MetricSnapshot snapshot : registry.scrape()) {
      if (snapshot.getMetadata().getPrometheusName().equals(name)) {
        for (DataPointSnapshot point : snapshot.getDataPoints()) {
          if (has(point.getLabels(), labels)) {
            sum += value(point);
          }
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

  /** What nobody thought to assert. */
  @AfterEach
  final void nothingIsLeftWhenTheRelayCloses() {
    relay().close();
    assertThat(clients)
        .allSatisfy(
            client -> {
              assertThat(client.violations()).as("%s", client).isEmpty();
              assertThat(client.ends()).as("%s", client).isEqualTo(1);
            });
    assertThat(records).hasSize(clients.size());
    assertThat(relay().activeExchanges()).isZero();
    assertThat(scheduler.pendingTasks()).isZero();
    assertThat(ledger.stream().filter("took"::equals).count() * 3).isEqualTo(ledger.size());
  }
}
