package io.streamrelay;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * A key or password that cannot leak by being printed: its text form is a fingerprint.
 *
 * <p>Immutable. Two secrets are equal when their SHA-256 digests are; the comparison takes the same
 * time whatever the values.
 */
public final class Secret {
  private final String value;
  private final byte[] sha256;

  private Secret(String value) {
    this.value = value;
    this.sha256 = sha256(value);
  }

  /**
   * Wraps a clear value.
   *
   * @param value the key; not blank, no control characters, since it goes into a header
   * @return the secret
   * @throws IllegalArgumentException if it is blank or could not stand in a header
   */
  public static Secret of(String value) {
    if (value.isBlank()) {
      throw new IllegalArgumentException("a secret is blank (expected: a non-empty key)");
    }
    for (int i = 0; i < value.length(); i++) {
      char c = value.charAt(i);
      if (c < 0x20 || c > 0x7e) {
        throw new IllegalArgumentException(
            "a secret holds a control or non-ASCII character at position "
                + i
                + " (expected: printable ASCII, such as a key without its line end)");
      }
    }
    return new Secret(value);
  }

  /**
   * Returns the clear value, to be put into an upstream header and nowhere else.
   *
   * @return the key itself
   */
  public String reveal() {
    return value;
  }

  /**
   * Digests any text with SHA-256.
   *
   * @param text what to digest, as UTF-8
   * @return 32 bytes
   */
  public static byte[] sha256(String text) {
    try {
      return MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("this Java runtime lacks SHA-256", e);
    }
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Secret that && MessageDigest.isEqual(sha256, that.sha256);
  }

  @Override
  public int hashCode() {
    return java.util.Arrays.hashCode(sha256);
  }

  /** Returns a fingerprint: the first 8 hex digits of the SHA-256. */
  @Override
  public String toString() {
    return "sha256:" + HexFormat.of().formatHex(sha256, 0, 4);
  }
}
