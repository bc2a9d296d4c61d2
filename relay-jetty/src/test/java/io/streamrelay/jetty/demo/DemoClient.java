package io.streamrelay.jetty.demo;

import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;

/** Calls a demo provider with plain HTTP and the right keys. */
final class DemoClient {
  static final String CHAT = "/v1/chat/completions";
  static final String MESSAGES = "/v1/messages";
  static final String RESPONSES = "/v1/responses";
  static final String AZURE = "/cognitiveservices/v1";
  static final String SPEECH = "/v1/audio/speech";

  private final HttpClient http =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
  private final URI uri;

  DemoClient(URI uri) {
    this.uri = uri;
  }

  /** A POST with the key of the path's API. */
  HttpRequest.Builder post(String path, String body) {
    HttpRequest.Builder request = postWithoutKey(path, body);
    return switch (path) {
      case MESSAGES -> request.header("x-api-key", "any").header("anthropic-version", "2023-06-01");
      case AZURE -> request.header("Ocp-Apim-Subscription-Key", "any");
      default -> request.header("Authorization", "Bearer any");
    };
  }

  HttpRequest.Builder postWithoutKey(String path, String body) {
    return HttpRequest.newBuilder(uri.resolve(path))
        .timeout(Duration.ofSeconds(20))
        .POST(HttpRequest.BodyPublishers.ofString(body));
  }

  HttpResponse<String> send(HttpRequest.Builder request) throws Exception {
    return http.send(request.build(), BodyHandlers.ofString());
  }

  HttpResponse<byte[]> sendForBytes(HttpRequest.Builder request) throws Exception {
    return http.send(request.build(), BodyHandlers.ofByteArray());
  }

  CompletableFuture<HttpResponse<InputStream>> open(HttpRequest.Builder request) {
    return http.sendAsync(request.build(), BodyHandlers.ofInputStream());
  }

  /** Reads up to and with the empty line that ends an event. */
  static String readEvent(InputStream body) throws IOException {
    StringBuilder event = new StringBuilder();
    while (event.indexOf("\n\n") < 0) {
      int next = body.read();
      if (next < 0) {
        throw new IOException("end of stream after <" + event + ">");
      }
      event.append((char) next);
    }
    return new String(
        event.toString().getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8);
  }

  /** A streaming request body that fits chat, messages and responses alike. */
  static String streaming(String model) {
    return """
        {"model":"%s","stream":true,"max_tokens":1000,"input":"Hi é!",\
        "messages":[{"role":"user","content":"Hi é!"}]}"""
        .formatted(model);
  }

  static String whole(String model) {
    return streaming(model).replace("\"stream\":true", "\"stream\":false");
  }

  static String ssml(String voice, String text) {
    return """
        <speak version='1.0' xml:lang='en-US'><voice name='%s'>%s</voice></speak>"""
        .formatted(voice, text);
  }
}
