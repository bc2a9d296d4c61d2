package io.streamrelay.jetty.demo;

import static io.streamrelay.jetty.demo.DemoClient.AZURE;
import static io.streamrelay.jetty.demo.DemoClient.SPEECH;
import static io.streamrelay.jetty.demo.DemoClient.ssml;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.concurrent.CompletableFuture;
import javax.sound.sampled.AudioFormat;
import javax.sound.sampled.AudioInputStream;
import javax.sound.sampled.AudioSystem;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What the demo voices sound like. */
@Timeout(60)
class SpeechTest {
  private static final int WAV_HEADER_BYTES = 44;

  private final HandPacer hand = new HandPacer();
  private final DemoProvider provider =
      DemoProvider.start("127.0.0.1", 0, Pace.LIFELIKE.unpaced(), null);
  private final DemoProvider steppedProvider =
      DemoProvider.start("127.0.0.1", 0, Pace.LIFELIKE, hand);
  private final DemoClient client = new DemoClient(provider.uri());
  private final DemoClient steppedClient = new DemoClient(steppedProvider.uri());

  @AfterEach
  void stop() {
    provider.close();
    steppedProvider.close();
  }

  @ParameterizedTest
  @CsvSource({"riff-16khz-16bit-mono-pcm,16000", "riff-24khz-16bit-mono-pcm,24000"})
  void azureSendsAWavOfTheRightLength(String format, int samplesPerSecond) throws Exception {
    HttpResponse<byte[]> response =
        client.sendForBytes(
            client
                .post(AZURE, ssml("en-US-JennyNeural", "The quick brown <emphasis>fox</emphasis>"))
                .header("X-Microsoft-OutputFormat", format));

    assertThat(response.headers().firstValue("content-type")).hasValue("audio/x-wav");
    assertThat(response.headers().firstValue("X-RequestId")).isPresent();
    assertThat(response.headers().firstValue("transfer-encoding")).hasValue("chunked");
    assertIsWav(response.body(), samplesPerSecond, 4);
  }

  @Test
  void azureDefaultsToRiff24Khz() throws Exception {
    assertIsWav(client.sendForBytes(client.post(AZURE, ssml("v", "One"))).body(), 24_000, 1);
  }

  @Test
  void azureSendsRawSamplesWithoutAHeader() throws Exception {
    byte[] body =
        client
            .sendForBytes(
                client
                    .post(AZURE, ssml("v", "One two"))
                    .header("X-Microsoft-OutputFormat", "raw-16khz-16bit-mono-pcm"))
            .body();

    assertThat(body).hasSize(2 * 4000 * 2);
  }

  @Test
  void openAiSendsWavAndPcmButNoMp3() throws Exception {
    String body = "{\"model\":\"tts\",\"voice\":\"alloy\",\"input\":\"One two three\"%s}";

    HttpResponse<byte[]> wav =
        client.sendForBytes(client.post(SPEECH, body.formatted(",\"response_format\":\"wav\"")));
    HttpResponse<byte[]> pcm =
        client.sendForBytes(client.post(SPEECH, body.formatted(",\"response_format\":\"pcm\"")));
    HttpResponse<String> mp3 = client.send(client.post(SPEECH, body.formatted("")));

    assertIsWav(wav.body(), 24_000, 3);
    assertThat(pcm.body()).hasSize(3 * 6000 * 2);
    assertThat(mp3.statusCode()).isEqualTo(400);
    assertThat(mp3.body()).contains("supports wav and pcm");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "text",
        "<speak>",
        "<speak> </speak>",
        "<other>One</other>",
        "<!DOCTYPE speak [<!ENTITY x SYSTEM 'file:///etc/hostname'>]><speak>&x;</speak>"
      })
  void whatIsNotSsmlIsABadRequest(String body) throws Exception {
    assertThat(client.send(client.post(AZURE, body)).statusCode()).isEqualTo(400);
  }

  @Test
  void anUnknownFormatIsABadRequest() throws Exception {
    HttpResponse<String> response =
        client.send(
            client
                .post(AZURE, ssml("v", "One"))
                .header("X-Microsoft-OutputFormat", "audio-24khz-48kbitrate-mono-mp3"));

    assertThat(response.statusCode()).isEqualTo(400);
    assertThat(response.body()).contains("audio-24khz-48kbitrate-mono-mp3");
  }

  @Test
  void piecesArriveOneByOneFasterThanTheyAreHeard() throws Exception {
    CompletableFuture<HttpResponse<InputStream>> opened =
        steppedClient.open(steppedClient.post(AZURE, ssml("v", "One")));

    hand.step();
    InputStream body = opened.get().body();
    int pieceBytes = 24 * Speech.PIECE_MILLIS * 2;
    assertThat(body.readNBytes(WAV_HEADER_BYTES + pieceBytes))
        .hasSize(WAV_HEADER_BYTES + pieceBytes);
    for (int piece = 1; piece < 5; piece++) {
      assertThat(hand.step().toNanos()).isEqualTo(12_500_000);
      assertThat(body.readNBytes(pieceBytes)).hasSize(pieceBytes);
    }
    assertThat(body.read()).isEqualTo(-1);
  }

  @Test
  void aLongTextIsCutAtTwentySeconds() {
    assertThat(new Melody("la ".repeat(1000), 16_000).samples()).isEqualTo(20 * 16_000);
  }

  @Test
  void notesBeginAndEndAtSilenceAndNeverJump() {
    Melody melody = new Melody("Hello there, wonderful world of sound!", 24_000);
    ByteBuffer pcm = melody.pcm(0, melody.samples()).order(ByteOrder.LITTLE_ENDIAN);
    int previous = 0;
    int loudest = 0;
    for (int i = 0; i < melody.samples(); i++) {
      int sample = pcm.getShort();
      assertThat(Math.abs(sample - previous)).as("jump at %s", i).isLessThan(4000);
      if (i % 6000 == 0 || i % 6000 == 5999) {
        assertThat(Math.abs(sample)).as("edge of a note at %s", i).isLessThan(50);
      }
      loudest = Math.max(loudest, Math.abs(sample));
      previous = sample;
    }
    assertThat(loudest).isBetween(5_000, 20_000);
  }

  private static void assertIsWav(byte[] body, int samplesPerSecond, int words) throws Exception {
    try (AudioInputStream audio = AudioSystem.getAudioInputStream(new ByteArrayInputStream(body))) {
      AudioFormat format = audio.getFormat();
      assertThat(format.getEncoding()).isEqualTo(AudioFormat.Encoding.PCM_SIGNED);
      assertThat(format.getSampleRate()).isEqualTo(samplesPerSecond);
      assertThat(format.getSampleSizeInBits()).isEqualTo(16);
      assertThat(format.getChannels()).isEqualTo(1);
      assertThat(audio.getFrameLength()).isEqualTo((long) words * samplesPerSecond / 4);
      assertThat(body).hasSize(WAV_HEADER_BYTES + (int) audio.getFrameLength() * 2);
      ByteBuffer riffBytes = ByteBuffer.wrap(body).order(ByteOrder.LITTLE_ENDIAN);
      assertThat(riffBytes.getInt(4)).isEqualTo(body.length - 8);
    }
  }
}
