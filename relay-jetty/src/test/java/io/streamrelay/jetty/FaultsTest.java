package io.streamrelay.jetty;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import io.streamrelay.EndReason;
import io.streamrelay.ExchangeRecord;
import io.streamrelay.Relay;
import io.streamrelay.RelayListener;
import io.streamrelay.config.AuthConfig;
import io.streamrelay.config.RelayConfig;
import io.streamrelay.route.Route;
import io.streamrelay.route.Timeouts;
import io.streamrelay.testkit.Answer;
import io.streamrelay.testkit.FakeUpstream;
import io.streamrelay.testkit.FakeUpstreamExtension;
import io.streamrelay.testkit.Faults;
import io.streamrelay.testkit.Faults.Fault;
import io.streamrelay.testkit.RawClient;
import io.streamrelay.testkit.Recording;
import io.streamrelay.testkit.Recordings;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.ee10.servlet.ServletContextHandler;
import org.eclipse.jetty.ee10.servlet.ServletHolder;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What a client sees, and the record says, of every fault and every recording of the test kit. */
@ExtendWith(FakeUpstreamExtension.class)
class FaultsTest {
  private static final Duration LONG = Duration.ofSeconds(30);
  private static final Duration SHORT = Duration.ofSeconds(1);

  private final BlockingQueue<ExchangeRecord> records = new LinkedBlockingQueue<>();
  private final Server server = new Server();
  private final ServerConnector connector = new ServerConnector(server);

  @BeforeEach
  void startRelay(FakeUpstream upstream) throws Exception {
    RelayConfig config =
        RelayConfig.builder()
            .route(route("patient", "/", LONG, upstream))
            .route(route("impatient", "/impatient", SHORT, upstream))
            .auth(AuthConfig.DISABLED)
            .build();
    RelayListener listener =
        new RelayListener() {
          @Override
          public void onEnd(ExchangeRecord record) {
            records.add(record);
          }
        };
    Relay relay = Relay.builder(config, JettyForwarder.create()).listener(listener).build();
    ServletContextHandler context = new ServletContextHandler();
    context.addServlet(new ServletHolder(new RelayServlet(relay)), "/*");
    server.addConnector(connector);
    server.setHandler(context);
    server.addBean(relay, false);
    server.start();
  }

  private static Route route(String name, String path, Duration patience, FakeUpstream upstream) {
    return Route.builder(name)
        .path(path)
        .upstream(upstream.origin())
        .timeouts(new Timeouts(LONG, patience, patience, Duration.ZERO))
        .build();
  }

  @AfterEach
  void stopRelay() throws Exception {
    server.stop();
    server.getBean(Relay.class).close();
  }

  private RawClient ask(String path) {
    return RawClient.connect(URI.create("http://127.0.0.1:" + connector.getLocalPort()))
        .send(
            "POST "
                + path
                + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}");
  }

  private ExchangeRecord record() throws InterruptedException {
    return Objects.requireNonNull(records.poll(20, TimeUnit.SECONDS), "no record within 20 s");
  }

  static List<Fault> faults() {
    return Faults.all();
  }

  static List<Recording> recordings() {
    return Recordings.all();
  }

  private static EndReason expected(Fault fault) {
    return switch (fault.effect()) {
      case WHOLE -> EndReason.COMPLETE;
      case REFUSED ->
          fault.name().equals("errorEvent") ? EndReason.UPSTREAM_ERROR : EndReason.UPSTREAM_REFUSED;
      case CUT, NO_HEAD -> EndReason.UPSTREAM_ERROR;
      case TRUNCATED -> EndReason.UPSTREAM_TRUNCATED;
      case SILENT ->
          fault.name().equals("silence") ? EndReason.FIRST_BYTE_TIMEOUT : EndReason.IDLE_TIMEOUT;
    };
  }

  @ParameterizedTest
  @MethodSource("faults")
  void aFaultIsToldToTheClientAndInTheRecord(Fault fault, FakeUpstream upstream)
      throws InterruptedException {
    upstream.answer(fault.answer());
    boolean silent = fault.effect() == Faults.Effect.SILENT;
    try (RawClient client = ask(silent ? "/impatient" : "/v1/chat/completions")) {
      client.awaitEnd();
      ExchangeRecord record = record();
      assertThat(record.end()).isEqualTo(expected(fault));
      String wire = client.text();
      boolean whole = wire.endsWith("\r\n0\r\n\r\n") || hasItsLength(wire);
      switch (fault.effect()) {
        case WHOLE -> assertThat(wire).startsWith("HTTP/1.1 200 ").endsWith("0\r\n\r\n");
        case REFUSED -> assertThat(whole).isTrue();
        // Where nothing was sent yet, it may still be told properly.
        case CUT, TRUNCATED ->
            assertThat(whole && !wire.startsWith("HTTP/1.1 502 ")).as("%s", wire).isFalse();
        case NO_HEAD -> assertThat(wire).startsWith("HTTP/1.1 502 ");
        case SILENT -> {
          if (fault.name().equals("silence")) {
            assertThat(wire).startsWith("HTTP/1.1 504 ");
          } else {
            assertThat(whole).as("%s", wire).isFalse();
          }
        }
      }
    }
  }

  private static boolean hasItsLength(String wire) {
    int head = wire.indexOf("\r\n\r\n");
    return wire.contains("\r\nContent-Length: " + (wire.length() - head - 4) + "\r\n");
  }

  @ParameterizedTest
  @MethodSource("recordings")
  void aRecordingArrivesByteForByte(Recording recording, FakeUpstream upstream)
      throws InterruptedException {
    Answer answer = recording.answer();
    upstream.answer(answer);
    try (RawClient client = ask("/v1/chat/completions")) {
      client.awaitEnd();
      boolean failed = recording.end() == Recording.End.ERROR;
      assertThat(record().end()).isEqualTo(failed ? EndReason.UPSTREAM_ERROR : EndReason.COMPLETE);
      String wire = client.text();
      assertThat(wire).endsWith("0\r\n\r\n");
      assertThat(unchunked(wire.substring(wire.indexOf("\r\n\r\n") + 4)))
          .isEqualTo(new String(recording.bytes(), ISO_8859_1));
    }
  }

  private static String unchunked(String body) {
    StringBuilder all = new StringBuilder();
    int at = 0;
    while (true) {
      int line = body.indexOf("\r\n", at);
      int size = Integer.parseInt(body.substring(at, line), 16);
      if (size == 0) {
        return all.toString();
      }
      all.append(body, line + 2, line + 2 + size);
      at = line + 2 + size + 2;
    }
  }
}
