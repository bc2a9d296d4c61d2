package io.streamrelay.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.streamrelay.testkit.FakeUpstream.Connection;
import io.streamrelay.testkit.FakeUpstream.Leave;
import io.streamrelay.testkit.FakeUpstream.LeftBy;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What {@link FakeUpstream} does with a script, and what it knows of the other side. */
class AnswerTest {
  private static final String REQUEST = "GET /a?b HTTP/1.1\r\nHost: x\r\nX-Two: 2\r\n\r\n";

  private final FakeUpstream upstream = FakeUpstream.start();
  private final RawClient client = RawClient.connect(upstream.origin());

  @AfterEach
  void close() {
    client.close();
    upstream.close();
  }

  private Connection connection() {
    return upstream.lastConnection();
  }

  @Test
  void aGateHoldsAnAnswerUntilTheTestSaysGo() {
    upstream.answer(Answer.events().event("one").awaitGo("rest").event("two"));
    client.send(REQUEST);
    upstream.awaitAtGate("rest");
    assertThat(client.awaitText("data: one\n\n")).doesNotContain("two");
    upstream.go("rest");
    client.awaitText("data: two\n\n\r\n0\r\n\r\n");
  }

  @Test
  void aGateBeforeTheHeadHoldsTheHead() {
    upstream.answer(Answer.events().awaitGo("head").event("one"));
    client.send(REQUEST);
    upstream.awaitAtGate("head");
    assertThat(client.text()).isEmpty();
    upstream.go("head");
    client.awaitText("data: one");
  }

  @Test
  void eachGoLetsOneAnswerPassOnce() {
    upstream.answer(Answer.events().awaitGo("g").event("one"));
    upstream.go("g");
    client.send(REQUEST).awaitText("0\r\n\r\n");
    client.send(REQUEST);
    upstream.awaitAtGate("g");
    assertThat(client.text().indexOf("data: one"))
        .isEqualTo(client.text().lastIndexOf("data: one"));
  }

  @Test
  void answersComeInTheOrderOfTheScriptAndTheLastOneStays() {
    upstream.answer(Answer.whole(429, "text/plain", "no"), Answer.whole(200, "text/plain", "yes"));
    client.send(REQUEST).awaitText("\r\n\r\nno");
    client.send(REQUEST).awaitText("\r\n\r\nyes");
    client.send(REQUEST);
    upstream.awaitRequests(3);
    connection().awaitPlayed();
    connection().end();
    client.awaitEnd();
    assertThat(client.text().split("\r\n\r\nyes", -1)).hasSize(3);
  }

  @Test
  void aStatusCanBeSetOnAnyAnswer() {
    upstream.answer(Recordings.named("gemini").answer().status(529));
    assertThat(client.send(REQUEST).awaitText("STOP")).startsWith("HTTP/1.1 529 Overloaded\r\n");
  }

  @Test
  void theRequestIsThereToLookAt() {
    upstream.answers(request -> Answer.whole(200, "text/plain", request.target()));
    client.send(REQUEST).awaitText("\r\n\r\n/a?b");
    assertThat(upstream.awaitRequests(1).header("x-two")).isEqualTo("2");
    assertThat(upstream.awaitRequests(1).header("x-three")).isNull();
    assertThat(connection().awaitRequest().head()).isEqualTo(REQUEST);
  }

  @Test
  void piecesAndSplitsFallWhereTheyShould() {
    Answer answer = Answer.events().body("abcdefgh").splitAt(3);
    upstream.answer(answer.inPiecesOf(5));
    client.send(REQUEST);
    assertThat(client.awaitText("0\r\n\r\n"))
        .endsWith("3\r\nabc\r\n2\r\nde\r\n3\r\nfgh\r\n0\r\n\r\n");
  }

  @Test
  void aCutFallsAtEveryByte() {
    Answer whole = Answer.events().event("one").event("two");
    byte[] body = whole.bodyBytes();
    for (int at = 0; at < body.length; at++) {
      upstream.answer(whole.contentLength(body.length).cutAt(at));
      try (RawClient one = RawClient.connect(upstream.origin())) {
        one.send(REQUEST);
        assertThat(one.awaitEnd()).isEqualTo(RawClient.End.FIN);
        String text = one.text();
        assertThat(text.substring(text.indexOf("\r\n\r\n") + 4))
            .isEqualTo("data: one\n\ndata: two\n\n".substring(0, at));
      }
    }
    assertThatThrownBy(() -> upstream.answer(whole.cutAt(body.length)))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("cut at 22, but the body has 22 bytes (expected: less)");
  }

  @Test
  void aLeaveIsKnownWithItsTimeAndItsManner() {
    upstream.answer(Faults.stallInEvent());
    client.send(REQUEST);
    connection().awaitStalled();
    client.awaitBytes(connection().sent());
    assertThat(connection().leftAt()).isNull();
    Instant before = Instant.now();
    client.close();
    Leave leave = connection().awaitLeave();
    assertThat(leave.by()).isEqualTo(LeftBy.FIN);
    assertThat(leave.at()).isBetween(before, Instant.now());
    assertThat(connection().leftAt()).isEqualTo(leave.at());
    assertThat(leave.generated().tokens()).isEqualTo(2);
    assertThat(leave.sent()).isEqualTo(client.text().length());
  }

  @Test
  void aResetIsKnownAsSuch() {
    upstream.answer(Faults.stallInEvent());
    client.send(REQUEST);
    connection().awaitStalled();
    client.awaitBytes(connection().sent());
    client.reset();
    assertThat(connection().awaitLeave().by()).isEqualTo(LeftBy.RESET);
  }

  @Test
  void aHeedfulProviderStopsWhenItsClientLeaves() {
    upstream.answer(Answer.events().event("one").tokens(3).awaitGo("never").event("two").tokens(4));
    client.send(REQUEST).awaitText("one");
    upstream.awaitAtGate("never");
    client.close();
    connection().awaitLeave();
    connection().awaitPlayed();
    assertThat(connection().generated()).isEqualTo(new Generated(11, 1, 3));
    assertThat(connection().sentAfterLeave()).isEqualTo(Generated.NOTHING);
  }

  @Test
  void aHeedlessProviderGoesOnAndBills() {
    upstream.answer(
        Answer.events()
            .event("one")
            .tokens(3)
            .awaitGo("rest")
            .event("two")
            .tokens(4)
            .event("three")
            .tokens(5)
            .heedlessOfLeaving());
    client.send(REQUEST).awaitText("one");
    client.close();
    connection().awaitLeave();
    upstream.go("rest");
    connection().awaitPlayed();
    assertThat(connection().generated().tokens()).isEqualTo(12);
    assertThat(connection().sentAfterLeave()).isEqualTo(new Generated(11 + 13, 2, 9));
  }

  @Test
  void anEndlessStreamEndsWithItsClient() {
    upstream.answer(Answer.events().eventsWithoutEnd("tick", 1, Duration.ofMillis(1)));
    client.send(REQUEST).awaitText("tick");
    client.close();
    Leave leave = connection().awaitLeave();
    connection().awaitPlayed();
    assertThat(leave.generated().tokens()).isPositive().isEqualTo(leave.generated().events());
  }

  @Test
  void aScriptThatCannotBePlayedIsRefusedAtOnce() {
    Answer endless = Answer.events().eventsWithoutEnd("x", 0, Duration.ZERO);
    assertThatThrownBy(() -> endless.event("y")).isInstanceOf(IllegalStateException.class);
    Duration negative = Duration.ofMillis(-1);
    assertThatThrownBy(() -> Answer.events().pause(negative))
        .hasMessage("pause is PT-0.001S (expected: zero or more)");
  }

  static List<Recording> recordings() {
    return Recordings.all();
  }

  @ParameterizedTest
  @MethodSource("recordings")
  void aRecordingIsPlayedByteForByte(Recording recording) {
    assertThat(recording.answer().bodyBytes()).isEqualTo(recording.bytes());
    upstream.answer(recording.answer().closeDelimited());
    client.send(REQUEST).awaitEnd();
    byte[] wire = client.bytes();
    byte[] body = recording.bytes();
    assertThat(client.text()).contains("\r\nContent-Type: " + recording.contentType() + "\r\n");
    assertThat(Arrays.copyOfRange(wire, wire.length - body.length, wire.length)).isEqualTo(body);
  }

  @Test
  void recordingsHaveNamesOfTheirOwnAndRealSources() {
    assertThat(Recordings.all()).extracting(Recording::name).doesNotHaveDuplicates();
    assertThat(Recordings.all())
        .allSatisfy(r -> assertThat(r.source().getScheme()).isEqualTo("https"));
    assertThat(Recordings.named("gemini").text()).contains("\"}\r\n\r\ndata: {");
    assertThatThrownBy(() -> Recordings.named("x"))
        .hasMessageStartingWith("recording 'x' is not there (expected: one of [openai-chat, ");
    Map<Recording.End, Long> ends =
        Recordings.all().stream()
            .collect(Collectors.groupingBy(Recording::end, Collectors.counting()));
    assertThat(ends.keySet()).containsExactlyInAnyOrder(Recording.End.values());
  }
}
