/**
 * Fakes, faults, recordings and contract tests for policies, limiters, forwarders and relays, this
 * relay's own and others'.
 *
 * <p>Published as the test jar of relay-core. Read {@link io.streamrelay.testkit.FakeUpstream}
 * first to see what a relay or a client makes of a misbehaving upstream, {@link
 * io.streamrelay.testkit.Faults} for the usual ways to misbehave and {@link
 * io.streamrelay.testkit.Recordings} for what providers really send; {@link
 * io.streamrelay.testkit.FakeExchange} to test a policy, {@link
 * io.streamrelay.testkit.FakeForwarder} to test a whole relay without sockets.
 *
 * <p>Needs {@code junit-jupiter-api} for {@link io.streamrelay.testkit.FakeUpstreamExtension}, of
 * JUnit 5 or 6. Only the contract tests need AssertJ and all of JUnit Jupiter too, only {@code
 * FakeHttp2Upstream} needs {@code jetty-http2-hpack}.
 */
@NullMarked
package io.streamrelay.testkit;

import org.jspecify.annotations.NullMarked;
