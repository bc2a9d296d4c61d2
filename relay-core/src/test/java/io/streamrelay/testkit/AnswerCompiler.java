package io.streamrelay.testkit;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.zip.GZIPOutputStream;
import org.jspecify.annotations.Nullable;

/** Turns an {@link Answer} into what is done on the wire: shapes the body, frames it, cuts it. */
final class AnswerCompiler {
  /** How the body is framed. */
  enum Framing {
    /** By nothing: all is said in raw bytes. */
    NONE,
    CHUNKED,
    LENGTH,
    /** By the end of the connection. */
    CLOSE
  }

  /** When the answer begins. */
  enum Start {
    CONNECTED,
    HEAD,
    REQUEST
  }

  /** What a script consists of, in order. */
  @SuppressWarnings("ArrayRecordComponent") // Parts are never compared.
  sealed interface Part {
    record Body(byte[] bytes, long events) implements Part {}

    record Tokens(long count) implements Part {}

    record Raw(byte[] bytes) implements Part {}

    record Head() implements Part {}

    record Does(Step step) implements Part {}

    record Finish(List<String> trailers) implements Part {}

    record Loop(byte[] bytes, long nanos) implements Part {}
  }

  /** What holds for the whole script; not changed once an {@link Answer} has it. */
  static final class Options {
    String statusLine = "";
    List<String> headers = List.of();
    Framing framing = Framing.NONE;

    /** Negative for the true length. */
    long declaredLength = -1;

    String chunkExtension = "";
    boolean gzip;
    Answer.@Nullable LineEnds lineEnds;
    List<Long> splits = List.of();

    /** Zero for pieces as they come. */
    int pieceBytes;

    long paceNanos;

    /** Negative for no cut. */
    long cutAt = -1;

    boolean cutByReset;

    /** Zero for no trickle. */
    int trickleBytes;

    long trickleNanos;
    boolean trickleHeadOnly;
    Start start = Start.REQUEST;
    boolean unattended;

    Options() {}

    Options(Options from) {
      statusLine = from.statusLine;
      headers = from.headers;
      framing = from.framing;
      declaredLength = from.declaredLength;
      chunkExtension = from.chunkExtension;
      gzip = from.gzip;
      lineEnds = from.lineEnds;
      splits = from.splits;
      pieceBytes = from.pieceBytes;
      paceNanos = from.paceNanos;
      cutAt = from.cutAt;
      cutByReset = from.cutByReset;
      trickleBytes = from.trickleBytes;
      trickleNanos = from.trickleNanos;
      trickleHeadOnly = from.trickleHeadOnly;
      start = from.start;
      unattended = from.unattended;
    }
  }

  private final Options options;
  private final List<Part> parts;
  private final boolean messages;
  private final List<Step> steps = new ArrayList<>();
  private boolean headSent;
  private boolean finished;
  private boolean ended;
  private boolean anyPiece;
  private long bodySent;

  /**
   * Makes a compiler for one answer.
   *
   * @param messages whether heads and ends of bodies stay steps of their own, for HTTP/2, instead
   *     of becoming the bytes of HTTP/1.1
   */
  AnswerCompiler(Options options, List<Part> parts, boolean messages) {
    this.messages = messages;
    this.options = options;
    this.parts = shaped(options, parts);
  }

  /** The body without framing, cut or not. */
  byte[] body() {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    for (Part part : parts) {
      if (part instanceof Part.Body body) {
        all.writeBytes(body.bytes);
      }
    }
    byte[] whole = all.toByteArray();
    return options.cutAt < 0 ? whole : Arrays.copyOf(whole, (int) options.cutAt);
  }

  List<Step> steps() {
    long total = length();
    if (options.cutAt >= 0 && options.cutAt >= total) {
      throw new IllegalStateException(
          "cut at " + options.cutAt + ", but the body has " + total + " bytes (expected: less)");
    }
    for (int i = 0; i < parts.size() && !ended; i++) {
      long tokens = i + 1 < parts.size() && parts.get(i + 1) instanceof Part.Tokens t ? t.count : 0;
      take(parts.get(i), tokens);
    }
    if (!ended && !finished && options.framing != Framing.NONE) {
      finish(List.of());
    }
    return List.copyOf(steps);
  }

  private long declaredLength() {
    return options.declaredLength < 0 ? length() : options.declaredLength;
  }

  private long length() {
    long total = 0;
    for (Part part : parts) {
      total += part instanceof Part.Body body ? body.bytes.length : 0;
    }
    return total;
  }

  private void take(Part part, long tokens) {
    if (part instanceof Part.Body body) {
      if (options.framing != Framing.NONE) {
        sendHead();
      }
      List<Part.Body> pieces = split(body);
      for (int i = 0; i < pieces.size(); i++) {
        sendPiece(pieces.get(i), i == pieces.size() - 1 ? tokens : 0);
      }
    } else if (part instanceof Part.Raw raw) {
      if (messages) {
        throw new IllegalStateException("raw bytes and interim answers are for HTTP/1.1 only");
      }
      send(raw.bytes, Generated.NOTHING);
    } else if (part instanceof Part.Head) {
      sendHead();
    } else if (part instanceof Part.Does does) {
      steps.add(does.step);
      ended =
          does.step instanceof Step.Stall
              || does.step instanceof Step.End
              || does.step instanceof Step.Reset;
    } else if (part instanceof Part.Finish finish) {
      finish(finish.trailers);
    } else if (part instanceof Part.Loop loop) {
      sendHead();
      List<Step> round = new ArrayList<>();
      round.add(new Step.Send(frame(loop.bytes), new Generated(loop.bytes.length, 1, tokens)));
      round.add(new Step.Pause(loop.nanos));
      steps.add(new Step.Loop(round));
      ended = true;
    }
  }

  private void sendHead() {
    if (headSent || options.statusLine.isEmpty()) {
      return;
    }
    headSent = true;
    if (messages) {
      List<String> lines = new ArrayList<>(options.headers);
      if (options.framing == Framing.LENGTH) {
        lines.add("Content-Length: " + declaredLength());
      }
      int status = Integer.parseInt(options.statusLine.split(" ", 3)[1]);
      steps.add(new Step.Head(status, List.copyOf(lines)));
      return;
    }
    StringBuilder head = new StringBuilder(options.statusLine).append("\r\n");
    options.headers.forEach(line -> head.append(line).append("\r\n"));
    switch (options.framing) {
      case CHUNKED -> head.append("Transfer-Encoding: chunked\r\n");
      case LENGTH -> head.append("Content-Length: ").append(declaredLength()).append("\r\n");
      case CLOSE -> head.append("Connection: close\r\n");
      case NONE -> {}
    }
    byte[] bytes = head.append("\r\n").toString().getBytes(ISO_8859_1);
    if (options.trickleHeadOnly) {
      trickle(bytes, Generated.NOTHING);
    } else {
      send(bytes, Generated.NOTHING);
    }
  }

  /** Sends one piece of the body, or as much of it as there is before the cut. */
  private void sendPiece(Part.Body piece, long tokens) {
    if (ended || piece.bytes.length == 0) {
      return;
    }
    if (anyPiece && options.paceNanos > 0) {
      steps.add(new Step.Pause(options.paceNanos));
    }
    anyPiece = true;
    byte[] framed = frame(piece.bytes);
    long left = options.cutAt < 0 ? Long.MAX_VALUE : options.cutAt - bodySent;
    if (left < piece.bytes.length) {
      int sent = (int) left;
      if (sent > 0) {
        int before = framed.length - piece.bytes.length - (framed == piece.bytes ? 0 : 2);
        send(Arrays.copyOf(framed, before + sent), new Generated(sent, 0, 0));
      }
      steps.add(options.cutByReset ? new Step.Reset() : new Step.End());
      ended = true;
      return;
    }
    bodySent += piece.bytes.length;
    send(framed, new Generated(piece.bytes.length, piece.events, tokens));
  }

  private byte[] frame(byte[] piece) {
    if (messages || options.framing != Framing.CHUNKED) {
      return piece;
    }
    String size = Integer.toHexString(piece.length) + options.chunkExtension + "\r\n";
    ByteArrayOutputStream framed = new ByteArrayOutputStream();
    framed.writeBytes(size.getBytes(ISO_8859_1));
    framed.writeBytes(piece);
    framed.writeBytes("\r\n".getBytes(ISO_8859_1));
    return framed.toByteArray();
  }

  private void finish(List<String> trailers) {
    sendHead();
    finished = true;
    if (messages) {
      steps.add(new Step.Finish(trailers));
    } else if (options.framing == Framing.CHUNKED) {
      StringBuilder last = new StringBuilder("0").append(options.chunkExtension).append("\r\n");
      trailers.forEach(line -> last.append(line).append("\r\n"));
      send(last.append("\r\n").toString().getBytes(ISO_8859_1), Generated.NOTHING);
    } else if (options.framing == Framing.CLOSE) {
      steps.add(new Step.End());
      ended = true;
    }
  }

  private void send(byte[] bytes, Generated generated) {
    if (options.trickleBytes > 0 && !options.trickleHeadOnly) {
      trickle(bytes, generated);
    } else {
      steps.add(new Step.Send(bytes, generated));
    }
  }

  /** Sends in small writes; what was generated is out with the last. */
  private void trickle(byte[] bytes, Generated generated) {
    for (int at = 0; at < bytes.length; at += options.trickleBytes) {
      int to = Math.min(bytes.length, at + options.trickleBytes);
      boolean last = to == bytes.length;
      steps.add(
          new Step.Send(Arrays.copyOfRange(bytes, at, to), last ? generated : Generated.NOTHING));
      steps.add(new Step.Pause(options.trickleNanos));
    }
  }

  // ---- the body's shape

  private long splitFrom;

  /** Splits one part of the body; its event counts with its last piece. */
  private List<Part.Body> split(Part.Body body) {
    List<Part.Body> pieces = new ArrayList<>();
    int from = 0;
    for (int at = 1; at <= body.bytes.length; at++) {
      long offset = splitFrom + at;
      boolean last = at == body.bytes.length;
      boolean piece = options.pieceBytes > 0 && offset % options.pieceBytes == 0;
      if (last || piece || options.splits.contains(offset)) {
        pieces.add(new Part.Body(Arrays.copyOfRange(body.bytes, from, at), last ? body.events : 0));
        from = at;
      }
    }
    splitFrom += body.bytes.length;
    return pieces;
  }

  private static List<Part> shaped(Options options, List<Part> parts) {
    List<Part> shaped = new ArrayList<>(parts);
    Answer.LineEnds lineEnds = options.lineEnds;
    if (lineEnds != null) {
      LineWriter writer = new LineWriter(lineEnds);
      shaped.replaceAll(
          part ->
              part instanceof Part.Body body
                  ? new Part.Body(writer.write(body.bytes), body.events)
                  : part);
    }
    return options.gzip ? zipped(shaped) : shaped;
  }

  private static List<Part> zipped(List<Part> parts) {
    List<Part> zipped = new ArrayList<>();
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (GZIPOutputStream gzip = new GZIPOutputStream(out, true)) {
      int last = -1;
      for (int i = 0; i < parts.size(); i++) {
        last = parts.get(i) instanceof Part.Body ? i : last;
      }
      for (int i = 0; i < parts.size(); i++) {
        if (parts.get(i) instanceof Part.Body body) {
          gzip.write(body.bytes);
          gzip.flush();
          if (i == last) {
            gzip.finish();
          }
          zipped.add(new Part.Body(out.toByteArray(), body.events));
          out.reset();
        } else {
          zipped.add(parts.get(i));
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return zipped;
  }

  /** Writes line ends anew, also where CR and LF come in different parts. */
  private static final class LineWriter {
    private final Answer.LineEnds lineEnds;
    private int written;
    private boolean afterCr;

    LineWriter(Answer.LineEnds lineEnds) {
      this.lineEnds = lineEnds;
    }

    byte[] write(byte[] bytes) {
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      for (byte b : bytes) {
        boolean secondHalf = b == '\n' && afterCr;
        afterCr = b == '\r';
        if (secondHalf) {
          continue;
        }
        if (b == '\n' || b == '\r') {
          out.writeBytes(lineEnds.after(written).getBytes(ISO_8859_1));
          written++;
        } else {
          out.write(b);
        }
      }
      return out.toByteArray();
    }
  }
}
