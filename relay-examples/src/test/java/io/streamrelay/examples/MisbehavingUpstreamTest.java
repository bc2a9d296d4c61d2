package io.streamrelay.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.streamrelay.EndReason;
import io.streamrelay.ExchangeRecord;
import io.streamrelay.Relay;
import io.streamrelay.RelayListener;
import io.streamrelay.config.AuthConfig;
import io.streamrelay.config.RelayConfig;
import io.streamrelay.jetty.JettyForwarder;
import io.streamrelay.jetty.RelayServlet;
import io.streamrelay.route.Route;
import io.streamrelay.testkit.Answer;
import io.streamrelay.testkit.FakeUpstream;
import io.streamrelay.testkit.FakeUpstreamExtension;
import io.streamrelay.testkit.Faults;
import io.streamrelay.testkit.Recordings;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.ee10.servlet.ServletContextHandler;
import org.eclipse.jetty.ee10.servlet.ServletHolder;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** A host's own relay against an upstream that misbehaves as the test says. */
@ExtendWith(FakeUpstreamExtension.class)
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
final class MisbehavingUpstreamTest {
  private final HttpClient client = HttpClient.newHttpClient();
  private final BlockingQueue<EndReason> ends = new LinkedBlockingQueue<>();
  private final Server server = new Server();
  private final ServerConnector connector = new ServerConnector(server);

  @BeforeEach
  void startRelay(FakeUpstream upstream) throws Exception {
    RelayConfig config =
        RelayConfig.builder()
            .route(Route.builder("chat").path("/").upstream(upstream.origin()).build())
            .auth(AuthConfig.DISABLED)
            .build();
    RelayListener listener =
        new RelayListener() {
          @Override
          public void onEnd(ExchangeRecord record) {
            ends.add(record.end());
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

  @AfterEach
  void stopRelay() throws Exception {
    server.stop();
    server.getBean(Relay.class).close();
  }

  private HttpResponse<InputStream> get() throws Exception {
    URI uri = URI.create("http://127.0.0.1:" + connector.getLocalPort() + "/v1/x");
    return client.send(HttpRequest.newBuilder(uri).build(), BodyHandlers.ofInputStream());
  }

  private @Nullable EndReason end() throws InterruptedException {
    return ends.poll(10, TimeUnit.SECONDS);
  }

  @Test
  void aCutNeverLooksWhole(FakeUpstream upstream) throws Exception {
    upstream.answer(Faults.cutInEvent());

    HttpResponse<InputStream> answer = get();

    assertThat(answer.statusCode()).isEqualTo(200);
    assertThatThrownBy(() -> answer.body().readAllBytes()).isInstanceOf(IOException.class);
    assertThat(end()).isEqualTo(EndReason.UPSTREAM_ERROR);
  }

  @Test
  void aRecordedStreamArrivesByteForByte(FakeUpstream upstream) throws Exception {
    upstream.answer(Recordings.named("anthropic-thinking").answer().inPiecesOf(7));

    assertThat(get().body().readAllBytes())
        .isEqualTo(Recordings.named("anthropic-thinking").bytes());
    assertThat(end()).isEqualTo(EndReason.COMPLETE);
  }

  @Test
  void aClientThatLeavesIsNotBilledOn(FakeUpstream upstream) throws Exception {
    upstream.answer(Answer.events().event("one").tokens(1).awaitGo("more").event("two").tokens(1));

    try (InputStream body = get().body()) {
      assertThat(body.readNBytes(11)).asString().isEqualTo("data: one\n\n");
    }

    upstream.lastConnection().awaitLeave();
    upstream.go("more");
    upstream.lastConnection().awaitPlayed();
    assertThat(upstream.lastConnection().generated().tokens()).isEqualTo(1);
    assertThat(end()).isEqualTo(EndReason.CLIENT_GONE);
  }
}
