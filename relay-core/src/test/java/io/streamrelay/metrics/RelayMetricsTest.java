package io.streamrelay.metrics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot.HistogramDataPointSnapshot;
import io.streamrelay.DisconnectPhase;
import io.streamrelay.EndReason;
import io.streamrelay.ExchangeRecord;
import io.streamrelay.RelayState;
import io.streamrelay.Timings;
import io.streamrelay.config.PrometheusConfig;
import io.streamrelay.config.Semconv;
import io.streamrelay.forward.UpstreamPool;
import io.streamrelay.observe.AudioStats;
import io.streamrelay.observe.Usage;
import io.streamrelay.policy.RateLimitPolicy.Limit;
import io.streamrelay.price.Unpriced;
import io.streamrelay.testkit.FakeExchange;
import io.streamrelay.trace.TraceContext;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** What is counted of an exchange's record, and what is not. */
class RelayMetricsTest {
  /** Nothing is stored yet. */
  private static final String NEVER_MOVES = "relay_storage_write_ms";

  private final PrometheusRegistry registry = new PrometheusRegistry();

  private RelayMetrics metrics(PrometheusConfig.Builder config) {
    RelayMetrics metrics = new RelayMetrics(registry, config.build(), Set.of("priced"));
    metrics.addRoute("chat");
    return metrics;
  }

  private RelayMetrics metrics() {
    return metrics(PrometheusConfig.builder());
  }

  private Scraped scraped() {
    return Scraped.of(registry);
  }

  private Scraped after(ExchangeRecord... records) {
    RelayMetrics metrics = metrics();
    List.of(records).forEach(metrics::onEnd);
    return scraped();
  }

  /** As a relay does that has all that can be drawn. */
  static void fill(RelayMetrics metrics) {
    metrics.onEnd(Samples.bare().unpriced(Unpriced.UNKNOWN_MODEL).build());
    FakeExchange exchange = new FakeExchange();
    metrics.addRoute("chat");
    metrics.watchState(() -> RelayState.DRAINING);
    metrics.watchStreams(() -> Map.of("chat", 3), () -> 4, 100);
    metrics.watchLimiter(() -> 7);
    metrics.watchPools(
        () -> List.of(new UpstreamPool("api.openai.com:443", 3, 2, 1)),
        Set.of("api.openai.com:443"));
    metrics.onStart(exchange);
    metrics.rateLimited(exchange, Limit.TENANT);
    Samples.all().forEach(metrics::onEnd);
  }

  @ParameterizedTest
  @CsvSource({"200, 2xx", "304, 3xx", "499, 4xx", "599, 5xx", "600, 5xx", "999, 5xx"})
  void everyStatusIsCountedInAClass(int status, String expected) {
    Scraped scraped =
        after(ExchangeRecord.builder().status(status).end(EndReason.UPSTREAM_REFUSED).build());
    assertThat(scraped.sum("relay_requests_total", "status", expected)).isEqualTo(1);
    assertThat(scraped.sum("relay_request_duration_seconds_count", "status", expected))
        .isEqualTo(1);
  }

  @ParameterizedTest
  @EnumSource(Semconv.class)
  void everyMetricMoves(Semconv semconv) {
    fill(metrics(PrometheusConfig.builder().semconv(semconv).tenants(List.of("acme"))));
    Scraped scraped = scraped();
    assertThat(scraped.names())
        .filteredOn(name -> !scraped.moved(name))
        .containsExactly(NEVER_MOVES);
    assertThat(scraped.names().stream().anyMatch(name -> name.startsWith("gen_ai_")))
        .isEqualTo(semconv != Semconv.OFF);
  }

  @Test
  void theOriginalsFiveCanBeSwitchedOffAndNoOther() {
    fill(metrics(PrometheusConfig.builder()));
    Set<String> all = new TreeSet<>(scraped().names());
    PrometheusRegistry without = new PrometheusRegistry();
    fill(
        new RelayMetrics(
            without, PrometheusConfig.builder().compatMetrics(false).build(), Set.of()));
    all.removeAll(Scraped.of(without).names());
    assertThat(all)
        .containsExactly(
            "relay_active_connections",
            "relay_duration_ms",
            "relay_errors_total",
            "relay_requests_total",
            "relay_storage_write_ms");
  }

  @Test
  void theOriginalsBucketsAreItsOwn() {
    String text = String.join("\n", after(Samples.full().build()).lines());
    assertThat(text)
        .contains(
            "relay_duration_ms_bucket{route=\"chat\",le=\"2000.0\"} 0\n"
                + "relay_duration_ms_bucket{route=\"chat\",le=\"5000.0\"} 1")
        .contains("relay_storage_write_ms_bucket{le=\"+Inf\"} 0");
  }

  @Test
  void timesAreInSecondsAndFromWhereTheirNamesSay() {
    Scraped scraped = after(Samples.full().build());
    assertThat(scraped.sum("relay_request_duration_seconds_sum")).isEqualTo(2.005);
    assertThat(scraped.sum("relay_upstream_time_to_headers_seconds_sum")).isEqualTo(.1);
    assertThat(scraped.sum("relay_time_to_first_byte_seconds_sum")).isEqualTo(.205);
    assertThat(scraped.sum("relay_time_to_first_token_seconds_sum", "model", "gpt-4o"))
        .isEqualTo(.305);
    assertThat(scraped.sum("relay_time_to_first_audio_seconds_sum")).isEqualTo(.405);
    assertThat(scraped.sum("relay_time_per_output_token_seconds_sum")).isEqualTo(.1);
    assertThat(scraped.sum("relay_stream_stall_seconds_sum")).isEqualTo(.7);
    assertThat(scraped.sum("relay_overhead_seconds_sum")).isEqualTo(.0002);
    assertThat(scraped.sum("relay_client_blocked_seconds_sum")).isEqualTo(.05);
    assertThat(scraped.sum("relay_upstream_wait_seconds_sum")).isEqualTo(1.95);
  }

  @Test
  void tokensAndTheirPartsAreCountedApart() {
    Scraped scraped = after(Samples.full().build());
    assertThat(scraped.sum("relay_tokens_total", "type", "input")).isEqualTo(100);
    assertThat(scraped.sum("relay_tokens_total", "type", "output")).isEqualTo(11);
    assertThat(scraped.sum("relay_tokens_total")).isEqualTo(111);
    assertThat(scraped.sum("relay_token_details_total", "type", "cache_read")).isEqualTo(60);
    assertThat(scraped.sum("relay_token_details_total", "type", "cache_write")).isEqualTo(20);
    assertThat(scraped.sum("relay_token_details_total", "type", "reasoning")).isEqualTo(4);
    assertThat(scraped.sum("relay_token_details_total", "type", "audio_input")).isEqualTo(30);
    assertThat(scraped.sum("relay_token_details_total", "type", "audio_output")).isEqualTo(3);
    assertThat(scraped.sum("relay_characters_total")).isEqualTo(500);
    assertThat(scraped.sum("relay_cost_usd_total")).isEqualTo(.0025);
  }

  @Test
  void whatIsNotKnownLeavesNoZeroBehind() {
    Scraped scraped = after(Samples.bare().unpriced(Unpriced.NO_USAGE).build());
    for (String name :
        List.of(
            "relay_tokens_total",
            "relay_token_details_total",
            "relay_characters_total",
            "relay_cost_usd_total",
            "relay_time_to_first_token_seconds_count",
            "relay_time_to_first_audio_seconds_count",
            "relay_time_per_output_token_seconds_count",
            "relay_audio_seconds_total",
            "relay_audio_underruns_total")) {
      assertThat(scraped.sum(name)).as(name).isEqualTo(-1);
    }
    assertThat(scraped.sum("relay_unpriced_total", "reason", "no_usage")).isEqualTo(1);
    assertThat(scraped.sum("relay_usage_total", "source", "none")).isEqualTo(1);
  }

  @Test
  void aKnownZeroIsCounted() {
    Usage none = Usage.builder().outputTokens(0).source(Usage.Source.REPORTED).build();
    Scraped scraped = after(Samples.bare().usage(none).build());
    assertThat(scraped.sum("relay_tokens_total", "type", "output")).isZero();
    assertThat(scraped.sum("relay_tokens_total", "type", "input")).isEqualTo(-1);
  }

  @Test
  void anExchangeWithAPriceIsNotUnpriced() {
    assertThat(after(Samples.full().build()).sum("relay_unpriced_total")).isEqualTo(-1);
  }

  @Test
  void usageIsAskedOnlyOfAnswersThatHaveSome() {
    Scraped scraped =
        after(
            Samples.bare().status(429).upstreamStatus(429).end(EndReason.UPSTREAM_REFUSED).build(),
            Samples.bare().operation(null).build());
    assertThat(scraped.sum("relay_usage_total")).isZero();
    assertThat(scraped.sum("relay_unpriced_total")).isEqualTo(-1);
  }

  @Test
  void timePerTokenNeedsAReportedStreamOfTwoTokens() {
    Scraped scraped =
        after(
            Samples.full().stream(false).build(),
            Samples.full().usage(Samples.usage().outputTokens(1).build()).build(),
            Samples.full().usage(Samples.usage().source(Usage.Source.PARTIAL).build()).build(),
            Samples.full().usage(Samples.usage().source(Usage.Source.ESTIMATED).build()).build());
    assertThat(scraped.sum("relay_time_per_output_token_seconds_count")).isEqualTo(-1);
  }

  @Test
  void audioThatCameAtOnceHasNoRealTimeFactor() {
    Scraped scraped =
        after(
            Samples.bare().audio(new AudioStats("wav", 1_000_000_000, 0, 0, 0)).build(),
            Samples.full().build());
    assertThat(scraped.sum("relay_audio_real_time_factor_count")).isEqualTo(1);
    assertThat(scraped.sum("relay_audio_real_time_factor_sum")).isEqualTo(2);
    assertThat(scraped.sum("relay_audio_seconds_total")).isEqualTo(4);
    assertThat(scraped.sum("relay_audio_underruns_total")).isEqualTo(2);
    assertThat(scraped.sum("relay_audio_underrun_seconds_total")).isEqualTo(.25);
  }

  @Test
  void streamsAndAudioHaveStallsAndOtherAnswersHaveNone() {
    long none = -1;
    Timings stalled = new Timings(none, none, 5, none, none);
    Timings audio = new Timings(none, 1, 5, none, none);
    Scraped scraped =
        after(
            Samples.bare().timings(stalled).build(),
            Samples.bare().stream(false).timings(audio).build(),
            Samples.bare().stream(false).timings(stalled).build());
    assertThat(scraped.sum("relay_stream_stall_seconds_count")).isEqualTo(2);
  }

  @ParameterizedTest
  @EnumSource(DisconnectPhase.class)
  void aClientThatLeftIsCountedByHowFarItCame(DisconnectPhase phase) {
    Scraped scraped =
        after(Samples.bare().status(499).end(EndReason.CLIENT_GONE).disconnect(phase).build());
    assertThat(scraped.sum("relay_client_disconnects_total", "phase", phase.label())).isEqualTo(1);
    assertThat(scraped.sum("relay_client_disconnects_total")).isEqualTo(1);
  }

  @Test
  void closedSetsStartAtZero() {
    metrics();
    Scraped scraped = scraped();
    assertThat(scraped.series("relay_exchanges_total")).isEqualTo(EndReason.values().length);
    assertThat(scraped.series("relay_client_disconnects_total")).isEqualTo(3);
    assertThat(scraped.series("relay_rate_limited_total")).isEqualTo(3);
    assertThat(scraped.series("relay_usage_total")).isEqualTo(4);
    assertThat(scraped.series("relay_requests_total")).isEqualTo(4);
  }

  @Test
  void anExchangeWithoutARouteCountsAsSuchAndAsNothingElse() {
    Scraped scraped =
        after(ExchangeRecord.builder().status(404).path("/secret").end(EndReason.REJECTED).build());
    assertThat(scraped.sum("relay_requests_total", "route", "_none", "status", "4xx")).isEqualTo(1);
    assertThat(scraped.sum("relay_active_connections", "route", "_none")).isZero();
    assertThat(scraped.lines()).noneMatch(line -> line.contains("secret"));
  }

  @Test
  void tenantsAreLabelsOnlyIfNamed() {
    RelayMetrics metrics = metrics(PrometheusConfig.builder().tenants(List.of("acme", "globex")));
    metrics.onEnd(Samples.full().build());
    metrics.onEnd(Samples.full().tenant("a-made-up-one").build());
    metrics.onEnd(Samples.bare().tenant("another").build());
    Scraped scraped = scraped();
    assertThat(scraped.sum("relay_tenant_exchanges_total", "tenant", "acme")).isEqualTo(1);
    assertThat(scraped.sum("relay_tenant_exchanges_total", "tenant", "globex")).isZero();
    assertThat(scraped.sum("relay_tenant_exchanges_total", "tenant", "other")).isEqualTo(2);
    assertThat(scraped.sum("relay_tenant_tokens_total", "tenant", "other", "type", "input"))
        .isEqualTo(100);
    assertThat(scraped.sum("relay_tenant_cost_usd_total", "tenant", "acme")).isEqualTo(.0025);
    assertThat(scraped.sum("relay_tenant_cost_usd_total", "tenant", "globex")).isEqualTo(-1);
    assertThat(scraped.lines()).noneMatch(line -> line.contains("made-up"));
  }

  @Test
  void withoutNamedTenantsThereIsNoMetricPerTenant() {
    Scraped scraped = after(Samples.full().build());
    assertThat(scraped.names()).noneMatch(name -> name.contains("tenant"));
    assertThat(scraped.lines()).noneMatch(line -> line.contains("acme"));
  }

  @Test
  void aSampledTraceBecomesAnExemplarOfTwoHistogramsAndOfNoOther() {
    metrics().onEnd(Samples.full().model("priced").build());
    assertThat(Scraped.openMetrics(registry).lines().filter(line -> line.contains(" # {")))
        .hasSize(2)
        .allMatch(
            line ->
                line.contains(
                    "{span_id=\"" + Samples.SPAN + "\",trace_id=\"" + Samples.TRACE + "\"}"))
        .anyMatch(line -> line.startsWith("relay_request_duration_seconds_bucket"))
        .anyMatch(line -> line.startsWith("relay_time_to_first_token_seconds_bucket"));
  }

  @Test
  void aTraceThatIsNotSampledIsNoExemplar() {
    metrics()
        .onEnd(
            Samples.full()
                .trace(new TraceContext(Samples.TRACE, Samples.SPAN, null, false, null))
                .build());
    assertThat(Scraped.openMetrics(registry)).doesNotContain("trace_id");
  }

  @Test
  void nativeHistogramsComeBesideTheClassicOnesAndOnlyIfAsked() {
    metrics().onEnd(Samples.full().build());
    assertThat(point("relay_request_duration_seconds").hasNativeHistogramData()).isFalse();
    registry.clear();
    metrics(PrometheusConfig.builder().nativeHistograms(true)).onEnd(Samples.full().build());
    HistogramDataPointSnapshot both = point("relay_request_duration_seconds");
    assertThat(both.hasNativeHistogramData()).isTrue();
    assertThat(both.hasClassicHistogramData()).isTrue();
    assertThat(point("relay_duration_ms").hasNativeHistogramData()).as("the original's").isFalse();
  }

  private HistogramDataPointSnapshot point(String name) {
    return registry.scrape(name::equals).stream()
        .flatMap(snapshot -> ((HistogramSnapshot) snapshot).getDataPoints().stream())
        .filter(point -> point.getCount() > 0)
        .findFirst()
        .orElseThrow();
  }

  @Test
  void poolsAreDrawnOfConfiguredUpstreamsAloneWhateverTheirCase() {
    metrics()
        .watchPools(
            () ->
                List.of(
                    new UpstreamPool("api.test:443", 1, 2, 3),
                    new UpstreamPool("API.test:443", 10, 20, 30),
                    new UpstreamPool("elsewhere:80", 9, 9, 9)),
            Set.of("Api.Test:443"));
    Scraped scraped = scraped();
    String name = "relay_upstream_connections";
    assertThat(scraped.sum(name, "upstream", "Api.Test:443", "state", "active")).isEqualTo(11);
    assertThat(scraped.sum(name, "state", "idle")).isEqualTo(22);
    assertThat(scraped.sum(name, "state", "waiting")).isEqualTo(33);
  }

  @Test
  void aForwarderThatDoesNotTellLeavesNoGauge() {
    metrics().watchPools(List::of, Set.of("api.test:443"));
    assertThat(scraped().names()).doesNotContain("relay_upstream_connections");
  }

  @Test
  void twoRelaysInOneRegistryAreRefusedWithWordsAndWithoutATrace() {
    metrics();
    int before = registry.scrape().size();
    assertThatIllegalArgumentException()
        .isThrownBy(this::metrics)
        .withMessageContaining("the registry does not take relay_requests")
        .withMessageContaining("each relay needs one that no other relay uses");
    assertThat(registry.scrape().size()).isEqualTo(before);
  }

  @Test
  void aNameThatAHostHasTakenLeavesNoHalfOfTheMetricsBehind() {
    Counter.builder().name("relay_tokens_total").register(registry);
    assertThatThrownBy(this::metrics).hasMessageContaining("relay_tokens");
    assertThat(registry.scrape().size()).isEqualTo(1);
  }

  @Test
  void twoRelaysInOneProcessDoNotClash() {
    RelayMetrics one = metrics();
    PrometheusRegistry second = new PrometheusRegistry();
    RelayMetrics other = new RelayMetrics(second);
    other.addRoute("chat");
    one.onEnd(Samples.bare().build());
    assertThat(scraped().sum("relay_requests_total")).isEqualTo(1);
    assertThat(Scraped.of(second).sum("relay_requests_total")).isZero();
  }

  @Test
  void theBuildIsTold() {
    metrics();
    assertThat(scraped().lines())
        .anyMatch(line -> line.matches("relay_build_info\\{version=\".+\"} 1"));
  }
}
