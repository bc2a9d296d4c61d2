package io.streamrelay.policy;

import io.streamrelay.Exchange;
import io.streamrelay.http.Headers;

/**
 * Decides on a request, may shape what is sent upstream, and gives back what it took.
 *
 * <p><b>Called</b> by the relay, in the order the policies were added, once per exchange and
 * method. The first rejection wins; later policies are not asked. {@code onRequest} of all comes
 * before the body is read, {@code onRequestBody} of all before anything is sent upstream.
 *
 * <p><b>Threads.</b> One instance serves all exchanges, so it is thread-safe. Calls for one
 * exchange never overlap. They come on I/O threads and must not block; what takes time returns
 * {@link Decision#later}.
 *
 * <p><b>Taking and giving back.</b> What a policy takes (a permit, a slot, a reservation) it
 * registers with {@link Exchange#onEnd} at once; the exchange's single end runs those in reverse
 * order, told how it ended, however it ended.
 *
 * <p><b>Errors.</b> A policy that throws ends the exchange with a 500, {@code relay_error}; nothing
 * is sent upstream. It is a plain object: test it with the {@code FakeExchange} of the test kit.
 */
public interface Policy {
  /**
   * Decides before the body is read; identity and limits belong here.
   *
   * @param exchange the request so far; its model is not known yet
   * @return the decision; admits by default
   */
  default Decision onRequest(Exchange exchange) {
    return Decision.admit();
  }

  /**
   * Decides once the body, or its first 64 KiB, is here.
   *
   * @param exchange the request; its model is known if the body named it early enough
   * @param body what is there of it
   * @return the decision; admits by default
   */
  default Decision onRequestBody(Exchange exchange, RequestBody body) {
    return Decision.admit();
  }

  /**
   * Adds, changes or removes headers of the upstream request, after all policies have admitted it.
   *
   * @param exchange the request
   * @param upstreamRequest what will be sent; the provider's key is set after this and cannot be
   *     overridden here. A field that would split the request (a line end in a value, a name that
   *     is no token) or frame it ({@code Content-Length}, {@code Transfer-Encoding}) is a defect of
   *     the policy: nothing is sent and the client gets a 500
   */
  default void onUpstreamRequest(Exchange exchange, Headers.Builder upstreamRequest) {}

  /**
   * Returns the name for logs and errors.
   *
   * @return the class's simple name by default
   */
  default String name() {
    return getClass().getSimpleName();
  }
}
