package io.streamrelay.testkit;

import io.streamrelay.http.Headers;
import io.streamrelay.transport.ClientRequest;
import org.jspecify.annotations.Nullable;

/**
 * Builds the request of a {@link FakeClient}; not thread-safe.
 *
 * <pre>{@code
 * relay.handle(FakeRequest.post("/v1/chat/completions").json("{}").build(), client);
 * }</pre>
 */
public final class FakeRequest {
  private final String method;
  private final String path;
  private final Headers.Builder headers = Headers.builder();
  private @Nullable String query;
  private FakeBody body = FakeBody.declared(0);

  private FakeRequest(String method, String path) {
    this.method = method;
    this.path = path;
  }

  /**
   * Starts a request without a body.
   *
   * @param method as it comes
   * @param path raw, without a query
   * @return a builder
   */
  public static FakeRequest of(String method, String path) {
    return new FakeRequest(method, path);
  }

  /**
   * Starts a GET.
   *
   * @param path raw, without a query
   * @return a builder
   */
  public static FakeRequest get(String path) {
    return of("GET", path);
  }

  /**
   * Starts a POST, with an empty body unless one is set.
   *
   * @param path raw, without a query
   * @return a builder
   */
  public static FakeRequest post(String path) {
    return of("POST", path);
  }

  /**
   * Sets the raw query.
   *
   * @param rawQuery without the question mark
   * @return this
   */
  public FakeRequest query(String rawQuery) {
    this.query = rawQuery;
    return this;
  }

  /**
   * Adds a header.
   *
   * @param name in any case
   * @param value as it comes
   * @return this
   */
  public FakeRequest header(String name, String value) {
    headers.add(name, value);
    return this;
  }

  /**
   * Sets the body.
   *
   * @param source kept by the test to let it arrive
   * @return this
   */
  public FakeRequest body(FakeBody source) {
    this.body = source;
    return this;
  }

  /**
   * Sets a JSON body that is here whole, and its content type.
   *
   * @param text the document
   * @return this
   */
  public FakeRequest json(String text) {
    return header("Content-Type", "application/json").body(FakeBody.of(text));
  }

  /**
   * Builds the request.
   *
   * @return it comes from 192.0.2.1
   */
  public ClientRequest build() {
    return new ClientRequest(method, path, query, headers.build(), body, "192.0.2.1");
  }
}
