package io.streamrelay.trace;

import io.streamrelay.http.Headers;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;

/**
 * One exchange's place in a distributed trace, as W3C Trace Context, level 1, writes it (<a
 * href="https://www.w3.org/TR/trace-context-1/">Recommendation</a>).
 *
 * @param traceId the whole trace's: 32 lower-case hexadecimal digits, not all zero
 * @param spanId the relay's own part of it: 16 such digits, not all zero
 * @param parentSpanId the caller's part; null if the trace begins here
 * @param sampled whether the caller, or whoever makes spans here, says that the trace is recorded
 * @param traceState what tracing systems pass on beside it, as one header value; null for none
 */
public record TraceContext(
    String traceId,
    String spanId,
    @Nullable String parentSpanId,
    boolean sampled,
    @Nullable String traceState) {
  /** The header that names trace and span. */
  public static final String TRACEPARENT = "traceparent";

  /** The header with what tracing systems pass on. */
  public static final String TRACESTATE = "tracestate";

  /** Of one header, in characters; the specification's advice on what to pass on at least. */
  static final int MAX_STATE_CHARS = 512;

  private static final int TRACE_ID_AT = 3;
  private static final int SPAN_ID_AT = 36;
  private static final int FLAGS_AT = 53;
  private static final int LENGTH = 55;
  private static final int SAMPLED = 1;

  /** Refuses ids that no receiver would accept. */
  public TraceContext {
    requireId("traceId", Objects.requireNonNull(traceId, "traceId"), 32);
    requireId("spanId", Objects.requireNonNull(spanId, "spanId"), 16);
    if (parentSpanId != null) {
      requireId("parentSpanId", parentSpanId, 16);
    }
  }

  private static void requireId(String what, String id, int length) {
    if (!isId(id, 0, length) || id.length() != length) {
      throw new IllegalArgumentException(
          what
              + " is not valid (expected: "
              + length
              + " lower-case hexadecimal digits, not all zero)");
    }
  }

  /**
   * Takes up the client's trace with a new span, or begins a trace if the client sent none that is
   * valid. One that begins here is not sampled: the relay by itself records no spans.
   *
   * <p>{@code traceparent} counts if there is exactly one and it has the form of version 00, or
   * that form and more in a version that is not known yet. {@code tracestate} counts only beside
   * such a one; several are one list. If that is broken, has a key twice or more than 32 members,
   * it is dropped and the trace goes on without. More than 512 characters are cut as section
   * 3.3.1.5 says: first the members of more than 128, then from the end.
   *
   * @param clientRequest as they came
   * @return with a span id of the relay's own
   */
  public static TraceContext from(Headers clientRequest) {
    List<String> parents = clientRequest.all(TRACEPARENT);
    String parent = parents.size() == 1 ? TraceState.trim(parents.get(0)) : "";
    if (!isTraceparent(parent)) {
      return begin();
    }
    int flags = HexFormat.fromHexDigits(parent, FLAGS_AT, LENGTH);
    return new TraceContext(
        parent.substring(TRACE_ID_AT, SPAN_ID_AT - 1),
        newId(),
        parent.substring(SPAN_ID_AT, FLAGS_AT - 1),
        (flags & SAMPLED) != 0,
        TraceState.read(clientRequest.all(TRACESTATE)));
  }

  /**
   * Begins a trace. Ids tell traces apart and guard nothing, so they need not be unguessable.
   *
   * @return with random ids, not sampled
   */
  public static TraceContext begin() {
    return new TraceContext(newId() + newId(), newId(), null, false, null);
  }

  /** 16 digits, not all zero. */
  private static String newId() {
    ThreadLocalRandom random = ThreadLocalRandom.current();
    long bits = random.nextLong();
    while (bits == 0) {
      bits = random.nextLong();
    }
    return HexFormat.of().toHexDigits(bits);
  }

  private static boolean isTraceparent(String value) {
    if (value.length() < LENGTH
        || value.charAt(TRACE_ID_AT - 1) != '-'
        || value.charAt(SPAN_ID_AT - 1) != '-'
        || value.charAt(FLAGS_AT - 1) != '-'
        || !isHex(value, 0, TRACE_ID_AT - 1)
        || !isHex(value, FLAGS_AT, LENGTH)
        || value.startsWith("ff")) {
      return false;
    }
    boolean ends =
        value.length() == LENGTH || (!value.startsWith("00") && value.charAt(LENGTH) == '-');
    return ends && isId(value, TRACE_ID_AT, 32) && isId(value, SPAN_ID_AT, 16);
  }

  private static boolean isId(String text, int from, int length) {
    if (text.length() < from + length || !isHex(text, from, from + length)) {
      return false;
    }
    for (int i = from; i < from + length; i++) {
      if (text.charAt(i) != '0') {
        return true;
      }
    }
    return false;
  }

  private static boolean isHex(String text, int from, int to) {
    for (int i = from; i < to; i++) {
      char c = text.charAt(i);
      if ((c < '0' || c > '9') && (c < 'a' || c > 'f')) {
        return false;
      }
    }
    return true;
  }

  /**
   * Names this span as the parent of what is to come.
   *
   * @return the value of {@link #TRACEPARENT}, in version 00
   */
  public String traceparent() {
    return "00-" + traceId + '-' + spanId + (sampled ? "-01" : "-00");
  }

  /**
   * Returns what tells an upstream of this span.
   *
   * @return {@link #TRACEPARENT}, and {@link #TRACESTATE} if there is one
   */
  public Headers headers() {
    String state = traceState;
    return state == null
        ? Headers.of(TRACEPARENT, traceparent())
        : Headers.of(TRACEPARENT, traceparent(), TRACESTATE, state);
  }
}
