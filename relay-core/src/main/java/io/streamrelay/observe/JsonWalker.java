package io.streamrelay.observe;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * Walks through a JSON document's bytes as they arrive and tells a subclass what it meets.
 *
 * <p>Checks the syntax of RFC 8259 down to {@value #STRICT_DEPTH} levels; deeper ones are only
 * skipped, by counting brackets outside strings. Keeps one token of bounded length and one bit per
 * checked level, nothing else. Whether strings are valid UTF-8 is not checked. Never throws.
 */
abstract class JsonWalker {
  static final int STRICT_DEPTH = 64;

  /** Larger numbers are no counts, and sums of a few never overflow. */
  private static final long MAX_NUMBER = 1_000_000_000_000_000L;

  /** What the next byte may be. */
  private enum State {
    START,
    BOM_SECOND,
    BOM_THIRD,
    VALUE,
    VALUE_OR_CLOSE,
    KEY,
    KEY_OR_CLOSE,
    COLON,
    COMMA_OR_CLOSE,
    STRING,
    ESCAPE,
    HEX,
    NUMBER,
    LITERAL,
    DEEP,
    DEEP_STRING,
    DEEP_ESCAPE,
    DONE,
    FAILED
  }

  /** The parts of a number, by what was read last. */
  private enum NumberPart {
    MINUS,
    ZERO,
    INTEGER,
    POINT,
    FRACTION,
    E,
    E_SIGN,
    EXPONENT;

    boolean mayEnd() {
      return this == ZERO || this == INTEGER || this == FRACTION || this == EXPONENT;
    }
  }

  private final int keyDepth;
  private final boolean countsCharacters;

  /** The raw bytes between the quotes of the current key or wanted string, up to the cap. */
  final byte[] token;

  /** How much of {@link #token} is used. */
  int tokenLength;

  /** Whether the token is longer than what is kept. */
  boolean tokenCut;

  /** Whether the token holds a backslash. */
  boolean tokenEscaped;

  /** How long the current key or string is, as text without escapes in UTF-8; kept or not. */
  long textBytes;

  /** The same in code points, if they are asked for; half a surrogate pair is one. */
  long textCharacters;

  /** The current number without its fraction; -1 if it is negative, huge, or has an exponent. */
  long numberValue;

  private State state = State.START;
  private NumberPart number = NumberPart.ZERO;
  private String literal = "";
  private int literalIndex;
  private int hexLeft;
  private int hexValue;
  private boolean highSurrogate;
  private boolean inKey;
  private boolean keeping;
  private int depth;
  private long objects;
  private long deep;
  private long walked;

  /**
   * Makes a walker.
   *
   * @param keyDepth keys are told down to this depth; the outermost object's keys are at 1
   * @param tokenCap how many bytes of a key or wanted string are kept
   */
  JsonWalker(int keyDepth, int tokenCap) {
    this(keyDepth, tokenCap, false);
  }

  /**
   * Makes a walker.
   *
   * @param keyDepth as above
   * @param tokenCap as above
   * @param countsCharacters whether {@link #textCharacters} is asked for
   */
  JsonWalker(int keyDepth, int tokenCap, boolean countsCharacters) {
    this.keyDepth = keyDepth;
    this.countsCharacters = countsCharacters;
    this.token = new byte[tokenCap];
  }

  /** A key has ended; it stands in {@link #token}. */
  abstract void key(int depth);

  /**
   * A value begins.
   *
   * @param depth how many objects and arrays are around it
   * @param first its first byte, which tells its kind
   * @param at its offset in the document
   * @return whether {@link #token} is to be filled, should it be a string
   */
  abstract boolean value(int depth, byte first, long at);

  /** The value that began last at this depth has ended before the given offset. */
  abstract void valueEnd(int depth, long end);

  /** Back to the start, for another document. */
  void restart() {
    state = State.START;
    tokenLength = 0;
    depth = 0;
    deep = 0;
    walked = 0;
  }

  /** Walks on through {@code source[from, to)}, read by absolute index. */
  final void walk(ByteBuffer source, int from, int to) {
    long base = walked - from;
    int i = from;
    while (i < to && state != State.FAILED) {
      if (state == State.STRING) {
        i = string(source, i, to, base);
      } else if (step(source.get(i), base + i)) {
        i++;
      }
    }
    walked += to - from;
  }

  /** Whether the bytes so far are no JSON, whatever may follow. */
  final boolean failed() {
    return state == State.FAILED;
  }

  /** Whether the bytes so far are one whole document. */
  final boolean complete() {
    return state == State.DONE || (state == State.NUMBER && depth == 0 && number.mayEnd());
  }

  /** Decodes the raw bytes of a valid JSON string. */
  static String decode(byte[] raw, int length) {
    StringBuilder text = new StringBuilder(length);
    int i = 0;
    while (i < length) {
      int start = i;
      while (i < length && raw[i] != '\\') {
        i++;
      }
      text.append(new String(raw, start, i - start, StandardCharsets.UTF_8));
      if (i < length) {
        byte escape = raw[i + 1];
        text.append(escape == 'u' ? fromHex(raw, i + 2) : unescape(escape));
        i += escape == 'u' ? 6 : 2;
      }
    }
    return text.toString();
  }

  private static char unescape(byte b) {
    return switch (b) {
      case 'b' -> '\b';
      case 'f' -> '\f';
      case 'n' -> '\n';
      case 'r' -> '\r';
      case 't' -> '\t';
      default -> (char) b;
    };
  }

  private static char fromHex(byte[] raw, int at) {
    int value = 0;
    for (int i = at; i < at + 4; i++) {
      value = value * 16 + Character.digit(raw[i], 16);
    }
    return (char) value;
  }

  /** Takes one byte outside the plain run of a string; false if it is to be looked at again. */
  private boolean step(byte b, long at) {
    switch (state) {
      case START -> {
        if (b == (byte) 0xef && at == 0) {
          state = State.BOM_SECOND;
          return true;
        }
        state = State.VALUE;
        return false;
      }
      case BOM_SECOND -> expect(b == (byte) 0xbb, State.BOM_THIRD);
      case BOM_THIRD -> expect(b == (byte) 0xbf, State.VALUE);
      case VALUE -> {
        if (!isSpace(b)) {
          beginValue(b, at);
        }
      }
      case VALUE_OR_CLOSE -> {
        if (b == ']') {
          close(at);
        } else if (!isSpace(b)) {
          beginValue(b, at);
        }
      }
      case KEY -> {
        if (!isSpace(b)) {
          beginKey(b);
        }
      }
      case KEY_OR_CLOSE -> {
        if (b == '}') {
          close(at);
        } else if (!isSpace(b)) {
          beginKey(b);
        }
      }
      case COLON -> {
        if (!isSpace(b)) {
          expect(b == ':', State.VALUE);
        }
      }
      case COMMA_OR_CLOSE -> commaOrClose(b, at);
      case ESCAPE -> {
        keep(b);
        if (b == 'u') {
          hexLeft = 4;
          hexValue = 0;
          state = State.HEX;
        } else {
          textBytes++;
          textCharacters++;
          highSurrogate = false;
          expect("\"\\/bfnrt".indexOf(b) >= 0, State.STRING);
        }
      }
      case HEX -> {
        keep(b);
        hexLeft--;
        hexValue = hexValue * 16 + Character.digit(b, 16);
        if (hexLeft == 0) {
          textBytes += utf8Bytes(hexValue);
          boolean second = highSurrogate && Character.isLowSurrogate((char) hexValue);
          textCharacters += second ? 0 : 1;
          highSurrogate = Character.isHighSurrogate((char) hexValue);
        }
        expect(isHex(b), hexLeft == 0 ? State.STRING : State.HEX);
      }
      case NUMBER -> {
        return number(b, at);
      }
      case LITERAL -> {
        boolean right = b == literal.charAt(literalIndex);
        literalIndex++;
        if (!right) {
          state = State.FAILED;
        } else if (literalIndex == literal.length()) {
          endValue(at + 1);
        }
      }
      case DEEP -> deep(b, at);
      case DEEP_STRING -> {
        if (b == '\\') {
          state = State.DEEP_ESCAPE;
        } else if (b == '"') {
          state = State.DEEP;
        }
      }
      case DEEP_ESCAPE -> state = State.DEEP_STRING;
      case DONE -> expect(isSpace(b), State.DONE);
      default -> state = State.FAILED;
    }
    return true;
  }

  private void expect(boolean right, State next) {
    state = right ? next : State.FAILED;
  }

  private void beginValue(byte b, long at) {
    switch (b) {
      case '{', '[' -> open(b, at);
      case '"' -> beginString(false, value(depth, b, at));
      case 't' -> beginLiteral("true", at);
      case 'f' -> beginLiteral("false", at);
      case 'n' -> beginLiteral("null", at);
      case '-' -> beginNumber(NumberPart.MINUS, b, at);
      case '0' -> beginNumber(NumberPart.ZERO, b, at);
      default -> {
        if (b > '0' && b <= '9') {
          beginNumber(NumberPart.INTEGER, b, at);
        } else {
          state = State.FAILED;
        }
      }
    }
  }

  private void beginLiteral(String text, long at) {
    value(depth, (byte) text.charAt(0), at);
    literal = text;
    literalIndex = 1;
    state = State.LITERAL;
  }

  private void beginNumber(NumberPart first, byte b, long at) {
    value(depth, b, at);
    numberValue = first == NumberPart.MINUS ? -1 : b - '0';
    number = first;
    state = State.NUMBER;
  }

  private void beginKey(byte b) {
    if (b == '"') {
      beginString(true, depth <= keyDepth);
    } else {
      state = State.FAILED;
    }
  }

  private void beginString(boolean key, boolean keep) {
    inKey = key;
    keeping = keep;
    tokenLength = 0;
    tokenCut = false;
    tokenEscaped = false;
    textBytes = 0;
    textCharacters = 0;
    highSurrogate = false;
    state = State.STRING;
  }

  /** Runs through a string's plain bytes; returns the index of the next byte to look at. */
  private int string(ByteBuffer source, int from, int to, long base) {
    int i = from;
    byte b = 0;
    while (i < to) {
      b = source.get(i);
      if (b == '"' || b == '\\' || (b >= 0 && b < ' ')) {
        break;
      }
      i++;
    }
    keep(source, from, i);
    textBytes += i - from;
    if (countsCharacters && i > from) {
      textCharacters += characters(source, from, i);
      highSurrogate = false;
    }
    if (i == to) {
      return to;
    }
    if (b == '"') {
      endString(base + i + 1);
    } else if (b == '\\') {
      keep(b);
      tokenEscaped = true;
      state = State.ESCAPE;
    } else {
      state = State.FAILED;
    }
    return i + 1;
  }

  /** Every character has one byte in UTF-8 that does not continue another. */
  private static int characters(ByteBuffer source, int from, int to) {
    int count = 0;
    for (int i = from; i < to; i++) {
      count += (source.get(i) & 0xc0) == 0x80 ? 0 : 1;
    }
    return count;
  }

  private void endString(long end) {
    if (inKey) {
      state = State.COLON;
      if (depth <= keyDepth) {
        key(depth);
      }
    } else {
      endValue(end);
    }
  }

  private void endValue(long end) {
    state = depth == 0 ? State.DONE : State.COMMA_OR_CLOSE;
    valueEnd(depth, end);
  }

  private void open(byte b, long at) {
    value(depth, b, at);
    if (depth == STRICT_DEPTH) {
      deep = 1;
      state = State.DEEP;
      return;
    }
    long bit = 1L << depth;
    objects = b == '{' ? objects | bit : objects & ~bit;
    depth++;
    state = b == '{' ? State.KEY_OR_CLOSE : State.VALUE_OR_CLOSE;
  }

  private void close(long at) {
    depth--;
    endValue(at + 1);
  }

  private void commaOrClose(byte b, long at) {
    boolean inObject = (objects & (1L << (depth - 1))) != 0;
    if (b == ',') {
      state = inObject ? State.KEY : State.VALUE;
    } else if (b == (inObject ? '}' : ']')) {
      close(at);
    } else if (!isSpace(b)) {
      state = State.FAILED;
    }
  }

  private void deep(byte b, long at) {
    switch (b) {
      case '"' -> state = State.DEEP_STRING;
      case '{', '[' -> deep++;
      case '}', ']' -> {
        deep--;
        if (deep == 0) {
          endValue(at + 1);
        }
      }
      default -> {}
    }
  }

  /** Takes a byte of a number; false if the number ended before it. */
  private boolean number(byte b, long at) {
    boolean digit = b >= '0' && b <= '9';
    NumberPart next =
        switch (number) {
          case MINUS -> b == '0' ? NumberPart.ZERO : digit ? NumberPart.INTEGER : null;
          case ZERO -> afterInteger(b);
          case INTEGER -> digit ? NumberPart.INTEGER : afterInteger(b);
          case POINT -> digit ? NumberPart.FRACTION : null;
          case FRACTION -> digit ? NumberPart.FRACTION : isE(b) ? NumberPart.E : null;
          case E -> digit ? NumberPart.EXPONENT : b == '+' || b == '-' ? NumberPart.E_SIGN : null;
          case E_SIGN, EXPONENT -> digit ? NumberPart.EXPONENT : null;
        };
    if (next != null) {
      number = next;
      count(next, b);
      return true;
    }
    if (number.mayEnd()) {
      endValue(at);
    } else {
      state = State.FAILED;
    }
    return false;
  }

  private void count(NumberPart part, byte b) {
    if (part == NumberPart.INTEGER && numberValue >= 0) {
      numberValue = numberValue * 10 + (b - '0');
    }
    if (part == NumberPart.E || numberValue > MAX_NUMBER) {
      numberValue = -1;
    }
  }

  /** The two halves of a surrogate pair have the four bytes of its character. */
  private static int utf8Bytes(int utf16) {
    if (utf16 < 0x80) {
      return 1;
    }
    return utf16 < 0x800 || Character.isSurrogate((char) utf16) ? 2 : 3;
  }

  private static @Nullable NumberPart afterInteger(byte b) {
    return b == '.' ? NumberPart.POINT : isE(b) ? NumberPart.E : null;
  }

  private static boolean isE(byte b) {
    return b == 'e' || b == 'E';
  }

  private static boolean isSpace(byte b) {
    return b == ' ' || b == '\n' || b == '\r' || b == '\t';
  }

  private static boolean isHex(byte b) {
    return (b >= '0' && b <= '9') || (b >= 'a' && b <= 'f') || (b >= 'A' && b <= 'F');
  }

  private void keep(byte b) {
    if (keeping) {
      if (tokenLength < token.length) {
        token[tokenLength] = b;
        tokenLength++;
      } else {
        tokenCut = true;
      }
    }
  }

  private void keep(ByteBuffer source, int from, int to) {
    if (keeping && to > from) {
      int room = Math.min(to - from, token.length - tokenLength);
      source.get(from, token, tokenLength, room);
      tokenLength += room;
      tokenCut |= room < to - from;
    }
  }
}
