package io.streamrelay;

import java.util.Objects;

/**
 * Names a slot of {@link Exchange#attach} in which a listener or policy keeps its own state of an
 * exchange. Two keys are two slots, even of the same type: make one, in a constant.
 *
 * @param <T> what is kept there
 */
public final class ExchangeKey<T> {
  private final Class<T> type;

  private ExchangeKey(Class<T> type) {
    this.type = type;
  }

  /**
   * Makes a key.
   *
   * @param type what is kept there
   * @param <T> that type
   * @return a new one
   */
  public static <T> ExchangeKey<T> of(Class<T> type) {
    return new ExchangeKey<>(Objects.requireNonNull(type, "type"));
  }

  /**
   * Takes what was kept there for what it is; for implementations of {@link Exchange}.
   *
   * @param value what was attached
   * @return the same
   * @throws ClassCastException if it is something else
   */
  public T cast(Object value) {
    return type.cast(value);
  }

  /** Returns the type's name. */
  @Override
  public String toString() {
    return type.getName();
  }
}
