package io.streamrelay;

import io.streamrelay.http.Headers;
import io.streamrelay.testkit.FakeClient;
import io.streamrelay.transport.ClientResponse;
import java.nio.ByteBuffer;
import java.util.function.Consumer;

/**
 * A client's response with a quirk in its writes.
 *
 * @param client what does all else
 * @param afterWrite what happens to the chunk, or to the client, at the end of each write
 */
record QuirkyResponse(FakeClient client, Consumer<ByteBuffer> afterWrite)
    implements ClientResponse {
  @Override
  public void listen(Runnable onReady, Runnable onGone) {
    client.listen(onReady, onGone);
  }

  @Override
  public boolean isReady() {
    return client.isReady();
  }

  @Override
  public void head(int status, Headers headers) {
    client.head(status, headers);
  }

  @Override
  public void write(ByteBuffer chunk) {
    client.write(chunk);
    afterWrite.accept(chunk);
  }

  @Override
  public void flush() {
    client.flush();
  }

  @Override
  public void complete() {
    client.complete();
  }

  @Override
  public void cut() {
    client.cut();
  }
}
