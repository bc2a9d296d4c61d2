package io.streamrelay.http;

import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Decides which header fields pass from client to upstream and back.
 *
 * <p>Requests go by an allow-list: what a provider's API documents passes, all else stays here, and
 * a client's credentials and cookies never pass. Responses go by a deny-list: what belongs to the
 * upstream's connection, server or cookies stays. Hop-by-hop fields and whatever a {@code
 * Connection} field names are dropped both ways (RFC 9110 §7.6.1). Stateless; called once per
 * direction and exchange.
 */
public final class HeaderPolicy {
  /** Where clients put the relay's key, in the order they are looked at. */
  public static final List<String> CREDENTIAL_HEADERS =
      List.of(
          "authorization",
          "x-api-key",
          "api-key",
          "x-goog-api-key",
          "ocp-apim-subscription-key",
          "xi-api-key");

  private static final Set<String> HOP_BY_HOP =
      Set.of(
          "connection",
          "keep-alive",
          "proxy-connection",
          "proxy-authenticate",
          "proxy-authentication-info",
          "te",
          "trailer",
          "transfer-encoding",
          "upgrade",
          "http2-settings");

  /** Never sent upstream as the client sent it, whatever a route allows. */
  private static final Set<String> NEVER_UPSTREAM =
      Set.of(
          "authorization",
          "proxy-authorization",
          "x-api-key",
          "api-key",
          "x-goog-api-key",
          "ocp-apim-subscription-key",
          "xi-api-key",
          "cookie",
          "cookie2",
          "host",
          "content-length",
          "expect",
          "x-tenant-id",
          "traceparent",
          "tracestate");

  private static final Set<String> UPSTREAM =
      Set.of(
          "accept",
          "accept-charset",
          "accept-encoding",
          "accept-language",
          "content-encoding",
          "content-language",
          "content-type",
          "content-digest",
          "cache-control",
          "idempotency-key",
          "if-match",
          "if-none-match",
          "if-modified-since",
          "if-unmodified-since",
          "range",
          "user-agent",
          "http-referer",
          "x-title",
          "x-client-request-id");

  /**
   * Each provider's own fields: OpenAI, Anthropic, the SDKs' own, Google, Azure Speech, Alibaba.
   */
  private static final List<String> UPSTREAM_PREFIXES =
      List.of("openai-", "anthropic-", "x-stainless-", "x-goog-", "x-microsoft-", "x-dashscope-");

  /** What a credential's name holds; no provider documents a field of its own with one of these. */
  private static final List<String> CREDENTIAL_WORDS =
      List.of("auth", "key", "token", "secret", "password", "credential", "cookie", "jwt");

  private static final Set<String> NEVER_TO_CLIENT =
      Set.of(
          "set-cookie",
          "set-cookie2",
          "server",
          "date",
          "alt-svc",
          "via",
          "strict-transport-security",
          "public-key-pins",
          "public-key-pins-report-only",
          "expect-ct",
          "clear-site-data",
          "nel",
          "report-to",
          "reporting-endpoints",
          "x-powered-by",
          "x-aspnet-version",
          "x-aspnetmvc-version",
          "proxy-status");

  private HeaderPolicy() {}

  /**
   * Tells whether a name may be added to a route's allow-list.
   *
   * @param name in any case
   * @return false for credentials, cookies, what belongs to the connection, and what the relay sets
   *     itself
   */
  public static boolean mayBeForwarded(String name) {
    String lower = name.toLowerCase(Locale.ROOT);
    return !NEVER_UPSTREAM.contains(lower) && !HOP_BY_HOP.contains(lower);
  }

  /**
   * Picks the fields of a client's request that go upstream.
   *
   * @param clientRequest as they came
   * @param alsoAllowed further names in lower case, from the route
   * @param injected the route's own credential header, which the client cannot set; null for none
   * @return a builder, so that the caller can add what it injects
   */
  public static Headers.Builder toUpstream(
      Headers clientRequest, Set<String> alsoAllowed, @Nullable String injected) {
    Set<String> connectionNamed = connectionNames(clientRequest);
    Headers.Builder out = Headers.builder();
    clientRequest.forEach(
        (name, value) -> {
          String lower = name.toLowerCase(Locale.ROOT);
          if (allowedUpstream(lower, alsoAllowed)
              && !connectionNamed.contains(lower)
              && !name.equalsIgnoreCase(injected)
              && fieldValueIsClean(value)) {
            out.add(name, value);
          }
        });
    return out;
  }

  /**
   * Picks the fields of an upstream's response that go to the client.
   *
   * @param upstreamResponse as they came
   * @return a builder, so that the caller can add the relay's own
   */
  public static Headers.Builder toClient(Headers upstreamResponse) {
    Set<String> connectionNamed = connectionNames(upstreamResponse);
    Headers.Builder out = Headers.builder();
    upstreamResponse.forEach(
        (name, value) -> {
          String lower = name.toLowerCase(Locale.ROOT);
          if (!HOP_BY_HOP.contains(lower)
              && !NEVER_TO_CLIENT.contains(lower)
              && !connectionNamed.contains(lower)
              && fieldValueIsClean(value)) {
            // The relay's own id goes by this name; the upstream's is kept beside it.
            out.add(lower.equals("x-request-id") ? "X-Upstream-Request-ID" : name, value);
          }
        });
    return out;
  }

  private static boolean allowedUpstream(String lower, Collection<String> alsoAllowed) {
    if (NEVER_UPSTREAM.contains(lower) || HOP_BY_HOP.contains(lower)) {
      return false;
    }
    if (UPSTREAM.contains(lower) || alsoAllowed.contains(lower)) {
      return true;
    }
    return UPSTREAM_PREFIXES.stream().anyMatch(lower::startsWith)
        && CREDENTIAL_WORDS.stream().noneMatch(lower::contains);
  }

  /** A client must not strip what the provider needs, so only names that could pass are listed. */
  private static Set<String> connectionNames(Headers headers) {
    String single = headers.first("connection");
    if (single == null) {
      return Set.of();
    }
    Set<String> names = new HashSet<>();
    for (String field : headers.all("connection")) {
      for (String token : field.split(",", -1)) {
        names.add(token.strip().toLowerCase(Locale.ROOT));
      }
    }
    // These describe the body, which passes whatever the connection says.
    names.remove("content-type");
    names.remove("content-encoding");
    names.remove("content-length");
    return names;
  }

  /**
   * Refuses fields that would split or frame a request; for headers that code has made up.
   *
   * @param upstreamRequest what is to be sent
   * @throws IllegalArgumentException if a name is no token (RFC 9110 §5.6.2) or frames the body, or
   *     a value holds a control character; names no value
   */
  public static void requireSendable(Headers upstreamRequest) {
    upstreamRequest.forEach(
        (name, value) -> {
          if (!isToken(name) || !fieldValueIsClean(value)) {
            throw new IllegalArgumentException(
                "an upstream header cannot be sent (expected: a token for its name, and no control"
                    + " character in its value)");
          }
          String lower = name.toLowerCase(Locale.ROOT);
          if (lower.equals("content-length") || lower.equals("transfer-encoding")) {
            throw new IllegalArgumentException(
                "upstream header " + lower + " was set (expected: the relay frames the body)");
          }
        });
  }

  private static boolean isToken(String name) {
    for (int i = 0; i < name.length(); i++) {
      char c = name.charAt(i);
      boolean letterOrDigit =
          (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
      if (!letterOrDigit && "!#$%&'*+-.^_`|~".indexOf(c) < 0) {
        return false;
      }
    }
    return !name.isEmpty();
  }

  private static boolean fieldValueIsClean(String value) {
    for (int i = 0; i < value.length(); i++) {
      char c = value.charAt(i);
      if ((c < 0x20 && c != '\t') || c == 0x7f) {
        return false;
      }
    }
    return true;
  }
}
