package io.streamrelay.audio;

import static io.streamrelay.testkit.Sounds.chunk;
import static io.streamrelay.testkit.Sounds.fmt;
import static io.streamrelay.testkit.Sounds.id3;
import static io.streamrelay.testkit.Sounds.join;
import static io.streamrelay.testkit.Sounds.mp3;
import static io.streamrelay.testkit.Sounds.mp3Frame;
import static io.streamrelay.testkit.Sounds.noise;
import static io.streamrelay.testkit.Sounds.oggOpus;
import static io.streamrelay.testkit.Sounds.riff;
import static io.streamrelay.testkit.Sounds.wav;
import static org.assertj.core.api.Assertions.assertThat;

import io.streamrelay.http.Headers;
import io.streamrelay.observe.AudioStats;
import io.streamrelay.testkit.Sounds;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Objects;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** How long the sound is, by format, however it is sliced. */
class AudioMeterTest {
  private static final int SLICINGS = 20;
  private static final long SECOND = 1_000_000_000L;

  private static AudioMeter meter(String contentType) {
    return Objects.requireNonNull(
        AudioMeter.of(null, 200, Headers.of("Content-Type", contentType)), contentType);
  }

  private static @Nullable AudioStats measure(AudioMeter meter, Iterable<ByteBuffer> slices) {
    long now = 0;
    for (ByteBuffer slice : slices) {
      meter.observe(slice, slice.position(), slice.limit(), now++);
    }
    return meter.stats();
  }

  /** The same at every slicing, and what the buffers' position and limit are, they stay. */
  private static AudioStats measure(String contentType, byte[] sound) {
    AudioStats first = null;
    for (int seed = 0; seed < SLICINGS; seed++) {
      AudioStats stats =
          Objects.requireNonNull(
              measure(meter(contentType), Sounds.slices(sound, new Random(seed))),
              "slicing " + seed);
      first = first == null ? stats : first;
      assertThat(stats.durationNanos()).as("slicing %s", seed).isEqualTo(first.durationNanos());
      assertThat(stats.format()).as("slicing %s", seed).isEqualTo(first.format());
    }
    return Objects.requireNonNull(first);
  }

  private static void assertMeasures(
      String contentType, byte[] sound, String format, long samples, int rate) {
    AudioStats stats = measure(contentType, sound);
    assertThat(stats.format()).isEqualTo(format);
    // Streams that follow one another are each rounded down to a nanosecond.
    assertThat(stats.durationNanos())
        .isBetween(samples * SECOND / rate - 3, samples * SECOND / rate);
  }

  private static void assertUnknown(String contentType, byte[] sound, String format) {
    AudioStats stats = measure(contentType, sound);
    assertThat(stats.format()).isEqualTo(format);
    assertThat(stats.durationNanos()).isEqualTo(-1);
    assertThat(stats.underruns()).isEqualTo(-1);
    assertThat(stats.underrunNanos()).isEqualTo(-1);
  }

  /** When the first sound is seen, in bytes from the start, byte by byte. */
  private static long firstSoundAt(String contentType, byte[] sound) {
    AudioMeter meter = meter(contentType);
    ByteBuffer buffer = ByteBuffer.wrap(sound);
    for (int i = 0; i < sound.length; i++) {
      meter.observe(buffer, i, i + 1, i);
    }
    return meter.firstAudioNanos(-1);
  }

  // ---- WAV

  @ParameterizedTest
  @CsvSource({
    "1,1,24000,16",
    "1,2,44100,16",
    "1,1,8000,8",
    "1,2,48000,24",
    "1,1,16000,32",
    "3,1,22050,32",
    "3,2,48000,64",
    "6,1,8000,8",
    "7,1,8000,8"
  })
  void aWavIsAsLongAsItsSamples(int tag, int channels, int rate, int bits) {
    int samples = 4321;
    byte[] data = noise(samples * channels * bits / 8, 1);
    assertMeasures(
        "audio/wav",
        riff(fmt(tag, channels, rate, bits), chunk("data", data)),
        "wav",
        samples,
        rate);
  }

  @ParameterizedTest
  @ValueSource(longs = {0, 0xffff_ffffL, 0x7fff_ffffL, 0xffff_ff00L})
  void aWavThatWasBegunBeforeItsLengthWasKnownGoesOnToTheEnd(long size) {
    byte[] sound = riff(fmt(1, 1, 24_000, 16), chunk("data", size, noise(2 * 777, 2)));
    assertMeasures("audio/x-wav", sound, "wav", 777, 24_000);
  }

  @Test
  void chunksAroundTheSamplesAreNoSound() {
    byte[] sound =
        riff(
            chunk("LIST", noise(27, 3)),
            chunk("JUNK", new byte[0]),
            fmt(1, 1, 8000, 8),
            chunk("fact", noise(4, 4)),
            chunk("data", noise(333, 5)),
            chunk("LIST", noise(100, 6)));
    assertMeasures("audio/wav", sound, "wav", 333, 8000);
  }

  @Test
  void theExtensibleHeaderIsRead() {
    ByteBuffer extensible =
        ByteBuffer.allocate(40)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putShort((short) 0xfffe)
            .putShort((short) 6)
            .putInt(48_000)
            .putInt(48_000 * 18)
            .putShort((short) 18)
            .putShort((short) 24)
            .putShort((short) 22)
            .putShort((short) 24)
            .putInt(0x3f)
            .putShort((short) 1);
    byte[] sound = riff(chunk("fmt ", extensible.array()), chunk("data", noise(18 * 500, 7)));
    assertMeasures("audio/wav", sound, "wav", 500, 48_000);
  }

  @Test
  void wavsThatFollowOneAnotherAreAddedUp() {
    byte[] sound = join(wav(24_000, 100), wav(24_000, 200), wav(24_000, 300));
    assertMeasures("audio/wav", sound, "wav", 600, 24_000);
  }

  @Test
  void aWavIsMeasuredWhateverItIsCalled() {
    assertMeasures("audio/mpeg", wav(16_000, 1600), "wav", 1600, 16_000);
  }

  @ParameterizedTest
  @CsvSource({
    "2,1,24000,16",
    "17,1,24000,16",
    "85,1,24000,16",
    "1,0,24000,16",
    "1,1,0,16",
    "1,1,24000,0"
  })
  void aWavOfSamplesThatAreNotCountedByBytesIsOfUnknownLength(
      int tag, int channels, int rate, int bits) {
    assertUnknown(
        "audio/wav", riff(fmt(tag, channels, rate, bits), chunk("data", noise(999, 8))), "wav");
  }

  @Test
  void aWavThatIsLongerThanItSaysIsOfUnknownLength() {
    byte[] sound = join(wav(24_000, 100), new byte[1000]);
    assertUnknown("audio/wav", sound, "wav");
  }

  @Test
  void aWavWithoutAHeaderIsOfUnknownLength() {
    assertUnknown("audio/wav", noise(1000, 9), "wav");
    assertUnknown("audio/wav", join(Sounds.ascii("RIFF....AVI "), noise(1000, 9)), "wav");
    assertUnknown("audio/wav", riff(chunk("data", noise(1000, 9))), "wav");
  }

  @Test
  void theFirstSoundOfAWavIsItsFirstSample() {
    assertThat(firstSoundAt("audio/wav", wav(24_000, 10))).isEqualTo(44);
  }

  // ---- MP3

  @ParameterizedTest
  @CsvSource({
    "3,0,1152,44100",
    "3,1,1152,48000",
    "3,2,1152,32000",
    "2,0,576,22050",
    "2,1,576,24000",
    "2,2,576,16000",
    "0,0,576,11025",
    "0,1,576,12000",
    "0,2,576,8000"
  })
  void framesOfEveryBitrateCountAsTheirSamples(int version, int rate, int samples, int hertz) {
    byte[] sound = new byte[0];
    int frames = 0;
    for (int bitrate = 1; bitrate <= 14; bitrate++) {
      for (int padded = 0; padded < 2; padded++) {
        sound = join(sound, mp3Frame(version, bitrate, rate, padded == 1, frames));
        frames++;
      }
    }
    assertMeasures("audio/mpeg", sound, "mp3", (long) frames * samples, hertz);
  }

  @Test
  void framesAreAsLongAsTheStandardSays() {
    assertThat(mp3Frame(3, 9, 0, false, 0)).hasSize(417);
    assertThat(mp3Frame(3, 9, 0, true, 0)).hasSize(418);
    assertThat(mp3Frame(2, 8, 1, false, 0)).hasSize(192);
  }

  @Test
  void tagsAreNoSound() {
    assertMeasures("audio/mpeg", join(id3(3000), mp3(10)), "mp3", 11_520, 44_100);
    assertMeasures("audio/mpeg", join(id3(0), mp3(10), id3(20)), "mp3", 11_520, 44_100);
    byte[] old = join(Sounds.ascii("TAG"), noise(125, 10));
    assertMeasures("audio/mpeg", join(mp3(10), old), "mp3", 11_520, 44_100);
    assertMeasures("audio/mpeg", join(mp3(1), old), "mp3", 1152, 44_100);
    assertMeasures("audio/mpeg", join(id3(9), mp3(3), id3(9), mp3(2)), "mp3", 5 * 1152, 44_100);
  }

  @ParameterizedTest
  @CsvSource({"Xing,21", "Info,21", "VBRI,36", "Xing,23"})
  void theFrameWithATableIsNoSound(String name, int at) {
    byte[] table = mp3Frame(3, 9, 0, false, 11);
    System.arraycopy(Sounds.ascii(name), 0, table, at, 4);
    assertMeasures("audio/mpeg", join(table, mp3(10)), "mp3", 11_520, 44_100);
    assertMeasures("audio/mpeg", join(id3(50), table, mp3(1)), "mp3", 1152, 44_100);
    assertThat(firstSoundAt("audio/mpeg", join(table, mp3(2)))).isBetween(417L, 417L + 6);
  }

  @Test
  void aFrameCountsWhenItIsWhole() {
    byte[] sound = mp3(3);
    byte[] cut = Arrays.copyOf(sound, sound.length - 1);
    assertMeasures("audio/mpeg", cut, "mp3", 2 * 1152, 44_100);
    assertMeasures("audio/mpeg", mp3(1), "mp3", 1152, 44_100);
  }

  @Test
  void framesAreFoundAgainBehindGarbage() {
    byte[] sound = join(mp3(10), noise(500, 12), mp3(10), new byte[700], mp3(10));
    assertMeasures("audio/mpeg", sound, "mp3", 30 * 1152, 44_100);
  }

  @Test
  void framesOfAnotherRateMayFollow() {
    byte[] other =
        join(mp3Frame(2, 8, 1, false, 1), mp3Frame(2, 8, 1, false, 2), mp3Frame(2, 8, 1, false, 3));
    AudioStats stats = measure("audio/mpeg", join(mp3(10), other));
    assertThat(stats.durationNanos())
        .isEqualTo(11_520 * SECOND / 44_100 + 3 * 576 * SECOND / 24_000);
  }

  @Test
  void garbageIsOfUnknownLength() {
    byte[] garbage = noise(100_000, 13);
    garbage[0] = 0;
    AudioMeter meter = meter("audio/mpeg");
    // Not even the start of sound is believed.
    assertThat(measure(meter, Sounds.slices(garbage, new Random(1)))).isNull();
    assertUnknown("audio/mpeg", join(mp3(3), noise(100_000, 14)), "mp3");
  }

  @Test
  void aFrameThatNothingFollowsWasNone() {
    byte[] sound = join(mp3(1), noise(50, 15));
    assertUnknown("audio/mpeg", sound, "mp3");
  }

  @Test
  void theFirstSoundOfAnMp3IsBehindItsTag() {
    assertThat(firstSoundAt("audio/mpeg", join(id3(300), mp3(3)))).isBetween(310L, 310L + 41);
  }

  // ---- AAC

  @ParameterizedTest
  @CsvSource({"3,48000", "4,44100", "6,24000", "8,16000", "11,8000", "12,7350"})
  void adtsFramesCountAs1024SamplesForEachBlock(int index, int rate) {
    byte[] sound = new byte[0];
    int blocks = 0;
    for (int i = 0; i < 40; i++) {
      int inFrame = 1 + i % 4;
      sound = join(sound, Sounds.adtsFrame(index, 7 + i * 53, inFrame, i));
      blocks += inFrame;
    }
    assertMeasures("audio/aac", sound, "aac", blocks * 1024L, rate);
  }

  // ---- Ogg

  @ParameterizedTest
  @CsvSource({"50,312,0", "50,3840,500", "7,0,959", "1,312,100", "200,312,1"})
  void opusIsAsLongAsItsPacketsWithoutWhatIsCutOff(int packets, int preSkip, int trim) {
    for (int seed = 0; seed < 10; seed++) {
      byte[] sound = oggOpus(packets, preSkip, trim, seed, seed);
      assertMeasures("audio/ogg", sound, "opus", packets * 960L - preSkip - trim, 48_000);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "0,480", "1,960", "2,1920", "3,2880", "11,2880", "12,480", "13,960", "15,960", "16,120",
    "17,240", "18,480", "19,960", "31,960"
  })
  void anOpusPacketIsAsLongAsItsFirstByteSays(int config, int samples) {
    Sounds.Ogg ogg = new Sounds.Ogg(config, 1);
    ogg.packet(Sounds.opusHead(0), 0).packet(Sounds.ascii("OpusTags"), 0);
    long total = 0;
    for (int code = 0; code < 4; code++) {
      byte[] packet = noise(60, code);
      packet[0] = (byte) (config << 3 | code);
      packet[1] = code == 3 ? 2 : packet[1];
      total += samples * (code == 0 ? 1L : 2L);
      ogg.packet(packet, total);
    }
    assertMeasures("audio/ogg", ogg.build(2), "opus", total, 48_000);
  }

  @Test
  void opusStreamsThatFollowOneAnotherAreAddedUp() {
    byte[] sound = join(oggOpus(20, 312, 0, 1, 1), oggOpus(30, 312, 400, 2, 2));
    assertMeasures("audio/ogg; codecs=opus", sound, "opus", 50 * 960 - 2 * 312 - 400, 48_000);
  }

  @Test
  void anOpusStreamThatWasCutOutOfAnotherBeginsAtZero() {
    Sounds.Ogg ogg = new Sounds.Ogg(3, 1);
    ogg.packet(Sounds.opusHead(312), 0).packet(Sounds.ascii("OpusTags"), 0);
    for (int i = 1; i <= 30; i++) {
      ogg.packet(Sounds.opus20ms(100, i), 1_000_000_000_000L + i * 960L);
    }
    assertMeasures("audio/ogg", ogg.build(2), "opus", 30 * 960 - 312, 48_000);
  }

  @Test
  void absurdGranulePositionsDoNotMakeOpusLonger() {
    Sounds.Ogg ogg = new Sounds.Ogg(4, 1);
    ogg.packet(Sounds.opusHead(0), 0).packet(Sounds.ascii("OpusTags"), 0);
    for (int i = 1; i <= 30; i++) {
      ogg.packet(Sounds.opus20ms(100, i), i % 2 == 0 ? Long.MAX_VALUE - i : -5);
    }
    assertMeasures("audio/ogg", ogg.build(2), "opus", 30 * 960, 48_000);
  }

  private static byte[] vorbis(long step) {
    Sounds.Ogg ogg = new Sounds.Ogg(5, 1);
    ogg.packet(Sounds.vorbisHead(22_050), 0)
        .packet(join(new byte[] {3}, Sounds.ascii("vorbis")), 0)
        .packet(join(new byte[] {5}, Sounds.ascii("vorbis"), noise(3000, 1)), 0);
    for (int i = 1; i <= 40; i++) {
      ogg.packet(noise(200 + i, i), i * step);
    }
    return ogg.build(3);
  }

  @Test
  void vorbisIsAsLongAsItsGranulePositionsSay() {
    assertMeasures("audio/ogg", vorbis(1024), "vorbis", 40 * 1024, 22_050);
  }

  @Test
  void vorbisWithAbsurdGranulePositionsIsOfUnknownLength() {
    assertUnknown("audio/ogg", vorbis(1_000_000), "vorbis");
    assertUnknown("audio/ogg", vorbis(-1024), "vorbis");
  }

  @Test
  void otherCodecsInOggAreOfUnknownLength() {
    Sounds.Ogg ogg = new Sounds.Ogg(6, 1);
    ogg.packet(Sounds.ascii("Speex   1.2"), 0).packet(noise(20, 1), 0).packet(noise(99, 2), 320);
    assertUnknown("audio/ogg", ogg.build(1), "ogg");
  }

  @Test
  void theFirstSoundOfOpusIsBehindItsHeaders() {
    byte[] sound = oggOpus(3, 312, 0, 7, 1);
    byte[] headers =
        new Sounds.Ogg(7, 1)
            .packet(Sounds.opusHead(312), 0)
            .packet(join(Sounds.ascii("OpusTags"), noise(700, 7)), 0)
            .build(2);
    assertThat(firstSoundAt("audio/ogg", sound)).isGreaterThan(headers.length + 26);
    assertThat(firstSoundAt("audio/ogg", sound)).isLessThan(headers.length + 27 + 13);
  }

  // ---- raw samples

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "audio/pcm;rate=24000|pcm|24000|2",
        "audio/L16;rate=16000;channels=1|pcm|16000|2",
        "audio/l16; Rate=\"44100\"; channels=2|pcm|44100|4",
        "audio/L24;rate=48000|pcm|48000|3",
        "audio/L8;rate=8000|pcm|8000|1",
        "audio/basic|mulaw|8000|1",
        "audio/PCMU|mulaw|8000|1",
        "audio/mulaw;rate=16000|mulaw|16000|1",
        "audio/PCMA|alaw|8000|1"
      })
  void rawSamplesAreMeasuredByWhatTheTypeSays(String type, String format, int rate, int frame) {
    byte[] samples = noise(3001 * frame, 20);
    samples[0] = 0;
    assertMeasures(type, samples, format, 3001, rate);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "audio/pcm",
        "audio/L16",
        "audio/L16;rate=0",
        "audio/L16;rate=-5",
        "audio/L16;rate=99999999999",
        "audio/L16;rate=24000;channels=0",
        "audio/pcm;rate=24000;encoding=float",
        "audio/pcm;rate=24000;bits=24",
        "audio/webm",
        "audio/mp4",
        "audio/amr-wb",
        "audio/flac",
        "audio/ogg",
        "audio/whatever"
      })
  void whatNobodyDescribesIsOfUnknownLength(String type) {
    byte[] samples = noise(5000, 21);
    samples[0] = 1;
    AudioStats stats = measure(type, samples);
    assertThat(stats.durationNanos()).isEqualTo(-1);
    assertThat(firstSoundAt(type, samples)).isEqualTo(0);
  }

  @Test
  void theFirstSoundOfFlacIsBehindItsMetadata() {
    byte[] sound =
        join(
            Sounds.ascii("fLaC"),
            new byte[] {0, 0, 0, 34},
            new byte[34],
            new byte[] {(byte) 0x84, 0, 1, 0},
            new byte[256],
            noise(500, 22));
    assertThat(firstSoundAt("audio/flac", sound)).isEqualTo(4 + 4 + 34 + 4 + 256);
    assertUnknown("audio/flac", sound, "flac");
  }

  @Test
  void webmIsToldByItsFirstBytes() {
    byte[] sound = join(new byte[] {0x1a, 0x45, (byte) 0xdf, (byte) 0xa3}, noise(100, 23));
    assertUnknown("audio/webm; codecs=opus", sound, "webm");
  }

  // ---- what is measured at all

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      nullValues = "-",
      value = {
        "404|audio/mpeg|-",
        "204|audio/mpeg|-",
        "200|application/json|-",
        "200|text/event-stream|-",
        "200|application/octet-stream|-",
        "200|audio/mpegurl|-",
        "200|audio/x-mpegurl|-",
        "200|-|-",
        "200|audio/mpeg|gzip"
      })
  void whatIsNoAudioIsNotMeasured(int status, @Nullable String type, @Nullable String coding) {
    Headers.Builder headers = Headers.builder();
    if (type != null) {
      headers.add("Content-Type", type);
    }
    if (coding != null) {
      headers.add("Content-Encoding", coding);
    }
    assertThat(AudioMeter.of(null, status, headers.build())).isNull();
  }

  @Test
  void anAnswerWithoutSoundHasNoStats() {
    assertThat(meter("audio/wav").stats()).isNull();
    byte[] head = Arrays.copyOf(wav(8000, 5), 44);
    assertThat(measure(meter("audio/wav"), Sounds.slices(head, new Random(1)))).isNull();
  }

  // ---- anything at all

  @Test
  void nothingMakesItThrowOrGrowAbsurd() {
    String[] types = {
      "audio/wav",
      "audio/mpeg",
      "audio/aac",
      "audio/ogg",
      "audio/flac",
      "audio/L16;rate=24000",
      "audio/webm",
      "audio/basic"
    };
    byte[][] sounds = {
      wav(24_000, 3000),
      mp3(12),
      oggOpus(30, 312, 100, 1, 1),
      vorbis(800),
      join(Sounds.adtsFrame(4, 300, 1, 1), Sounds.adtsFrame(4, 200, 1, 2)),
      noise(3000, 1)
    };
    for (int seed = 0; seed < 3000; seed++) {
      Random random = new Random(seed);
      byte[] sound = sounds[random.nextInt(sounds.length)].clone();
      for (int i = random.nextInt(20); i > 0; i--) {
        int at = random.nextInt(random.nextBoolean() ? sound.length : Math.min(80, sound.length));
        sound[at] = (byte) (random.nextBoolean() ? 0xff : random.nextInt(256));
      }
      String type = types[random.nextInt(types.length)];
      AudioMeter meter = meter(type);
      AudioStats stats = measure(meter, Sounds.slices(sound, random));
      AudioMeter again = meter(type);
      AudioStats other = measure(again, Sounds.slices(sound, new Random(seed + 1)));
      assertThat(other == null).as("seed %s", seed).isEqualTo(stats == null);
      if (stats != null && other != null) {
        assertThat(other.durationNanos()).as("seed %s", seed).isEqualTo(stats.durationNanos());
        // No byte is more than a frame of 120 ms, and a broken header of WAV no slower than 1 kHz.
        assertThat(stats.durationNanos())
            .as("seed %s", seed)
            .isBetween(-1L, sound.length * 120_000_000L);
      }
    }
  }
}
