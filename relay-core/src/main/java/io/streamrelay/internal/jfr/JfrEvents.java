package io.streamrelay.internal.jfr;

import io.streamrelay.Exchange;
import io.streamrelay.ExchangeRecord;
import io.streamrelay.RelayListener;
import java.util.concurrent.TimeUnit;

/**
 * Writes what happens to a stream into the flight recording, so that it stands beside the pauses of
 * the garbage collector and of the threads.
 *
 * <p>While nothing records, each call is one look at a flag and makes nothing. Names and numbers
 * only: no key, prompt or answer. Thread-safe.
 */
final class JfrEvents implements RelayListener {
  // Asked whether anybody wants their kind; never written.
  private static final ExchangeEvent EXCHANGE = new ExchangeEvent();
  private static final ExchangeStartEvent START = new ExchangeStartEvent();
  private static final UpstreamRequestEvent UPSTREAM_REQUEST = new UpstreamRequestEvent();
  private static final UpstreamHeadEvent UPSTREAM_HEAD = new UpstreamHeadEvent();
  private static final FirstByteEvent FIRST_BYTE = new FirstByteEvent();
  private static final FirstTokenEvent FIRST_TOKEN = new FirstTokenEvent();
  private static final StallEvent STALL = new StallEvent();

  @Override
  public void onStart(Exchange exchange) {
    if (START.isEnabled()) {
      ExchangeStartEvent event = new ExchangeStartEvent();
      fill(event, exchange);
      event.commit();
    }
    if (EXCHANGE.isEnabled()) {
      ExchangeEvent event = new ExchangeEvent();
      event.begin();
      exchange.onEnd(record -> end(event, record));
    }
  }

  /** Also when the recording ends before the exchange: then commit() does nothing. */
  private static void end(ExchangeEvent event, ExchangeRecord record) {
    event.end();
    if (!event.shouldCommit()) {
      return;
    }
    event.requestId = record.requestId();
    event.route = record.route();
    event.tenant = record.tenant();
    event.model = record.model();
    event.end = record.end().label();
    event.error = record.error() == null ? null : record.error().code();
    event.status = record.status();
    event.timeToHead = known(record.timeToHeadNanos());
    event.timeToFirstByte = known(record.timeToFirstByteNanos());
    event.timeToFirstToken = known(record.timings().timeToFirstTokenNanos());
    event.longestStall = known(record.timings().longestStallNanos());
    event.clientBlocked = record.clientBlockedNanos();
    event.overhead = known(record.timings().overheadNanos());
    event.bytesIn = record.requestBytes();
    event.bytesOut = record.responseBytes();
    event.events = record.events();
    event.commit();
  }

  /** What the tools show as "N/A". */
  private static long known(long nanos) {
    return nanos < 0 ? Long.MIN_VALUE : nanos;
  }

  @Override
  public void onUpstreamRequest(Exchange exchange, int attempt) {
    if (UPSTREAM_REQUEST.isEnabled()) {
      UpstreamRequestEvent event = new UpstreamRequestEvent();
      fill(event, exchange);
      event.attempt = attempt;
      event.commit();
    }
  }

  @Override
  public void onHead(Exchange exchange, int status) {
    if (UPSTREAM_HEAD.isEnabled()) {
      UpstreamHeadEvent event = new UpstreamHeadEvent();
      fill(event, exchange);
      event.status = status;
      event.commit();
    }
  }

  @Override
  public void onFirstByte(Exchange exchange) {
    if (FIRST_BYTE.isEnabled()) {
      FirstByteEvent event = new FirstByteEvent();
      fill(event, exchange);
      event.commit();
    }
  }

  @Override
  public void onFirstToken(Exchange exchange) {
    if (FIRST_TOKEN.isEnabled()) {
      FirstTokenEvent event = new FirstTokenEvent();
      fill(event, exchange);
      event.commit();
    }
  }

  @Override
  public void onStall(Exchange exchange, long nanos, boolean byClient) {
    if (STALL.isEnabled()) {
      StallEvent event = new StallEvent();
      fill(event, exchange);
      event.gap = nanos;
      event.since = System.currentTimeMillis() - TimeUnit.NANOSECONDS.toMillis(nanos);
      event.byClient = byClient;
      event.commit();
    }
  }

  private static void fill(StreamEvent event, Exchange exchange) {
    event.requestId = exchange.id();
    event.route = exchange.route().name();
  }
}
