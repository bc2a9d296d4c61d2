package io.streamrelay.policy;

import io.streamrelay.Exchange;
import io.streamrelay.error.ErrorCode;
import io.streamrelay.error.RelayError;
import io.streamrelay.http.Headers;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Takes the tenant from {@code X-Tenant-ID}, for a relay that asks for no key because its host or
 * network authenticates.
 *
 * <p>Without the header, or with an empty one, the tenant is {@link Exchange#DEFAULT_TENANT};
 * several of them, or one that is no name, are refused. Stateless and thread-safe.
 */
public final class TenantPolicy implements Policy {
  /** The header that names a tenant. */
  public static final String HEADER = "X-Tenant-ID";

  private static final int MAX_LENGTH = 128;

  /** Makes the policy. */
  public TenantPolicy() {}

  /**
   * Tells whether a text can be a tenant's name.
   *
   * @param name any text
   * @return true for 1 to 128 of {@code A-Z a-z 0-9 . _ : -}
   */
  public static boolean isTenantName(String name) {
    if (name.isEmpty() || name.length() > MAX_LENGTH) {
      return false;
    }
    for (int i = 0; i < name.length(); i++) {
      char c = name.charAt(i);
      boolean allowed =
          (c >= 'a' && c <= 'z')
              || (c >= 'A' && c <= 'Z')
              || (c >= '0' && c <= '9')
              || c == '.'
              || c == '_'
              || c == ':'
              || c == '-';
      if (!allowed) {
        return false;
      }
    }
    return true;
  }

  @Override
  public Decision onRequest(Exchange exchange) {
    return identify(exchange, null, Exchange.DEFAULT_TENANT);
  }

  /**
   * Identifies an exchange by its header, or as {@code otherwise} if it has none or an empty one.
   */
  static Decision identify(Exchange exchange, @Nullable String keyName, String otherwise) {
    Headers headers = exchange.clientRequest();
    List<String> values = headers.all(HEADER);
    if (values.size() > 1) {
      return wrong("comes " + values.size() + " times");
    }
    String tenant = values.isEmpty() ? "" : values.get(0).strip();
    if (tenant.isEmpty()) {
      exchange.identify(keyName, otherwise);
      return Decision.admit();
    }
    if (!isTenantName(tenant)) {
      // The value itself could be anything, so only its length is told.
      return wrong("has a value of " + tenant.length() + " characters that is no tenant's name");
    }
    exchange.identify(keyName, tenant);
    return Decision.admit();
  }

  private static Decision wrong(String what) {
    return Decision.reject(
        RelayError.of(
            ErrorCode.INVALID_HEADER,
            HEADER
                + " "
                + what
                + " (expected: one, of 1 to "
                + MAX_LENGTH
                + " letters, digits, '.', '_', ':' or '-', or no such header)"));
  }
}
