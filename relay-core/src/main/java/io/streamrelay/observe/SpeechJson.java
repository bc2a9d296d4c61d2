package io.streamrelay.observe;

import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Counts the characters of the text in a JSON request for speech while its bytes pass, and notes
 * how its sound is to be written.
 *
 * <p>Characters are Unicode code points, escapes resolved; half a surrogate pair counts as one. Of
 * a repeated member the last one counts. The text itself is never kept. No input makes it throw or
 * take more memory.
 *
 * <p><b>Threads.</b> One instance per document, used by one thread at a time.
 */
public final class SpeechJson {
  /** Where the text stands. */
  public enum Text {
    /** In {@code input}. */
    INPUT,
    /** In {@code text}. */
    TEXT,
    /** In {@code transcript}. */
    TRANSCRIPT,
    /** In {@code text}, {@code ssml} or {@code markup} within {@code input}. */
    INPUT_MEMBER,
    /** In {@code text} of each element of {@code inputs}, added up. */
    INPUTS_TEXT
  }

  private static final int DEPTH = 3;
  private static final int TOKEN_CAP = 64;

  private static final String TEXT = "text";
  private static final String INPUT = "input";
  private static final String INPUTS = "inputs";
  private static final String TRANSCRIPT = "transcript";
  private static final String SSML = "ssml";
  private static final String MARKUP = "markup";
  private static final String RESPONSE_FORMAT = "response_format";
  private static final String OUTPUT_FORMAT = "output_format";
  private static final String SAMPLE_RATE = "sample_rate";
  private static final String CONTAINER = "container";
  private static final String ENCODING = "encoding";
  private static final String CODEC = "codec";
  private static final String NONE = "";
  private static final String ELEMENT = "[]";
  private static final String[] NAMES = {
    TEXT,
    INPUT,
    INPUTS,
    TRANSCRIPT,
    SSML,
    MARKUP,
    RESPONSE_FORMAT,
    OUTPUT_FORMAT,
    SAMPLE_RATE,
    CONTAINER,
    ENCODING,
    CODEC
  };

  private final Text text;
  private final Walker walker = new Walker();
  private long characters = Usage.NOT_TOLD;
  private @Nullable String responseFormat;
  private @Nullable String container;
  private @Nullable String encoding;
  private @Nullable String codec;
  private long sampleRate = -1;

  /**
   * Makes a reader for one document.
   *
   * @param text where the provider's API has the text
   */
  public SpeechJson(Text text) {
    this.text = text;
  }

  /**
   * Looks at the document's next bytes.
   *
   * @param source heap or direct; its position and limit stay as they are
   * @param from index of the first byte
   * @param to index behind the last byte
   */
  public void look(ByteBuffer source, int from, int to) {
    walker.walk(source, from, to);
  }

  /**
   * Counts the text's characters.
   *
   * @return {@link Usage#NOT_TOLD} unless the document is whole and has such a text
   */
  public long characters() {
    return walker.complete() ? characters : Usage.NOT_TOLD;
  }

  /**
   * Returns {@code response_format}.
   *
   * @return null if it is absent, no string, or longer than any format's name
   */
  public @Nullable String responseFormat() {
    return walker.failed() ? null : responseFormat;
  }

  /**
   * Returns {@code container} within {@code output_format}.
   *
   * @return null as {@link #responseFormat}
   */
  public @Nullable String container() {
    return walker.failed() ? null : container;
  }

  /**
   * Returns {@code encoding} within {@code output_format}.
   *
   * @return null as {@link #responseFormat}
   */
  public @Nullable String encoding() {
    return walker.failed() ? null : encoding;
  }

  /**
   * Returns {@code codec} within {@code output_format}.
   *
   * @return null as {@link #responseFormat}
   */
  public @Nullable String codec() {
    return walker.failed() ? null : codec;
  }

  /**
   * Returns {@code sample_rate}, at the top or within {@code output_format}.
   *
   * @return in hertz; -1 if it is absent or no plain number
   */
  public long sampleRate() {
    return walker.failed() ? -1 : sampleRate;
  }

  private final class Walker extends JsonWalker {
    private final String[] path = {NONE, NONE, NONE, NONE};
    private byte first;

    Walker() {
      super(DEPTH, TOKEN_CAP, true);
    }

    @Override
    void key(int depth) {
      path[depth] = NONE;
      if (tokenCut) {
        return;
      }
      String decoded = tokenEscaped ? decode(token, tokenLength) : null;
      for (String name : NAMES) {
        if (decoded == null ? Ascii.equals(token, tokenLength, name) : decoded.equals(name)) {
          path[depth] = name;
        }
      }
      if (depth == 1 && isTextMember(path[1])) {
        characters = Usage.NOT_TOLD;
      }
    }

    @Override
    boolean value(int depth, byte begin, long at) {
      first = begin;
      boolean container = begin == '{' || begin == '[';
      if (container && depth < DEPTH) {
        path[depth + 1] = begin == '[' ? ELEMENT : NONE;
      }
      return begin == '"' && depth <= 2 && !isText(depth);
    }

    @Override
    void valueEnd(int depth, long end) {
      if (first == '"') {
        string(depth);
      } else if ((first >= '0' && first <= '9') && isSampleRate(depth)) {
        sampleRate = numberValue;
      }
      first = 0;
    }

    private void string(int depth) {
      if (isText(depth)) {
        boolean sums = text == Text.INPUTS_TEXT && characters >= 0;
        characters = (sums ? characters : 0) + textCharacters;
      } else if (depth == 1 && path[1].equals(RESPONSE_FORMAT)) {
        responseFormat = kept();
      } else if (depth == 2 && path[1].equals(OUTPUT_FORMAT)) {
        switch (path[2]) {
          case CONTAINER -> container = kept();
          case ENCODING -> encoding = kept();
          case CODEC -> codec = kept();
          default -> {}
        }
      }
    }

    private @Nullable String kept() {
      return tokenCut ? null : decode(token, tokenLength);
    }

    private boolean isSampleRate(int depth) {
      return (depth == 1 && path[1].equals(SAMPLE_RATE))
          || (depth == 2 && path[1].equals(OUTPUT_FORMAT) && path[2].equals(SAMPLE_RATE));
    }

    private boolean isTextMember(String name) {
      return switch (text) {
        case INPUT, INPUT_MEMBER -> name.equals(INPUT);
        case TEXT -> name.equals(TEXT);
        case TRANSCRIPT -> name.equals(TRANSCRIPT);
        case INPUTS_TEXT -> name.equals(INPUTS);
      };
    }

    private boolean isText(int depth) {
      if (depth == 0 || !isTextMember(path[1])) {
        return false;
      }
      return switch (text) {
        case INPUT, TEXT, TRANSCRIPT -> depth == 1;
        case INPUT_MEMBER ->
            depth == 2 && (path[2].equals(TEXT) || path[2].equals(SSML) || path[2].equals(MARKUP));
        case INPUTS_TEXT -> depth == 3 && path[2].equals(ELEMENT) && path[3].equals(TEXT);
      };
    }
  }
}
