package io.streamrelay.jetty.demo;

import static io.streamrelay.jetty.demo.DemoClient.AZURE;
import static io.streamrelay.jetty.demo.DemoClient.SPEECH;
import static io.streamrelay.jetty.demo.DemoClient.ssml;
import static org.assertj.core.api.Assertions.assertThat;

import io.streamrelay.ExchangeRecord;
import io.streamrelay.Relay;
import io.streamrelay.RelayListener;
import io.streamrelay.Secret;
import io.streamrelay.config.AuthConfig;
import io.streamrelay.config.RelayConfig;
import io.streamrelay.jetty.JettyForwarder;
import io.streamrelay.jetty.RelayServlet;
import io.streamrelay.observe.AudioStats;
import io.streamrelay.route.Route;
import io.streamrelay.route.Timeouts;
import io.streamrelay.route.UpstreamCredential;
import io.streamrelay.testkit.Answer;
import io.streamrelay.testkit.FakeUpstream;
import io.streamrelay.testkit.FakeUpstreamExtension;
import io.streamrelay.testkit.Sounds;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpRequest;
import java.time.Duration;
import java.util.Arrays;
import java.util.Objects;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.eclipse.jetty.ee10.servlet.ServletContextHandler;
import org.eclipse.jetty.ee10.servlet.ServletHolder;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What the record says of speech that went through the relay, over sockets. */
@Timeout(60)
@ExtendWith(FakeUpstreamExtension.class)
class RelayedSpeechTest {
  private static final Duration LONG = Duration.ofHours(1);
  private static final long MINUTE = Duration.ofMinutes(1).toNanos();
  private static final int HEADER = 44;

  private final DemoProvider provider =
      DemoProvider.start("127.0.0.1", 0, Pace.LIFELIKE.unpaced(), null);
  private final BlockingQueue<ExchangeRecord> records = new LinkedBlockingQueue<>();
  private final AtomicLong skippedNanos = new AtomicLong();
  private final Server server = new Server();
  private final ServerConnector connector = new ServerConnector(server);

  @BeforeEach
  void start(FakeUpstream upstream) throws Exception {
    RelayConfig config =
        RelayConfig.builder()
            .route(demoRoute("openai", "/v1", "Authorization"))
            .route(demoRoute("azure", "/cognitiveservices", "Ocp-Apim-Subscription-Key"))
            .route(route("fake", "/fake", upstream.origin()).stripPrefix("/fake").build())
            .auth(AuthConfig.DISABLED)
            .build();
    RelayListener listener =
        new RelayListener() {
          @Override
          public void onEnd(ExchangeRecord record) {
            records.add(record);
          }
        };
    Relay relay =
        Relay.builder(config, JettyForwarder.create())
            .ticker(() -> System.nanoTime() + skippedNanos.get())
            .listener(listener)
            .build();
    ServletContextHandler context = new ServletContextHandler();
    context.addServlet(new ServletHolder(new RelayServlet(relay)), "/*");
    server.addConnector(connector);
    server.setHandler(context);
    server.addBean(relay, false);
    server.start();
  }

  private Route demoRoute(String name, String path, String keyHeader) {
    return route(name, path, provider.uri())
        .credential(new UpstreamCredential(keyHeader, Secret.of("any"), "the test"))
        .build();
  }

  private static Route.Builder route(String name, String path, URI upstream) {
    return Route.builder(name)
        .path(path)
        .upstream(upstream)
        .timeouts(new Timeouts(LONG, LONG, LONG, Duration.ZERO));
  }

  @AfterEach
  void stop() throws Exception {
    server.stop();
    server.getBean(Relay.class).close();
    provider.close();
  }

  private DemoClient client() {
    return new DemoClient(URI.create("http://127.0.0.1:" + connector.getLocalPort()));
  }

  private ExchangeRecord record() throws InterruptedException {
    return Objects.requireNonNull(records.poll(20, TimeUnit.SECONDS), "no record within 20 s");
  }

  private static AudioStats audio(ExchangeRecord record) {
    return Objects.requireNonNull(record.audio(), "no audio in the record");
  }

  private static HttpRequest.Builder json(HttpRequest.Builder request) {
    return request.setHeader("Content-Type", "application/json");
  }

  @ParameterizedTest
  @CsvSource({
    "riff-24khz-16bit-mono-pcm,wav",
    "raw-24khz-16bit-mono-pcm,pcm",
    "raw-8khz-16bit-mono-pcm,pcm"
  })
  void theDemosAzureVoiceIsAsLongAsItsWords(String asked, String format) throws Exception {
    HttpRequest.Builder request =
        client()
            .post(AZURE, ssml("v", "One two three"))
            .setHeader("Content-Type", "application/ssml+xml")
            .header("X-Microsoft-OutputFormat", asked);
    assertThat(client().sendForBytes(request).statusCode()).isEqualTo(200);
    ExchangeRecord record = record();
    assertThat(audio(record).format()).isEqualTo(format);
    assertThat(audio(record).durationNanos()).isEqualTo(Duration.ofMillis(750).toNanos());
    assertThat(record.usage().inputCharacters()).isEqualTo("One two three".length());
  }

  @ParameterizedTest
  @CsvSource({"wav", "pcm"})
  void theDemosOpenAiVoiceIsAsLongAsItsWords(String format) throws Exception {
    String body =
        "{\"model\":\"tts\",\"voice\":\"alloy\",\"input\":\"One tw\u00f6\",\"response_format\":\"%s\"}";
    HttpRequest.Builder request = json(client().post(SPEECH, body.formatted(format)));
    assertThat(client().sendForBytes(request).statusCode()).isEqualTo(200);
    ExchangeRecord record = record();
    assertThat(audio(record).format()).isEqualTo(format);
    assertThat(audio(record).durationNanos()).isEqualTo(Duration.ofMillis(500).toNanos());
    assertThat(record.usage().inputCharacters()).isEqualTo(7);
    assertThat(record.timings().timeToFirstAudioNanos())
        .isGreaterThanOrEqualTo(record.timeToFirstByteNanos());
  }

  /** A byte is a millisecond; what comes in time has minutes to do so. */
  @Test
  void aPauseThatIsLongerThanTheSoundSoFarIsAnUnderrun(FakeUpstream upstream) throws Exception {
    byte[] sound =
        Sounds.riff(Sounds.fmt(1, 1, 1000, 8), Sounds.chunk("data", Sounds.noise(3 * 60_000, 1)));
    int second = HEADER + 60_000;
    int third = second + 60_000;
    upstream.answer(
        Answer.stream("audio/wav")
            .body(Arrays.copyOf(sound, HEADER))
            .awaitGo("first")
            .body(Arrays.copyOfRange(sound, HEADER, second))
            .awaitGo("second")
            .body(Arrays.copyOfRange(sound, second, third))
            .awaitGo("third")
            .body(Arrays.copyOfRange(sound, third, sound.length)));
    InputStream body = client().open(json(client().post("/fake" + SPEECH, "{}"))).get().body();
    assertThat(body.readNBytes(HEADER)).hasSize(HEADER);
    upstream.go("first");
    assertThat(body.readNBytes(second - HEADER)).hasSize(second - HEADER);
    upstream.go("second");
    assertThat(body.readNBytes(third - second)).hasSize(third - second);
    // By now the relay has noted the first piece, and perhaps the second.
    skippedNanos.addAndGet(60 * MINUTE / 2);
    upstream.go("third");
    assertThat(body.readAllBytes()).isEqualTo(Arrays.copyOfRange(sound, third, sound.length));

    ExchangeRecord record = record();
    assertThat(audio(record).durationNanos()).isEqualTo(3 * MINUTE);
    assertThat(audio(record).underruns()).as("%s", audio(record)).isEqualTo(1);
    assertThat(audio(record).underrunNanos()).isBetween(27 * MINUTE, 30 * MINUTE);
    assertThat(audio(record).spanNanos()).isBetween(30 * MINUTE, 32 * MINUTE);
    assertThat(record.timings().timeToFirstAudioNanos())
        .isGreaterThan(record.timeToFirstByteNanos());
  }

  @Test
  void anMp3InPiecesIsMeasuredToItsLastFrame(FakeUpstream upstream) throws Exception {
    byte[] sound = Sounds.join(Sounds.id3(700), Sounds.mp3(200));
    Answer answer = Answer.stream("audio/mpeg").pace(Duration.ofMillis(1));
    for (int at = 0; at < sound.length; at += 1777) {
      answer = answer.body(Arrays.copyOfRange(sound, at, Math.min(sound.length, at + 1777)));
    }
    upstream.answer(answer);
    byte[] got =
        client()
            .sendForBytes(json(client().post("/fake" + SPEECH, "{\"input\":\"Hello\"}")))
            .body();
    assertThat(got).isEqualTo(sound);
    ExchangeRecord record = record();
    assertThat(audio(record).format()).isEqualTo("mp3");
    assertThat(audio(record).durationNanos()).isEqualTo(200 * 1152 * 1_000_000_000L / 44_100);
    assertThat(audio(record).spanNanos()).isPositive();
    assertThat(record.usage().inputCharacters()).isEqualTo(5);
  }
}
