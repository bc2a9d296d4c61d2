package io.streamrelay.observe;

import java.util.Arrays;

/**
 * Notes what matters to {@link StreamObserver} in one event's JSON, by its place in the document:
 * text that a model writes can look like anything, but it cannot move.
 *
 * <p>What was seen before a syntax error stays seen: some upstreams write {@code NaN}.
 */
final class EventProbe extends JsonWalker {
  /** Room for the longest type name that is compared. */
  private static final int TOKEN_CAP = 64;

  /** Keys and array elements below this depth are not looked at. */
  private static final int PATH_DEPTH = 5;

  /** The names on the paths that are looked for. */
  private enum Step {
    OTHER(""),
    /** Stands for every place in an array. */
    ELEMENT(""),
    ERROR("error"),
    OBJECT("object"),
    TYPE("type"),
    MESSAGE("message"),
    CHOICES("choices"),
    DELTA("delta"),
    TEXT("text"),
    CONTENT("content"),
    REASONING_CONTENT("reasoning_content"),
    REASONING("reasoning"),
    REFUSAL("refusal"),
    TOOL_CALLS("tool_calls"),
    FUNCTION_CALL("function_call"),
    AUDIO("audio"),
    FINISH_REASON_CHAT("finish_reason"),
    STOP_REASON("stop_reason"),
    CANDIDATES("candidates"),
    PARTS("parts"),
    FINISH_REASON_GEMINI("finishReason"),
    PROMPT_FEEDBACK("promptFeedback"),
    BLOCK_REASON("blockReason");

    private static final Step[] ALL = values();
    private final String key;

    Step(String key) {
      this.key = key;
    }
  }

  /** What a string means if it turns out not to be empty. */
  private enum Meaning {
    NOTHING,
    ERROR,
    OBJECT,
    TYPE,
    CONTENT,
    FINISH
  }

  private final Step[] path = new Step[PATH_DEPTH + 1];
  private Meaning awaited = Meaning.NOTHING;

  private final byte[] type = new byte[TOKEN_CAP];
  private int typeLength;

  /** Whether the upstream reports an error: a top-level {@code error} that is not empty. */
  boolean error;

  /** Whether {@code object} says that this is a chunk of an OpenAI completion. */
  boolean completionChunk;

  /** Whether there is a top-level {@code message} object. */
  boolean message;

  /** Whether there is a top-level {@code choices} array. */
  boolean choices;

  /** Whether there is a top-level {@code candidates} array. */
  boolean candidates;

  /** Whether a candidate has a {@code content} object. */
  boolean candidateContent;

  /** Whether the model's output, be it text, reasoning or a tool call, is in here. */
  boolean content;

  /** Whether the model says why it stopped, or the provider why it refused the prompt. */
  boolean finish;

  /** Whether the document has begun as an object. */
  boolean object;

  EventProbe() {
    super(PATH_DEPTH, TOKEN_CAP);
    Arrays.fill(path, Step.OTHER);
  }

  @Override
  void restart() {
    super.restart();
    awaited = Meaning.NOTHING;
    typeLength = 0;
    error = false;
    completionChunk = false;
    message = false;
    choices = false;
    candidates = false;
    candidateContent = false;
    content = false;
    finish = false;
    object = false;
  }

  boolean isType(String ascii) {
    return Ascii.equals(type, typeLength, ascii);
  }

  boolean typeStartsWith(String ascii) {
    return Ascii.startsWith(type, typeLength, ascii);
  }

  boolean typeEndsWith(String ascii) {
    return Ascii.endsWith(type, typeLength, ascii);
  }

  @Override
  void key(int depth) {
    path[depth] = Step.OTHER;
    if (tokenCut) {
      return;
    }
    String decoded = tokenEscaped ? decode(token, tokenLength) : null;
    for (Step step : Step.ALL) {
      boolean same =
          decoded != null ? decoded.equals(step.key) : Ascii.equals(token, tokenLength, step.key);
      if (same) {
        path[depth] = step;
        return;
      }
    }
  }

  @Override
  boolean value(int depth, byte first, long at) {
    awaited = Meaning.NOTHING;
    boolean container = first == '{' || first == '[';
    if (container && depth < PATH_DEPTH) {
      path[depth + 1] = first == '[' ? Step.ELEMENT : Step.OTHER;
    }
    if (depth > PATH_DEPTH) {
      return false;
    }
    if (container) {
      container(depth, first);
    }
    inside(depth);
    if (first == '"') {
      awaited = meaning(depth);
    }
    return awaited != Meaning.NOTHING;
  }

  @Override
  void valueEnd(int depth, long end) {
    Meaning meaning = awaited;
    awaited = Meaning.NOTHING;
    if (tokenLength == 0 && meaning != Meaning.TYPE) {
      return;
    }
    switch (meaning) {
      case NOTHING -> {}
      case ERROR -> error = true;
      case OBJECT ->
          completionChunk = tokenIs("chat.completion.chunk") || tokenIs("text_completion");
      case TYPE -> {
        typeLength = tokenCut || tokenEscaped ? 0 : tokenLength;
        System.arraycopy(token, 0, type, 0, typeLength);
      }
      case CONTENT -> content = true;
      case FINISH -> finish |= !tokenIs("FINISH_REASON_UNSPECIFIED");
    }
  }

  private boolean tokenIs(String ascii) {
    return !tokenCut && Ascii.equals(token, tokenLength, ascii);
  }

  private void container(int depth, byte first) {
    if (depth == 0) {
      object = first == '{';
    } else if (depth == 1) {
      message |= path[1] == Step.MESSAGE && first == '{';
      choices |= path[1] == Step.CHOICES && first == '[';
      candidates |= path[1] == Step.CANDIDATES && first == '[';
    } else if (depth == 3) {
      candidateContent |= inCandidate() && path[3] == Step.CONTENT && first == '{';
    }
  }

  /** Notes containers that matter only if there is something in them. */
  private void inside(int depth) {
    if (depth == 2) {
      error |= path[1] == Step.ERROR;
    } else if (depth == PATH_DEPTH) {
      content |=
          (inDelta() && isOutput(path[4]))
              || (inCandidate() && path[3] == Step.CONTENT && path[4] == Step.PARTS);
    }
  }

  private Meaning meaning(int depth) {
    return switch (depth) {
      case 1 ->
          switch (path[1]) {
            case ERROR -> Meaning.ERROR;
            case OBJECT -> Meaning.OBJECT;
            case TYPE -> Meaning.TYPE;
            default -> Meaning.NOTHING;
          };
      case 2 -> {
        boolean stop =
            path[1] == Step.DELTA
                && (path[2] == Step.STOP_REASON || path[2] == Step.FINISH_REASON_CHAT);
        boolean block = path[1] == Step.PROMPT_FEEDBACK && path[2] == Step.BLOCK_REASON;
        yield stop || block ? Meaning.FINISH : Meaning.NOTHING;
      }
      case 3 -> {
        if (inChoice()) {
          yield path[3] == Step.FINISH_REASON_CHAT
              ? Meaning.FINISH
              : path[3] == Step.TEXT ? Meaning.CONTENT : Meaning.NOTHING;
        }
        yield inCandidate() && path[3] == Step.FINISH_REASON_GEMINI
            ? Meaning.FINISH
            : Meaning.NOTHING;
      }
      case 4 -> inDelta() && isOutput(path[4]) ? Meaning.CONTENT : Meaning.NOTHING;
      default -> Meaning.NOTHING;
    };
  }

  private boolean inChoice() {
    return path[1] == Step.CHOICES && path[2] == Step.ELEMENT;
  }

  private boolean inDelta() {
    return inChoice() && path[3] == Step.DELTA;
  }

  private boolean inCandidate() {
    return path[1] == Step.CANDIDATES && path[2] == Step.ELEMENT;
  }

  private static boolean isOutput(Step step) {
    return switch (step) {
      case CONTENT, REASONING_CONTENT, REASONING, REFUSAL, TOOL_CALLS, FUNCTION_CALL, AUDIO -> true;
      default -> false;
    };
  }
}
