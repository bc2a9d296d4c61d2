package io.streamrelay.trace;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.streamrelay.http.Headers;
import java.util.HashSet;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The rules of W3C Trace Context, level 1, for one who takes up a trace. */
class TraceContextTest {
  private static final String TRACE = "12345678901234567890123456789012";
  private static final String SPAN = "1234567890123456";
  private static final String PARENT = "00-" + TRACE + "-" + SPAN + "-01";

  private static TraceContext from(String... traceparents) {
    Headers.Builder headers = Headers.builder();
    for (String each : traceparents) {
      headers.add("traceparent", each);
    }
    return TraceContext.from(headers.build());
  }

  private static @Nullable String state(String... tracestates) {
    Headers.Builder headers = Headers.builder().add("traceparent", PARENT);
    for (String each : tracestates) {
      headers.add("tracestate", each);
    }
    TraceContext context = TraceContext.from(headers.build());
    assertThat(context.traceId()).as("whatever the tracestate is").isEqualTo(TRACE);
    return context.traceState();
  }

  private static void assertNew(TraceContext context) {
    assertThat(context.traceId()).matches("[0-9a-f]{32}").isNotEqualTo(TRACE);
    assertThat(context.spanId()).matches("[0-9a-f]{16}");
    assertThat(context.parentSpanId()).isNull();
    assertThat(context.sampled()).isFalse();
    assertThat(context.traceState()).isNull();
  }

  @Test
  void aClientsTraceGoesOnWithASpanOfTheRelays() {
    TraceContext context = from(PARENT);
    assertThat(context.traceId()).isEqualTo(TRACE);
    assertThat(context.parentSpanId()).isEqualTo(SPAN);
    assertThat(context.spanId()).matches("[0-9a-f]{16}").isNotEqualTo(SPAN);
    assertThat(context.sampled()).isTrue();
    assertThat(context.traceparent()).isEqualTo("00-" + TRACE + "-" + context.spanId() + "-01");
  }

  @Test
  void withoutOneATraceBeginsThatIsNotSampled() {
    TraceContext context = TraceContext.from(Headers.empty());
    assertNew(context);
    assertThat(context.traceparent())
        .isEqualTo("00-" + context.traceId() + "-" + context.spanId() + "-00");
    assertThat(context.headers().toString()).isEqualTo("[traceparent]");
  }

  @Test
  void newIdsDoNotRepeat() {
    Set<String> ids = new HashSet<>();
    for (int i = 0; i < 1000; i++) {
      TraceContext context = TraceContext.begin();
      ids.add(context.traceId());
      ids.add(context.spanId());
    }
    assertThat(ids).hasSize(2000);
  }

  @ParameterizedTest
  @CsvSource({"00, false", "01, true", "02, false", "03, true", "fe, false", "ff, true"})
  void ofTheFlagsOnlySampledCountsAndIsPassedOn(String flags, boolean sampled) {
    TraceContext context = from("00-" + TRACE + "-" + SPAN + "-" + flags);
    assertThat(context.traceId()).isEqualTo(TRACE);
    assertThat(context.sampled()).isEqualTo(sampled);
    assertThat(context.traceparent()).endsWith(sampled ? "-01" : "-00");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "cc-" + TRACE + "-" + SPAN + "-01",
        "01-" + TRACE + "-" + SPAN + "-01-what-the-future-will-be-like",
        "fe-" + TRACE + "-" + SPAN + "-01-"
      })
  void aLaterVersionIsReadAsFarAsItIsKnownAndAnsweredInVersion00(String value) {
    TraceContext context = from(value);
    assertThat(context.traceId()).isEqualTo(TRACE);
    assertThat(context.parentSpanId()).isEqualTo(SPAN);
    assertThat(context.traceparent()).startsWith("00-" + TRACE).hasSize(55);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "x",
        "00",
        "00-" + TRACE + "-" + SPAN,
        "00-" + TRACE + "-" + SPAN + "-",
        "00-" + TRACE + "-" + SPAN + "-1",
        "00-" + TRACE + "-" + SPAN + "-001",
        "00-" + TRACE + "-" + SPAN + "-01.",
        "00-" + TRACE + "-" + SPAN + "-01-what-the-future-will-be-like",
        "00-" + TRACE + "-" + SPAN + "-.0",
        "00-" + TRACE + "-" + SPAN + "-0.",
        "00-" + TRACE + "-" + SPAN + "-0A",
        "cc-" + TRACE + "-" + SPAN + "-01.what-the-future-will-be-like",
        "ff-" + TRACE + "-" + SPAN + "-01",
        "ff-" + TRACE + "-" + SPAN + "-01-more",
        ".0-" + TRACE + "-" + SPAN + "-01",
        "0.-" + TRACE + "-" + SPAN + "-01",
        "CC-" + TRACE + "-" + SPAN + "-01",
        "000-" + TRACE + "-" + SPAN + "-01",
        "0-" + TRACE + "-" + SPAN + "-01",
        "00-00000000000000000000000000000000-" + SPAN + "-01",
        "00-" + TRACE + "-0000000000000000-01",
        "00-.2345678901234567890123456789012-" + SPAN + "-01",
        "00-1234567890123456789012345678901.-" + SPAN + "-01",
        "00-123456789012345678901234567890123-" + SPAN + "-01",
        "00-1234567890123456789012345678901-" + SPAN + "-01",
        "00-" + TRACE + "-.234567890123456-01",
        "00-" + TRACE + "-12345678901234567-01",
        "00-" + TRACE + "-123456789012345-01",
        "00_" + TRACE + "-" + SPAN + "-01",
        "00-" + TRACE + "_" + SPAN + "-01",
        "00-" + TRACE + "-" + SPAN + "_01",
        PARENT + "," + PARENT
      })
  void aBrokenOneIsAsNone(String value) {
    assertNew(from(value));
  }

  @Test
  void upperCaseDigitsAreInvalid() {
    String letters = "abcdef78901234567890123456789012";
    assertThat(from("00-" + letters + "-" + SPAN + "-01").traceId()).isEqualTo(letters);
    assertNew(from("00-" + letters.toUpperCase(Locale.ROOT) + "-" + SPAN + "-01"));
    assertNew(from("00-" + TRACE + "-ABCDEF7890123456-01"));
  }

  @Test
  void twoAreInvalidEvenIfTheyAreTheSame() {
    assertNew(from(PARENT, PARENT));
    assertNew(from(PARENT, ""));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {" " + PARENT, "\t" + PARENT, PARENT + " ", PARENT + "\t", "\t " + PARENT + " \t"})
  void whiteSpaceAroundItDoesNotCount(String value) {
    assertThat(from(value).traceId()).isEqualTo(TRACE);
  }

  @Test
  void theNameMayBeInAnyCase() {
    TraceContext context =
        TraceContext.from(Headers.of("TrAcEpArEnT", PARENT, "TRACESTATE", "foo=1"));
    assertThat(context.traceId()).isEqualTo(TRACE);
    assertThat(context.traceState()).isEqualTo("foo=1");
  }

  @Test
  void theStateGoesOnBesideItsParent() {
    TraceContext context =
        TraceContext.from(Headers.of("traceparent", PARENT, "tracestate", "foo=1,bar=2"));
    assertThat(context.headers().first("tracestate")).isEqualTo("foo=1,bar=2");
    assertThat(context.headers().first("traceparent")).isEqualTo(context.traceparent());
  }

  @Test
  void aStateWithoutAValidParentIsDropped() {
    assertNew(TraceContext.from(Headers.of("tracestate", "foo=1")));
    assertNew(TraceContext.from(Headers.of("traceparent", "00", "tracestate", "foo=1")));
  }

  @Test
  void severalStatesAreOneListInTheirOrder() {
    assertThat(state("foo=1,bar=2", "rojo=1,congo=2", "baz=3"))
        .isEqualTo("foo=1,bar=2,rojo=1,congo=2,baz=3");
  }

  @Test
  void emptyMembersAndWhiteSpaceAreLeftOut() {
    assertThat(state("")).isNull();
    assertThat(state(" ,\t,")).isNull();
    assertThat(state("foo=1", "")).isEqualTo("foo=1");
    assertThat(state("", "foo=1")).isEqualTo("foo=1");
    assertThat(state("foo=1 \t , \t bar=2, ,\t baz=3\t")).isEqualTo("foo=1,bar=2,baz=3");
    assertThat(state(",".repeat(50) + "foo=1")).isEqualTo("foo=1");
  }

  @Test
  void everyCharacterThatIsAllowedPasses() {
    String key = "abcdefghijklmnopqrstuvwxyz0123456789_-*/";
    String value =
        IntStream.rangeClosed(0x20, 0x7e)
            .filter(c -> c != ',' && c != '=')
            .mapToObj(Character::toString)
            .collect(Collectors.joining());
    assertThat(state(key + "=" + value)).isEqualTo(key + "=" + value);
    String vendors = "0" + key + "@a-z0-9_-*/";
    assertThat(state(vendors + "=" + value)).isEqualTo(vendors + "=" + value);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "foo",
        "foo=",
        "=1",
        "foo=1=2",
        "foo =1",
        "FOO=1",
        "foo.bar=1",
        "1foo=1",
        "_foo=1",
        "foo@=1",
        "@foo=1",
        "foo@@bar=1",
        "foo@bar@baz=1",
        "foo@1bar=1",
        "foo=\u00e4",
        "foo=a\u007f",
        "foo=a\tb",
        "foo=1,foo=1",
        "foo=1,foo=2"
      })
  void aBrokenStateIsDroppedWholeAndAlone(String broken) {
    assertThat(state(broken)).isNull();
    assertThat(state("ok=1," + broken)).isNull();
    assertThat(state("ok=1", broken)).isNull();
  }

  @ParameterizedTest
  @CsvSource({"256, true", "257, false"})
  void aKeyHasAtMost256Characters(int length, boolean valid) {
    String member = "k".repeat(length) + "=1";
    assertThat(state(member)).isEqualTo(valid ? member : null);
  }

  @ParameterizedTest
  @CsvSource({"241, 14, true", "242, 14, false", "241, 15, false"})
  void ATenantHas241AndItsSystem14(int tenant, int system, boolean valid) {
    String member = "t".repeat(tenant) + "@" + "s".repeat(system) + "=1";
    assertThat(state(member)).isEqualTo(valid ? member : null);
  }

  @ParameterizedTest
  @CsvSource({"256, true", "257, false"})
  void aValueHasAtMost256Characters(int length, boolean valid) {
    String member = "k=" + "v".repeat(length);
    assertThat(state(member)).isEqualTo(valid ? member : null);
  }

  private static String members(int count) {
    return IntStream.range(0, count).mapToObj(i -> "k" + i + "=1").collect(Collectors.joining(","));
  }

  @Test
  void thirtyTwoMembersPassAndMoreAreInvalid() {
    assertThat(state(members(32))).isEqualTo(members(32));
    assertThat(state(members(33))).isNull();
    assertThat(state(members(20), members(33).substring(members(20).length() + 1))).isNull();
  }

  @Test
  void what512CharactersHoldIsLeftWhole() {
    String whole = "a=" + "v".repeat(254) + ",b=" + "v".repeat(253);
    assertThat(whole).hasSize(512);
    assertThat(state(whole)).isEqualTo(whole);
  }

  @Test
  void ofALongerOneLargeMembersGoFirst() {
    String large = "b=" + "v".repeat(127);
    String small = "v".repeat(100);
    assertThat(large).hasSize(129);
    String list = "a=" + small + "," + large + ",c=" + small + ",d=" + small + ",e=" + small;
    assertThat(state(list)).isEqualTo("a=" + small + ",c=" + small + ",d=" + small + ",e=" + small);
  }

  @Test
  void thenWholeMembersGoFromTheEnd() {
    String value = "v".repeat(126);
    String list = "a=" + value + ",b=" + value + ",c=" + value + ",d=" + value;
    assertThat(state(list)).isEqualTo("a=" + value + ",b=" + value + ",c=" + value);
  }

  @ParameterizedTest
  @CsvSource({
    TRACE + "0, " + SPAN,
    "0, " + SPAN,
    "00000000000000000000000000000000, " + SPAN,
    TRACE + ", 0000000000000000",
    TRACE + ", 123456789012345G"
  })
  void idsThatNobodyWouldAcceptCannotBeMade(String traceId, String spanId) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new TraceContext(traceId, spanId, null, true, null))
        .withMessageContaining("hexadecimal digits, not all zero");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new TraceContext(TRACE, SPAN, "1", true, null))
        .withMessageContaining("parentSpanId");
  }
}
