package io.streamrelay.jetty;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.streamrelay.EndReason;
import io.streamrelay.ExchangeRecord;
import io.streamrelay.Relay;
import io.streamrelay.UsageRequest;
import io.streamrelay.config.AuthConfig;
import io.streamrelay.config.RelayConfig;
import io.streamrelay.jetty.TestContainer.Mount;
import io.streamrelay.observe.Usage;
import io.streamrelay.route.Route;
import io.streamrelay.testkit.Answer;
import io.streamrelay.testkit.FakeUpstream;
import io.streamrelay.testkit.Recording;
import io.streamrelay.testkit.Recordings;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A route that asks for usage where its client does not, on real sockets. */
@Timeout(60)
class IncludeUsageTest {
  private static final String BODY = "{\"model\":\"é\", \"stream\":true}";
  private static final String ASKING =
      "{\"stream_options\":{\"include_usage\":true},\"model\":\"é\", \"stream\":true}";
  private static final String FINISH =
      "data: {\"object\":\"chat.completion.chunk\",\"choices\":[{\"delta\":{\"content\":\"é\"},"
          + "\"finish_reason\":\"stop\"}]}\n\n";
  private static final String USAGE =
      "data: {\"object\":\"chat.completion.chunk\",\"choices\":[],"
          + "\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":9}}\n\n";
  private static final String DONE = "data: [DONE]\n\n";

  /** Who serves. */
  enum Container {
    JETTY,
    TOMCAT,
    UNDERTOW;

    TestContainer start(Mount mount) throws Exception {
      Duration idle = Duration.ofSeconds(30);
      return switch (this) {
        case JETTY -> TestContainer.jetty(List.of(mount), idle);
        case TOMCAT -> TestContainer.tomcat(List.of(mount), idle);
        case UNDERTOW -> TestContainer.undertow(List.of(mount), idle);
      };
    }
  }

  private final CapturedLogs logs = new CapturedLogs();
  private final ScriptedUpstream upstream;
  private final FakeUpstream provider = FakeUpstream.start();
  private final Recorder records = new Recorder();
  private final Relay relay;

  IncludeUsageTest() throws IOException {
    upstream = new ScriptedUpstream();
    Route.Builder route = Route.builder("chat").path("/v1").upstream(upstream.uri());
    Route.Builder refusing =
        Route.builder("refusing").path("/refusing").upstream(provider.origin());
    relay =
        Relay.builder(
                RelayConfig.builder()
                    .auth(AuthConfig.DISABLED)
                    .route(route.includeUsage(true).build())
                    .route(refusing.includeUsage(true).build())
                    .build(),
                JettyForwarder.create())
            .listener(records)
            .build();
  }

  @AfterEach
  void nothingIsLeft() throws Exception {
    try {
      records.await("no exchange runs", () -> relay.activeExchanges() == 0);
      assertThat(logs.errors()).isEmpty();
    } finally {
      upstream.close();
      provider.close();
      relay.close();
      logs.close();
    }
  }

  private interface Talk {
    void hold(Wire client) throws Exception;
  }

  private ExchangeRecord run(Container container, Talk talk) throws Exception {
    try (TestContainer serving = container.start(Mount.of("", "/*", new RelayServlet(relay)));
        Wire client = Wire.connect(serving.port())) {
      talk.hold(client);
      ExchangeRecord record = records.next();
      records.await("no exchange runs", () -> relay.activeExchanges() == 0);
      return record;
    }
  }

  private static void ask(Wire client) throws IOException {
    ask(client, "/v1/chat/completions");
  }

  private static void ask(Wire client, String path) throws IOException {
    client.send(
        "POST "
            + path
            + " HTTP/1.1\r\nHost: relay.test\r\n"
            + "Content-Type: application/json\r\nContent-Length: "
            + BODY.getBytes(UTF_8).length
            + "\r\n\r\n"
            + BODY);
  }

  /** The relay's next request, which has this body and says how long it is. */
  private static void expect(Wire call, String body) throws IOException {
    Wire.Head head = call.readHead();
    assertThat(head.field("Content-Length")).isEqualTo("" + body.getBytes(UTF_8).length);
    assertThat(call.readText(head)).isEqualTo(body);
  }

  /** As the fake upstream shows it, a character a byte. */
  private static String asReceived(String text) {
    return new String(text.getBytes(UTF_8), ISO_8859_1);
  }

  private static String sha256(byte[] bytes) throws Exception {
    return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
  }

  private static void inPieces(Recording recording, Wire call, Random random) throws IOException {
    byte[] bytes = recording.bytes();
    call.send(ScriptedUpstream.EVENT_STREAM);
    for (int at = 0; at < bytes.length; ) {
      int to = Math.min(bytes.length, at + 1 + random.nextInt(500));
      call.sendChunk(Arrays.copyOfRange(bytes, at, to));
      at = to;
    }
    call.sendLastChunk();
  }

  @ParameterizedTest
  @EnumSource(Container.class)
  void theEventGoesAndEveryOtherByteArrives(Container container) throws Exception {
    Recording recording = Recordings.named("openai-chat-usage");
    String text = recording.text();
    int from = text.indexOf("\n\n", text.indexOf("\"finish_reason\":\"")) + 2;
    String event = text.substring(from, text.indexOf("\n\n", from) + 2);
    assertThat(event).contains("\"choices\":[]").contains("\"usage\":{");
    String rest = sha256(text.replace(event, "").getBytes(UTF_8));
    for (int seed = 0; seed < 10; seed++) {
      Random random = new Random(seed);
      ExchangeRecord record =
          run(
              container,
              client -> {
                ask(client);
                Wire call = upstream.accept();
                expect(call, ASKING);
                inPieces(recording, call, random);
                assertThat(sha256(client.readBody(client.readHead()))).isEqualTo(rest);
                call.close();
              });
      assertThat(record.end()).isEqualTo(EndReason.COMPLETE);
      assertThat(record.usageRequest()).isEqualTo(UsageRequest.ADDED);
      assertThat(record.usage().source()).isEqualTo(Usage.Source.REPORTED);
      assertThat(record.responseBytes())
          .isEqualTo(recording.bytes().length - event.getBytes(UTF_8).length);
    }
  }

  @ParameterizedTest
  @EnumSource(Container.class)
  void aProviderThatRefusesIsAskedAsTheClientAsked(Container container) throws Exception {
    // The rest of the refusal is not waited for. Jetty's client may open a connection too many
    // behind it, so requests count here, on whichever connection they come.
    provider.answers(
        request ->
            request.body().contains("include_usage")
                ? Answer.raw("HTTP/1.1 400 No\r\nContent-Length: 1000\r\n\r\n{\"error\":").stall()
                : Answer.events().rawEvent(FINISH.getBytes(UTF_8)).rawEvent(DONE.getBytes(UTF_8)));
    ExchangeRecord record =
        run(
            container,
            client -> {
              ask(client, "/refusing/chat/completions");
              Wire.Head head = client.readHead();
              assertThat(head.status()).isEqualTo(200);
              assertThat(client.readText(head)).isEqualTo(FINISH + DONE);
            });
    assertThat(provider.requests())
        .extracting(FakeUpstream.Request::body)
        .containsExactly(asReceived(ASKING), asReceived(BODY));
    assertThat(provider.requests())
        .extracting(request -> request.header("Content-Length"))
        .containsExactly("" + asReceived(ASKING).length(), "" + asReceived(BODY).length());
    assertThat(record.end()).isEqualTo(EndReason.COMPLETE);
    assertThat(record.attempts()).isEqualTo(2);
    assertThat(record.usageRequest()).isEqualTo(UsageRequest.REFUSED);
  }

  @ParameterizedTest
  @EnumSource(Container.class)
  void aCutWithinWhatIsHeldShowsTheClientAllThatCame(Container container) throws Exception {
    String half = USAGE.substring(0, 60);
    ExchangeRecord record =
        run(
            container,
            client -> {
              ask(client);
              Wire call = upstream.accept();
              expect(call, ASKING);
              call.send(ScriptedUpstream.EVENT_STREAM).sendChunk(FINISH);
              InputStream body = client.body(client.readHead());
              assertThat(body.readNBytes(FINISH.getBytes(UTF_8).length))
                  .isEqualTo(FINISH.getBytes(UTF_8));
              call.sendChunk(half);
              call.close();
              assertThat(untilBroken(body)).isEqualTo(half);
            });
    assertThat(record.end()).isEqualTo(EndReason.UPSTREAM_ERROR);
    assertThat(record.responseBytes()).isEqualTo((FINISH + half).getBytes(UTF_8).length);
  }

  private static String untilBroken(InputStream body) throws IOException {
    ByteArrayOutputStream got = new ByteArrayOutputStream();
    try {
      for (int next = body.read(); next >= 0; next = body.read()) {
        got.write(next);
      }
    } catch (Wire.BrokenBody e) {
      return got.toString(UTF_8);
    }
    throw new AssertionError("ended as if whole: " + got.toString(UTF_8));
  }

  @ParameterizedTest
  @EnumSource(Container.class)
  void aCutBehindTheEventIsToldAtItsPlace(Container container) throws Exception {
    run(
        container,
        client -> {
          ask(client);
          Wire call = upstream.accept();
          expect(call, ASKING);
          call.send(ScriptedUpstream.EVENT_STREAM).sendChunk(FINISH);
          InputStream body = client.body(client.readHead());
          body.readNBytes(FINISH.getBytes(UTF_8).length);
          call.sendChunk(USAGE);
          call.close();
          assertThat(untilBroken(body)).startsWith("data: {\"error\":").endsWith("}\n\n");
        });
  }

  @ParameterizedTest
  @EnumSource(Container.class)
  void aClientThatLeavesWhileSomethingIsHeldEndsTheCall(Container container) throws Exception {
    ExchangeRecord record =
        run(
            container,
            client -> {
              ask(client);
              Wire call = upstream.accept();
              expect(call, ASKING);
              call.send(ScriptedUpstream.EVENT_STREAM).sendChunk(FINISH);
              InputStream body = client.body(client.readHead());
              body.readNBytes(FINISH.getBytes(UTF_8).length);
              call.sendChunk(USAGE.substring(0, 60));
              client.reset();
              call.awaitEnd();
            });
    // It has the reason why the model stopped.
    assertThat(record.end()).isEqualTo(EndReason.COMPLETE);
    assertThat(record.responseBytes()).isEqualTo(FINISH.getBytes(UTF_8).length);
    assertThat(record.usageRequest()).isEqualTo(UsageRequest.ADDED);
  }
}
