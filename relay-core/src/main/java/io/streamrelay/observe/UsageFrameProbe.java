package io.streamrelay.observe;

import java.util.List;

/** Tells from one chunk's JSON whether it has nothing in it but the usage of the whole stream. */
final class UsageFrameProbe extends JsonWalker {
  /** What every chunk has, whatever is in it. */
  private static final List<String> ENVELOPE =
      List.of(
          "id",
          "object",
          "created",
          "model",
          "system_fingerprint",
          "service_tier",
          "provider",
          "obfuscation");

  /** Room for the longest name that is compared. */
  private static final int TOKEN_CAP = 32;

  /** A choice's members. */
  private static final int CHOICE_DEPTH = 3;

  private enum Member {
    CHOICES,
    USAGE,
    ENVELOPE,
    UNKNOWN
  }

  private Member member = Member.UNKNOWN;
  private boolean inFinishReason;
  private byte first;
  private int choices;
  private int usages;
  private boolean other;
  private boolean finish;

  UsageFrameProbe() {
    super(CHOICE_DEPTH, TOKEN_CAP);
  }

  @Override
  void restart() {
    super.restart();
    choices = 0;
    usages = 0;
    other = false;
    finish = false;
  }

  /** Whether a choice says why it ended. */
  boolean finish() {
    return finish;
  }

  /** Whether it is something else, whatever may follow. */
  boolean isOther() {
    return other || failed();
  }

  /** Whether the data so far is the one. */
  boolean isUsageFrame() {
    return !isOther() && complete() && choices == 1 && usages == 1;
  }

  @Override
  void key(int depth) {
    if (depth == 1) {
      member = tokenCut ? Member.UNKNOWN : member();
    } else if (depth == CHOICE_DEPTH) {
      inFinishReason = member == Member.CHOICES && !tokenCut && is("finish_reason");
    }
  }

  private Member member() {
    if (is("choices")) {
      return Member.CHOICES;
    }
    if (is("usage")) {
      return Member.USAGE;
    }
    for (String name : ENVELOPE) {
      if (is(name)) {
        return Member.ENVELOPE;
      }
    }
    return Member.UNKNOWN;
  }

  private boolean is(String ascii) {
    return tokenEscaped
        ? decode(token, tokenLength).equals(ascii)
        : Ascii.equals(token, tokenLength, ascii);
  }

  @Override
  boolean value(int depth, byte kind, long at) {
    switch (depth) {
      case 0 -> other |= kind != '{';
      case 1 -> {
        first = kind;
        switch (member) {
          case CHOICES -> {
            choices++;
            other |= kind != '[' || choices > 1;
          }
          case USAGE -> {
            usages++;
            other |= kind != '{' || usages > 1;
          }
          case ENVELOPE -> {}
          // Null and what is empty says nothing.
          case UNKNOWN -> other |= kind != 'n' && kind != '"' && kind != '[' && kind != '{';
        }
      }
      case 2 -> other |= member == Member.CHOICES || member == Member.UNKNOWN;
      case CHOICE_DEPTH -> inFinishReason &= kind == '"';
      default -> {}
    }
    return false;
  }

  @Override
  void valueEnd(int depth, long end) {
    if (depth == 1) {
      other |= member == Member.UNKNOWN && first == '"' && textBytes > 0;
    } else if (depth == CHOICE_DEPTH && inFinishReason) {
      inFinishReason = false;
      finish |= textBytes > 0;
    }
  }
}
