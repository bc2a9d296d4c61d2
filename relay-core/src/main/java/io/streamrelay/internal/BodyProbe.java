package io.streamrelay.internal;

import io.streamrelay.audio.SpeechRequest;
import io.streamrelay.http.Headers;
import io.streamrelay.observe.JsonSkimmer;
import java.nio.ByteBuffer;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Learns the model, and whether a stream is asked for, from a JSON request body as it passes, and
 * from a request for speech how much is to be spoken.
 */
final class BodyProbe {
  private static final Logger LOG = LoggerFactory.getLogger("io.streamrelay.exchange");
  private static final int MAX_MODEL_BYTES = 256;

  private final @Nullable JsonSkimmer skimmer;
  private volatile @Nullable String model;
  private volatile @Nullable SpeechRequest speech;

  BodyProbe(Headers clientRequest, @Nullable SpeechRequest speech) {
    this.speech = speech;
    this.skimmer = isJson(clientRequest) && !isCoded(clientRequest) ? skimmer() : null;
  }

  static boolean isJson(Headers clientRequest) {
    String type = clientRequest.first("content-type");
    return type != null && type.toLowerCase(Locale.ROOT).contains("json");
  }

  static boolean isCoded(Headers clientRequest) {
    return clientRequest.contains("content-encoding");
  }

  private static JsonSkimmer skimmer() {
    return new JsonSkimmer(MAX_MODEL_BYTES, "model", "stream");
  }

  void look(ByteBuffer buffer, int from, int count) {
    JsonSkimmer looking = skimmer;
    if (looking != null) {
      looking.skim(buffer.duplicate().position(from).limit(from + count));
      model = looking.string("model");
    }
    SpeechRequest spoken = speech;
    if (spoken != null) {
      try {
        spoken.look(buffer, from, from + count);
        // Publishes what was read to whoever asks, on whatever thread.
        speech = spoken;
      } catch (RuntimeException | Error e) {
        // Observation never breaks a request.
        speech = null;
        LOG.atError().setCause(e).log("observing a request for speech failed");
      }
    }
  }

  /** What the request asks to be spoken; null if it asks for none. */
  @Nullable SpeechRequest speech() {
    return speech;
  }

  @Nullable String model() {
    return model;
  }

  /** Whether the body says itself that it wants no stream. */
  boolean refusesStream() {
    return skimmer != null && Boolean.FALSE.equals(skimmer.bool("stream"));
  }

  boolean asksForStream() {
    return skimmer != null && Boolean.TRUE.equals(skimmer.bool("stream"));
  }
}
