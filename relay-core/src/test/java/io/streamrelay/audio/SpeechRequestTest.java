package io.streamrelay.audio;

import static org.assertj.core.api.Assertions.assertThat;

import io.streamrelay.http.Headers;
import io.streamrelay.observe.Usage;
import io.streamrelay.route.Route;
import io.streamrelay.testkit.FakeRequest;
import io.streamrelay.testkit.Sounds;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Objects;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What is read of a request for speech. */
class SpeechRequestTest {
  private static final String JSON = "application/json";
  private static final String SSML = "application/ssml+xml";
  private static final MediaType ANY = MediaType.of(null);

  private static Route route(String upstream) {
    return Route.builder("tts").path("/").upstream(URI.create(upstream)).build();
  }

  private static @Nullable SpeechRequest head(FakeRequest request) {
    return SpeechRequest.of(request.build(), route("https://tts.test"));
  }

  private static FakeRequest post(String pathAndQuery, String contentType) {
    int question = pathAndQuery.indexOf('?');
    FakeRequest request =
        FakeRequest.post(question < 0 ? pathAndQuery : pathAndQuery.substring(0, question))
            .header("Content-Type", contentType);
    return question < 0 ? request : request.query(pathAndQuery.substring(question + 1));
  }

  /** The same however the body is sliced; the last reader is returned. */
  private static SpeechRequest read(FakeRequest request, String upstream, String body) {
    SpeechRequest read = null;
    long characters = 0;
    for (int seed = 0; seed < 10; seed++) {
      SpeechRequest next =
          Objects.requireNonNull(SpeechRequest.of(request.build(), route(upstream)));
      byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
      for (ByteBuffer slice : Sounds.slices(bytes, new Random(seed))) {
        next.look(slice, slice.position(), slice.limit());
      }
      assertThat(read == null || next.characters() == characters).as("slicing %s", seed).isTrue();
      characters = next.characters();
      read = next;
    }
    return Objects.requireNonNull(read);
  }

  private static long characters(String path, String contentType, String body) {
    return read(post(path, contentType), "https://tts.test", body).characters();
  }

  // ---- characters

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "/v1/audio/speech|{'model':'tts-1','input':'Hello','voice':'alloy'}|5",
        "/openai/deployments/x/audio/speech|{'instructions':'be brief','input':'Hello'}|5",
        "/v1/text-to-speech/v0/stream|{'text':'Hello','previous_text':'not this'}|5",
        "/v1/text-to-dialogue|{'inputs':[{'text':'ab','voice_id':'v'},{'text':'cde'}]}|5",
        "/v1/speak|{'text':'Hello'}|5",
        "/tts/bytes|{'transcript':'Hello','text':'x'}|5",
        "/v1/t2a_v2|{'model':'speech-02','text':'Hello'}|5",
        "/v1/tts|{'text':'Hello'}|5",
        "/v1/text:synthesize|{'input':{'text':'Hello'},'voice':{'name':'text'}}|5",
        "/v1/text:synthesize|{'input':{'ssml':'<speak>a</speak>'}}|16",
        "/v1/audio/speech|{'input':'first','input':'2nd'}|3",
        "/v1/audio/speech|{'input':''}|0",
        "/v1/audio/speech|{'in\\u0070ut':'Hello'}|5",
      })
  void theTextIsCountedWhereTheProviderHasIt(String path, String body, long expected) {
    assertThat(characters(path, JSON, body.replace('\'', '"'))).isEqualTo(expected);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "h\u00e9llo|5",
        "\u4f60\u597d|2",
        "\ud83d\ude00!|2",
        "a\\nb\\t\\\"\\\\|6",
        "\\u00e9\\u4f60|2",
        "\\ud83d\\ude00!|2",
        "\\ud83d|1",
        "\\ude00\\ud83d|2",
        "\\ud83dx\\ude00|3",
        "\\ud83d\\n\\ude00|3",
        "\u0928\u092e\u0938\u094d\u0924\u0947|6"
      })
  void charactersAreCodePointsHoweverTheyAreWritten(String text, long expected) {
    assertThat(characters("/v1/audio/speech", JSON, "{\"input\":\"" + text + "\"}"))
        .isEqualTo(expected);
  }

  @Test
  void textOfAnyLengthIsCounted() {
    String text = "\u00fc\ud83d\ude00x".repeat(50_000);
    assertThat(characters("/v1/audio/speech", JSON, "{\"input\":\"" + text + "\"}"))
        .isEqualTo(150_000);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"input\":\"Hello\"",
        "{\"input\":\"Hel",
        "{\"input\":\"Hello\"}}",
        "{\"input\":\"Hello\",}",
        "{\"input\":5}",
        "{\"input\":null}",
        "{\"input\":[\"Hello\"]}",
        "{\"input\":\"Hello\",\"input\":7}",
        "{\"nested\":{\"input\":\"Hello\"}}",
        "[\"Hello\"]",
        "\"Hello\"",
        ""
      })
  void aBodyWithoutSuchATextTellsNothing(String body) {
    assertThat(characters("/v1/audio/speech", JSON, body)).isEqualTo(Usage.NOT_TOLD);
  }

  @Test
  void aBodyThatCannotBeReadTellsNothing() {
    String body = "{\"input\":\"Hello\"}";
    assertThat(characters("/v1/audio/speech", "text/plain", body)).isEqualTo(Usage.NOT_TOLD);
    FakeRequest coded = post("/v1/audio/speech", JSON).header("Content-Encoding", "gzip");
    assertThat(read(coded, "https://tts.test", body).characters()).isEqualTo(Usage.NOT_TOLD);
    assertThat(characters("/x", SSML + "; charset=utf-16", "<speak>a</speak>"))
        .isEqualTo(Usage.NOT_TOLD);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "/v1/chat/completions",
        "/v1/audio/transcriptions",
        "/v1/audio/speech/x",
        "/v1/messages",
        "/text-to-speech"
      })
  void otherRequestsAskForNoSpeech(String path) {
    assertThat(head(post(path, JSON))).isNull();
    assertThat(head(FakeRequest.get("/v1/audio/speech"))).isNull();
    assertThat(SpeechRequest.of(post("/v1/audio/speech", JSON).build(), null)).isNull();
  }

  @Test
  void thePathThatCountsIsTheUpstreams() {
    Route stripped =
        Route.builder("tts")
            .path("/azure")
            .stripPrefix("/azure")
            .upstream(URI.create("https://tts.test/cognitiveservices"))
            .build();
    assertThat(SpeechRequest.of(post("/azure/v1", "text/xml").build(), stripped)).isNotNull();
  }

  @Test
  void deepgramsOwnCountIsTheOneThatCounts() {
    SpeechRequest request = read(post("/v1/speak", JSON), "https://tts.test", "{\"text\":\"ab\"}");
    request.answered(Headers.of("dg-char-count", " 3 "));
    assertThat(request.characters()).isEqualTo(3);
    request.answered(Headers.of("dg-char-count", "many"));
    assertThat(request.characters()).isEqualTo(2);
    SpeechRequest other =
        read(post("/v1/audio/speech", JSON), "https://tts.test", "{\"input\":\"ab\"}");
    other.answered(Headers.of("dg-char-count", "3"));
    assertThat(other.characters()).isEqualTo(2);
  }

  // ---- Azure

  private static final String AZURE = "/cognitiveservices/v1";

  private static long ssml(String body) {
    return characters(AZURE, SSML, body);
  }

  /** Published with its bill: learn.microsoft.com/answers/questions/5493673. */
  @Test
  void aDocumentCountsAsAzureBilledIt() {
    StringBuilder body =
        new StringBuilder("<!--ID=FCB4;Version=1|{\"Files\":{}}-->\n<!--ID=5B95-->\n")
            .append("<speak xmlns=\"http://www.w3.org/2001/10/synthesis\" version=\"1.0\"")
            .append(" xml:lang=\"en-US\">\n\n");
    for (int i = 0; i < 12; i++) {
      body.append("<voice name=\"en-US-AvaMultilingualNeural\">")
          .append("<prosody rate=\"-10.00%\">about </prosody></voice>\n");
    }
    assertThat(ssml(body.append("\n</speak>").toString())).isEqualTo(480);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      ignoreLeadingAndTrailingWhitespace = false,
      value = {
        "<speak>Hello</speak>|5",
        "<?xml version='1.0'?><speak><voice name='a>b'>Hi!</voice></speak>|3",
        "<speak><voice name='v'> a b </voice></speak>|5",
        "<speak> <voice name='v'>a</voice> <voice name='w'>b</voice> </speak>|2",
        "<speak><voice name='v'>\u4f60\u597d</voice></speak>|4",
        "<speak><voice name='v'>\u6f22\u5b57\u304b\u306a</voice></speak>|6",
        "<speak><voice name='v'>\ud55c\u6f22</voice></speak>|3",
        "<speak><voice name='v'>h\u00e9\ud83d\ude00</voice></speak>|3",
        "<speak><voice name='v'>\ud840\udc00</voice></speak>|2",
        "<speak><voice name='v'>a&amp;b</voice></speak>|7",
        "<speak><voice name='v'>a<break/>b</voice></speak>|10",
        "<speak><voice name='v'><!-- > --></voice></speak>|10",
        "<speak><voice name='v'><![CDATA[<voice>]]></voice></speak>|19",
        "<speak><voice name='v'/>a</speak>|1",
        "<speak><voices>a</voices></speak>|18",
        "<speak><voice name='v'>a</voice></speak>trailer|1"
      })
  void ssmlIsCountedByAzuresRule(String body, long expected) {
    assertThat(ssml(body)).isEqualTo(expected);
  }

  @Test
  void tagsMayHaveLineEnds() {
    assertThat(ssml("\ufeff<speak\n version='1.0'>a\n</speak\n>\n")).isEqualTo(1);
    assertThat(ssml("<speak><voice\tname='v'>\na\n</voice></speak>")).isEqualTo(3);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "Hello", "<spea>a</spea>", "<voice>a</voice>", "<speak"})
  void whatIsNoSsmlTellsNothing(String body) {
    assertThat(ssml(body)).isEqualTo(Usage.NOT_TOLD);
  }

  @Test
  void noBytesMakeItThrow() {
    String[] pieces = {
      "<speak>",
      "</speak>",
      "<voice",
      ">",
      "<!--",
      "-->",
      "<![CDATA[",
      "]]>",
      "'",
      "\"",
      "&",
      "/",
      "\u4f60",
      "<",
      "?",
      "{\"input\":\"",
      "\\u",
      "\\ud83d",
      "}"
    };
    for (int seed = 0; seed < 2000; seed++) {
      Random random = new Random(seed);
      StringBuilder text = new StringBuilder();
      for (int i = random.nextInt(30); i > 0; i--) {
        text.append(pieces[random.nextInt(pieces.length)]);
      }
      byte[] bytes = text.toString().getBytes(StandardCharsets.UTF_8);
      for (int i = random.nextInt(3); i > 0 && bytes.length > 0; i--) {
        bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
      }
      for (String path : new String[] {AZURE, "/v1/audio/speech"}) {
        FakeRequest request = post(path, path.equals(AZURE) ? SSML : JSON);
        SpeechRequest read = Objects.requireNonNull(head(request));
        for (ByteBuffer slice : Sounds.slices(bytes, random)) {
          read.look(slice, slice.position(), slice.limit());
        }
        assertThat(read.characters()).as("seed %s", seed).isBetween(-1L, 2L * bytes.length);
      }
    }
  }

  // ---- raw samples

  private static void assertRaw(
      SpeechRequest request, MediaType answer, @Nullable String name, int rate, int frame) {
    assertThat(request.raw(answer))
        .isEqualTo(name == null ? null : new PcmFormat(name, rate, frame));
  }

  @ParameterizedTest
  @CsvSource(
      nullValues = "-",
      value = {
        "raw-8khz-8bit-mono-mulaw,mulaw,8000,1",
        "raw-8khz-8bit-mono-alaw,alaw,8000,1",
        "raw-8khz-16bit-mono-pcm,pcm,8000,2",
        "raw-16khz-16bit-mono-pcm,pcm,16000,2",
        "raw-22050hz-16bit-mono-pcm,pcm,22050,2",
        "raw-24khz-16bit-mono-pcm,pcm,24000,2",
        "raw-44100hz-16bit-mono-pcm,pcm,44100,2",
        "raw-48khz-16bit-mono-pcm,pcm,48000,2",
        "raw-16khz-16bit-mono-truesilk,-,0,0",
        "raw-24khz-16bit-mono-truesilk,-,0,0",
        "riff-24khz-16bit-mono-pcm,-,0,0",
        "audio-24khz-48kbitrate-mono-mp3,-,0,0",
        "audio-16khz-16bit-32kbps-mono-opus,-,0,0",
        "raw-khz-16bit-mono-pcm,-,0,0",
        "raw-24khz-8bit-mono-pcm,-,0,0",
        "raw,-,0,0",
        "'',-,0,0"
      })
  void azureNamesItsRawFormats(String name, @Nullable String format, int rate, int frame) {
    SpeechRequest request =
        Objects.requireNonNull(head(post(AZURE, SSML).header("X-Microsoft-OutputFormat", name)));
    assertRaw(request, ANY, format, rate, frame);
  }

  @ParameterizedTest
  @CsvSource(
      nullValues = "-",
      value = {
        "/v1/text-to-speech/v?output_format=pcm_16000,pcm,16000,2",
        "/v1/text-to-speech/v?a=b&output_format=ulaw_8000&c=d,mulaw,8000,1",
        "/v1/text-to-speech/v?output_format=alaw_8000,alaw,8000,1",
        "/v1/text-to-speech/v?output_format=mp3_44100_128,-,0,0",
        "/v1/text-to-speech/v?output_format=opus_48000_32,-,0,0",
        "/v1/text-to-speech/v?output_format=pcm_,-,0,0",
        "/v1/text-to-speech/v,-,0,0",
        "/v1/speak?encoding=linear16&sample_rate=48000&container=none,pcm,48000,2",
        "/v1/speak?encoding=linear16,pcm,24000,2",
        "/v1/speak?encoding=mulaw,mulaw,8000,1",
        "/v1/speak?encoding=alaw&sample_rate=16000,alaw,16000,1",
        "/v1/speak?encoding=mp3,-,0,0",
        "/v1/speak?encoding=linear16&sample_rate=x,-,0,0",
        "/v1/speak,-,0,0"
      })
  void queriesNameRawFormats(String path, @Nullable String format, int rate, int frame) {
    assertRaw(Objects.requireNonNull(head(post(path, JSON))), ANY, format, rate, frame);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      nullValues = "-",
      value = {
        "/v1/audio/speech|{'response_format':'pcm'}|pcm|24000|2",
        "/v1/audio/speech|{'response_format':'pcm','sample_rate':16000}|pcm|16000|2",
        "/v1/audio/speech|{'response_format':'mp3'}|-|0|0",
        "/v1/audio/speech|{'input':'pcm'}|-|0|0",
        "/v1/audio/speech|{'response_format':'pcm'|pcm|24000|2",
        "/v1/audio/speech|{'response_format':'pcm',}|-|0|0",
        "/tts/bytes|{'output_format':{'container':'raw','encoding':'pcm_f32le','sample_rate':44100}}|pcm|44100|4",
        "/tts/bytes|{'output_format':{'container':'raw','encoding':'pcm_mulaw','sample_rate':8000}}|mulaw|8000|1",
        "/tts/bytes|{'output_format':{'container':'wav','encoding':'pcm_s16le','sample_rate':8000}}|-|0|0",
        "/tts/bytes|{'output_format':{'container':'raw','encoding':'pcm_s16le'}}|-|0|0",
        "/v1/tts|{'output_format':{'codec':'pcm','sample_rate':24000}}|pcm|24000|2",
        "/v1/tts|{'output_format':{'codec':'mp3','sample_rate':24000}}|-|0|0",
        "/v1/tts|{'output_format':{'codec':'pcm'}}|-|0|0"
      })
  void bodiesNameRawFormats(
      String path, String body, @Nullable String format, int rate, int frame) {
    SpeechRequest request = read(post(path, JSON), "https://tts.test", body.replace('\'', '"'));
    assertRaw(request, ANY, format, rate, frame);
  }

  @Test
  void theAnswersRateIsTheRealOne() {
    MediaType answer = MediaType.of("audio/pcm; rate=48000");
    SpeechRequest openAi =
        read(post("/v1/audio/speech", JSON), "https://tts.test", "{\"response_format\":\"pcm\"}");
    assertRaw(openAi, answer, "pcm", 48_000, 2);
    SpeechRequest deepgram =
        Objects.requireNonNull(head(post("/v1/speak?encoding=linear16&sample_rate=8000", JSON)));
    assertRaw(deepgram, answer, "pcm", 48_000, 2);
  }

  @Test
  void aProviderWithAnotherDefaultIsNotTakenForOpenAi() {
    FakeRequest request = post("/v1/audio/speech", JSON);
    String body = "{\"response_format\":\"pcm\"}";
    assertRaw(read(request, "https://api.siliconflow.cn", body), ANY, null, 0, 0);
  }

  // ---- with the answer

  private static long measured(SpeechRequest request, @Nullable String type, byte[] sound) {
    Headers headers = type == null ? Headers.empty() : Headers.of("Content-Type", type);
    AudioMeter meter = Objects.requireNonNull(AudioMeter.of(request, 200, headers));
    meter.observe(ByteBuffer.wrap(sound), 0, sound.length, 0);
    return Objects.requireNonNull(meter.stats()).durationNanos();
  }

  @Test
  void whatWasAskedForIsBelievedUnlessTheBytesSayOtherwise() {
    SpeechRequest pcm =
        read(post("/v1/audio/speech", JSON), "https://tts.test", "{\"response_format\":\"pcm\"}");
    long second = 1_000_000_000L;
    assertThat(measured(pcm, "audio/pcm", new byte[48_000])).isEqualTo(second);
    assertThat(measured(pcm, null, new byte[48_000])).isEqualTo(second);
    assertThat(measured(pcm, "application/octet-stream", new byte[48_000])).isEqualTo(second);
    // Some call everything so.
    assertThat(measured(pcm, "audio/mpeg", new byte[48_000])).isEqualTo(second);
    assertThat(measured(pcm, "audio/mpeg", Sounds.mp3(10))).isEqualTo(11_520 * second / 44_100);
    assertThat(measured(pcm, "audio/pcm", Sounds.wav(8000, 8000))).isEqualTo(second);
  }

  @Test
  void anAnswerWithoutATypeIsToldByItsBytes() {
    SpeechRequest request = Objects.requireNonNull(head(post("/v1/audio/speech", JSON)));
    long second = 1_000_000_000L;
    assertThat(measured(request, null, Sounds.mp3(10))).isEqualTo(11_520 * second / 44_100);
    assertThat(measured(request, null, Sounds.wav(8000, 8000))).isEqualTo(second);
    assertThat(measured(request, null, new byte[999])).isEqualTo(-1);
  }
}
