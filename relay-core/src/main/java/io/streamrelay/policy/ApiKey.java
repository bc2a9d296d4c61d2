package io.streamrelay.policy;

import io.streamrelay.Secret;
import io.streamrelay.route.ClientGonePolicy;
import java.util.HexFormat;
import org.jspecify.annotations.Nullable;

/**
 * One key that clients of the relay may use, known by its SHA-256 only.
 *
 * @param name how logs and records call it; never the key itself
 * @param sha256 hex of the key's SHA-256, 64 digits in lower case
 * @param tenant the tenant it is bound to; null if the application names its tenants by header
 * @param tenantHeader whether {@code X-Tenant-ID} counts; always true for an unbound key
 * @param onClientGone what becomes of upstream requests whose client leaves; null for the route's
 *     setting
 */
public record ApiKey(
    String name,
    String sha256,
    @Nullable String tenant,
    boolean tenantHeader,
    @Nullable ClientGonePolicy onClientGone) {
  /** Checks name, digest and tenant. */
  public ApiKey {
    if (!name.matches("[A-Za-z0-9][A-Za-z0-9._-]{0,63}")) {
      throw new IllegalArgumentException(
          "API key name is '"
              + name
              + "' (expected: a letter or digit, then at most 63 letters, digits, '.', '_' or '-')");
    }
    if (!sha256.matches("[0-9a-f]{64}")) {
      throw new IllegalArgumentException(
          "API key '"
              + name
              + "': sha256 has "
              + sha256.length()
              + " characters (expected: 64 hex digits in lower case, as 'printf %s KEY | sha256sum'"
              + " prints)");
    }
    if (tenant == null && !tenantHeader) {
      throw new IllegalArgumentException(
          "API key '" + name + "' has no tenant (expected: a tenant, or tenant_header: true)");
    }
    if (tenant != null && !TenantPolicy.isTenantName(tenant)) {
      throw new IllegalArgumentException(
          "API key '"
              + name
              + "': tenant is '"
              + tenant
              + "' (expected: 1 to 128 letters, digits, '.', '_', ':' or '-')");
    }
  }

  /**
   * Makes a key that leaves to the routes what becomes of abandoned requests.
   *
   * @param name how logs and records call it; never the key itself
   * @param sha256 hex of the key's SHA-256, 64 digits in lower case
   * @param tenant the tenant it is bound to; null if the application names its tenants by header
   * @param tenantHeader whether {@code X-Tenant-ID} counts; always true for an unbound key
   */
  public ApiKey(String name, String sha256, @Nullable String tenant, boolean tenantHeader) {
    this(name, sha256, tenant, tenantHeader, null);
  }

  /**
   * Changes one value.
   *
   * @param policy what becomes of upstream requests whose client leaves, on every route
   * @return a copy with it
   */
  public ApiKey withOnClientGone(ClientGonePolicy policy) {
    return new ApiKey(name, sha256, tenant, tenantHeader, policy);
  }

  /**
   * Makes a key with the original's meaning: the application behind it names its tenants by header.
   *
   * @param clearKey the key; only its digest is kept
   * @return a key whose name is its fingerprint
   */
  public static ApiKey plain(String clearKey) {
    String hex = digest(clearKey);
    return new ApiKey("key-" + hex.substring(0, 8), hex, null, true);
  }

  /**
   * Makes a key that is bound to its tenant.
   *
   * @param name how logs and records call it
   * @param clearKey the key; only its digest is kept
   * @param tenant whose it is
   * @return the key
   */
  public static ApiKey bound(String name, String clearKey, String tenant) {
    return new ApiKey(name, digest(clearKey), tenant, false);
  }

  private static String digest(String clearKey) {
    return HexFormat.of().formatHex(Secret.sha256(Secret.of(clearKey).reveal()));
  }
}
