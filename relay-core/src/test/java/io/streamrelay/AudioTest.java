package io.streamrelay;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.streamrelay.observe.AudioStats;
import io.streamrelay.observe.Usage;
import io.streamrelay.route.ClientGonePolicy;
import io.streamrelay.testkit.FakeBody;
import io.streamrelay.testkit.FakeClient;
import io.streamrelay.testkit.FakeRequest;
import io.streamrelay.testkit.Sounds;
import java.time.Duration;
import java.util.Arrays;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is recorded of exchanges that speak. */
class AudioTest extends ExchangeFixture {
  private static final String SPEECH = "/v1/audio/speech";
  private static final String[] WAV = {"Content-Type", "audio/wav"};
  private static final int HEADER = 44;

  /** One second. */
  private final byte[] wav = Sounds.wav(8000, 8000);

  private FakeClient speech(String json) {
    return send(FakeRequest.post(SPEECH).json(json));
  }

  private FakeClient speech() {
    return speech("{\"model\":\"tts-1\",\"input\":\"Hello\"}");
  }

  private void pass(long millis) {
    ticker.advance(Duration.ofMillis(millis));
  }

  private static long nanos(long millis) {
    return Duration.ofMillis(millis).toNanos();
  }

  private AudioStats audio() {
    return Objects.requireNonNull(record().audio());
  }

  @Test
  void theFirstAudioIsTheFirstSampleNotTheHeaderOfTheFile() {
    FakeClient client = speech();
    forwarder.call().connected().head(200, WAV);
    pass(100);
    forwarder.call().chunk(Arrays.copyOf(wav, HEADER));
    pass(50);
    forwarder.call().chunk(Arrays.copyOfRange(wav, HEADER, HEADER + 8000));
    pass(200);
    forwarder.call().chunk(Arrays.copyOfRange(wav, HEADER + 8000, wav.length)).complete();
    assertThat(client.bytes()).isEqualTo(wav);
    assertThat(record().timeToFirstByteNanos()).isEqualTo(nanos(100));
    assertThat(record().timings().timeToFirstAudioNanos()).isEqualTo(nanos(150));
    assertThat(record().timings().timeToFirstTokenNanos()).isEqualTo(-1);
    assertThat(audio()).isEqualTo(new AudioStats("wav", nanos(1000), nanos(200), 0, 0));
  }

  @Test
  void aStreamThatFallsBehindHasAnUnderrun() {
    speech();
    forwarder.call().connected().head(200, WAV).chunk(Arrays.copyOf(wav, HEADER + 8000));
    pass(700);
    forwarder.call().chunk(Arrays.copyOfRange(wav, HEADER + 8000, wav.length)).complete();
    assertThat(audio()).isEqualTo(new AudioStats("wav", nanos(1000), nanos(700), 1, nanos(200)));
  }

  @Test
  void aStreamThatEndsLateHasNone() {
    speech();
    forwarder.call().connected().head(200, WAV).chunk(wav);
    pass(5000);
    forwarder.call().complete();
    assertThat(audio()).isEqualTo(new AudioStats("wav", nanos(1000), 0, 0, 0));
  }

  @Test
  void onlyWhatTheClientGotIsMeasured() {
    serve(route().onClientGone(ClientGonePolicy.drain()));
    FakeClient client = speech();
    forwarder.call().connected().head(200, WAV).chunk(Arrays.copyOf(wav, HEADER + 8000));
    client.leave();
    forwarder.call().chunk(Arrays.copyOfRange(wav, HEADER + 8000, wav.length)).complete();
    assertThat(record().abandonedBytes()).isEqualTo(8000);
    assertThat(audio().durationNanos()).isEqualTo(nanos(500));
  }

  @Test
  void aWriteThatFailedBroughtNoAudio() {
    FakeClient client = speech();
    forwarder.call().connected().head(200, WAV).chunk(Arrays.copyOf(wav, HEADER + 1600));
    client.failNextWrite();
    forwarder.call().chunk(Arrays.copyOfRange(wav, HEADER + 1600, wav.length));
    assertThat(audio().durationNanos()).isEqualTo(nanos(100));
  }

  @Test
  void anAnswerInEventsTellsWhenTheFirstAudioCame() {
    speech("{\"input\":\"Hello\",\"stream_format\":\"sse\"}");
    forwarder.call().connected().head(200, SSE).chunk(": hello\n\n");
    pass(30);
    forwarder.call().chunk("data: {\"type\":\"speech.audio.delta\",\"audio\":\"AAAA\"}\n\n");
    pass(30);
    forwarder
        .call()
        .chunk("data: {\"type\":\"speech.audio.delta\",\"audio\":\"AAAA\"}\n\n")
        .chunk("data: {\"type\":\"speech.audio.done\",\"usage\":{\"output_tokens\":3}}\n\n")
        .complete();
    assertThat(record().timings().timeToFirstAudioNanos()).isEqualTo(nanos(30));
    assertThat(record().audio()).isNull();
    assertThat(record().usage().inputCharacters()).isEqualTo(5);
    assertThat(record().usage().outputTokens()).isEqualTo(3);
    assertThat(record().usage().source()).isEqualTo(Usage.Source.REPORTED);
  }

  @Test
  void textIsNoAudio() {
    streaming();
    forwarder.call().chunk(DONE).complete();
    assertThat(record().timings().timeToFirstAudioNanos()).isEqualTo(-1);
    assertThat(record().audio()).isNull();
    assertThat(record().usage().inputCharacters()).isEqualTo(Usage.NOT_TOLD);
  }

  @Test
  void audioFromAnyPathIsMeasured() {
    chat();
    forwarder.call().connected().head(200, WAV).chunk(wav).complete();
    assertThat(audio().durationNanos()).isEqualTo(nanos(1000));
    assertThat(record().usage().inputCharacters()).isEqualTo(Usage.NOT_TOLD);
  }

  @Test
  void charactersAreCountedWhereNobodyCountsTokens() {
    speech("{\"model\":\"tts-1\",\"input\":\"H\u00e9llo \\ud83d\\ude00\"}");
    forwarder.call().connected().head(200, WAV).chunk(wav).complete();
    assertThat(record().usage()).isEqualTo(Usage.builder().inputCharacters(7).build());
    assertThat(record().model()).isEqualTo("tts-1");
  }

  @Test
  void charactersOfABodyThatStreamsThroughAreCounted() {
    FakeBody body = FakeBody.declared(-1);
    FakeClient client =
        send(FakeRequest.post(SPEECH).header("Content-Type", "application/json").body(body));
    body.feed("{\"input\":\"".getBytes(UTF_8));
    byte[] bytes = "\u4f60\u597d!".repeat(1000).getBytes(UTF_8);
    for (int i = 0; i < 100; i++) {
      body.feed(bytes);
    }
    body.feed("\"}".getBytes(UTF_8)).end();
    forwarder.call().connected().readBodyOnDemand();
    forwarder.call().head(200, WAV).chunk(wav).complete();
    assertThat(client.bytes()).isEqualTo(wav);
    assertThat(record().usage().inputCharacters()).isEqualTo(300_000);
  }

  @Test
  void aProviderThatCountsIsBelieved() {
    send(FakeRequest.post("/v1/speak").json("{\"text\":\"Hello\"}"));
    forwarder
        .call()
        .connected()
        .head(200, "Content-Type", "audio/wav", "dg-char-count", "6")
        .chunk(wav)
        .complete();
    assertThat(record().usage().inputCharacters()).isEqualTo(6);
  }

  @ParameterizedTest
  @ValueSource(ints = {400, 429, 500})
  void whatWasRefusedIsNotCounted(int status) {
    speech();
    forwarder.call().connected().head(status, "Content-Type", "application/json").complete();
    assertThat(record().usage()).isEqualTo(Usage.NONE);
    assertThat(record().audio()).isNull();
  }
}
