package io.streamrelay.testkit;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.streamrelay.testkit.FakeHttp2Upstream.Stream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.http.HttpURI;
import org.eclipse.jetty.http.HttpVersion;
import org.eclipse.jetty.http.MetaData;
import org.eclipse.jetty.http2.hpack.HpackDecoder;
import org.eclipse.jetty.http2.hpack.HpackEncoder;
import org.eclipse.jetty.http2.hpack.HpackException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What {@link FakeHttp2Upstream} puts on the wire, frame by frame. */
class FakeHttp2UpstreamTest {
  private static final int DATA = 0;
  private static final int HEADERS = 1;
  private static final int RST_STREAM = 3;
  private static final int SETTINGS = 4;
  private static final int PING = 6;
  private static final int GOAWAY = 7;
  private static final int WINDOW_UPDATE = 8;

  /** A frame as it came. */
  private record Frame(int type, int flags, int stream, String payload) {
    ByteBuffer bytes() {
      return ByteBuffer.wrap(payload.getBytes(ISO_8859_1));
    }
  }

  private final FakeHttp2Upstream upstream = FakeHttp2Upstream.start();
  private final HpackEncoder encoder = new HpackEncoder();
  private final HpackDecoder decoder = new HpackDecoder(8192, System::nanoTime);
  private Socket socket = new Socket();

  @BeforeEach
  void prepare() {
    encoder.setTableCapacity(4096);
  }

  @AfterEach
  void close() throws IOException {
    socket.close();
    upstream.close();
  }

  private void connect() throws IOException {
    socket = new Socket(InetAddress.getLoopbackAddress(), upstream.origin().getPort());
    socket.setSoTimeout(10_000);
    socket.getOutputStream().write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".getBytes(ISO_8859_1));
    send(SETTINGS, 0, 0, new byte[0]);
  }

  private void send(int type, int flags, int stream, byte[] payload) throws IOException {
    ByteBuffer frame = ByteBuffer.allocate(9 + payload.length);
    frame.put((byte) 0).putShort((short) payload.length).put((byte) type).put((byte) flags);
    socket.getOutputStream().write(frame.putInt(stream).put(payload).array());
  }

  private byte[] request(String path) throws HpackException {
    MetaData.Request request =
        new MetaData.Request(
            "POST",
            HttpURI.from("http://relay.test" + path),
            HttpVersion.HTTP_2,
            HttpFields.build().add("x-long", "a value that Huffman makes shorter"));
    ByteBuffer block = ByteBuffer.allocate(8192);
    encoder.encode(block, request);
    byte[] bytes = new byte[block.position()];
    block.flip().get(bytes);
    return bytes;
  }

  private void ask(int stream) throws IOException, HpackException {
    send(HEADERS, 0x4 | 0x1, stream, request("/v1/x?a=b"));
  }

  /** The next frame that is no SETTINGS and no WINDOW_UPDATE. */
  private Frame next() throws IOException {
    Frame frame = any();
    while (frame.type == SETTINGS || frame.type == WINDOW_UPDATE) {
      frame = any();
    }
    return frame;
  }

  private Frame any() throws IOException {
    DataInputStream in = new DataInputStream(socket.getInputStream());
    int length = (in.readUnsignedByte() << 16) | in.readUnsignedShort();
    int type = in.readUnsignedByte();
    int flags = in.readUnsignedByte();
    int stream = in.readInt();
    return new Frame(type, flags, stream, new String(in.readNBytes(length), ISO_8859_1));
  }

  private void assertHead(Frame frame, int stream, String contentType) throws HpackException {
    assertThat(frame.type).isEqualTo(HEADERS);
    assertThat(frame.flags).isEqualTo(0x4);
    assertThat(frame.stream).isEqualTo(stream);
    MetaData.Response head = (MetaData.Response) decoder.decode(frame.bytes());
    assertThat(head.getStatus()).isEqualTo(200);
    assertThat(head.getHttpFields().get("content-type")).isEqualTo(contentType);
  }

  @Test
  void aScriptBecomesFrames() throws Exception {
    upstream.answer(Answer.events().event("one").tokens(2).event("two").tokens(3));
    connect();
    ask(1);
    assertHead(next(), 1, "text/event-stream");
    assertThat(next()).isEqualTo(new Frame(DATA, 0, 1, "data: one\n\n"));
    assertThat(next()).isEqualTo(new Frame(DATA, 0, 1, "data: two\n\n"));
    assertThat(next()).isEqualTo(new Frame(DATA, 1, 1, ""));
    Stream stream = upstream.awaitStream();
    stream.awaitPlayed();
    assertThat(stream.generated()).isEqualTo(new Generated(22, 2, 5));
    assertThat(stream.headers())
        .contains(
            ":method: POST",
            ":path: /v1/x?a=b",
            ":authority: relay.test",
            "x-long: a value that Huffman makes shorter");
  }

  @Test
  void trailersEndTheStream() throws Exception {
    upstream.answer(Answer.events().event("one").finish("X-Checksum: 1"));
    connect();
    ask(1);
    next();
    next();
    Frame last = next();
    assertThat(last.type).isEqualTo(HEADERS);
    assertThat(last.flags).isEqualTo(0x4 | 0x1);
    assertThat(decoder.decode(last.bytes()).getHttpFields().get("x-checksum")).isEqualTo("1");
  }

  @Test
  void aResetInMidBodyEndsItsStreamOnly() throws Exception {
    upstream.answer(Answer.events().body("abcdef").resetAt(3), Answer.events().body("ok"));
    connect();
    ask(1);
    next();
    assertThat(next()).isEqualTo(new Frame(DATA, 0, 1, "abc"));
    Frame reset = next();
    assertThat(reset.type).isEqualTo(RST_STREAM);
    assertThat(reset.bytes().getInt()).isEqualTo(FakeHttp2Upstream.INTERNAL_ERROR);
    ask(3);
    assertHead(next(), 3, "text/event-stream");
    assertThat(next()).isEqualTo(new Frame(DATA, 0, 3, "ok"));
  }

  @Test
  void aGracefulGoAwayLetsTheStreamEnd() throws Exception {
    upstream.answer(Answer.events().event("one").awaitGo("rest").event("two"));
    connect();
    ask(1);
    next();
    next();
    Stream stream = upstream.awaitStream();
    upstream.awaitAtGate("rest");
    stream.connection().goAway(1, FakeHttp2Upstream.NO_ERROR);
    Frame goAway = next();
    assertThat(goAway.type).isEqualTo(GOAWAY);
    assertThat(goAway.bytes().getInt()).isEqualTo(1);
    assertThat(goAway.bytes().getInt(4)).isEqualTo(FakeHttp2Upstream.NO_ERROR);
    upstream.go("rest");
    assertThat(next()).isEqualTo(new Frame(DATA, 0, 1, "data: two\n\n"));
    assertThat(next()).isEqualTo(new Frame(DATA, 1, 1, ""));
  }

  @Test
  void aGoAwayWithAnErrorCanBeFollowedByTheEnd() throws Exception {
    connect();
    ask(1);
    Stream stream = upstream.awaitStream();
    stream.respond(200).data("x");
    stream.connection().goAway(0, FakeHttp2Upstream.ENHANCE_YOUR_CALM).end();
    next();
    next();
    assertThat(next().bytes().getInt(4)).isEqualTo(FakeHttp2Upstream.ENHANCE_YOUR_CALM);
    assertThatThrownBy(this::next).isInstanceOf(EOFException.class);
  }

  @Test
  void settingsComeFirstAndCanChange() throws Exception {
    upstream.setting(FakeHttp2Upstream.MAX_CONCURRENT_STREAMS, 1);
    connect();
    Frame first = any();
    assertThat(first.type).isEqualTo(SETTINGS);
    assertThat(first.bytes().getShort()).isEqualTo((short) 3);
    assertThat(first.bytes().getInt(2)).isEqualTo(1);
    assertThat(any()).isEqualTo(new Frame(SETTINGS, 1, 0, ""));
    ask(1);
    upstream.awaitStream().connection().setting(FakeHttp2Upstream.INITIAL_WINDOW_SIZE, 7);
    assertThat(any().bytes().getInt(2)).isEqualTo(7);
  }

  @Test
  void dataIsPacedAndWaitsForTheClientsWindow() throws Exception {
    upstream.answer(Answer.events().body("x".repeat(70_000)).pace(Duration.ofMillis(1)));
    connect();
    ask(1);
    next();
    int got = 0;
    while (got < 65_535) {
      Frame data = next();
      assertThat(data.payload.length()).isLessThanOrEqualTo(16_384);
      got += data.payload.length();
    }
    assertThat(got).isEqualTo(65_535);
    byte[] more = ByteBuffer.allocate(4).putInt(10_000).array();
    send(WINDOW_UPDATE, 0, 0, more);
    send(WINDOW_UPDATE, 0, 1, more);
    assertThat(next().payload).hasSize(70_000 - 65_535);
  }

  @Test
  void theRequestsBodyIsReadAndItsWindowOpened() throws Exception {
    connect();
    send(HEADERS, 0x4, 1, request("/"));
    send(DATA, 0, 1, "hel".getBytes(ISO_8859_1));
    send(DATA, 0x8 | 0x1, 1, "\2lo\0\0".getBytes(ISO_8859_1));
    assertThat(upstream.awaitStream().awaitBody()).isEqualTo("hello");
    List<Frame> updates = new ArrayList<>();
    while (updates.size() < 4) {
      Frame frame = any();
      if (frame.type == WINDOW_UPDATE) {
        updates.add(frame);
      }
    }
    assertThat(updates.get(2).bytes().getInt()).isEqualTo(5);
  }

  @Test
  void aLeaveByResetStopsTheScript() throws Exception {
    upstream.answer(Answer.events().event("one").tokens(1).awaitGo("never").event("two").tokens(1));
    connect();
    ask(1);
    next();
    next();
    Stream stream = upstream.awaitStream();
    assertThat(stream.leftAt()).isNull();
    send(RST_STREAM, 0, 1, ByteBuffer.allocate(4).putInt(FakeHttp2Upstream.CANCEL).array());
    assertThat(stream.awaitReset()).isEqualTo(FakeHttp2Upstream.CANCEL);
    stream.awaitPlayed();
    assertThat(stream.leftAt()).isNotNull();
    assertThat(stream.generated().tokens()).isEqualTo(1);
  }

  @Test
  void aHeedlessScriptGoesOnBillingAfterTheConnectionIsGone() throws Exception {
    upstream.answer(
        Answer.events().event("one").awaitGo("rest").event("two").tokens(4).heedlessOfLeaving());
    connect();
    ask(1);
    next();
    next();
    Stream stream = upstream.awaitStream();
    socket.close();
    stream.awaitReset();
    upstream.go("rest");
    stream.awaitPlayed();
    assertThat(stream.sentAfterLeave()).isEqualTo(new Generated(11, 1, 4));
  }

  @Test
  void pingsAreAnsweredAndTheClientsGoAwayIsKnown() throws Exception {
    connect();
    ask(1);
    FakeHttp2Upstream.Connection connection = upstream.awaitStream().connection();
    send(PING, 0, 0, "12345678".getBytes(ISO_8859_1));
    assertThat(next()).isEqualTo(new Frame(PING, 1, 0, "12345678"));
    send(GOAWAY, 0, 0, new byte[8]);
    assertThat(connection.awaitGoAway()).isZero();
    socket.close();
    connection.awaitClosed();
  }

  @Test
  void rawBytesAreForHttp1Only() {
    assertThatThrownBy(() -> upstream.answer(Faults.badChunkSize()))
        .hasMessage("raw bytes and interim answers are for HTTP/1.1 only");
  }
}
