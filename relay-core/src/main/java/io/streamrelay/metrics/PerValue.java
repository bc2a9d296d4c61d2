package io.streamrelay.metrics;

import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;

/**
 * One thing for each value of an enum.
 *
 * @param <E> the enum
 * @param <T> the thing
 */
final class PerValue<E extends Enum<E>, T> {
  private final Map<E, T> things;

  PerValue(Class<E> type, Function<E, T> make) {
    things = new EnumMap<>(type);
    for (E value : type.getEnumConstants()) {
      things.put(value, make.apply(value));
    }
  }

  T of(E value) {
    return Objects.requireNonNull(things.get(value));
  }
}
