package io.streamrelay.metrics;

import io.prometheus.metrics.core.metrics.Histogram;
import io.streamrelay.EndReason;
import io.streamrelay.ExchangeRecord;
import io.streamrelay.config.Semconv;
import io.streamrelay.error.ErrorCode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The same numbers under the names of OpenTelemetry's conventions for generative AI, with dots
 * turned to underscores and units added as Prometheus does with what it gets by OTLP. Attributes
 * are labels; one that is missing is an empty label, which to Prometheus is none.
 *
 * <p>Only of exchanges that were sent upstream and whose operation is known.
 */
final class GenAiMetrics implements Tally {
  static final String OPERATION = "gen_ai_operation_name";
  static final String PROVIDER = "gen_ai_provider_name";
  static final String REQUEST_MODEL = "gen_ai_request_model";
  static final String RESPONSE_MODEL = "gen_ai_response_model";
  static final String ERROR = "error_type";

  /** What an error is called that has no name in a closed set (OpenTelemetry, error.type). */
  private static final String OTHER_ERROR = "_OTHER";

  static final double[] DURATION_BOUNDS = {
    .01, .02, .04, .08, .16, .32, .64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92
  };
  static final double[] TOKEN_BOUNDS = {
    1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864
  };
  static final double[] FIRST_BOUNDS = {
    .001, .005, .01, .02, .04, .06, .08, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10
  };
  static final double[] EACH_BOUNDS = {.01, .025, .05, .075, .1, .15, .2, .3, .4, .5, .75, 1, 2.5};

  /** What all series of one kind of exchange have in common. */
  record Kind(String operation, String provider, String requestModel, String responseModel) {
    String[] with(String... more) {
      List<String> values = new ArrayList<>(4 + more.length);
      values.add(operation);
      values.add(provider);
      values.add(requestModel);
      values.add(responseModel);
      values.addAll(List.of(more));
      return values.toArray(String[]::new);
    }

    static String[] names(String... more) {
      return new Kind(OPERATION, PROVIDER, REQUEST_MODEL, RESPONSE_MODEL).with(more);
    }
  }

  /** One kind's series of a histogram; that without an error is looked up once. */
  static final class ByError {
    private final Histogram histogram;
    private final Kind kind;
    private final LazyHistogram withoutError;

    ByError(Histogram histogram, Kind kind) {
      this.histogram = histogram;
      this.kind = kind;
      this.withoutError = new LazyHistogram(histogram, kind.with(""));
    }

    void observe(String error, double value) {
      if (error.isEmpty()) {
        withoutError.observe(value);
      } else {
        histogram.labelValues(kind.with(error)).observe(value);
      }
    }
  }

  /** A generation of the conventions. */
  interface Generation {
    Tally forKind(Kind kind);
  }

  private final Generation generation;
  private final ModelLabels requestModels;
  private final ModelLabels responseModels;
  private final int maxKinds;
  private final Map<Kind, Tally> kinds = new ConcurrentHashMap<>();

  /**
   * Registers the metrics.
   *
   * @param semconv not off
   * @param requestModels shared with the relay's own metrics
   * @param priced models of the price table
   * @param maxModels how many other models that answers name get a label
   */
  GenAiMetrics(
      Instruments make,
      Semconv semconv,
      ModelLabels requestModels,
      Set<String> priced,
      int maxModels) {
    this.generation = semconv == Semconv.A ? new GenAiA(make) : new GenAiC(make);
    this.requestModels = requestModels;
    this.responseModels = new ModelLabels(priced, maxModels);
    this.maxKinds = 4 * (maxModels + priced.size() + 1);
  }

  @Override
  public void add(ExchangeRecord record) {
    String operation = record.operation();
    String provider = record.provider();
    if (operation != null && provider != null && record.attempts() > 0) {
      tally(operation, provider, record).add(record);
    }
  }

  private Tally tally(String operation, String provider, ExchangeRecord record) {
    boolean served = RouteMetrics.isOk(record);
    String asked = record.model() == null ? "" : requestModels.of(record.model(), served);
    String answered =
        record.responseModel() == null ? "" : responseModels.of(record.responseModel(), served);
    Kind kind = new Kind(operation, provider, asked, answered);
    Tally known = kinds.get(kind);
    if (known != null) {
      return known;
    }
    // Both models are bounded, but not their pairs.
    boolean isFull = kinds.size() >= maxKinds;
    Kind bounded =
        isFull
            ? new Kind(operation, provider, asked, answered.isEmpty() ? "" : ModelLabels.OTHER)
            : kind;
    return kinds.computeIfAbsent(bounded, generation::forKind);
  }

  /** The error's name; empty if there was none. */
  static String errorType(ExchangeRecord record) {
    if (record.end() == EndReason.COMPLETE) {
      return "";
    }
    ErrorCode code = record.error();
    int status = record.upstreamStatus();
    if (code == null && status >= 400) {
      return status < 600 ? Integer.toString(status) : OTHER_ERROR;
    }
    return code == null ? record.end().label() : code.code();
  }

  /** Seconds from when the request was sent upstream. */
  static double sinceSent(ExchangeRecord record, long nanosSinceRequest) {
    return Instruments.seconds(
        Math.max(0, nanosSinceRequest - Math.max(0, record.sentUpstreamNanos())));
  }
}
