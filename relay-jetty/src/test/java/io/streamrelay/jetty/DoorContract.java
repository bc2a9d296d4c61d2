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
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

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
    assertThat(reached()).extracting(Sent::target).containsExactly(path.raw());
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
