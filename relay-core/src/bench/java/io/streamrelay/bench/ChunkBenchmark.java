package io.streamrelay.bench;

import io.prometheus.metrics.model.registry.PrometheusRegistry;
import io.streamrelay.Relay;
import io.streamrelay.Scheduler;
import io.streamrelay.config.RelayConfig;
import io.streamrelay.forward.ForwardCall;
import io.streamrelay.forward.ForwardResult;
import io.streamrelay.forward.ResponseSink;
import io.streamrelay.forward.StreamingForwarder;
import io.streamrelay.forward.UpstreamRequest;
import io.streamrelay.http.Headers;
import io.streamrelay.route.Route;
import io.streamrelay.route.StreamKind;
import io.streamrelay.testkit.FakeRequest;
import io.streamrelay.transport.ClientRequest;
import io.streamrelay.transport.ClientResponse;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What observation costs, for each chunk and for each exchange: the whole relay but for the network
 * and the container, whose parts answer at once.
 *
 * <p>{@code raw} against {@code sse} is the price of looking into a stream; the difference between
 * {@code exchange} and nothing is all that an exchange costs beside its chunks: policies, record,
 * metrics, access log (to no backend), cost.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class ChunkBenchmark {
  private static final byte[] BODY =
      "{\"model\":\"gpt-4o-mini\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"
          .getBytes(StandardCharsets.UTF_8);
  private static final byte[] EVENT =
      """
      data: {"id":"chatcmpl-BqYv5m1L0cJ8W6q2T4s9","object":"chat.completion.chunk","created":1764000000,\
      "model":"gpt-4o-mini-2024-07-18","service_tier":"default","system_fingerprint":"fp_34a54ae93c",\
      "choices":[{"index":0,"delta":{"content":" streaming"},"logprobs":null,"finish_reason":null}]}

      """
          .getBytes(StandardCharsets.UTF_8);
  private static final byte[] END =
      """
      data: {"object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}

      data: {"object":"chat.completion.chunk","choices":[],"usage":{"prompt_tokens":19,"completion_tokens":300,\
      "prompt_tokens_details":{"cached_tokens":0},"completion_tokens_details":{"reasoning_tokens":0}}}

      data: [DONE]

      """
          .getBytes(StandardCharsets.UTF_8);

  /** How the route sees the answer. */
  @Param({"raw", "sse"})
  public String kind = "sse";

  private final StubForwarder forwarder = new StubForwarder();
  private final Client client = new Client();
  private final ByteBuffer event = ByteBuffer.allocateDirect(EVENT.length).put(EVENT);
  private Relay relay;
  private ResponseSink stream;

  /** Makes the relay, and a stream that never ends. */
  @Setup(Level.Iteration)
  public void open() {
    relay =
        Relay.builder(
                RelayConfig.builder()
                    .route(
                        Route.builder("chat")
                            .path("/v1")
                            .upstream(URI.create("https://upstream.test"))
                            .kind(kind.equals("raw") ? StreamKind.RAW : StreamKind.SSE)
                            .build())
                    .build(),
                forwarder)
            .registry(new PrometheusRegistry())
            .scheduler(Scheduler.create())
            .build();
    stream = begin();
  }

  /** Cuts the stream. */
  @TearDown(Level.Iteration)
  public void close() {
    relay.close();
  }

  private ResponseSink begin() {
    relay.handle(request(), client);
    ResponseSink sink = forwarder.sink;
    sink.connected();
    sink.head(200, Headers.of("Content-Type", "text/event-stream"));
    return sink;
  }

  private static ClientRequest request() {
    return FakeRequest.post("/v1/chat/completions")
        .json(new String(BODY, StandardCharsets.UTF_8))
        .build();
  }

  /** One chunk of one event, from the forwarder's hands to the container's. */
  @Benchmark
  public boolean chunk() {
    event.clear();
    stream.write(event);
    return stream.isReady();
  }

  /** A whole exchange with three events in one chunk. */
  @Benchmark
  public long exchange() {
    ResponseSink sink = begin();
    sink.write(ByteBuffer.wrap(END));
    forwarder.complete();
    return client.bytes;
  }

  /** Takes a call and leaves it to the benchmark. */
  private static final class StubForwarder implements StreamingForwarder {
    private ResponseSink sink;
    private CompletableFuture<ForwardResult> result;

    @Override
    public ForwardCall forward(UpstreamRequest request, ResponseSink answer) {
      sink = answer;
      CompletableFuture<ForwardResult> ended = new CompletableFuture<>();
      result = ended;
      answer.onReady(() -> {});
      return new ForwardCall() {
        @Override
        public void cancel() {
          ended.complete(new ForwardResult.Cancelled());
        }

        @Override
        public void nudge() {}

        @Override
        public CompletionStage<ForwardResult> result() {
          return ended;
        }
      };
    }

    private void complete() {
      result.complete(new ForwardResult.Completed());
    }

    @Override
    public void close() {}
  }

  /** Takes everything at once. */
  private static final class Client implements ClientResponse {
    private long bytes;

    @Override
    public void listen(Runnable onReady, Runnable onGone) {}

    @Override
    public boolean isReady() {
      return true;
    }

    @Override
    public void head(int status, Headers headers) {}

    @Override
    public void write(ByteBuffer chunk) {
      bytes += chunk.remaining();
      chunk.position(chunk.limit());
    }

    @Override
    public void flush() {}

    @Override
    public void complete() {}

    @Override
    public void cut() {}
  }
}
