package io.streamrelay.trace;

import org.jspecify.annotations.Nullable;

/**
 * The relay's own span of an exchange, as W3C Trace Context names it.
 *
 * @param traceId 32 lower-case hexadecimal digits, not all zero
 * @param spanId the relay's span: 16 lower-case hexadecimal digits, not all zero
 * @param parentSpanId the client's span; null if it named none
 * @param sampled whether the caller may have recorded the trace
 * @param traceState the client's field of that name, for other vendors; null for none
 */
public record TraceContext(
    String traceId,
    String spanId,
    @Nullable String parentSpanId,
    boolean sampled,
    @Nullable String traceState) {}
