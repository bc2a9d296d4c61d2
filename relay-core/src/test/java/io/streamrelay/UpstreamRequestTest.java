package io.streamrelay;

import static org.assertj.core.api.Assertions.assertThat;

import io.streamrelay.config.AuthConfig;
import io.streamrelay.error.ErrorCode;
import io.streamrelay.http.HeaderPolicy;
import io.streamrelay.http.Headers;
import io.streamrelay.policy.ApiKey;
import io.streamrelay.policy.Policy;
import io.streamrelay.route.Dialect;
import io.streamrelay.route.Route;
import io.streamrelay.route.StreamKind;
import io.streamrelay.route.UpstreamCredential;
import io.streamrelay.testkit.FakeClient;
import io.streamrelay.testkit.FakeRequest;
import java.net.URI;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What of a client's request reaches the upstream, and what comes back. */
class UpstreamRequestTest extends ExchangeFixture {
  private static final String KEY = "sk-provider";

  static List<String> neverUpstream() {
    return Stream.concat(
            HeaderPolicy.CREDENTIAL_HEADERS.stream(),
            Stream.of("cookie", "cookie2", "x-tenant-id", "proxy-authorization", "host", "expect"))
        .toList();
  }

  private static Route.Builder credential(Route.Builder route, String header) {
    return route.credential(new UpstreamCredential(header, Secret.of(KEY), "KEY"));
  }

  /** Without the relay's own place in the trace, which every request upstream has. */
  private Headers sentFor(FakeRequest request) {
    send(request);
    Headers.Builder sent = Headers.builder();
    forwarder.call().headers().forEach(sent::add);
    return sent.remove("traceparent").build();
  }

  private String pathFor(String path, @Nullable String query) {
    FakeRequest request = FakeRequest.get(path);
    send(query == null ? request : request.query(query));
    return forwarder.call().request().pathAndQuery();
  }

  @ParameterizedTest
  @MethodSource("neverUpstream")
  void aClientsCredentialStaysHere(String name) {
    serve(route().forwardHeaders(name));
    Headers sent =
        sentFor(FakeRequest.get("/v1/models").header(name.toUpperCase(Locale.ROOT), "acme"));
    assertThat(sent.size()).isZero();
  }

  @Test
  void aHeadLargerThanForwardersSendIsRefused() {
    FakeClient client = send(FakeRequest.get("/v1/models").header("Accept", "x".repeat(62 * 1024)));
    assertRefused(client, ErrorCode.INVALID_HEADER);
    assertThat(forwarder.calls()).isEmpty();
  }

  @Test
  void aLongFieldThatIsNotPassedOnDoesNotCount() {
    FakeClient client =
        send(FakeRequest.get("/v1/models").header("X-Custom", "x".repeat(62 * 1024)));
    forwarder.call().connected().head(204).complete();
    assertComplete(client, "");
  }

  @Test
  void oneOfEachCredentialAtOnceStaysHere() {
    FakeRequest request = FakeRequest.get("/v1/models").header("Accept", "*/*");
    neverUpstream().forEach(name -> request.header(name, "acme"));
    assertThat(sentFor(request).size()).isEqualTo(1);
  }

  @ParameterizedTest
  @ValueSource(strings = {"Authorization", "x-api-key", "X-Goog-Api-Key", "X-Custom-Key"})
  void theRoutesKeyIsSentAndNobodyCanOverrideIt(String header) {
    serve(credential(route(), header).forwardHeaders("x-custom-key"));
    policies.add(
        new Policy() {
          @Override
          public void onUpstreamRequest(Exchange exchange, Headers.Builder upstreamRequest) {
            upstreamRequest.set(header.toLowerCase(Locale.ROOT), "policy's");
            upstreamRequest.add(header.toUpperCase(Locale.ROOT), "policy's other");
          }
        });
    Headers sent =
        sentFor(
            FakeRequest.get("/v1/models")
                .header(header, "client's")
                .header(header.toUpperCase(Locale.ROOT), "client's")
                .header("Connection", header + ", close"));
    assertThat(sent.all(header))
        .containsExactly(header.equals("Authorization") ? "Bearer " + KEY : KEY);
    assertThat(sent.contains("Connection")).isFalse();
  }

  @Test
  void theRelaysOwnKeyStaysHere() {
    config.auth(new AuthConfig(true, List.of(ApiKey.plain("sk-relay"))));
    serve(credential(route(), "Authorization"));
    Headers sent =
        sentFor(
            FakeRequest.get("/v1/models")
                .header("Authorization", "Bearer sk-relay")
                .header("x-api-key", "sk-relay"));
    assertThat(sent.all("authorization")).containsExactly("Bearer " + KEY);
    assertThat(sent.contains("x-api-key")).isFalse();
  }

  @Test
  void whatTheConnectionNamesAndHopByHopFieldsStayHere() {
    Headers sent =
        sentFor(
            FakeRequest.get("/v1/models")
                .header("Connection", "keep-alive, Anthropic-Beta")
                .header("Anthropic-Beta", "x")
                .header("anthropic-version", "2023-06-01")
                .header("Keep-Alive", "timeout=5")
                .header("Transfer-Encoding", "chunked")
                .header("Upgrade", "h2c")
                .header("TE", "trailers"));
    assertThat(sent.size()).isEqualTo(1);
    assertThat(sent.first("anthropic-version")).isEqualTo("2023-06-01");
  }

  @Test
  void onlyKnownFieldsAndTheRoutesOwnPass() {
    serve(route().forwardHeaders("X-Mine"));
    Headers sent =
        sentFor(
            FakeRequest.get("/v1/models")
                .header("OpenAI-Organization", "o")
                .header("User-Agent", "sdk")
                .header("X-Forwarded-For", "10.0.0.1")
                .header("X-Unknown", "u")
                .header("X-Mine", "m"));
    assertThat(sent.toString()).isEqualTo("[OpenAI-Organization, User-Agent, X-Mine]");
  }

  @Test
  void aPolicyMayAddAHeader() {
    policies.add(
        new Policy() {
          @Override
          public void onUpstreamRequest(Exchange exchange, Headers.Builder upstreamRequest) {
            upstreamRequest.set("X-Tenant", exchange.tenant());
          }
        });
    Headers sent = sentFor(FakeRequest.get("/v1/models").header("X-Tenant-ID", "acme"));
    assertThat(sent.first("X-Tenant")).isEqualTo("acme");
  }

  @ParameterizedTest
  @CsvSource(
      nullValues = "-",
      value = {
        "a=1&b=%20&c, a=1&b=%20&c",
        "key=1, -",
        "api-key=1, -",
        "a=1&api-key=2&b=3, a=1&b=3",
        "API-KEY=1&a, a",
        "%61pi-key=1&a=%61, a=%61",
        "api%2Dkey=1&a, a",
        "api_key&a, a",
        "access_token=x&a==b=&&c, a==b=&&c",
        "a=api-key, a=api-key",
        "subscription-key=1&xi-api-key=2&x-api-key=3, -"
      })
  void credentialsLeaveTheQueryAndTheRestStaysVerbatim(String query, @Nullable String kept) {
    assertThat(pathFor("/v1/models", query))
        .isEqualTo(kept == null ? "/v1/models" : "/v1/models?" + kept);
  }

  @ParameterizedTest
  @CsvSource(
      nullValues = "-",
      value = {"key=1, -", "alt=sse&key=1, alt=sse", "%6bey=1&alt=sse, alt=sse", "KEY=1, -"})
  void onGeminiRoutesKeyIsACredentialToo(String query, @Nullable String kept) {
    serve(route().dialect(Dialect.GEMINI));
    assertThat(pathFor("/v1/x", query)).isEqualTo(kept == null ? "/v1/x" : "/v1/x?" + kept);
  }

  @Test
  void anEmptyQueryStaysEmpty() {
    assertThat(pathFor("/v1/models", "")).isEqualTo("/v1/models?");
  }

  @ParameterizedTest
  @CsvSource(
      nullValues = "-",
      value = {
        "https://u.test, -, /openai/v1/chat, /openai/v1/chat",
        "https://u.test, /openai, /openai/v1/chat, /v1/chat",
        "https://u.test/base, /openai, /openai/v1/chat, /base/v1/chat",
        "https://u.test/base/, /openai, /openai/v1/chat, /base/v1/chat",
        "https://u.test/base, -, /openai/v1/chat, /base/openai/v1/chat",
        "https://u.test, /openai, /openai, /",
        "https://u.test/base, /openai, /openai, /base",
        "https://u.test, /openai, /openai/a%20b/, /a%20b/"
      })
  void aPathIsMappedAsTheRouteSays(
      String upstream, @Nullable String strip, String path, String expected) {
    Route.Builder route = Route.builder("o").path("/openai").upstream(URI.create(upstream));
    serve(strip == null ? route : route.stripPrefix(strip));
    assertThat(pathFor(path, null)).isEqualTo(expected);
    assertThat(forwarder.call().request().origin()).isEqualTo(URI.create(upstream));
    assertThat(forwarder.call().request().method()).isEqualTo("GET");
  }

  @ParameterizedTest
  @CsvSource(
      nullValues = "-",
      value = {
        "SSE, false, -, -",
        "SSE, false, gzip, identity",
        "SSE, false, 'gzip, br;q=0.5', identity",
        "SSE, false, 'gzip, identity;q=0', 'gzip, identity;q=0'",
        "SSE, false, 'gzip, identity; q=0.0', 'gzip, identity; q=0.0'",
        "SSE, false, '*;q=0, gzip', '*;q=0, gzip'",
        "SSE, false, 'gzip, identity;q=0.5', identity",
        "AUTO, true, -, -",
        "AUTO, true, gzip, identity",
        "AUTO, true, 'gzip, identity;q=0', 'gzip, identity;q=0'",
        "AUTO, false, gzip, gzip",
        "RAW, true, gzip, gzip",
        "RAW, true, -, -"
      })
  void aStreamIsAskedForUncodedWhereTheClientTakesIt(
      StreamKind kind, boolean stream, @Nullable String accepted, @Nullable String sent) {
    serve(route().kind(kind));
    FakeRequest request = FakeRequest.post(CHAT).json("{\"stream\":" + stream + "}");
    Headers headers =
        sentFor(accepted == null ? request : request.header("Accept-Encoding", accepted));
    assertThat(headers.all("Accept-Encoding")).isEqualTo(sent == null ? List.of() : List.of(sent));
  }

  @ParameterizedTest
  @ValueSource(strings = {"abc", "a.b_c:d-9", "0"})
  void aSaneRequestIdIsTheExchanges(String id) {
    FakeClient client = send(FakeRequest.get("/v1/models").header("x-request-id", id));
    forwarder.call().connected().head(200).chunk("{}").complete();
    assertThat(client.headers().all("X-Request-ID")).containsExactly(id);
    assertThat(assertComplete(client, "{}").requestId()).isEqualTo(id);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "a b", "a\"b", "ü", "a\u0007", "<x>"})
  void anotherRequestIdIsReplaced(String id) {
    FakeClient client = send(FakeRequest.get("/nowhere").header("X-Request-ID", id));
    String given = client.headers().first("X-Request-ID");
    assertThat(given).matches("req-[0-9a-f]{32}");
    assertThat(record().requestId()).isEqualTo(given);
  }

  @Test
  void anOverlongRequestIdIsReplaced() {
    FakeClient client = send(FakeRequest.get("/nowhere").header("X-Request-ID", "a".repeat(129)));
    assertThat(client.headers().first("X-Request-ID")).startsWith("req-");
  }

  @Test
  void withoutARequestIdEachExchangeGetsItsOwn() {
    FakeClient one = send(FakeRequest.get("/nowhere"));
    FakeClient two = send(FakeRequest.get("/nowhere"));
    assertThat(one.headers().first("X-Request-ID"))
        .isNotNull()
        .isNotEqualTo(two.headers().first("X-Request-ID"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"x-request-id", "request-id", "apim-request-id", "CF-Ray"})
  void theUpstreamsRequestIdIsRecordedAndKeptBeside(String name) {
    FakeClient client = send(FakeRequest.get("/v1/models").header("X-Request-ID", "mine"));
    forwarder.call().connected().head(200, name, "theirs").chunk("{}").complete();
    assertThat(assertComplete(client, "{}").upstreamRequestId()).isEqualTo("theirs");
    assertThat(client.headers().all("X-Request-ID")).containsExactly("mine");
    boolean same = name.equals("x-request-id");
    assertThat(client.headers().first(same ? "X-Upstream-Request-ID" : name)).isEqualTo("theirs");
  }

  @Test
  void whatBelongsToTheUpstreamsConnectionAndCookiesStaysThere() {
    FakeClient client = send(FakeRequest.get("/v1/models"));
    forwarder
        .call()
        .connected()
        .head(
            200,
            "Set-Cookie",
            "a=b",
            "Connection",
            "close, X-Hop",
            "X-Hop",
            "1",
            "Transfer-Encoding",
            "chunked",
            "Server",
            "nginx",
            "Content-Type",
            "application/json",
            "Content-Length",
            "2",
            "openai-version",
            "2020-10-01")
        .chunk("{}")
        .complete();
    assertThat(client.headers().toString())
        .isEqualTo("[Content-Type, Content-Length, openai-version, X-Request-ID]");
    assertComplete(client, "{}");
  }
}
