package io.streamrelay.jetty.demo;

import java.io.ByteArrayOutputStream;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.UUID;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.component.LifeCycle;
import org.eclipse.jetty.util.thread.QueuedThreadPool;
import org.jspecify.annotations.Nullable;

/**
 * Plays OpenAI, Anthropic and Azure Speech on a local port, paced like the real ones.
 *
 * <p>It serves {@code POST /v1/chat/completions}, {@code /v1/responses}, {@code /v1/audio/speech},
 * {@code /v1/messages}, {@code /cognitiveservices/v1} and {@code GET /v1/models}. It wants a key
 * where the real API wants one and takes any, except one that begins with {@code sk-relay}: that is
 * a relay's own, which should have been exchanged on the way.
 *
 * <p>The model {@code demo-429}, {@code demo-500}, {@code demo-error}, {@code demo-stall}, {@code
 * demo-cut}, {@code demo-truncate}, {@code demo-slow} or {@code demo-fast} makes it misbehave; so
 * does a voice of that name, or the header {@code x-demo-fault}. Any other model plays normally.
 *
 * <p>Thread-safe. It never blocks a thread for an exchange. On HTTP/1.1 a client that leaves is
 * noticed at the next write.
 */
public final class DemoProvider implements AutoCloseable {
  private static final int MAX_BODY_BYTES = 10 * 1024 * 1024;

  private static final Map<String, Endpoint> ENDPOINTS =
      Map.of(
          "POST /v1/chat/completions", new Endpoint(Api.OPENAI, OpenAiChat::complete),
          "POST /v1/responses", new Endpoint(Api.OPENAI, OpenAiResponses::create),
          "POST /v1/audio/speech", new Endpoint(Api.OPENAI, Speech::openAi),
          "GET /v1/models", new Endpoint(Api.OPENAI, OpenAiChat::models),
          "POST /v1/messages", new Endpoint(Api.ANTHROPIC, Anthropic::messages),
          "POST /cognitiveservices/v1", new Endpoint(Api.AZURE, Speech::azure));

  private final Server server;
  private final String host;
  private final int port;

  private DemoProvider(Server server, String host, int port) {
    this.server = server;
    this.host = host;
    this.port = port;
  }

  /**
   * Starts one.
   *
   * @param host address to listen on
   * @param port TCP port to listen on; 0 takes any free one
   * @return the running provider; to be closed
   * @throws IllegalStateException if it cannot listen there; the message names host and port
   */
  public static DemoProvider start(String host, int port) {
    return start(host, port, Pace.LIFELIKE, null);
  }

  static DemoProvider start(String host, int port, Pace pace, @Nullable Pacer pacer) {
    QueuedThreadPool threads = new QueuedThreadPool(16);
    threads.setName("demo-provider");
    Server server = new Server(threads);
    HttpConfiguration http = new HttpConfiguration();
    http.setSendServerVersion(false);
    ServerConnector connector = new ServerConnector(server, 1, 1, new HttpConnectionFactory(http));
    connector.setHost(host);
    connector.setPort(port);
    // A stalled answer is silent on purpose; its own timer ends it.
    connector.setIdleTimeout(pace.stall().plusSeconds(30).toMillis());
    server.addConnector(connector);
    Pacer serverPacer = (pause, step) -> server.getScheduler().schedule(step, pause);
    server.setHandler(new Endpoints(pace, pacer == null ? serverPacer : pacer));
    try {
      server.start();
    } catch (Exception e) {
      LifeCycle.stop(server);
      throw new IllegalStateException(
          "demo provider: cannot listen on "
              + host
              + ":"
              + port
              + ": "
              + e.getMessage()
              + " (expected: an address of this machine and a free port, or port 0 for any)",
          e);
    }
    return new DemoProvider(server, host, connector.getLocalPort());
  }

  /**
   * Returns the port it listens on.
   *
   * @return the TCP port, never 0
   */
  public int port() {
    return port;
  }

  /**
   * Returns where it listens.
   *
   * @return scheme, host and port, without a path
   */
  public URI uri() {
    try {
      return new URI("http", null, host, port, null, null, null);
    } catch (URISyntaxException e) {
      throw new IllegalStateException("demo provider: no URI for host " + host, e);
    }
  }

  /** Stops listening and breaks what is still being answered. Idempotent. */
  @Override
  public void close() {
    LifeCycle.stop(server);
  }

  /** One path of one API. */
  private record Endpoint(Api api, Answering answering) {}

  @FunctionalInterface
  private interface Answering {
    Reply answer(Call call) throws Refusal;
  }

  /** Finds the endpoint, then lets an {@link Intake} read the body. */
  private static final class Endpoints extends Handler.Abstract {
    private final Pace pace;
    private final Pacer pacer;

    Endpoints(Pace pace, Pacer pacer) {
      this.pace = pace;
      this.pacer = pacer;
    }

    @Override
    public boolean handle(Request request, Response response, Callback callback) {
      String path = Request.getPathInContext(request);
      String name = request.getMethod() + " " + path;
      Endpoint endpoint = ENDPOINTS.get(name);
      if (endpoint == null) {
        endpoint =
            new Endpoint(
                Api.guess(path),
                call -> {
                  throw new Refusal(404, "unknown_url", "Unknown request URL: " + name + ".");
                });
        new Intake(endpoint, pace, pacer, request, response, callback).answer();
      } else {
        new Intake(endpoint, pace, pacer, request, response, callback).begin();
      }
      return true;
    }
  }

  /** Reads one request as it comes, then has it answered. */
  private static final class Intake {
    private final String id = UUID.randomUUID().toString().replace("-", "");
    private final ByteArrayOutputStream body = new ByteArrayOutputStream();
    private final Endpoint endpoint;
    private final Pace pace;
    private final Pacer pacer;
    private final Request request;
    private final Response response;
    private final Callback callback;

    Intake(
        Endpoint endpoint,
        Pace pace,
        Pacer pacer,
        Request request,
        Response response,
        Callback callback) {
      this.endpoint = endpoint;
      this.pace = pace;
      this.pacer = pacer;
      this.request = request;
      this.response = response;
      this.callback = callback;
    }

    void begin() {
      try {
        endpoint.api().checkKey(request.getHeaders());
        read();
      } catch (Refusal refusal) {
        play(endpoint.api().error(refusal, id));
      }
    }

    private void read() {
      while (true) {
        Content.Chunk chunk = request.read();
        if (chunk == null) {
          request.demand(this::read);
          return;
        }
        if (Content.Chunk.isFailure(chunk)) {
          callback.failed(chunk.getFailure());
          return;
        }
        ByteBuffer bytes = chunk.getByteBuffer();
        boolean tooLarge = body.size() + bytes.remaining() > MAX_BODY_BYTES;
        if (!tooLarge) {
          byte[] copy = new byte[bytes.remaining()];
          bytes.get(copy);
          body.writeBytes(copy);
        }
        boolean last = chunk.isLast();
        chunk.release();
        if (tooLarge) {
          String message = "The body is over " + MAX_BODY_BYTES + " bytes.";
          play(endpoint.api().error(new Refusal(413, "request_too_large", message), id));
          return;
        }
        if (last) {
          answer();
          return;
        }
      }
    }

    void answer() {
      String text = body.toString(StandardCharsets.UTF_8);
      Reply reply;
      try {
        reply = endpoint.answering().answer(new Call(id, request.getHeaders(), text, pace));
      } catch (Refusal refusal) {
        reply = endpoint.api().error(refusal, id);
      }
      play(reply);
    }

    private void play(Reply reply) {
      response.getHeaders().put(endpoint.api().requestIdHeader(), endpoint.api().requestId(id));
      if (reply.status() == 429) {
        response.getHeaders().put(HttpHeader.RETRY_AFTER, "7");
      }
      new Player(reply, response, callback, pacer).play();
    }
  }
}
