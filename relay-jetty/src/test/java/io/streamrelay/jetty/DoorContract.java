package io.streamrelay.jetty;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import io.streamrelay.Relay;
import io.streamrelay.Secret;
import io.streamrelay.config.AuthConfig;
import io.streamrelay.config.RelayConfig;
import io.streamrelay.config.ServerConfig;
import io.streamrelay.jetty.DoorShapes.Shape;
import io.streamrelay.jetty.DoorShapes.Target;
import io.streamrelay.jetty.DoorUpstream.Sent;
import io.streamrelay.jetty.TestContainer.Mount;
import io.streamrelay.policy.ApiKey;
import io.streamrelay.route.Dialect;
import io.streamrelay.route.Route;
import io.streamrelay.route.StreamKind;
import io.streamrelay.route.UpstreamCredential;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What comes through the relay's door, in any container: whatever a client sends, its upstream gets
 * nothing, or one well-formed request for a place that a route names.
 *
 * <p>A container is added by a subclass that says how to start it. What it takes of {@link
 * DoorShapes} although it should not, {@link #tolerates} names; those too must reach the upstream
 * well-formed.
 */
@Timeout(60)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class DoorContract {
  private static final String PROVIDER_KEY = "sk-provider-door-1";
  private static final int MAX_BODY_BYTES = 100_000;
  private static final int HANGS_MILLIS = 2_000;
  private static final Pattern STATUS_LINE =
      Pattern.compile("HTTP/1\\.1 ([1-5][0-9][0-9]) ?[^\r\n]*\r\n");

  private final DoorUpstream upstream = new DoorUpstream();
  private TestContainer container;
  private int probes;

  /** Starts a container with these servlets. */
  abstract TestContainer start(List<Mount> mounts, Duration idle) throws Exception;

  /** Opens the door; a subclass that is no servlet container overrides this instead. */
  TestContainer open(RelayConfig config) throws Exception {
    Relay relay = Relay.builder(config, JettyForwarder.create()).build();
    TestContainer started =
        start(List.of(Mount.of("", "/*", new RelayServlet(relay))), Duration.ofSeconds(30));
    return new TestContainer() {
      @Override
      public int port() {
        return started.port();
      }

      @Override
      public void close() {
        started.close();
        relay.close();
      }
    };
  }

  /** Names of shapes that the container should refuse and takes, each made harmless. */
  Set<String> tolerates() {
    return Set.of();
  }

  /** Whether it says 100 also to HTTP/1.0, which does not know it. */
  boolean tellsHttp10ToContinue() {
    return false;
  }

  /** How much of a head the container takes, about. */
  int maxHeadBytes() {
    return 64 * 1024;
  }

  /** Whether a target that ends in a question mark keeps it. */
  boolean tellsAnEmptyQuery() {
    return true;
  }

  @BeforeAll
  void open() throws Exception {
    container = open(config());
  }

  @AfterAll
  void close() {
    container.close();
    upstream.close();
  }

  private RelayConfig config() {
    return RelayConfig.builder()
        .server(new ServerConfig("127.0.0.1", 0, MAX_BODY_BYTES, Duration.ZERO, Duration.ZERO))
        .auth(new AuthConfig(true, List.of(ApiKey.plain(DoorShapes.KEY))))
        .route(
            Route.builder("api")
                .path("/api")
                .upstream(upstream.origin())
                .credential(
                    new UpstreamCredential("Authorization", Secret.of(PROVIDER_KEY), "auth_value"))
                .kind(StreamKind.RAW)
                .dialect(Dialect.OPENAI)
                .build())
        .build();
  }

  // ---- paths

  @ParameterizedTest
  @MethodSource("io.streamrelay.jetty.DoorShapes#ambiguousPaths")
  void aPathThatServersReadDifferentlyIsRefused(Target path) throws Exception {
    Answers answers = exchange(get(path.raw()));

    assertThat(reached()).isEmpty();
    assertThat(answers.statuses).describedAs(answers.raw).hasSize(1);
    assertThat(answers.statuses.get(0)).isIn(400, 404, 414);
  }

  @ParameterizedTest
  @MethodSource("io.streamrelay.jetty.DoorShapes#otherForms")
  void aTargetNeverNamesTheUpstream(Target target) throws Exception {
    Answers answers = exchange(get(target.raw().replace("HOST", "127.0.0.1:" + container.port())));

    for (Sent sent : reached()) {
      assertThat(sent.body(upstream.authority())).isEmpty();
      assertThat(sent.target()).isEqualTo("/api/x");
    }
    assertThat(answers.statuses).describedAs(answers.raw).hasSizeLessThanOrEqualTo(1);
  }

  @ParameterizedTest
  @MethodSource("io.streamrelay.jetty.DoorShapes#plainPaths")
  void anOddButLegalPathGoesUpAsItCame(Target path) throws Exception {
    Answers answers = exchange(get(path.raw()));

    assertThat(answers.statuses).describedAs(answers.raw).containsExactly(200);
    boolean kept = tellsAnEmptyQuery() || !path.raw().endsWith("?");
    String target = kept ? path.raw() : path.raw().substring(0, path.raw().length() - 1);
    assertThat(reached()).extracting(Sent::target).containsExactly(target);
  }

  // ---- framing

  @ParameterizedTest
  @MethodSource("io.streamrelay.jetty.DoorShapes#framing")
  void aBodyIsFramedInOneWayOrRefused(Shape shape) throws Exception {
    isRefusedOrMadeHarmless(shape);
  }

  @ParameterizedTest
  @MethodSource("io.streamrelay.jetty.DoorShapes#chunks")
  void chunksAreReadInOneWayOrRefused(Shape shape) throws Exception {
    isRefusedOrMadeHarmless(shape);
  }

  @ParameterizedTest
  @MethodSource("io.streamrelay.jetty.DoorShapes#heads")
  void aHeadIsReadInOneWayOrRefused(Shape shape) throws Exception {
    isRefusedOrMadeHarmless(shape);
  }

  @ParameterizedTest
  @MethodSource("io.streamrelay.jetty.DoorShapes#methods")
  void aMethodThatNoRouteKnowsIsRefused(Target method) throws Exception {
    Answers answers = exchange(get("/api/x").replace("GET", method.raw()));

    assertThat(answers.statuses).describedAs(answers.raw).hasSize(1);
    assertThat(answers.statuses.get(0)).isIn(400, 405, 501);
    assertThat(answers.raw).doesNotContain(DoorShapes.KEY);
    assertThat(reached()).isEmpty();
  }

  private void isRefusedOrMadeHarmless(Shape shape) throws Exception {
    Answers answers = exchange(shape.raw() + get("/final"));
    List<Sent> reached = reached();

    assertThat(reached).describedAs(answers.raw).hasSizeLessThanOrEqualTo(1);
    for (Sent sent : reached) {
      String body = sent.body(upstream.authority());
      assertThat(sent.target()).isEqualTo("/api/x");
      assertThat(sent.values("Authorization")).containsExactly("Bearer " + PROVIDER_KEY);
      assertThat(sent.head()).doesNotContain(DoorShapes.KEY, "evil");
      if (shape.body() != null) {
        assertThat(body).isEqualTo(shape.body());
      }
    }
    assertThat(answers.statuses.stream().filter(status -> status == 200))
        .describedAs(answers.raw)
        .hasSameSizeAs(reached);
    boolean mayPass = !shape.mustBeRefused() || tolerates().contains(shape.name());
    if (mayPass) {
      assertThat(shape.mustBeRefused() && reached.isEmpty())
          .describedAs("it is refused, so it need not be named as tolerated: " + answers.raw)
          .isFalse();
    } else {
      assertThat(reached).describedAs("it was taken; " + answers.raw).isEmpty();
    }
  }

  // ---- fields

  @Test
  void onlyListedFieldsGoUp() throws Exception {
    String others =
        Stream.of(
                "Forwarded",
                "X-Forwarded-For",
                "X-Forwarded-Host",
                "X-Forwarded-Proto",
                "X-Real-IP",
                "Via",
                "Cookie",
                "Cookie2",
                "Proxy-Authorization",
                "Proxy-Connection",
                "Proxy-Authenticate",
                "Keep-Alive",
                "Origin",
                "Referer",
                "X-Tenant-ID",
                "X-HTTP-Method-Override",
                "X-Original-URL",
                "X-Rewrite-URL",
                "X-Custom",
                "Trailer",
                "Max-Forwards",
                "Transfer_Encoding",
                "Content_Length",
                "Authorization_",
                "X-Request-ID",
                "Traceparent",
                "Baggage")
            .map(name -> name + ": evil\r\n")
            .collect(Collectors.joining());
    exchange(
        "GET /api/x HTTP/1.1\r\nHost: x\r\nx-api-key: "
            + DoorShapes.KEY
            + "\r\nConnection: close, Upgrade, HTTP2-Settings, TE\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQ\r\n"
            + "TE: trailers\r\nAccept: text/plain\r\nUser-Agent: me\r\nOpenAI-Organization: org\r\n"
            + "Anthropic-Version: 1\r\n"
            + others
            + "\r\n");

    List<Sent> reached = reached();
    assertThat(reached).hasSize(1);
    assertThat(reached.get(0).body(upstream.authority())).isEmpty();
    assertThat(
            reached.get(0).head().lines().skip(1).map(line -> line.substring(0, line.indexOf(':'))))
        .usingElementComparator(String.CASE_INSENSITIVE_ORDER)
        .containsExactlyInAnyOrder(
            "Host",
            "Authorization",
            "Accept",
            "User-Agent",
            "OpenAI-Organization",
            "Anthropic-Version",
            "traceparent");
    assertThat(reached.get(0).head()).doesNotContain("evil");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "authorization: Bearer evil",
        "AUTHORIZATION: Basic evil",
        "Authorization: evil\r\nAuthorization: evil",
        "Authorization: Bearer KEY, Bearer evil",
        "Authorization: Bearer KEY\r\nAuthorization: Bearer evil",
        "X_Api_Key: evil",
        "x-api_key: evil",
        "X-API-KEY: evil",
        "Api-Key: evil",
        "api_key: evil",
        "xi-api-key: evil",
        "X-Goog-Api-Key: evil",
        "x-goog-api_key: evil",
        "X-Goog-IAM-Authorization-Token: evil",
        "Anthropic-Api-Key: evil",
        "OpenAI-Api-Key: evil",
        "Ocp-Apim-Subscription-Key: evil",
        "Proxy-Authorization: Bearer evil",
        "X-Auth-Token: evil",
        "Cookie: key=evil",
        "X-Amz-Security-Token: evil",
        "X-DashScope-Token: evil",
        "X-Microsoft-Secret: evil",
        "x-stainless-auth: evil",
        "Authorization:",
        "OpenAI-Cookie: evil"
      })
  void aClientsCredentialsStayHere(String fields) throws Exception {
    String raw =
        get("/api/x")
            .replace(
                "Connection: close",
                "Connection: close\r\n" + fields.replace("KEY", DoorShapes.KEY));
    Answers answers = exchange(raw);

    List<Sent> reached = reached();
    assertThat(answers.statuses).describedAs(answers.raw).hasSize(1);
    assertThat(answers.statuses.get(0)).isIn(200, 400, 401);
    assertThat(reached).hasSize(answers.statuses.get(0) == 200 ? 1 : 0);
    for (Sent sent : reached) {
      assertThat(sent.values("Authorization")).containsExactly("Bearer " + PROVIDER_KEY);
      assertThat(sent.raw()).doesNotContain("evil", DoorShapes.KEY);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "authorization", "Authorization, X-Api-Key", "close, AUTHORIZATION", "host",
            "content-length, host",
        "content-type", "transfer-encoding", "x-api-key\r\nConnection: authorization", "expect",
            ",,authorization,,",
        "authorization;q=1", "\tauthorization\t", "connection", "x-request-id"
      })
  void whatConnectionNamesTakesNothingOfTheRelaysOwn(String names) throws Exception {
    exchange(
        "POST /api/x HTTP/1.1\r\nHost: x\r\nx-api-key: "
            + DoorShapes.KEY
            + "\r\nConnection: "
            + names
            + "\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"
            + get("/final"));

    List<Sent> reached = reached();
    assertThat(reached).hasSize(1);
    Sent sent = reached.get(0);
    assertThat(sent.body(upstream.authority())).isEqualTo("hello");
    assertThat(sent.values("Authorization")).containsExactly("Bearer " + PROVIDER_KEY);
    assertThat(sent.values("Content-Type")).containsExactly("text/plain");
    assertThat(sent.values("Connection")).isEmpty();
  }

  @Test
  void keysInTheQueryStayHere() throws Exception {
    exchange(get("/api/x?a=1&api-key=evil&b=2&API%2DKEY=evil;access_token=evil&c=3"));

    assertThat(reached()).extracting(Sent::target).containsExactly("/api/x?a=1&b=2&c=3");
  }

  // ---- sizes

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aBodyOfJustTheLargestSizePasses(boolean chunked) throws Exception {
    Answers answers = exchange(upload(MAX_BODY_BYTES, chunked) + get("/final"));

    List<Sent> reached = reached();
    assertThat(answers.statuses).containsExactly(200, 404);
    assertThat(reached).hasSize(1);
    assertThat(reached.get(0).body(upstream.authority())).hasSize(MAX_BODY_BYTES);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aBodyOfOneByteMoreDoesNot(boolean chunked) throws Exception {
    Answers answers = exchange(upload(MAX_BODY_BYTES + 1, chunked) + get("/final"));

    List<Sent> reached = reached();
    assertThat(answers.statuses).describedAs(answers.raw).startsWith(413).hasSizeLessThan(3);
    // What streamed up before the count was known broke off.
    assertThat(reached).hasSizeLessThanOrEqualTo(chunked ? 1 : 0);
    assertThat(reached).noneMatch(sent -> sent.raw().endsWith("\r\n0\r\n\r\n"));
  }

  @Test
  void aLengthThatIsTooLargeIsRefusedBeforeTheBodyComes() throws Exception {
    String head = upload(MAX_BODY_BYTES + 1, false);
    try (Wire client = Wire.connect(container.port())) {
      client.send(head.substring(0, head.indexOf("\r\n\r\n") + 4));

      assertThat(client.readHead().status()).isEqualTo(413);
    }
    assertThat(reached()).isEmpty();
  }

  private static String upload(int length, boolean chunked) {
    String head = "POST /api/x HTTP/1.1\r\nHost: x\r\nx-api-key: " + DoorShapes.KEY + "\r\n";
    if (!chunked) {
      return head + "Content-Length: " + length + "\r\n\r\n" + "x".repeat(length);
    }
    StringBuilder body = new StringBuilder("Transfer-Encoding: chunked\r\n\r\n");
    for (int left = length; left > 0; left -= 1000) {
      int size = Math.min(left, 1000);
      body.append(Integer.toHexString(size)).append("\r\n").append("x".repeat(size)).append("\r\n");
    }
    return head + body + "0\r\n\r\n";
  }

  @Test
  void aHeadThatIsTooLargeIsRefused() throws Exception {
    int tooMany = maxHeadBytes() + 6_000;
    for (String fields :
        List.of(
            "X-Big: " + "x".repeat(tooMany),
            "X".repeat(tooMany) + ": x",
            "X-Many: x\r\n".repeat(8_000) + "X: y",
            "x-api-key: " + "k".repeat(tooMany))) {
      Answers answers = exchange(get("/api/x").replace("Connection: close", fields));

      assertThat(reached()).isEmpty();
      // A client that sends far more than is read may find the connection reset.
      assertThat(answers.statuses).describedAs(answers.raw).isSubsetOf(400, 431);
    }
  }

  /** Whoever takes larger heads from clients: this is as much as goes up. */
  @Test
  void aFieldThatIsTooLargeForTheUpstreamIsTheClientsFault() throws Exception {
    Answers answers =
        exchange(
            get("/api/x")
                .replace(
                    "Connection: close", "Connection: close\r\nAccept: " + "x".repeat(70_000)));

    assertThat(reached()).isEmpty();
    assertThat(answers.statuses).describedAs(answers.raw).isSubsetOf(400, 431);
  }

  // ---- Expect

  @Test
  void anUnknownExpectationIsRefusedOrIgnored() throws Exception {
    for (String value : List.of("200-ok", "100-continue, x", "nonsense", "100-Continue;q=1")) {
      Answers answers =
          exchange(
              get("/api/x").replace("Connection: close", "Connection: close\r\nExpect: " + value));

      assertThat(answers.statuses).describedAs(answers.raw).doesNotContain(100).hasSize(1);
      assertThat(answers.statuses.get(0)).isIn(200, 400, 417);
      assertThat(reached()).allSatisfy(sent -> assertThat(sent.values("Expect")).isEmpty());
    }
  }

  /** RFC 9110 §10.1.1: a client of that version would take it for the answer. */
  @Test
  void aClientOfHttp10IsNotToldToContinue() throws Exception {
    Answers answers =
        exchange(
            upload(5, false)
                .replace("HTTP/1.1", "HTTP/1.0")
                .replace("Host: x", "Host: x\r\nExpect: 100-continue"));

    assertThat(reached()).hasSize(1);
    assertThat(answers.statuses.contains(100))
        .describedAs(answers.raw)
        .isEqualTo(tellsHttp10ToContinue());
  }

  // ---- answers

  @ParameterizedTest
  @MethodSource("io.streamrelay.jetty.DoorShapes#brokenAnswers")
  void aBrokenAnswerIsABadGateway(Shape shape) throws Exception {
    upstream.answer(shape.raw());
    Answers answers;
    try {
      answers = exchange(get("/api/x"));
    } finally {
      upstream.answer(DoorUpstream.PLAIN);
    }
    reached();

    assertThat(answers.statuses).describedAs(answers.raw).containsExactly(502);
    assertThat(answers.raw)
        .contains("\"code\":\"upstream_")
        .doesNotContain("leak", "Exception", "eclipse", upstream.authority(), PROVIDER_KEY);
  }

  @Test
  void whatBelongsToTheUpstreamsConnectionAndServerIsNotToldToTheClient() throws Exception {
    String fields =
        Stream.of(
                "Set-Cookie",
                "Set-Cookie2",
                "Server",
                "Via",
                "X-Powered-By",
                "X-AspNet-Version",
                "Alt-Svc",
                "Strict-Transport-Security",
                "Keep-Alive",
                "Proxy-Authenticate",
                "Proxy-Connection",
                "Upgrade",
                "Trailer",
                "X-Hop",
                "Clear-Site-Data",
                "NEL",
                "Report-To",
                "Expect-CT",
                "Proxy-Status")
            .map(name -> name + ": leak\r\n")
            .collect(Collectors.joining());
    upstream.answer(
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close, X-Hop\r\n"
            + fields
            + "x-ratelimit-remaining-requests: kept-1\r\nRetry-After: 17\r\nx-request-id: kept-2\r\n"
            + "anthropic-ratelimit-tokens-limit: kept-3\r\nopenai-processing-ms: kept-4\r\n\r\nok");
    Answers answers = exchange(get("/api/x"));
    upstream.answer(DoorUpstream.PLAIN);

    assertThat(answers.raw)
        .startsWith("HTTP/1.1 200")
        .doesNotContain("leak", "X-Hop")
        .containsIgnoringCase("\r\nRetry-After: 17\r\n")
        .containsIgnoringCase("\r\nX-Upstream-Request-ID: kept-2\r\n")
        .contains("kept-1", "kept-3", "kept-4");
    reached();
  }

  @Test
  void anAnswersBlankLinesDoNotSplitIt() throws Exception {
    upstream.answer(
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: a\nX-Leak: b\r\nConnection: close\r\n\r\nok");
    Answers answers = exchange(get("/api/x"));
    upstream.answer(DoorUpstream.PLAIN);

    assertThat(answers.statuses).hasSize(1);
    assertThat(answers.raw).doesNotContain("X-A: a\n");
    reached();
  }

  // ---- the wire

  private static String get(String target) {
    return "GET "
        + target
        + " HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nx-api-key: "
        + DoorShapes.KEY
        + "\r\n\r\n";
  }

  /** All that came back on one connection. */
  private record Answers(String raw, List<Integer> statuses, boolean hung) {}

  /** Sends bytes and reads until the relay ends the connection, or nothing more comes. */
  private Answers exchange(String raw) throws IOException {
    ByteArrayOutputStream got = new ByteArrayOutputStream();
    boolean hung = false;
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), container.port())) {
      socket.setSoTimeout(HANGS_MILLIS);
      OutputStream out = socket.getOutputStream();
      try {
        out.write(raw.getBytes(ISO_8859_1));
        out.flush();
        InputStream in = socket.getInputStream();
        byte[] buffer = new byte[8192];
        int count = in.read(buffer);
        while (count >= 0) {
          got.write(buffer, 0, count);
          count = in.read(buffer);
        }
      } catch (SocketTimeoutException e) {
        hung = true;
      } catch (IOException e) {
        // Reset: an end as well.
      }
    }
    String text = got.toString(ISO_8859_1);
    List<Integer> statuses = new ArrayList<>();
    Matcher lines = STATUS_LINE.matcher(text);
    while (lines.find()) {
      statuses.add(Integer.parseInt(lines.group(1)));
    }
    return new Answers(text, statuses, hung);
  }

  /** What reached the upstream before a request that is sent now and surely reaches it. */
  private List<Sent> reached() throws IOException {
    String probe = "/api/probe-" + probes++;
    assertThat(exchange(get(probe)).statuses).containsExactly(200);
    List<Sent> all = new ArrayList<>(upstream.takeSent());
    assertThat(all.removeIf(sent -> sent.raw().startsWith("GET " + probe + " "))).isTrue();
    return all;
  }
}
