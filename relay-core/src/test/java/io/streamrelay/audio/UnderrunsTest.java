package io.streamrelay.audio;

import static org.assertj.core.api.Assertions.assertThat;

import io.streamrelay.http.Headers;
import io.streamrelay.observe.AudioStats;
import io.streamrelay.testkit.Sounds;
import java.nio.ByteBuffer;
import java.util.Objects;
import org.junit.jupiter.api.Test;

/** When a player would have run dry. */
class UnderrunsTest {
  private static final long MILLI = 1_000_000;

  /** One byte is one millisecond. */
  private final AudioMeter meter =
      Objects.requireNonNull(
          AudioMeter.of(null, 200, Headers.of("Content-Type", "audio/L8;rate=1000")));

  private void at(long millis, int soundMillis) {
    ByteBuffer chunk = ByteBuffer.allocate(soundMillis);
    // Readings of the clock may be any.
    meter.observe(chunk, 0, soundMillis, Long.MAX_VALUE - 50 * MILLI + millis * MILLI);
  }

  private void assertDry(int times, long millis, long spanMillis) {
    AudioStats stats = Objects.requireNonNull(meter.stats());
    assertThat(stats.underruns()).isEqualTo(times);
    assertThat(stats.underrunNanos()).isEqualTo(millis * MILLI);
    assertThat(stats.spanNanos()).isEqualTo(spanMillis * MILLI);
  }

  @Test
  void soundThatComesInTimeNeverRunsDry() {
    at(0, 100);
    at(100, 100);
    at(150, 100);
    at(299, 100);
    assertDry(0, 0, 299);
  }

  @Test
  void whatComesTooLateCountsFromWhenTheLastSoundWasOver() {
    at(0, 100);
    at(160, 100);
    assertDry(1, 60, 160);
  }

  @Test
  void afterwardsThePlayerIsLate() {
    at(0, 100);
    at(160, 100);
    // Plays from 160 to 260.
    at(255, 100);
    at(400, 10);
    assertDry(2, 60 + 40, 400);
  }

  @Test
  void aSmallDelayIsBridged() {
    at(0, 100);
    at(110, 100);
    at(200, 100);
    assertDry(0, 0, 200);
  }

  @Test
  void smallDelaysAddUp() {
    at(0, 20);
    at(24, 20);
    at(48, 20);
    assertDry(0, 0, 48);
    at(72, 20);
    assertDry(1, 12, 72);
    at(96, 20);
    at(120, 20);
    at(144, 20);
    assertDry(2, 24, 144);
  }

  @Test
  void whatWasLaidByCoversALaterGap() {
    at(0, 1000);
    at(10, 1000);
    at(1990, 100);
    assertDry(0, 0, 1990);
  }

  @Test
  void theEndIsNoUnderrun() {
    byte[] sound = Sounds.riff(Sounds.fmt(1, 1, 1000, 8), Sounds.chunk("data", new byte[100]));
    byte[] file = Sounds.join(sound, Sounds.chunk("LIST", new byte[50]));
    AudioMeter wav =
        Objects.requireNonNull(AudioMeter.of(null, 200, Headers.of("Content-Type", "audio/wav")));
    wav.observe(ByteBuffer.wrap(file), 0, sound.length, 0);
    wav.observe(ByteBuffer.wrap(file), sound.length, file.length, 5000 * MILLI);
    AudioStats stats = Objects.requireNonNull(wav.stats());
    assertThat(stats.durationNanos()).isEqualTo(100 * MILLI);
    assertThat(stats.underruns()).isZero();
  }

  @Test
  void whatIsNoSoundYetFeedsNoPlayer() {
    byte[] frames = Sounds.mp3(3);
    AudioMeter mp3 =
        Objects.requireNonNull(AudioMeter.of(null, 200, Headers.of("Content-Type", "audio/mpeg")));
    ByteBuffer chunk = ByteBuffer.wrap(frames);
    // The player starts when the first frame is whole; 26 ms each.
    mp3.observe(chunk, 0, 100, 0);
    mp3.observe(chunk, 100, 418, 500 * MILLI);
    mp3.observe(chunk, 418, 700, 510 * MILLI);
    mp3.observe(chunk, 700, 835, 525 * MILLI);
    AudioStats stats = Objects.requireNonNull(mp3.stats());
    assertThat(stats.underruns()).isZero();
    mp3.observe(chunk, 835, 836, 600 * MILLI);
    assertThat(Objects.requireNonNull(mp3.stats()).underruns()).isZero();
    mp3.observe(chunk, 836, frames.length, 610 * MILLI);
    stats = Objects.requireNonNull(mp3.stats());
    assertThat(stats.underruns()).isEqualTo(1);
    assertThat(stats.underrunNanos()).isEqualTo(110 * MILLI - 2 * 1152 * 1_000_000_000L / 44_100);
  }
}
