package io.streamrelay.internal;

import io.streamrelay.Ticker;
import java.time.Duration;
import java.util.Iterator;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import org.jspecify.annotations.Nullable;

/**
 * Remembers for a while for which models an upstream does not take {@code include_usage}, so that
 * not every request is sent twice.
 *
 * <p>Thread-safe; never waits. Bounded: models are named by clients.
 */
final class UsageRefusals {
  /** How long a refusal counts: long enough to cost little, short enough to notice an update. */
  static final Duration MEMORY = Duration.ofMinutes(10);

  static final int MAX_ENTRIES = 1000;

  private record Key(String route, String model) {}

  private final Ticker ticker;
  private final ConcurrentMap<Key, Long> sinceNanos = new ConcurrentHashMap<>();

  UsageRefusals(Ticker ticker) {
    this.ticker = ticker;
  }

  /** The upstream took a request without the option that it had refused with it. */
  void add(String route, @Nullable String model) {
    if (sinceNanos.size() >= MAX_ENTRIES) {
      makeRoom();
    }
    sinceNanos.put(key(route, model), ticker.nanos());
  }

  boolean contains(String route, @Nullable String model) {
    Key key = key(route, model);
    Long since = sinceNanos.get(key);
    if (since == null) {
      return false;
    }
    if (isOver(since)) {
      sinceNanos.remove(key, since);
      return false;
    }
    return true;
  }

  int size() {
    return sinceNanos.size();
  }

  private void makeRoom() {
    sinceNanos.values().removeIf(this::isOver);
    Iterator<Key> any = sinceNanos.keySet().iterator();
    while (sinceNanos.size() >= MAX_ENTRIES && any.hasNext()) {
      any.next();
      any.remove();
    }
  }

  private boolean isOver(long since) {
    return ticker.nanos() - since >= MEMORY.toNanos();
  }

  private static Key key(String route, @Nullable String model) {
    return new Key(route, model == null ? "" : model);
  }
}
