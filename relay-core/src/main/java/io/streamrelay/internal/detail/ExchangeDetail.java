package io.streamrelay.internal.detail;

import io.streamrelay.ExchangeRecord;
import io.streamrelay.http.HeaderPolicy;
import io.streamrelay.http.Headers;
import io.streamrelay.route.Route;
import io.streamrelay.route.UpstreamCredential;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Collects what the detailed log says of one exchange.
 *
 * <p>Told by the exchange as things happen, on the thread on which they do; never waits. Heads are
 * rendered at once, so that no credential in one is kept for longer than the exchange knows it.
 */
public final class ExchangeDetail {
  private final DetailedLog log;
  private final long startNanos;
  private final BodyCapture request;
  private final List<@Nullable String> credentials = new ArrayList<>();
  private final Map<String, String> requestHeaders;
  private final boolean bodies;
  private final CaptureBudget budget;
  private final int maxBytes;

  // Written by one step after the other, read after the end.
  private volatile long policyNanos = -1;
  private volatile long upstreamRequestNanos = -1;
  private volatile @Nullable Map<String, String> upstreamHeaders;
  private volatile @Nullable Map<String, String> responseHeaders;
  private volatile @Nullable BodyCapture response;
  private volatile long lastByteNanos = -1;

  ExchangeDetail(
      DetailedLog log,
      CaptureBudget budget,
      @Nullable Route route,
      Headers clientRequest,
      long startNanos,
      boolean bodies,
      int maxBytes) {
    this.log = log;
    this.budget = budget;
    this.startNanos = startNanos;
    this.bodies = bodies;
    this.maxBytes = maxBytes;
    this.requestHeaders = ShownHeaders.of(clientRequest);
    this.request = new BodyCapture(budget, bodies && isText(clientRequest) ? maxBytes : 0);
    if (bodies) {
      HeaderPolicy.CREDENTIAL_HEADERS.forEach(name -> credentials.addAll(clientRequest.all(name)));
      UpstreamCredential credential = route == null ? null : route.credential();
      credentials.add(credential == null ? null : credential.headerValue());
    }
  }

  /** The policies that decide before the body is read have admitted the request. */
  public void admitted(long nowNanos) {
    policyNanos = nowNanos - startNanos;
  }

  /**
   * Body bytes came from the client.
   *
   * @param buffer stays as it is
   * @param from where they begin
   * @param count how many
   */
  public void requestBytes(ByteBuffer buffer, int from, int count) {
    request.add(buffer, from, count);
  }

  /**
   * The request goes upstream.
   *
   * @param headers as sent, credential included
   * @param nowNanos the ticker's reading
   */
  public void upstreamRequest(Headers headers, long nowNanos) {
    upstreamHeaders = ShownHeaders.of(headers);
    upstreamRequestNanos = nowNanos - startNanos;
  }

  /**
   * The upstream's head came.
   *
   * @param headers as they came
   */
  public void responseHead(Headers headers) {
    responseHeaders = ShownHeaders.of(headers);
    response = new BodyCapture(budget, bodies && isText(headers) ? maxBytes : 0);
  }

  /**
   * Body bytes came from the upstream.
   *
   * @param buffer stays as it is
   * @param from where they begin
   * @param count how many
   * @param nowNanos the ticker's reading
   */
  public void responseBytes(ByteBuffer buffer, int from, int count, long nowNanos) {
    BodyCapture capture = response;
    if (capture != null) {
      capture.add(buffer, from, count);
    }
    lastByteNanos = nowNanos - startNanos;
  }

  /**
   * The exchange ended; to be called once, whatever happened before.
   *
   * @param record how
   */
  public void end(ExchangeRecord record) {
    log.submit(this, record);
  }

  // ---- for the log's own thread

  List<@Nullable String> credentials() {
    return credentials;
  }

  Map<String, String> requestHeaders() {
    return requestHeaders;
  }

  @Nullable Map<String, String> upstreamHeaders() {
    return upstreamHeaders;
  }

  @Nullable Map<String, String> responseHeaders() {
    return responseHeaders;
  }

  /** Nanoseconds from the start; negative if it did not come to that, as of the two below. */
  long policyNanos() {
    return policyNanos;
  }

  long upstreamRequestNanos() {
    return upstreamRequestNanos;
  }

  long lastByteNanos() {
    return lastByteNanos;
  }

  BodyCapture request() {
    return request;
  }

  @Nullable BodyCapture response() {
    return response;
  }

  /** Gives back the memory of both bodies. */
  void release() {
    request.release();
    BodyCapture capture = response;
    if (capture != null) {
      capture.release();
    }
  }

  /** Audio, images, uploads of files, and what is compressed or unnamed, is never shown. */
  private static boolean isText(Headers head) {
    String coding = head.first("content-encoding");
    String type = head.first("content-type");
    if (type == null || (coding != null && !coding.equalsIgnoreCase("identity"))) {
      return false;
    }
    String lower = type.toLowerCase(Locale.ROOT);
    int semicolon = lower.indexOf(';');
    String media = (semicolon < 0 ? lower : lower.substring(0, semicolon)).strip();
    return media.startsWith("text/")
        || media.endsWith("+json")
        || media.endsWith("+xml")
        || switch (media) {
          case "application/json",
              "application/x-ndjson",
              "application/jsonl",
              "application/xml",
              "application/x-www-form-urlencoded" ->
              true;
          default -> false;
        };
  }
}
