package io.streamrelay.forward;

import io.streamrelay.http.Headers;
import java.net.URI;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * What to send upstream: decided, filtered and complete.
 *
 * @param method an HTTP method
 * @param origin scheme, host and port; its path is not used
 * @param pathAndQuery raw, starts with one slash, sent as it is
 * @param headers all but {@code Host} and the body's framing
 * @param contentLength bytes of the body; -1 if unknown, 0 for none
 * @param wholeBody the whole body, if it is in memory; null if {@code body} must be read. The
 *     forwarder alone holds it, and lets go of it when it is sent: a stream may be long
 * @param body the body's bytes; read at most once, and not at all if {@code wholeBody} is there
 */
public record UpstreamRequest(
    String method,
    URI origin,
    String pathAndQuery,
    Headers headers,
    long contentLength,
    @Nullable ByteBuffer wholeBody,
    BodySource body) {}
