package io.streamrelay.audio;

import io.streamrelay.observe.Usage;
import java.nio.ByteBuffer;

/**
 * Counts the characters of an SSML document as Azure bills them, while its bytes pass.
 *
 * <p>The rule, from Microsoft Learn, "What is text to speech?", section "Billable characters":
 * every Unicode code point of the document's text counts, white space and markup too, except the
 * {@code speak} and {@code voice} tags; a Chinese character (here: one of the script Han) counts as
 * two. What that page leaves open is read so that it agrees with bills that users have published:
 * what stands before {@code <speak>} and behind {@code </speak>} does not count, nor does white
 * space that stands in no {@code voice}. All counts as it is written, so an entity counts as its
 * letters and signs.
 *
 * <p>Keeps one code point and the first few characters of a tag. Bytes that are no UTF-8 count as
 * one code point each.
 */
final class SsmlCharacters {
  /** As long as the longest start of markup that is told apart. */
  private static final int MARKUP_START = 8;

  private static final String COMMENT = "!--";
  private static final String CDATA = "![CDATA[";

  private enum State {
    TEXT,
    /** In a tag, or not yet known to be in something else. */
    TAG,
    QUOTED,
    COMMENT,
    CDATA,
    INSTRUCTION
  }

  // UTF-8
  private int codePoint;
  private int continuations;

  private State state = State.TEXT;
  private final StringBuilder start = new StringBuilder(MARKUP_START);
  private boolean startOver;
  private long markup;
  private int quote;
  private int last;
  private int beforeLast;

  private boolean speakSeen;
  private boolean speaking;
  private int voices;
  private long counted;

  /** Looks at {@code source[from, to)}, read by absolute index. */
  void look(ByteBuffer source, int from, int to) {
    for (int i = from; i < to; i++) {
      utf8(source.get(i));
    }
  }

  /** The count so far; {@link Usage#NOT_TOLD} if no {@code speak} has begun. */
  long characters() {
    return speakSeen ? counted : Usage.NOT_TOLD;
  }

  private void utf8(byte b) {
    if (continuations > 0 && (b & 0xc0) == 0x80) {
      codePoint = codePoint << 6 | (b & 0x3f);
      continuations--;
      if (continuations == 0) {
        take(codePoint);
      }
      return;
    }
    if (continuations > 0) {
      continuations = 0;
      take('\ufffd');
    }
    if (b >= 0) {
      take(b);
    } else if ((b & 0xe0) == 0xc0) {
      begin(b & 0x1f, 1);
    } else if ((b & 0xf0) == 0xe0) {
      begin(b & 0x0f, 2);
    } else if ((b & 0xf8) == 0xf0) {
      begin(b & 0x07, 3);
    } else {
      take('\ufffd');
    }
  }

  private void begin(int bits, int more) {
    codePoint = bits;
    continuations = more;
  }

  private void take(int c) {
    switch (state) {
      case TEXT -> {
        if (c == '<') {
          state = State.TAG;
          start.setLength(0);
          startOver = false;
          markup = 1;
        } else if (speaking && (voices > 0 || !isSpace(c))) {
          counted += weight(c);
        }
      }
      case TAG -> {
        markup += weight(c);
        tag(c);
      }
      case QUOTED -> {
        markup += weight(c);
        if (c == quote) {
          state = State.TAG;
        }
      }
      case COMMENT -> {
        markup += weight(c);
        endIf(c == '>' && last == '-' && beforeLast == '-');
      }
      case CDATA -> {
        markup += weight(c);
        endIf(c == '>' && last == ']' && beforeLast == ']');
      }
      case INSTRUCTION -> {
        markup += weight(c);
        endIf(c == '>' && last == '?');
      }
    }
    beforeLast = last;
    last = c;
  }

  private void tag(int c) {
    if (c == '>') {
      endTag();
    } else if (isSpace(c)) {
      startOver = true;
    } else if ((c == '"' || c == '\'') && start.length() > 0) {
      quote = c;
      state = State.QUOTED;
    } else if (!startOver && start.length() < MARKUP_START) {
      start.append((char) Math.min(c, Character.MAX_VALUE));
      if (start.charAt(0) == '?') {
        open(State.INSTRUCTION);
      } else if (COMMENT.contentEquals(start)) {
        open(State.COMMENT);
      } else if (CDATA.contentEquals(start)) {
        open(State.CDATA);
      }
    } else {
      startOver = true;
    }
  }

  private void open(State what) {
    state = what;
    // What began it is no part of what ends it.
    last = 0;
  }

  private void endIf(boolean over) {
    if (over) {
      state = State.TEXT;
      counted += speaking ? markup : 0;
    }
  }

  private void endTag() {
    state = State.TEXT;
    boolean empty = last == '/';
    String name = start.toString();
    if (empty && name.endsWith("/") && name.length() > 1) {
      name = name.substring(0, name.length() - 1);
    }
    switch (name) {
      case "speak" -> {
        speakSeen = true;
        speaking = !empty;
      }
      case "/speak" -> speaking = false;
      case "voice" -> voices += empty ? 0 : 1;
      case "/voice" -> voices = Math.max(0, voices - 1);
      default -> counted += speaking ? markup : 0;
    }
  }

  private static int weight(int c) {
    boolean han = c > 0x2e7f && Character.UnicodeScript.of(c) == Character.UnicodeScript.HAN;
    return han ? 2 : 1;
  }

  private static boolean isSpace(int c) {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
  }
}
