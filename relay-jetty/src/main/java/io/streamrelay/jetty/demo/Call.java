package io.streamrelay.jetty.demo;

import java.time.Instant;
import org.eclipse.jetty.http.HttpFields;
import org.jspecify.annotations.Nullable;

/**
 * One request.
 *
 * @param id 32 hexadecimal digits, other for every request
 * @param headers the request's
 * @param body the request's, from UTF-8
 * @param pace how fast to play, faults aside
 */
record Call(String id, HttpFields headers, String body, Pace pace) {
  /** Returns the fault asked for by a header or else by one of the names, unless it refuses. */
  Fault fault(@Nullable String name, @Nullable String otherName) throws Refusal {
    Fault fault = Fault.named(headers.get(Fault.HEADER), name, otherName);
    fault.refuse();
    return fault;
  }

  long createdSeconds() {
    return Instant.now().getEpochSecond();
  }
}
