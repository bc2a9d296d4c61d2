package io.streamrelay.transport;

import io.streamrelay.forward.BodySource;
import io.streamrelay.http.Headers;
import org.jspecify.annotations.Nullable;

/**
 * One request as a container adapter hands it over.
 *
 * @param method as it came
 * @param rawPath the raw request path relative to where the relay is mounted, undecoded, without
 *     the query; unchecked
 * @param rawQuery what followed the {@code ?}; null for none; unchecked
 * @param headers as they came
 * @param body read on demand; must not be touched before the relay asks, so that {@code Expect:
 *     100-continue} is answered only to requests that were admitted
 * @param clientAddress for the record; null if not known
 */
public record ClientRequest(
    String method,
    String rawPath,
    @Nullable String rawQuery,
    Headers headers,
    BodySource body,
    @Nullable String clientAddress) {}
