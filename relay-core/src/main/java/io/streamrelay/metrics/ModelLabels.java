package io.streamrelay.metrics;

import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Turns the models that clients ask for into label values, of which there are few.
 *
 * <p>A model gets a label of its own once an upstream has answered a request for it with a 2xx, so
 * that names that nobody serves use up no room: those of the price table always, of others as many
 * as there is room for. Whatever is left is {@link #OTHER}. Thread-safe.
 */
final class ModelLabels {
  /** Where no model was named. */
  static final String NONE = "none";

  /** Where a model has no label of its own. */
  static final String OTHER = "other";

  /** Longer names are cut. */
  private static final int MAX_LENGTH = 128;

  private final Set<String> priced;

  /** By the name as asked for; never more than the priced ones and {@link #room} at the start. */
  private final Map<String, String> labels = new ConcurrentHashMap<>();

  private int room;

  /**
   * Makes labels.
   *
   * @param priced exact names that always get one
   * @param room how many others do
   */
  ModelLabels(Set<String> priced, int room) {
    this.priced = priced;
    this.room = room;
  }

  /**
   * Finds a model's label.
   *
   * @param model as asked for; null if none was named
   * @param served whether an upstream has just answered for it with a 2xx
   */
  String of(@Nullable String model, boolean served) {
    if (model == null) {
      return NONE;
    }
    String known = labels.get(model);
    return known != null ? known : served ? admit(model) : OTHER;
  }

  private String admit(String model) {
    boolean isPriced = priced.contains(model);
    synchronized (labels) {
      String known = labels.get(model);
      if (known != null) {
        return known;
      }
      if (!isPriced) {
        if (room == 0) {
          return OTHER;
        }
        room--;
      }
      String label = clean(model);
      labels.put(model, label);
      return label;
    }
  }

  /** Keeps printable ASCII, which names are made of, so that no label can spoil a page. */
  static String clean(String text) {
    StringBuilder out = new StringBuilder(Math.min(text.length(), MAX_LENGTH));
    for (int i = 0; i < text.length() && i < MAX_LENGTH; i++) {
      char c = text.charAt(i);
      out.append(c > ' ' && c < 0x7f ? c : '_');
    }
    return out.toString();
  }
}
