package io.streamrelay.config;

import io.streamrelay.Secret;
import io.streamrelay.policy.ApiKey;
import io.streamrelay.route.ClientGonePolicy;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Reads the section {@code auth}, in which no text but names and tenants is ever shown. */
final class AuthReader {
  private static final String SOME_KEYS =
      "auth.api_keys with at least one key, or auth.enabled: false if the host or the network"
          + " authenticates";
  private static final String A_DIGEST = "64 hex digits, as 'printf %s KEY | sha256sum' prints";

  private final LoadContext context;
  private final Map<String, Value> byDigest = new HashMap<>();
  private final Map<String, Value> byName = new HashMap<>();

  AuthReader(LoadContext context) {
    this.context = context;
  }

  @Nullable AuthConfig read(Section root) {
    Value value = root.find("auth");
    if (value == null) {
      root.missing("auth", SOME_KEYS);
      return null;
    }
    Section auth = value.asSection(List.of("enabled", "api_keys"), true);
    if (auth == null) {
      return null;
    }
    boolean enabled = auth.read("enabled", true, Parsers::bool);
    Value list = auth.findHidden("api_keys");
    if (list == null) {
      if (enabled) {
        auth.missing("api_keys", SOME_KEYS);
      }
      return enabled ? null : AuthConfig.DISABLED;
    }
    int before = context.found();
    List<ApiKey> keys = new ArrayList<>();
    for (Value each : list.asList()) {
      ApiKey key = each.isMap() ? named(each) : plain(each);
      if (key != null) {
        keys.add(key);
      }
    }
    if (context.found() > before) {
      return null;
    }
    if (enabled && keys.isEmpty()) {
      list.problem("is empty", SOME_KEYS);
      return null;
    }
    return new AuthConfig(enabled, keys);
  }

  private @Nullable ApiKey plain(Value value) {
    Secret secret = value.parse(Parsers::secret);
    return secret == null ? null : addOnce(value, value, ApiKey.plain(secret.reveal()));
  }

  private @Nullable ApiKey named(Value value) {
    Section section =
        value.asSection(
            List.of("name", "key", "sha256", "tenant", "tenant_header", ClientGoneReader.KEY),
            true);
    if (section == null) {
      return null;
    }
    int before = context.found();
    // Hidden, since a key is easily put where its name belongs.
    Value nameValue = section.findHidden("name");
    String name = null;
    if (nameValue == null) {
      section.missing("name", Parsers.A_NAME);
    } else {
      name = nameValue.parse(Parsers::name);
    }
    String digest = digest(value, section);
    String tenant = section.read("tenant", Parsers::tenant);
    boolean tenantHeader =
        section.read("tenant_header", section.find("tenant") == null, Parsers::bool);
    Value headerValue = section.find("tenant_header");
    if (headerValue != null && !tenantHeader && section.find("tenant") == null) {
      headerValue.wrong(
          BadValueException.because(
              "the key has no tenant then", "true, or a tenant for this key"));
    }
    ClientGonePolicy onClientGone = ClientGoneReader.read(section, true);
    if (context.found() > before || name == null || digest == null || nameValue == null) {
      return null;
    }
    return addOnce(value, nameValue, new ApiKey(name, digest, tenant, tenantHeader, onClientGone));
  }

  private static @Nullable String digest(Value item, Section section) {
    Value clear = section.findHidden("key");
    Value hex = section.findHidden("sha256");
    if (clear != null && hex != null) {
      hex.problem("is set as well as key", "key or sha256, not both");
      return null;
    }
    if (clear != null) {
      Secret secret = clear.parse(Parsers::secret);
      return secret == null ? null : HexFormat.of().formatHex(Secret.sha256(secret.reveal()));
    }
    if (hex != null) {
      return hex.parse(
          text -> {
            if (!text.matches("[0-9A-Fa-f]{64}")) {
              throw BadValueException.expected(A_DIGEST);
            }
            return text.toLowerCase(Locale.ROOT);
          });
    }
    item.problem("has neither key nor sha256", "exactly one of them");
    return null;
  }

  private @Nullable ApiKey addOnce(Value item, Value name, ApiKey key) {
    Value same = byDigest.putIfAbsent(key.sha256(), item);
    if (same != null) {
      item.problem(
          "is the same key as " + same.path() + " on line " + same.line(), "each key once");
      return null;
    }
    Value namesake = byName.putIfAbsent(key.name(), name);
    if (namesake != null) {
      name.problem("is '" + key.name() + "' as on line " + namesake.line(), "each name once");
      return null;
    }
    return key;
  }
}
