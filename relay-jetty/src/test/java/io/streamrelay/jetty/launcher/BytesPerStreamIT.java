package io.streamrelay.jetty.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import io.streamrelay.jetty.launcher.LoadClients.Client;
import io.streamrelay.jetty.launcher.LoadClients.Pace;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * What a stream costs in memory, and that nothing makes it cost more.
 *
 * <p>The relay runs in a JVM with little memory, the load and the upstream in this one. A build has
 * few streams, so that it does not take minutes; {@code .ci/run} has {@code
 * -Drelay.load.streams=3000 -Drelay.load.megabytes=100}. Each stream takes two file descriptors
 * here and two in the relay.
 */
@Timeout(240)
class BytesPerStreamIT {
  private static final int STREAMS = Integer.getInteger("relay.load.streams", 300);
  private static final int FEW = STREAMS / 5;
  private static final int HEAP_MB = 96;
  private static final long MB = 1024 * 1024;

  /** How long an answer is, or a body sent up: much more than any buffer takes. */
  private static final long LENGTH = Integer.getInteger("relay.load.megabytes", 20) * MB;

  private static final long LIMIT_SECONDS = 120;

  /** What the README states. The direct part has 8 MB more, which two pools keep for reuse. */
  private static final long HEAP_PER_STREAM = 24 * 1024;

  private static final long DIRECT_PER_STREAM = 48 * 1024;
  private static final long KEPT_HEAP = 2 * MB;
  private static final long KEPT_DIRECT = 2 * (HEAP_MB / 8) * MB;

  @TempDir private Path directory;

  private final HttpClient http = HttpClient.newHttpClient();
  private final LoadUpstream upstream = new LoadUpstream();
  private final List<AutoCloseable> opened = new ArrayList<>();

  private record Memory(long heap, long direct) {}

  /** A relay, its load, and what it took when it was warm. */
  private record Subject(RelayProcess relay, URI uri, LoadClients clients, Memory before) {}

  @AfterEach
  void stop() throws Exception {
    for (AutoCloseable each : opened) {
      each.close();
    }
    upstream.close();
  }

  private Subject start(String limits) throws Exception {
    Path file =
        Files.writeString(
            directory.resolve("relay.yaml"),
            """
            server: {host: 127.0.0.1, port: 0, max_body_size: 200MB%s}
            routes:
              - {name: load, path: /, upstream: "%s"}
            auth: {enabled: false}
            observability: {prometheus: {enabled: true}}
            """
                .formatted(limits, upstream.uri()));
    List<String> jvm =
        List.of(
            "-Xmx" + HEAP_MB + "m",
            "-XX:MaxDirectMemorySize=64m",
            "-XX:+UseSerialGC",
            "-XX:+ExitOnOutOfMemoryError");
    RelayProcess relay = RelayProcess.start(directory, Map.of(), jvm, "--config", file.toString());
    opened.add(relay);
    URI uri = relay.uri();
    LoadClients clients = new LoadClients(uri);
    opened.add(clients);
    List<Client> first = clients.post(50, "/open", 100, Pace.FAST);
    awaitAll(first, client -> client.bytes > 0, "warm streams began");
    upstream.finish();
    awaitAll(first, client -> client.complete, "warm streams ended");
    clients.leave(first);
    upstream.closeIdle();
    return new Subject(relay, uri, clients, memory(relay, uri));
  }

  @Test
  void manySilentStreamsStayAliveInLittleMemory() throws Exception {
    Subject subject = start(", max_streams: " + (STREAMS + 1));
    List<Client> open = subject.clients.post(STREAMS, "/open", 1000, Pace.FAST);
    awaitAll(open, client -> client.bytes > 0, "the first event came");
    assertPerStream(subject, "silent", STREAMS, HEAP_PER_STREAM);

    long begin = System.nanoTime();
    upstream.send(LoadUpstream.FIRST);
    long both = 2L * LoadUpstream.FIRST.length();
    awaitAll(open, client -> client.bytes == both, "the second event came");
    print("an event for each of %d streams took %d ms", STREAMS, millisSince(begin));
    assertPrompt(subject);
    upstream.finish();
    awaitAll(open, client -> client.complete, "the stream ended whole");
    assertThat(open).allMatch(client -> client.status == 200);

    subject.clients.leave(open);
    assertAllGivenBack(subject, Map.of("complete", STREAMS + 51L));
  }

  @Test
  void clientsThatDoNotReadBlockTheirUpstreamsAndTakeABoundedPart() throws Exception {
    LoadAnswer answer = LoadAnswer.events(512, LENGTH);
    upstream.serve("flood", answer);
    Subject subject = start(", max_streams: " + (STREAMS + 1));
    List<Client> stalled = subject.clients.post(FEW, "/answer/flood", 1000, Pace.STALLED);
    await(
        "all are on", () -> upstream.running("/answer") == FEW, () -> upstream.running("/answer"));
    awaitStandstill(upstream::sent);
    print("an upstream could send %d KB", upstream.sent() / FEW / 1024);
    assertPerStream(subject, "stalled", FEW, HEAP_PER_STREAM);
    assertPrompt(subject);

    List<Client> resumed = stalled.subList(0, 2);
    subject.clients.resume(resumed, Pace.FAST);
    awaitAll(resumed, client -> client.complete, "whoever reads again gets all");
    assertThat(resumed).allMatch(client -> client.sha256().equals(answer.sha256()));
    subject.clients.leave(stalled);
    assertAllGivenBack(subject, Map.of("complete", 53L, "client_gone", FEW - 2L));
  }

  @Test
  void aLongAnswerArrivesByteForByteHoweverItIsCut() throws Exception {
    upstream.serve("raw", LoadAnswer.raw(LENGTH));
    upstream.serve("lines", LoadAnswer.events((int) MB, LENGTH));
    upstream.serve("line", LoadAnswer.oneLine(LENGTH));
    Subject subject = start("");
    for (String name : List.of("raw", "lines", "line")) {
      LoadAnswer answer = upstream.answer(name);
      List<Client> readers =
          new ArrayList<>(subject.clients.post(1, "/answer/" + name, 100, Pace.FAST));
      readers.addAll(subject.clients.post(1, "/answer/" + name, 100, Pace.SLOW));
      awaitAll(readers, client -> client.complete, "all came");
      assertThat(readers)
          .allMatch(client -> client.bytes == answer.length())
          .allMatch(client -> client.sha256().equals(answer.sha256()));
      subject.clients.leave(readers);
    }
    assertAllGivenBack(subject, Map.of("complete", 56L));
  }

  @Test
  void uploadsToAnUpstreamThatDoesNotReadTakeABoundedPart() throws Exception {
    Subject subject = start(", max_streams: " + (STREAMS + 1));
    List<Client> uploads = subject.clients.post(FEW, "/deaf", LENGTH, Pace.FAST);
    await("all are on", () -> upstream.running("/deaf") == FEW, () -> upstream.running("/deaf"));
    awaitStandstill(() -> uploads.stream().mapToLong(client -> client.uploaded).sum());
    assertPerStream(subject, "uploading", FEW, HEAP_PER_STREAM + 16 * 1024);
    assertPrompt(subject);

    subject.clients.leave(uploads.subList(2, FEW));
    upstream.listen();
    List<Client> stayed = uploads.subList(0, 2);
    awaitAll(stayed, client -> client.complete, "who stayed is answered");
    assertThat(stayed).allMatch(client -> client.status == 200);
    subject.clients.leave(stayed);
    await("none runs", () -> active(subject.uri) == 0, () -> active(subject.uri));
    assertAllGivenBack(subject, Map.of("complete", 53L));
  }

  /** 64 KiB each are kept until they are sent: the most that a stream can take of the heap. */
  @Test
  void moreBodiesThanFitAreRefusedAndThoseTakenAreForgottenOnceSent() throws Exception {
    Subject subject = start("");
    int taken = (int) (HEAP_MB * MB / 2 / (128 * 1024));
    int all = taken + FEW;
    List<Client> posted = subject.clients.post(all, "/mute", 64 * 1024, Pace.FAST);
    await(
        "as many as fit are taken, the others are refused",
        () ->
            count(posted, client -> client.complete) >= 1
                && upstream.running("/mute") + count(posted, client -> client.complete) == all,
        () -> upstream.running("/mute") + " taken, " + describe(posted));
    List<Client> refused = posted.stream().filter(client -> client.complete).toList();
    assertThat(refused)
        .allMatch(client -> client.status == 503)
        .allMatch(client -> client.headers.contains("retry-after: 1\r\n"));
    // Counted like the JVM counts its heap, which is a little less than was asked for.
    assertThat(all - refused.size()).isBetween(taken * 9 / 10, taken);
    assertPerStream(
        subject, "waiting with 64 KiB sent", all - refused.size(), HEAP_PER_STREAM + 16 * 1024);

    upstream.answer();
    awaitAll(posted, client -> client.complete, "all are answered");
    subject.clients.leave(posted);
    assertAllGivenBack(
        subject, Map.of("complete", 50L + all - refused.size(), "rejected", (long) refused.size()));
  }

  @Test
  void moreConnectionsThanAllowedWaitAndComeInAsOthersLeave() throws Exception {
    Subject subject = start(", max_streams: 100, max_connections: 60");
    List<Client> first = subject.clients.post(80, "/open", 100, Pace.FAST);
    await(
        "some come in",
        () -> count(first, client -> client.bytes > 0) >= 50,
        () -> describe(first));
    assertThat(count(first, client -> client.bytes > 0)).isLessThanOrEqualTo(60);
    List<Client> served = first.stream().filter(client -> client.bytes > 0).toList();
    upstream.finish();
    awaitAll(served, client -> client.complete, "they end");
    subject.clients.leave(served);
    List<Client> others = first.stream().filter(client -> !served.contains(client)).toList();
    await(
        "the others come in, or were closed at the door",
        () -> others.stream().allMatch(client -> client.bytes > 0 || client.cut != null),
        () -> describe(others));
    assertThat(count(others, client -> client.bytes > 0)).isPositive();
  }

  /** Takes a stream's part of the memory and holds it against the bound. */
  private void assertPerStream(Subject subject, String what, int streams, long heapBound)
      throws Exception {
    Memory now = memory(subject.relay, subject.uri);
    long heap = now.heap - subject.before.heap;
    long direct = now.direct - subject.before.direct;
    print(
        "%d streams, %s: %.1f KiB heap, %.1f KiB direct each",
        streams, what, heap / 1024.0 / streams, direct / 1024.0 / streams);
    assertThat(heap).as("heap").isLessThan(heapBound * streams + KEPT_HEAP);
    assertThat(direct).as("direct").isLessThan(DIRECT_PER_STREAM * streams + KEPT_DIRECT);
  }

  /** Another stream is not held up by what goes on. */
  private void assertPrompt(Subject subject) {
    long begin = System.nanoTime();
    List<Client> probe = subject.clients.post(1, "/open", 100, Pace.FAST);
    awaitAll(probe, client -> client.bytes > 0, "another stream begins");
    print("another stream began after %d ms", millisSince(begin));
    upstream.finish();
    awaitAll(probe, client -> client.complete, "another stream ends");
    subject.clients.leave(probe);
  }

  /** Nothing runs, nothing is lost, and the memory is what it was. */
  private void assertAllGivenBack(Subject subject, Map<String, Long> ends) throws Exception {
    await("none runs", () -> active(subject.uri) == 0, () -> active(subject.uri));
    upstream.closeIdle();
    String metrics = metrics(subject.uri);
    ends.forEach(
        (end, count) ->
            assertThat(value(metrics, "relay_exchanges_total{end=\"" + end + "\",route=\"load\"}"))
                .as("ended %s", end)
                .isEqualTo(count));
    await(
        "the memory is back",
        () -> {
          Memory now = memory(subject.relay, subject.uri);
          return now.heap - subject.before.heap < KEPT_HEAP
              && now.direct - subject.before.direct < KEPT_DIRECT;
        },
        () -> subject.before + " before, now " + memory(subject.relay, subject.uri));
    assertThat(subject.relay.err()).isEmpty();
  }

  private static long count(List<Client> clients, Predicate<Client> which) {
    return clients.stream().filter(which).count();
  }

  private static String describe(List<Client> clients) {
    return count(clients, client -> client.complete)
        + " complete, "
        + count(clients, client -> client.bytes > 0)
        + " got bytes, of those not complete: "
        + clients.stream().filter(client -> !client.complete).limit(5).toList();
  }

  private static void awaitAll(List<Client> clients, Predicate<Client> state, String what) {
    await(what, () -> clients.stream().allMatch(state), () -> describe(clients));
  }

  private static void await(String what, BooleanSupplier condition, Supplier<Object> recorded) {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(LIMIT_SECONDS);
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() - deadline > 0) {
        throw new AssertionError(
            what + ": not within " + LIMIT_SECONDS + " s, but " + recorded.get());
      }
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(10));
    }
  }

  /** A standstill shows by nothing else than that nothing moves for a while. */
  private static void awaitStandstill(LongSupplier bytes) {
    long seen = -1;
    for (long now = bytes.getAsLong(); now != seen; now = bytes.getAsLong()) {
      seen = now;
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(1500));
    }
  }

  private static long millisSince(long begin) {
    return TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begin);
  }

  private static void print(String format, Object... arguments) {
    System.out.println("bytes per stream: " + String.format(Locale.ROOT, format, arguments));
  }

  private Memory memory(RelayProcess relay, URI uri) {
    try {
      // Twice: what has a cleaner is freed by the next one.
      relay.collectGarbage();
      relay.collectGarbage();
    } catch (IOException | InterruptedException e) {
      throw new AssertionError("no garbage collection in " + relay, e);
    }
    String metrics = metrics(uri);
    return new Memory(
        value(metrics, "jvm_memory_used_bytes{area=\"heap\"}"),
        value(metrics, "jvm_buffer_pool_used_bytes{pool=\"direct\"}"));
  }

  private long active(URI uri) {
    return value(metrics(uri), "relay_active_connections{route=\"load\"}");
  }

  private static long value(String metrics, String series) {
    Matcher found = Pattern.compile("(?m)^" + Pattern.quote(series) + " (\\S+)$").matcher(metrics);
    assertThat(found.find()).as("%s in %s", series, metrics).isTrue();
    return (long) Double.parseDouble(found.group(1));
  }

  private String metrics(URI uri) {
    try {
      return http.send(
              HttpRequest.newBuilder(uri.resolve("/metrics")).build(), BodyHandlers.ofString())
          .body();
    } catch (IOException | InterruptedException e) {
      throw new AssertionError("no metrics", e);
    }
  }
}
