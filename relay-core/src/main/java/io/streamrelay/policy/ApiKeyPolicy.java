package io.streamrelay.policy;

import io.streamrelay.Exchange;
import io.streamrelay.Secret;
import io.streamrelay.error.ErrorCode;
import io.streamrelay.error.RelayError;
import io.streamrelay.http.HeaderPolicy;
import io.streamrelay.route.ClientGonePolicy;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Lets in requests that carry one of the relay's keys, and says whose they are.
 *
 * <p><b>Where the key is.</b> In any header that a provider's SDK uses, in the order of {@link
 * HeaderPolicy#CREDENTIAL_HEADERS}: {@code Authorization: Bearer KEY} (RFC 6750 §2.1), the others
 * plain. The first header with a known key wins, so a stray credential beside it does no harm.
 *
 * <p><b>Whose it is.</b> A bound key is its tenant's, whatever {@code X-Tenant-ID} says. An unbound
 * key, and a bound one with {@code tenantHeader}, goes by that header; without it, or with an empty
 * one, by the bound tenant, or {@link Exchange#DEFAULT_TENANT}.
 *
 * <p>A tenant that some key is bound to is named by that key alone: to others it is {@code
 * forbidden}, or a made-up header could use up its limits.
 *
 * <p><b>Timing.</b> Keys are looked up by SHA-256. How long a map lookup takes tells something
 * about the digest of a guess, and nobody can choose guesses by their digest; so it tells nothing
 * about a key, and no comparison of clear keys exists.
 *
 * <p>Immutable and thread-safe.
 */
public final class ApiKeyPolicy implements Policy {
  private static final String EXPECTED =
      "(expected: Authorization: Bearer KEY, or the key in one of "
          + String.join(
              ", ",
              HeaderPolicy.CREDENTIAL_HEADERS.subList(1, HeaderPolicy.CREDENTIAL_HEADERS.size()))
          + ")";

  private final Map<String, ApiKey> bySha256;

  /** Tenants with a key of their own; nobody else may use up their limits. */
  private final Set<String> boundTenants = new HashSet<>();

  /**
   * Makes the policy.
   *
   * @param keys at least one; the same key may come twice only if all else is the same
   */
  public ApiKeyPolicy(Collection<ApiKey> keys) {
    Map<String, ApiKey> map = new HashMap<>();
    for (ApiKey key : keys) {
      String tenant = key.tenant();
      if (tenant != null) {
        boundTenants.add(tenant);
      }
      ApiKey other = map.putIfAbsent(key.sha256(), key);
      if (other != null && !other.equals(key)) {
        throw new IllegalArgumentException(
            "API keys '"
                + other.name()
                + "' and '"
                + key.name()
                + "' are the same key with different terms (expected: each key once)");
      }
    }
    if (map.isEmpty()) {
      throw new IllegalArgumentException(
          "no API keys (expected: at least one, or no ApiKeyPolicy if the host authenticates)");
    }
    this.bySha256 = Map.copyOf(map);
  }

  @Override
  public Decision onRequest(Exchange exchange) {
    boolean seen = false;
    for (String header : HeaderPolicy.CREDENTIAL_HEADERS) {
      for (String value : exchange.clientRequest().all(header)) {
        String clearKey = clearKey(header, value);
        if (clearKey == null) {
          continue;
        }
        seen = true;
        ApiKey key = bySha256.get(HexFormat.of().formatHex(Secret.sha256(clearKey)));
        if (key != null) {
          return identify(exchange, key);
        }
      }
    }
    return Decision.reject(
        seen
            ? RelayError.of(
                ErrorCode.INVALID_API_KEY, "the API key is none of this relay's " + EXPECTED)
            : RelayError.of(
                ErrorCode.MISSING_API_KEY, "the request carries no API key " + EXPECTED));
  }

  private Decision identify(Exchange exchange, ApiKey key) {
    ClientGonePolicy onClientGone = key.onClientGone();
    if (onClientGone != null) {
      exchange.whenClientGone(onClientGone);
    }
    String bound = key.tenant();
    if (bound != null && !key.tenantHeader()) {
      exchange.identify(key.name(), bound);
      return Decision.admit();
    }
    String own = bound == null ? Exchange.DEFAULT_TENANT : bound;
    Decision decision = TenantPolicy.identify(exchange, key.name(), own);
    String named = exchange.tenant();
    if (!named.equals(own) && boundTenants.contains(named)) {
      exchange.identify(key.name(), own);
      return Decision.reject(
          RelayError.of(
              ErrorCode.FORBIDDEN,
              "this API key may not act for the tenant that "
                  + TenantPolicy.HEADER
                  + " names, which has keys of its own"));
    }
    return decision;
  }

  /** The key in a header's value; null if the header is empty or has another scheme. */
  private static @Nullable String clearKey(String header, String value) {
    String text = value.strip();
    if (header.equals("authorization")) {
      int space = text.indexOf(' ');
      if (space < 0 || !text.substring(0, space).equalsIgnoreCase("Bearer")) {
        return null;
      }
      text = text.substring(space).strip();
    }
    return text.isEmpty() ? null : text;
  }
}
