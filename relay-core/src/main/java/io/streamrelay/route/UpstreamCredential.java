package io.streamrelay.route;

import io.streamrelay.Secret;
import org.jspecify.annotations.Nullable;

/**
 * The provider's key and the header it goes into.
 *
 * <p>A credential without a key is legal, so that one missing variable does not keep a relay of ten
 * routes from starting; requests on that route are refused with {@code upstream_key_missing} and
 * nothing is sent.
 *
 * @param header the request header the upstream reads the key from
 * @param key the key; null if the place it should come from is empty
 * @param source where the key is to be set, for messages: the name of a variable or a file key
 */
public record UpstreamCredential(String header, @Nullable Secret key, String source) {
  /**
   * Returns the header's value.
   *
   * @return the key, with {@code Bearer } before it if the header is {@code Authorization} and the
   *     key does not name a scheme itself; null without a key
   */
  public @Nullable String headerValue() {
    Secret present = key;
    if (present == null) {
      return null;
    }
    String value = present.reveal();
    boolean bare = value.indexOf(' ') < 0;
    return header.equalsIgnoreCase("Authorization") && bare ? "Bearer " + value : value;
  }
}
