package io.streamrelay.http;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * HTTP header fields in the order they came, names compared without regard to case (RFC 9110 §5).
 *
 * <p>Immutable and thread-safe once built. Built by adapters from what their server or client hands
 * them; values are kept as they are.
 */
public final class Headers {
  private static final Headers EMPTY = new Headers(List.of());

  /** Name, value, name, value. */
  private final List<String> pairs;

  private Headers(List<String> pairs) {
    this.pairs = pairs;
  }

  /**
   * Returns the list without any field.
   *
   * @return the shared empty instance
   */
  public static Headers empty() {
    return EMPTY;
  }

  /**
   * Makes headers of names and values in turn.
   *
   * @param namesAndValues name, value, name, value; an even number
   * @return the headers
   */
  public static Headers of(String... namesAndValues) {
    if (namesAndValues.length % 2 != 0) {
      throw new IllegalArgumentException(
          "got " + namesAndValues.length + " strings (expected: name, value, name, value, ...)");
    }
    return new Headers(List.of(namesAndValues));
  }

  /**
   * Starts an empty builder.
   *
   * @return the builder
   */
  public static Builder builder() {
    return new Builder();
  }

  /**
   * Finds the first value of a field.
   *
   * @param name in any case
   * @return the value, or null if the field is absent
   */
  public @Nullable String first(String name) {
    for (int i = 0; i < pairs.size(); i += 2) {
      if (pairs.get(i).equalsIgnoreCase(name)) {
        return pairs.get(i + 1);
      }
    }
    return null;
  }

  /**
   * Finds every value of a field.
   *
   * @param name in any case
   * @return the values in order; empty if the field is absent
   */
  public List<String> all(String name) {
    List<String> found = new ArrayList<>(2);
    forEach(
        (n, v) -> {
          if (n.equalsIgnoreCase(name)) {
            found.add(v);
          }
        });
    return Collections.unmodifiableList(found);
  }

  /**
   * Tells whether a field is present.
   *
   * @param name in any case
   * @return true if there is at least one such field
   */
  public boolean contains(String name) {
    return first(name) != null;
  }

  /**
   * Visits every field in order.
   *
   * @param visitor takes name and value
   */
  public void forEach(BiConsumer<String, String> visitor) {
    for (int i = 0; i < pairs.size(); i += 2) {
      visitor.accept(pairs.get(i), pairs.get(i + 1));
    }
  }

  /**
   * Returns the number of fields.
   *
   * @return zero or more
   */
  public int size() {
    return pairs.size() / 2;
  }

  /** Returns the names only: values may be keys. */
  @Override
  public String toString() {
    List<String> names = new ArrayList<>(size());
    forEach((n, v) -> names.add(n));
    return names.toString();
  }

  /** Collects fields; not thread-safe. */
  public static final class Builder {
    private final List<String> pairs = new ArrayList<>();

    private Builder() {}

    /**
     * Appends a field.
     *
     * @param name the field's name
     * @param value the field's value
     * @return this
     */
    public Builder add(String name, String value) {
      pairs.add(name);
      pairs.add(value);
      return this;
    }

    /**
     * Appends every field of a map.
     *
     * @param fields names and values
     * @return this
     */
    public Builder addAll(Map<String, String> fields) {
      fields.forEach(this::add);
      return this;
    }

    /**
     * Removes every field of that name, then appends one.
     *
     * @param name the field's name, in any case
     * @param value its one value
     * @return this
     */
    public Builder set(String name, String value) {
      remove(name);
      return add(name, value);
    }

    /**
     * Removes every field of that name.
     *
     * @param name in any case
     * @return this
     */
    public Builder remove(String name) {
      for (int i = pairs.size() - 2; i >= 0; i -= 2) {
        if (pairs.get(i).equalsIgnoreCase(name)) {
          pairs.subList(i, i + 2).clear();
        }
      }
      return this;
    }

    /**
     * Tells whether a field of that name was added.
     *
     * @param name in any case
     * @return true if so
     */
    public boolean contains(String name) {
      for (int i = 0; i < pairs.size(); i += 2) {
        if (pairs.get(i).equalsIgnoreCase(name)) {
          return true;
        }
      }
      return false;
    }

    /**
     * Freezes what was collected.
     *
     * @return the headers
     */
    public Headers build() {
      return new Headers(List.copyOf(pairs));
    }
  }
}
