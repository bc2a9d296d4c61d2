/**
 * Fakes and contract tests for policies, limiters and forwarders, the relay's own and others'.
 *
 * <p>Published as the test jar of relay-core. Read {@link io.streamrelay.testkit.FakeExchange}
 * first to test a policy, {@link io.streamrelay.testkit.FakeForwarder} to test a whole relay.
 */
@NullMarked
package io.streamrelay.testkit;

import org.jspecify.annotations.NullMarked;
