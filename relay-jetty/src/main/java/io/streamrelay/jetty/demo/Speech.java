package io.streamrelay.jetty.demo;

import com.fasterxml.jackson.databind.JsonNode;
import io.streamrelay.jetty.demo.Reply.Step;
import java.io.StringReader;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.AbstractList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.xml.stream.XMLInputFactory;
import javax.xml.stream.XMLStreamException;
import javax.xml.stream.XMLStreamReader;
import org.jspecify.annotations.Nullable;

/**
 * Text to speech, of a kind: Azure's "Text to speech REST API" and OpenAI's "Create speech".
 *
 * <p>The length is known from the text, so a WAV header is right from the start.
 */
final class Speech {
  /** How much sound one piece holds. */
  static final int PIECE_MILLIS = 50;

  private static final Pattern AZURE_FORMAT =
      Pattern.compile("(riff|raw)-(8|16|24|48)khz-16bit-mono-pcm");

  private static final int WAV_HEADER_BYTES = 44;

  private Speech() {}

  static Reply azure(Call call) throws Refusal {
    String asked = call.headers().get("X-Microsoft-OutputFormat");
    String format = asked == null ? "riff-24khz-16bit-mono-pcm" : asked;
    Matcher matcher = AZURE_FORMAT.matcher(format);
    if (!matcher.matches()) {
      throw Refusal.badRequest(
          "X-Microsoft-OutputFormat: is "
              + format
              + " (the demo speaks: riff- or raw-, 8, 16, 24"
              + " or 48khz, -16bit-mono-pcm).");
    }
    Ssml ssml = Ssml.parse(call.body());
    Fault fault = call.fault(ssml.voice(), null);
    boolean wav = matcher.group(1).equals("riff");
    int samplesPerSecond = Integer.parseInt(matcher.group(2)) * 1000;
    Melody melody = new Melody(ssml.text(), samplesPerSecond);
    String contentType = wav ? "audio/x-wav" : "audio/pcm";
    return play(call, fault, contentType, melody, samplesPerSecond, wav);
  }

  static Reply openAi(Call call) throws Refusal {
    JsonNode request = Json.object(call.body());
    Fault fault = call.fault(Json.text(request, "model"), request.path("voice").asText());
    String text = Json.text(request, "input");
    String format = request.path("response_format").asText("mp3");
    if (!format.equals("wav") && !format.equals("pcm")) {
      throw Refusal.badRequest(
          "response_format: is "
              + format
              + ", the API's default being mp3; the demo supports wav"
              + " and pcm.");
    }
    if (text.isBlank()) {
      throw Refusal.badRequest("input: is blank (expected: some text).");
    }
    boolean wav = format.equals("wav");
    int samplesPerSecond = 24_000;
    Melody melody = new Melody(text, samplesPerSecond);
    return play(call, fault, wav ? "audio/wav" : "audio/pcm", melody, samplesPerSecond, wav);
  }

  private static Reply play(
      Call call,
      Fault fault,
      String contentType,
      Melody melody,
      int samplesPerSecond,
      boolean wav) {
    Pace pace = fault.pace(call.pace());
    int samplesPerPiece = samplesPerSecond * PIECE_MILLIS / 1000;
    int pieces = (melody.samples() + samplesPerPiece - 1) / samplesPerPiece;
    // Computed piece by piece as they are played, so that a long text costs no memory.
    List<Step> steps =
        new AbstractList<>() {
          @Override
          public Step get(int index) {
            int from = index * samplesPerPiece;
            ByteBuffer pcm = melody.pcm(from, Math.min(from + samplesPerPiece, melody.samples()));
            if (index > 0) {
              return new Step(pace.audioGap(), pcm);
            }
            return new Step(
                pace.thinkTime(), wav ? wav(pcm, melody.samples(), samplesPerSecond) : pcm);
          }

          @Override
          public int size() {
            return pieces;
          }
        };
    return fault.audio(pace, contentType, steps);
  }

  /** Puts the header of a WAV file before its first samples. */
  private static ByteBuffer wav(ByteBuffer first, int samples, int samplesPerSecond) {
    int dataBytes = samples * Melody.BYTES_PER_SAMPLE;
    return ByteBuffer.allocate(WAV_HEADER_BYTES + first.remaining())
        .order(ByteOrder.LITTLE_ENDIAN)
        .put(ascii("RIFF"))
        .putInt(WAV_HEADER_BYTES - 8 + dataBytes)
        .put(ascii("WAVEfmt "))
        .putInt(16)
        .putShort((short) 1) // PCM
        .putShort((short) 1) // mono
        .putInt(samplesPerSecond)
        .putInt(samplesPerSecond * Melody.BYTES_PER_SAMPLE)
        .putShort((short) Melody.BYTES_PER_SAMPLE)
        .putShort((short) 16)
        .put(ascii("data"))
        .putInt(dataBytes)
        .put(first)
        .flip();
  }

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }

  /**
   * What an SSML document asks for.
   *
   * @param voice the first voice's name
   * @param text all that is to be said
   */
  private record Ssml(@Nullable String voice, String text) {
    static Ssml parse(String xml) throws Refusal {
      XMLInputFactory factory = XMLInputFactory.newFactory();
      factory.setProperty(XMLInputFactory.SUPPORT_DTD, false);
      factory.setProperty(XMLInputFactory.IS_SUPPORTING_EXTERNAL_ENTITIES, false);
      String root = null;
      String voice = null;
      StringBuilder text = new StringBuilder();
      try {
        XMLStreamReader reader = factory.createXMLStreamReader(new StringReader(xml));
        while (reader.hasNext()) {
          int event = reader.next();
          if (event == XMLStreamReader.START_ELEMENT) {
            String name = reader.getLocalName();
            root = root == null ? name : root;
            voice =
                voice == null && name.equals("voice")
                    ? reader.getAttributeValue(null, "name")
                    : voice;
          } else if (event == XMLStreamReader.CHARACTERS || event == XMLStreamReader.CDATA) {
            text.append(reader.getText());
          }
        }
      } catch (XMLStreamException e) {
        throw Refusal.badRequest("The body is not SSML: it is not well-formed XML.");
      }
      if (!"speak".equals(root) || text.toString().isBlank()) {
        throw Refusal.badRequest("The body is not SSML: expected <speak> with some text in it.");
      }
      return new Ssml(voice, text.toString());
    }
  }
}
