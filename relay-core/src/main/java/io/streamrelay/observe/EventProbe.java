package io.streamrelay.observe;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

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
  private static final int PATH_DEPTH = 8;

  /** Where the first thing inside a delta's member or a candidate's list of parts is. */
  private static final int INSIDE_DEPTH = 5;

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
    BLOCK_REASON("blockReason"),
    FUNCTION("function"),
    ARGUMENTS("arguments"),
    TRANSCRIPT("transcript"),
    THINKING("thinking"),
    PARTIAL_JSON("partial_json"),
    FUNCTION_CALL_GEMINI("functionCall"),
    ARGS("args"),
    RESPONSE("response"),
    X_GROQ("x_groq"),
    USAGE("usage"),
    PROMPT_TOKENS("prompt_tokens"),
    INPUT_TOKENS("input_tokens"),
    COMPLETION_TOKENS("completion_tokens"),
    OUTPUT_TOKENS("output_tokens"),
    PROMPT_TOKENS_DETAILS("prompt_tokens_details"),
    INPUT_TOKENS_DETAILS("input_tokens_details"),
    COMPLETION_TOKENS_DETAILS("completion_tokens_details"),
    OUTPUT_TOKENS_DETAILS("output_tokens_details"),
    CACHED_TOKENS("cached_tokens"),
    REASONING_TOKENS("reasoning_tokens"),
    PROMPT_CACHE_HIT_TOKENS("prompt_cache_hit_tokens"),
    CACHE_READ_INPUT_TOKENS("cache_read_input_tokens"),
    CACHE_CREATION_INPUT_TOKENS("cache_creation_input_tokens"),
    USAGE_METADATA("usageMetadata"),
    PROMPT_TOKEN_COUNT("promptTokenCount"),
    CANDIDATES_TOKEN_COUNT("candidatesTokenCount"),
    THOUGHTS_TOKEN_COUNT("thoughtsTokenCount"),
    CACHED_CONTENT_TOKEN_COUNT("cachedContentTokenCount");

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

  /** What a number in a usage object counts. */
  enum Count {
    INPUT(0),
    OUTPUT(1),
    CACHED_INPUT(2),
    CACHE_WRITE(3),
    REASONING(4),
    /** Gemini's, which does not include {@link #THOUGHTS}. */
    CANDIDATES(5),
    THOUGHTS(6);

    private static final int SIZE = values().length;
    private final int index;

    Count(int index) {
      this.index = index;
    }
  }

  /** Where what the model writes may stand. */
  private enum Place {
    ELSEWHERE,
    PLAIN,
    REASONING,
    REASONING_CONTENT,
    TOP_DELTA
  }

  private final Step[] path = new Step[PATH_DEPTH + 1];
  private Meaning awaited = Meaning.NOTHING;

  private final byte[] type = new byte[TOKEN_CAP];
  private int typeLength;

  private final long[] counts = new long[Count.SIZE];
  private @Nullable Count counting;
  private Place place = Place.ELSEWHERE;
  private long plainText;
  private long reasoning;
  private long reasoningContent;
  private long argsStart;

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

  /** Whether there is anything in a top-level {@code choices} array. */
  boolean choice;

  /** UTF-8 bytes of a top-level {@code delta} that is a string: text, or audio in base64. */
  long deltaText;

  EventProbe() {
    super(PATH_DEPTH, TOKEN_CAP);
    Arrays.fill(path, Step.OTHER);
    Arrays.fill(counts, -1);
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
    choice = false;
    deltaText = 0;
    Arrays.fill(counts, -1);
    counting = null;
    place = Place.ELSEWHERE;
    plainText = 0;
    reasoning = 0;
    reasoningContent = 0;
  }

  /** What the provider counted; -1 if it does not say. */
  long count(Count what) {
    return counts[what.index];
  }

  /**
   * UTF-8 bytes of what the model wrote: text, reasoning and arguments of calls, wherever a
   * provider has a place for them but at the top of the document.
   */
  long text() {
    // Some servers write the same reasoning under both names.
    return plainText + Math.max(reasoning, reasoningContent);
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
    counting = null;
    place = Place.ELSEWHERE;
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
      place = place(depth);
    } else if (isArgs(depth)) {
      argsStart = at;
    } else if (first == '-' || (first >= '0' && first <= '9')) {
      counting = counted(depth);
    }
    return awaited != Meaning.NOTHING;
  }

  @Override
  void valueEnd(int depth, long end) {
    Meaning meaning = awaited;
    awaited = Meaning.NOTHING;
    Count count = counting;
    if (count != null) {
      counting = null;
      counts[count.index] = numberValue;
      return;
    }
    switch (place) {
      case ELSEWHERE -> {}
      case PLAIN -> plainText += textBytes;
      case REASONING -> reasoning += textBytes;
      case REASONING_CONTENT -> reasoningContent += textBytes;
      case TOP_DELTA -> deltaText += textBytes;
    }
    place = Place.ELSEWHERE;
    if (isArgs(depth)) {
      plainText += end - argsStart;
    }
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
      choice |= path[1] == Step.CHOICES;
    } else if (depth == INSIDE_DEPTH) {
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

  private Place place(int depth) {
    boolean text =
        switch (depth) {
          case 1 -> false;
          // Anthropic
          case 2 ->
              path[1] == Step.DELTA
                  && (path[2] == Step.TEXT
                      || path[2] == Step.THINKING
                      || path[2] == Step.PARTIAL_JSON);
          case 3 -> inChoice() && path[3] == Step.TEXT;
          case 4 -> inDelta() && (path[4] == Step.CONTENT || path[4] == Step.REFUSAL);
          case 5 ->
              inDelta()
                  && ((path[4] == Step.FUNCTION_CALL && path[5] == Step.ARGUMENTS)
                      || (path[4] == Step.AUDIO && path[5] == Step.TRANSCRIPT));
          case 6 ->
              path[6] == Step.TEXT
                  && ((inDelta() && path[4] == Step.CONTENT && path[5] == Step.ELEMENT)
                      || inPart());
          case 7 ->
              inDelta()
                  && path[4] == Step.TOOL_CALLS
                  && path[6] == Step.FUNCTION
                  && path[7] == Step.ARGUMENTS;
          // Mistral
          case 8 ->
              inDelta()
                  && path[4] == Step.CONTENT
                  && path[6] == Step.THINKING
                  && path[8] == Step.TEXT;
          default -> false;
        };
    if (text) {
      return Place.PLAIN;
    }
    if (depth == 1) {
      return path[1] == Step.DELTA ? Place.TOP_DELTA : Place.ELSEWHERE;
    }
    if (depth == 4 && inDelta()) {
      return switch (path[4]) {
        case REASONING -> Place.REASONING;
        case REASONING_CONTENT -> Place.REASONING_CONTENT;
        default -> Place.ELSEWHERE;
      };
    }
    return Place.ELSEWHERE;
  }

  /** Whether this is what Gemini calls a function with: JSON, not a string that holds it. */
  private boolean isArgs(int depth) {
    return depth == 7 && inPart() && path[6] == Step.FUNCTION_CALL_GEMINI && path[7] == Step.ARGS;
  }

  private boolean inPart() {
    return inCandidate()
        && path[3] == Step.CONTENT
        && path[4] == Step.PARTS
        && path[5] == Step.ELEMENT;
  }

  private @Nullable Count counted(int depth) {
    if (path[1] == Step.USAGE_METADATA) {
      return depth == 2 ? countedByGemini(path[2]) : null;
    }
    int usage = path[1] == Step.USAGE ? 1 : mayHoldUsage(path[1]) && path[2] == Step.USAGE ? 2 : 0;
    if (usage == 0) {
      return null;
    }
    if (depth == usage + 1) {
      return counted(path[depth]);
    }
    return depth == usage + 2 ? countedInDetail(path[usage + 1], path[depth]) : null;
  }

  /** OpenAI Responses, Anthropic's start of a message, Groq. */
  private static boolean mayHoldUsage(Step top) {
    return top == Step.RESPONSE || top == Step.MESSAGE || top == Step.X_GROQ;
  }

  private static @Nullable Count counted(Step key) {
    return switch (key) {
      case PROMPT_TOKENS, INPUT_TOKENS -> Count.INPUT;
      case COMPLETION_TOKENS, OUTPUT_TOKENS -> Count.OUTPUT;
      case PROMPT_CACHE_HIT_TOKENS, CACHE_READ_INPUT_TOKENS -> Count.CACHED_INPUT;
      case CACHE_CREATION_INPUT_TOKENS -> Count.CACHE_WRITE;
      default -> null;
    };
  }

  private static @Nullable Count countedInDetail(Step details, Step key) {
    return switch (details) {
      case PROMPT_TOKENS_DETAILS, INPUT_TOKENS_DETAILS ->
          key == Step.CACHED_TOKENS ? Count.CACHED_INPUT : null;
      case COMPLETION_TOKENS_DETAILS, OUTPUT_TOKENS_DETAILS ->
          key == Step.REASONING_TOKENS ? Count.REASONING : null;
      default -> null;
    };
  }

  private static @Nullable Count countedByGemini(Step key) {
    return switch (key) {
      case PROMPT_TOKEN_COUNT -> Count.INPUT;
      case CANDIDATES_TOKEN_COUNT -> Count.CANDIDATES;
      case THOUGHTS_TOKEN_COUNT -> Count.THOUGHTS;
      case CACHED_CONTENT_TOKEN_COUNT -> Count.CACHED_INPUT;
      default -> null;
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
