package io.streamrelay.internal;

import io.streamrelay.UsageRequest;
import io.streamrelay.forward.UpstreamRequest;
import io.streamrelay.http.Headers;
import io.streamrelay.observe.UsageFrameFilter;
import io.streamrelay.route.StreamKind;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The relay's own wish to be told a stream's usage: put into one request, and given up where the
 * provider refuses it.
 *
 * <p>Used by the exchange's steps and, while a call runs, by the forwarder's pump, as {@link
 * ClientAnswer} is.
 */
final class UsageOption {
  /**
   * A provider that does not take the option says so before it does anything; a later refusal is of
   * something else, and its client has waited long enough.
   */
  static final Duration REFUSAL_LIMIT = Duration.ofSeconds(10);

  /** Fields that tell of the body's bytes and would be wrong with others: RFC 9530, AWS. */
  private static final List<String> DIGESTS =
      List.of("content-digest", "repr-digest", "digest", "content-md5", "x-amz-content-sha256");

  private enum State {
    /** The body streams through, and its end may still tell that no stream is asked for. */
    LARGE,
    SKIPPED,
    KNOWN_AS_REFUSED,
    PUT,
    REFUSED,
    GIVEN_UP
  }

  private final ExchangeRun exchange;
  private final BodyProbe probe;
  private final UsageRefusals refusals;
  private final UsageSplice splice;
  private final UpstreamRequest own;
  private final long askedNanos;
  private State state;

  /** Kept until the upstream has answered, to get the client's own from. */
  private @Nullable ByteBuffer spliced;

  private UsageOption(
      ExchangeRun exchange,
      BodyProbe probe,
      UsageRefusals refusals,
      UsageSplice splice,
      UpstreamRequest own,
      State state) {
    this.exchange = exchange;
    this.probe = probe;
    this.refusals = refusals;
    this.splice = splice;
    this.own = own;
    this.askedNanos = exchange.ticker().nanos();
    this.state = state;
  }

  /**
   * Decides whether to ask.
   *
   * @param exchange admitted, on a route that asks
   * @param upstreamPath without the query
   * @param own what would be sent without asking
   * @param probe has seen what of the body is in memory
   * @param refusals the relay's
   * @return null if this is no request for a stream of completions, or its client asks itself
   */
  static @Nullable UsageOption of(
      ExchangeRun exchange,
      String upstreamPath,
      UpstreamRequest own,
      BodyProbe probe,
      UsageRefusals refusals) {
    Headers headers = own.headers();
    if (!own.method().equals("POST")
        || !UsageSplice.isFor(upstreamPath)
        || exchange.route().kind() == StreamKind.RAW
        || !BodyProbe.isJson(exchange.clientRequest())) {
      return null;
    }
    ByteBuffer body = own.wholeBody();
    UsageSplice splice = body == null ? UsageSplice.UNREAD : UsageSplice.of(body);
    State state;
    if (BodyProbe.isCoded(exchange.clientRequest())) {
      state = State.SKIPPED;
    } else if (body == null) {
      state = State.LARGE;
    } else if (splice.need() == UsageSplice.Need.NOTHING) {
      return null;
    } else if (splice.need() == UsageSplice.Need.IMPOSSIBLE
        || mayBeCoded(headers)
        || DIGESTS.stream().anyMatch(headers::contains)) {
      state = State.SKIPPED;
    } else if (refusals.contains(exchange.route().name(), exchange.model())) {
      state = State.KNOWN_AS_REFUSED;
    } else {
      state = State.PUT;
    }
    // The client's own body is not held by this.
    UpstreamRequest bare = withBody(own, null);
    return new UsageOption(exchange, probe, refusals, splice, bare, state);
  }

  /** Whether the answer may come in a coding in which the event could not be found. */
  private static boolean mayBeCoded(Headers upstreamRequest) {
    return upstreamRequest.all("accept-encoding").stream()
        .anyMatch(accepted -> !accepted.strip().equalsIgnoreCase("identity"));
  }

  private static UpstreamRequest withBody(UpstreamRequest request, @Nullable ByteBuffer body) {
    return new UpstreamRequest(
        request.method(),
        request.origin(),
        request.pathAndQuery(),
        request.headers(),
        body == null ? request.contentLength() : body.remaining(),
        body,
        request.body());
  }

  /**
   * Puts the option in, if it is to be asked for.
   *
   * @param request with the client's own body
   * @return what to send
   */
  UpstreamRequest apply(UpstreamRequest request) {
    ByteBuffer body = request.wholeBody();
    if (state != State.PUT || body == null) {
      return request;
    }
    ByteBuffer asking = splice.put(body);
    spliced = asking;
    return withBody(request, asking.duplicate());
  }

  /** Whether what was sent last asks. */
  boolean isPut() {
    return state == State.PUT;
  }

  /**
   * Takes note of an answer's status.
   *
   * @param status the upstream's
   * @param wanted whether anybody is there for another answer
   * @return whether it is to be dropped and the request sent again, with the client's own bytes
   */
  boolean isRefusedWith(int status, boolean wanted) {
    if (state == State.GIVEN_UP && status < 300) {
      refusals.add(exchange.route().name(), exchange.model());
    }
    if (state != State.PUT) {
      return false;
    }
    boolean early = exchange.ticker().nanos() - askedNanos < REFUSAL_LIMIT.toNanos();
    if ((status == 400 || status == 422) && early && wanted) {
      state = State.REFUSED;
      return true;
    }
    spliced = null;
    return false;
  }

  /** What to send after a refusal. */
  UpstreamRequest giveUp() {
    ByteBuffer asking = spliced;
    if (state != State.REFUSED || asking == null) {
      throw new IllegalStateException("nothing was refused");
    }
    state = State.GIVEN_UP;
    spliced = null;
    return withBody(own, splice.takeOut(asking));
  }

  /**
   * Tells what became of it.
   *
   * @param filter what looked for the event; null if nothing did
   * @param whole whether the client has got an answer that is whole
   */
  @Nullable UsageRequest result(@Nullable UsageFrameFilter filter, boolean whole) {
    return switch (state) {
      case LARGE -> probe.asksForStream() ? UsageRequest.SKIPPED : null;
      case SKIPPED -> UsageRequest.SKIPPED;
      case KNOWN_AS_REFUSED, REFUSED, GIVEN_UP -> UsageRequest.REFUSED;
      case PUT -> {
        boolean removed = filter != null && filter.removedBytes() > 0;
        boolean tooLong = filter != null && filter.tooLong();
        yield !removed && (whole || tooLong) ? UsageRequest.KEPT : UsageRequest.ADDED;
      }
    };
  }
}
