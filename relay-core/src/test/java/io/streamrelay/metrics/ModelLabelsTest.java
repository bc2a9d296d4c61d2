package io.streamrelay.metrics;

import static org.assertj.core.api.Assertions.assertThat;

import io.prometheus.metrics.model.registry.PrometheusRegistry;
import io.streamrelay.EndReason;
import io.streamrelay.config.PrometheusConfig;
import io.streamrelay.config.Semconv;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Which models get a label of their own. */
class ModelLabelsTest {
  private static final int FLOOD = 100_000;

  private final ModelLabels labels = new ModelLabels(Set.of("priced"), 2);

  @Test
  void aModelThatNoUpstreamHasServedIsAnOther() {
    assertThat(labels.of("made-up", false)).isEqualTo("other");
    assertThat(labels.of("priced", false)).isEqualTo("other");
  }

  @Test
  void oneThatWasServedKeepsItsLabelWhateverComesAfter() {
    assertThat(labels.of("a", true)).isEqualTo("a");
    assertThat(labels.of("a", false)).isEqualTo("a");
    for (int i = 0; i < FLOOD; i++) {
      labels.of("flood-" + i, true);
    }
    assertThat(labels.of("a", true)).isEqualTo("a");
    assertThat(labels.of("flood-0", true)).isEqualTo("flood-0");
    assertThat(labels.of("flood-1", true)).isEqualTo("other");
  }

  @Test
  void whatNobodyServesUsesUpNoRoom() {
    for (int i = 0; i < FLOOD; i++) {
      assertThat(labels.of("flood-" + i, false)).isEqualTo("other");
    }
    assertThat(labels.of("a", true)).isEqualTo("a");
    assertThat(labels.of("b", true)).isEqualTo("b");
    assertThat(labels.of("c", true)).isEqualTo("other");
  }

  @Test
  void aPricedModelNeedsNoRoom() {
    labels.of("a", true);
    labels.of("b", true);
    assertThat(labels.of("priced", true)).isEqualTo("priced");
  }

  @Test
  void whereNoModelWasNamedTheLabelSaysSo() {
    assertThat(labels.of(null, true)).isEqualTo("none");
  }

  @Test
  void labelsArePrintableAndShort() {
    assertThat(labels.of("models/a b\n\u0000\"\u202e\u00e9", true)).isEqualTo("models/a_b__\"__");
    assertThat(labels.of("x".repeat(10_000), true)).isEqualTo("x".repeat(128));
  }

  @Test
  void aFloodOfMadeUpModelsMakesNoMoreSeriesThanThereIsRoomFor() {
    PrometheusRegistry registry = new PrometheusRegistry();
    RelayMetrics metrics =
        new RelayMetrics(registry, PrometheusConfig.builder().semconv(Semconv.C).build(), Set.of());
    for (int i = 0; i < FLOOD; i++) {
      metrics.onEnd(
          Samples.full()
              .model("unserved-" + i)
              .status(404)
              .upstreamStatus(404)
              .end(EndReason.UPSTREAM_REFUSED)
              .build());
    }
    Scraped unserved = Scraped.of(registry);
    assertThat(unserved.lines()).noneMatch(line -> line.contains("unserved-"));
    for (int i = 0; i < FLOOD; i++) {
      metrics.onEnd(Samples.full().model("served-" + i).responseModel("answered-" + i).build());
    }
    Scraped scraped = Scraped.of(registry);
    // Each of the 100, and other, as input and output.
    assertThat(scraped.series("relay_tokens_total")).isEqualTo(202);
    assertThat(scraped.sum("relay_tokens_total", "model", "served-0")).isEqualTo(111);
    assertThat(scraped.sum("relay_tokens_total", "model", "other", "type", "input"))
        .isEqualTo(100.0 * (2 * FLOOD - 100));
    assertThat(scraped.series("gen_ai_client_inference_duration_seconds_count")).isEqualTo(102);
  }

  @Test
  void pairsOfModelsAreBoundedToo() {
    PrometheusRegistry registry = new PrometheusRegistry();
    RelayMetrics metrics =
        new RelayMetrics(
            registry,
            PrometheusConfig.builder().semconv(Semconv.A).maxModels(20).build(),
            Set.of());
    for (int i = 0; i < 400; i++) {
      metrics.onEnd(Samples.full().model("a" + i % 20).responseModel("b" + i / 20).build());
    }
    assertThat(Scraped.of(registry).series("gen_ai_server_request_duration_seconds_count"))
        .isLessThanOrEqualTo(4 * 21 + 20);
  }

  @Test
  void withoutRoomEveryModelIsAnOther() {
    ModelLabels none = new ModelLabels(Set.of("priced"), 0);
    assertThat(none.of("a", true)).isEqualTo("other");
    assertThat(none.of("priced", true)).isEqualTo("priced");
  }
}
