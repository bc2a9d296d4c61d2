package io.streamrelay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.streamrelay.config.ObservabilityConfig;
import io.streamrelay.config.PrometheusConfig;
import io.streamrelay.config.RateLimitConfig;
import io.streamrelay.config.Semconv;
import io.streamrelay.config.ServerConfig;
import io.streamrelay.forward.UpstreamPool;
import io.streamrelay.observe.ChunkGaps;
import io.streamrelay.testkit.FakeBody;
import io.streamrelay.testkit.FakeClient;
import io.streamrelay.testkit.FakeRequest;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;

/** What a relay draws of itself while it runs. */
class MeasuredTest extends ExchangeFixture {
  private void measure(PrometheusConfig.Builder prometheus) {
    config.observability(ObservabilityConfig.builder().prometheus(prometheus.build()).build());
  }

  @Test
  void whatWasSentUpstreamIsActiveUntilItsEnd() {
    FakeClient uploading = send(FakeRequest.post("/v1/chat").body(FakeBody.declared(5)));
    assertThat(metric("relay_active_streams", "route", "chat")).isZero();
    assertThat(metric("relay_active_connections", "route", "chat")).isEqualTo(1);
    uploading.leave();
    streaming();
    streaming();
    assertThat(metric("relay_active_streams", "route", "chat")).isEqualTo(2);
    assertThat(metric("relay_streams")).isEqualTo(2);
    forwarder.calls().forEach(call -> call.chunk(DONE).complete());
    assertThat(metric("relay_active_streams", "route", "chat")).isZero();
    assertThat(metric("relay_streams")).isZero();
  }

  @Test
  void theLimitOfStreamsIsDrawnAndWhomItRefuses() {
    config.server(ServerConfig.DEFAULT.withMaxStreams(1));
    streaming();
    chat();
    assertThat(metric("relay_streams_limit")).isEqualTo(1);
    assertThat(metric("relay_streams")).isEqualTo(1);
    assertThat(metric("relay_rate_limited", "route", "chat", "limit", "streams")).isEqualTo(1);
    assertThat(metric("relay_rate_limited")).isEqualTo(1);
    forwarder.call().chunk(DONE).complete();
  }

  @Test
  void aTenantOverItsRateIsCountedAsSuch() {
    config.rateLimit(RateLimitConfig.perTenant(60, 1));
    streaming();
    chat();
    assertThat(metric("relay_rate_limited", "route", "chat", "limit", "tenant")).isEqualTo(1);
    assertThat(metric("relay_rate_limited")).isEqualTo(1);
    assertThat(metric("relay_rate_limiter_keys")).isEqualTo(1);
    forwarder.call().chunk(DONE).complete();
  }

  @Test
  void poolsAreAskedOfTheForwarder() {
    forwarder.pools(List.of(new UpstreamPool("upstream.test:443", 1, 2, 3)));
    relay();
    assertThat(metric("relay_upstream_connections", "upstream", "upstream.test:443")).isEqualTo(6);
    assertThat(metric("relay_upstream_connections", "state", "waiting")).isEqualTo(3);
  }

  @Test
  void gapsBetweenChunksAreCountedForTheConventionsThatWantThem() {
    measure(PrometheusConfig.builder().semconv(Semconv.C));
    streaming();
    ticker.advance(Duration.ofMillis(20));
    forwarder.call().chunk(EVENT);
    ticker.advance(Duration.ofSeconds(3));
    forwarder.call().chunk(DONE).complete();
    ChunkGaps gaps = Objects.requireNonNull(record().chunkGaps());
    assertThat(gaps.sumNanos()).isEqualTo(Duration.ofMillis(3020).toNanos());
    assertThat(gaps.count(1)).isEqualTo(1);
    assertThat(gaps.count(ChunkGaps.kinds() - 1)).isEqualTo(1);
  }

  @Test
  void elseTheyAreNotCounted() {
    measure(PrometheusConfig.builder().semconv(Semconv.A));
    streaming();
    forwarder.call().chunk(EVENT).chunk(DONE).complete();
    assertThat(record().chunkGaps()).isNull();
  }

  @Test
  void aRequestIsTimedFromWhenItWentUpstream() {
    FakeBody body = FakeBody.declared(-1);
    send(FakeRequest.post("/v1/chat").body(body));
    ticker.advance(Duration.ofMillis(300));
    body.feed("{}".getBytes(StandardCharsets.UTF_8)).end();
    ticker.advance(Duration.ofMillis(70));
    forwarder.call().connected().head(200, "Content-Length", "0").complete();
    assertThat(record().sentUpstreamNanos()).isEqualTo(Duration.ofMillis(300).toNanos());
    assertThat(record().timeToHeadNanos()).isEqualTo(Duration.ofMillis(370).toNanos());
  }

  @Test
  void twoRelaysInOneRegistryAreRefused() {
    relay();
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Relay.builder(config.build(), forwarder).registry(registry).build())
        .withMessageContaining("each relay needs one that no other relay uses");
  }
}
