package io.streamrelay.audio;

import io.streamrelay.http.Headers;
import io.streamrelay.observe.SpeechJson;
import io.streamrelay.observe.Usage;
import io.streamrelay.route.Route;
import io.streamrelay.transport.ClientRequest;
import java.nio.ByteBuffer;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Reads a request for speech while its body passes: how many characters are to be spoken, and how
 * the answer's samples will be written if they come without a header.
 *
 * <p>A request is one by the path that the upstream sees, or by its type {@code
 * application/ssml+xml}:
 *
 * <table>
 * <caption>What is counted, and where raw samples are asked for</caption>
 * <tr><th>API<th>path<th>text<th>raw samples
 * <tr><td>OpenAI and its like<td>{@code …/audio/speech}<td>{@code input}<td>{@code
 *     response_format: pcm}: 16 bits, mono, 24 kHz, or {@code sample_rate} where a provider has that
 * <tr><td>Azure Speech<td>{@code …/cognitiveservices/v1}<td>see {@link SsmlCharacters}<td>{@code
 *     X-Microsoft-OutputFormat: raw-…}
 * <tr><td>ElevenLabs<td>{@code …/text-to-speech/…}, {@code …/text-to-dialogue…}<td>{@code text},
 *     {@code inputs[].text}<td>{@code ?output_format=pcm_…}, {@code ulaw_…}, {@code alaw_…}
 * <tr><td>Deepgram<td>{@code …/v1/speak}<td>{@code text}<td>{@code ?encoding=linear16}, {@code
 *     mulaw} or {@code alaw}, and {@code sample_rate}, by default 24 or 8 kHz
 * <tr><td>Cartesia<td>{@code …/tts/bytes}, {@code …/tts/sse}<td>{@code transcript}<td>{@code
 *     output_format}: {@code container: raw}, {@code encoding}, {@code sample_rate}
 * <tr><td>Google<td>{@code …text:synthesize}<td>{@code input}: {@code text}, {@code ssml} or {@code
 *     markup}<td>none
 * <tr><td>MiniMax<td>{@code …/t2a_v2}<td>{@code text}<td>none
 * <tr><td>xAI and others<td>{@code …/v1/tts}<td>{@code text}<td>{@code output_format}: {@code
 *     codec}, {@code sample_rate}
 * </table>
 *
 * <p>Sources: the providers' API references for these paths; Microsoft Learn, "Text to speech REST
 * API", "Audio outputs".
 *
 * <p>Characters are Unicode code points of the text as it is meant, escapes resolved; only Azure's
 * are counted as Azure bills them. The text itself is never kept.
 *
 * <p><b>Threads.</b> Used by whoever reads the request body, and asked afterwards.
 */
public final class SpeechRequest {
  /** Who documents so; most who copy the API do the same. */
  private static final int OPENAI_RATE = 24_000;

  private static final int DEEPGRAM_RATE = 24_000;
  private static final int TELEPHONE_RATE = 8_000;

  private enum Api {
    OPENAI,
    AZURE,
    ELEVENLABS,
    DEEPGRAM,
    CARTESIA,
    GOOGLE,
    OTHER
  }

  private final Api api;
  private final @Nullable String provider;
  private final @Nullable String rawQuery;
  private final @Nullable String outputFormat;
  private final @Nullable SpeechJson json;
  private final @Nullable SsmlCharacters ssml;
  private long told = Usage.NOT_TOLD;

  private SpeechRequest(
      Api api,
      @Nullable String provider,
      ClientRequest request,
      @Nullable SpeechJson json,
      @Nullable SsmlCharacters ssml) {
    this.api = api;
    this.provider = provider;
    this.rawQuery = request.rawQuery();
    this.outputFormat = request.headers().first("x-microsoft-outputformat");
    this.json = json;
    this.ssml = ssml;
  }

  /**
   * Looks at a request's head.
   *
   * @param request the client's
   * @param route where it goes; null if nowhere
   * @return null if it asks for no speech
   */
  public static @Nullable SpeechRequest of(ClientRequest request, @Nullable Route route) {
    if (route == null || !request.method().equals("POST")) {
      return null;
    }
    Headers headers = request.headers();
    MediaType type = MediaType.of(headers.first("content-type"));
    String path = route.upstreamPath(request.rawPath());
    String charset = type.parameter("charset");
    boolean readable =
        !headers.contains("content-encoding") && (charset == null || charset.equals("utf-8"));
    boolean ssmlType = type.name().equals("application/ssml+xml");
    if (ssmlType || path.endsWith("/cognitiveservices/v1")) {
      SsmlCharacters counter =
          readable && type.name().endsWith("xml") ? new SsmlCharacters() : null;
      return new SpeechRequest(Api.AZURE, route.provider(), request, null, counter);
    }
    Api api = Api.OTHER;
    SpeechJson.Text text = SpeechJson.Text.TEXT;
    if (path.endsWith("/audio/speech")) {
      api = Api.OPENAI;
      text = SpeechJson.Text.INPUT;
    } else if (path.contains("/text-to-speech/")) {
      api = Api.ELEVENLABS;
    } else if (path.contains("/text-to-dialogue")) {
      api = Api.ELEVENLABS;
      text = SpeechJson.Text.INPUTS_TEXT;
    } else if (path.endsWith("/v1/speak")) {
      api = Api.DEEPGRAM;
    } else if (path.endsWith("/tts/bytes") || path.endsWith("/tts/sse")) {
      api = Api.CARTESIA;
      text = SpeechJson.Text.TRANSCRIPT;
    } else if (path.endsWith("text:synthesize")) {
      api = Api.GOOGLE;
      text = SpeechJson.Text.INPUT_MEMBER;
    } else if (!path.endsWith("/t2a_v2") && !path.endsWith("/v1/tts")) {
      return null;
    }
    boolean isJson = readable && type.name().contains("json");
    return new SpeechRequest(
        api, route.provider(), request, isJson ? new SpeechJson(text) : null, null);
  }

  /**
   * Looks at the body's next bytes.
   *
   * @param buffer heap or direct; its position and limit stay as they are
   * @param from index of the first byte
   * @param to index behind the last byte
   */
  public void look(ByteBuffer buffer, int from, int to) {
    if (json != null) {
      json.look(buffer, from, to);
    } else if (ssml != null) {
      ssml.look(buffer, from, to);
    }
  }

  /**
   * Looks at the answer's head. Deepgram tells its own count, in {@code dg-char-count}; ElevenLabs'
   * {@code character-cost} and {@code x-character-count} are not read, since they tell credits,
   * which for some models are not one a character.
   *
   * @param answer the upstream's header fields
   */
  public void answered(Headers answer) {
    String count = api == Api.DEEPGRAM ? answer.first("dg-char-count") : null;
    told = count == null ? Usage.NOT_TOLD : MediaType.number(count.strip());
  }

  /**
   * Counts the characters to be spoken.
   *
   * @return the provider's own count if it told one; {@link Usage#NOT_TOLD} if the body is no whole
   *     document of the kind that was expected
   */
  public long characters() {
    if (told >= 0) {
      return told;
    }
    if (json != null) {
      return json.characters();
    }
    return ssml == null ? Usage.NOT_TOLD : ssml.characters();
  }

  /**
   * How samples without a header are written, if such were asked for; null if that is not known.
   */
  @Nullable PcmFormat raw(MediaType answer) {
    return switch (api) {
      case AZURE -> outputFormat == null ? null : azure(outputFormat);
      case ELEVENLABS -> elevenLabs(queryParameter("output_format"));
      case DEEPGRAM -> deepgram(answer);
      case OPENAI -> openAi(answer);
      case CARTESIA, OTHER -> described();
      case GOOGLE -> null;
    };
  }

  /** For example {@code raw-24khz-16bit-mono-pcm} or {@code raw-8khz-8bit-mono-mulaw}. */
  private static @Nullable PcmFormat azure(String name) {
    String[] parts = name.toLowerCase(Locale.ROOT).strip().split("-", -1);
    if (parts.length != 5 || !parts[0].equals("raw") || !parts[3].equals("mono")) {
      return null;
    }
    String rate = parts[1];
    long hertz =
        rate.endsWith("khz")
            ? MediaType.number(rate.substring(0, rate.length() - 3)) * 1000
            : rate.endsWith("hz") ? MediaType.number(rate.substring(0, rate.length() - 2)) : -1;
    boolean bits = parts[2].equals(parts[4].equals("pcm") ? "16bit" : "8bit");
    return bits ? PcmFormat.of(parts[4], hertz, 1) : null;
  }

  /** For example {@code pcm_16000} or {@code ulaw_8000}. */
  private static @Nullable PcmFormat elevenLabs(@Nullable String name) {
    int underscore = name == null ? -1 : name.indexOf('_');
    return name == null || underscore < 0
        ? null
        : PcmFormat.of(
            name.substring(0, underscore), MediaType.number(name.substring(underscore + 1)), 1);
  }

  private @Nullable PcmFormat deepgram(MediaType answer) {
    String encoding = queryParameter("encoding");
    if (encoding == null) {
      return null;
    }
    String asked = queryParameter("sample_rate");
    long usual = encoding.equals("linear16") ? DEEPGRAM_RATE : TELEPHONE_RATE;
    long rate = answer.number("rate", asked == null ? usual : MediaType.number(asked));
    return PcmFormat.of(encoding, rate, 1);
  }

  private @Nullable PcmFormat openAi(MediaType answer) {
    SpeechJson body = json;
    if (body == null || !"pcm".equals(body.responseFormat())) {
      return null;
    }
    long asked = body.sampleRate();
    // SiliconFlow's default is another one.
    long usual = "siliconflow".equals(provider) ? -1 : OPENAI_RATE;
    return PcmFormat.of("pcm", answer.number("rate", asked > 0 ? asked : usual), 1);
  }

  private @Nullable PcmFormat described() {
    SpeechJson body = json;
    if (body == null) {
      return null;
    }
    String encoding = api == Api.CARTESIA ? body.encoding() : body.codec();
    boolean raw = api != Api.CARTESIA || "raw".equals(body.container());
    return raw && encoding != null ? PcmFormat.of(encoding, body.sampleRate(), 1) : null;
  }

  /** As it is written: what is looked for needs no escapes. */
  private @Nullable String queryParameter(String name) {
    if (rawQuery == null) {
      return null;
    }
    for (String pair : rawQuery.split("&", -1)) {
      if (pair.startsWith(name)
          && pair.length() > name.length()
          && pair.charAt(name.length()) == '=') {
        return pair.substring(name.length() + 1);
      }
    }
    return null;
  }
}
