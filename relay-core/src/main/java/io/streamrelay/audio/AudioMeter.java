package io.streamrelay.audio;

import io.streamrelay.http.Headers;
import io.streamrelay.observe.AudioStats;
import java.nio.ByteBuffer;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Measures one answer of audio as it is handed to a client.
 *
 * <p>What the bytes are is decided by their first four if these are a format's own sign (RIFF, Ogg,
 * FLAC, WebM, an ID3 tag, a frame of MPEG audio or ADTS), else by what the request asked for, else
 * by the answer's {@code Content-Type}: {@code audio/L8}, {@code L16}, {@code L24} (RFC 3551, RFC
 * 3190), {@code audio/PCMU}, {@code PCMA} (RFC 3551), {@code audio/basic} (RFC 2046) and {@code
 * audio/pcm}, each with {@code rate} and {@code channels}.
 *
 * <p>The length is read of {@link WavScanner WAV}, {@link FrameScanner MP3 and ADTS}, {@link
 * OggScanner Opus and Vorbis in Ogg} and raw samples. It is unknown of FLAC, WebM, MP4, AMR, Opus
 * without a container, and of raw samples whose rate nobody told: rather no number than a wrong
 * one.
 *
 * <p>Memory is bounded and small; nothing is allocated per chunk. The clock is not read here: each
 * chunk comes with the reading that was taken when it was written.
 *
 * <p><b>Threads.</b> One instance per answer, used by one thread at a time.
 */
public final class AudioMeter {
  private static final int SIGN_BYTES = 4;

  private static final Set<String> NO_TYPE =
      Set.of("", "application/octet-stream", "binary/octet-stream", "application/x-octet-stream");

  private static final Set<String> FRAMED =
      Set.of(
          "audio/mpeg",
          "audio/mp3",
          "audio/x-mp3",
          "audio/mpeg3",
          "audio/x-mpeg",
          "audio/aac",
          "audio/aacp",
          "audio/x-aac");

  /** First bytes of all signs. */
  private static final String FIRST_BYTES = "ROfI\u001a\u00ff";

  private final MediaType type;
  private final @Nullable PcmFormat asked;
  private final byte[] sign = new byte[SIGN_BYTES];
  private final Underruns underruns = new Underruns();
  private int signLength;
  private @Nullable SoundScanner scanner;
  private boolean begun;
  private long firstNanos;
  private long lastNanos;

  private AudioMeter(MediaType type, @Nullable PcmFormat asked) {
    this.type = type;
    this.asked = asked;
  }

  /**
   * Looks at an answer's head. Audio is what calls itself {@code audio/*} or {@code
   * application/ogg}; after a request for speech also what has no type or is an {@code
   * application/octet-stream}. It is not looked into if it failed or is compressed.
   *
   * @param speech the request; null if it asked for no speech
   * @param status the upstream's
   * @param answer the upstream's header fields
   * @return null if there is no audio to measure
   */
  public static @Nullable AudioMeter of(
      @Nullable SpeechRequest speech, int status, Headers answer) {
    String coding = answer.first("content-encoding");
    boolean plain = coding == null || coding.equalsIgnoreCase("identity");
    if (status < 200 || status > 299 || status == 204 || !plain) {
      return null;
    }
    MediaType type = MediaType.of(answer.first("content-type"));
    String name = type.name();
    boolean audio =
        (name.startsWith("audio/") && !name.endsWith("mpegurl"))
            || name.equals("application/ogg")
            || (speech != null && NO_TYPE.contains(name));
    return audio ? new AudioMeter(type, speech == null ? null : speech.raw(type)) : null;
  }

  /**
   * Looks at bytes that were handed to the client.
   *
   * @param chunk heap or direct; its position and limit stay as they are
   * @param from index of the first byte
   * @param to index behind the last byte
   * @param now the ticker's reading after they were written
   */
  public void observe(ByteBuffer chunk, int from, int to, long now) {
    int at = from;
    SoundScanner reading = scanner;
    if (reading == null) {
      while (at < to && !isSignWhole()) {
        sign[signLength] = chunk.get(at);
        signLength++;
        at++;
      }
      if (!isSignWhole()) {
        return;
      }
      reading = choose();
      scanner = reading;
      reading.scan(ByteBuffer.wrap(sign), 0, signLength);
    }
    reading.scan(chunk, at, to);
    if (!reading.soundSeen()) {
      return;
    }
    if (!begun) {
      begun = true;
      firstNanos = now;
    }
    lastNanos = now;
    long duration = reading.durationNanos();
    if (duration > 0) {
      underruns.delivered(now, duration);
    }
  }

  /** Whether enough has come to tell what it is. */
  private boolean isSignWhole() {
    return signLength == SIGN_BYTES || (signLength > 0 && FIRST_BYTES.indexOf(sign[0] & 0xff) < 0);
  }

  private SoundScanner choose() {
    if (signLength == SIGN_BYTES) {
      if (HeaderScanner.says(sign, 0, "RIFF")) {
        return new WavScanner();
      }
      if (HeaderScanner.says(sign, 0, "OggS")) {
        return new OggScanner();
      }
      if (HeaderScanner.says(sign, 0, "fLaC")) {
        return new FlacScanner();
      }
      if (sign[0] == 0x1a && HeaderScanner.says(sign, 1, "E") && (sign[2] & 0xff) == 0xdf) {
        return new OpaqueScanner("webm");
      }
    }
    boolean frames = signLength == SIGN_BYTES && FrameScanner.mayBegin(sign);
    boolean framed = FRAMED.contains(type.name());
    PcmFormat raw = asked == null ? described() : asked;
    if (raw != null) {
      return framed && frames ? new FrameScanner() : new PcmScanner(raw);
    }
    boolean named = !NO_TYPE.contains(type.name());
    return framed || (frames && !named) ? new FrameScanner() : new OpaqueScanner(label());
  }

  /** What the type itself says of raw samples; null if that is not enough. */
  private @Nullable PcmFormat described() {
    String name = type.name();
    long rate = type.number("rate", type.number("samplerate", 0));
    long channels = type.number("channels", 1);
    return switch (name) {
      case "audio/l8", "audio/l16", "audio/l24" ->
          PcmFormat.of(name.substring("audio/".length()), rate, channels);
      case "audio/pcm", "audio/x-pcm" ->
          type.parameter("encoding") == null && type.number("bits", 16) == 16
              ? PcmFormat.of("pcm", rate, channels)
              : null;
      case "audio/basic", "audio/pcmu", "audio/mulaw", "audio/x-mulaw", "audio/ulaw" ->
          PcmFormat.of("mulaw", rate == 0 ? 8000 : rate, channels);
      case "audio/pcma", "audio/alaw", "audio/x-alaw" ->
          PcmFormat.of("alaw", rate == 0 ? 8000 : rate, channels);
      default -> null;
    };
  }

  private String label() {
    String name = type.name();
    for (String known : new String[] {"wav", "ogg", "opus", "flac", "webm", "mp4", "amr", "pcm"}) {
      if (name.contains(known)) {
        return known;
      }
    }
    return "other";
  }

  /**
   * Tells when the first byte of sound was handed over. The header of a file or stream, a tag, and
   * the first frame of an MP3 if it holds a table are no sound.
   *
   * @param otherwise what to return if there was none yet
   * @return a reading of the ticker
   */
  public long firstAudioNanos(long otherwise) {
    return begun ? firstNanos : otherwise;
  }

  /**
   * Sums up what was handed over.
   *
   * @return null if there was no sound
   */
  public @Nullable AudioStats stats() {
    SoundScanner reading = scanner;
    if (reading == null || !begun) {
      return null;
    }
    long duration = reading.durationNanos();
    boolean known = duration >= 0;
    return new AudioStats(
        reading.format(),
        duration,
        lastNanos - firstNanos,
        known ? underruns.count() : -1,
        known ? underruns.dryNanos() : -1);
  }
}
