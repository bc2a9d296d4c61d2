package io.streamrelay.jetty;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import io.streamrelay.testkit.FakeUpstream;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;

/**
 * An upstream that answers all it is sent, one request for each connection, and tells afterwards
 * what that was, byte by byte.
 */
final class DoorUpstream implements AutoCloseable {
  private static final Pattern REQUEST_LINE =
      Pattern.compile("(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) (/[!-~]*) HTTP/1\\.1");
  private static final Pattern FIELD =
      Pattern.compile("[!#-'*+.0-9A-Z^-z|~-]+: ?[\\t -~\\x80-\\xff]*");

  /** One request as it was on the wire. */
  record Sent(String raw) {
    String head() {
      int end = raw.indexOf("\r\n\r\n");
      return end < 0 ? raw : raw.substring(0, end);
    }

    String target() {
      return raw.split(" ", 3)[1];
    }

    List<String> values(String name) {
      String start = name.toLowerCase(Locale.ROOT) + ":";
      return head()
          .lines()
          .skip(1)
          .filter(line -> line.toLowerCase(Locale.ROOT).startsWith(start))
          .map(line -> line.substring(start.length()).strip())
          .toList();
    }

    /** The body without its framing; fails if the whole is not exactly one request. */
    String body(String authority) {
      check(raw.contains("\r\n\r\n"), "the head does not end");
      List<String> lines = List.of(head().split("\r\n", -1));
      check(REQUEST_LINE.matcher(lines.get(0)).matches(), "the request line is wrong");
      for (String line : lines.subList(1, lines.size())) {
        check(FIELD.matcher(line).matches(), "a field is wrong: " + line);
      }
      check(values("Host").equals(List.of(authority)), "Host is not " + authority);
      String rest = raw.substring(head().length() + 4);
      List<String> lengths = values("Content-Length");
      List<String> codings = values("Transfer-Encoding");
      check(lengths.size() + codings.size() <= 1, "it is framed twice");
      if (codings.isEmpty()) {
        int length = lengths.isEmpty() ? 0 : Integer.parseInt(lengths.get(0));
        check(rest.length() == length, "the body has not the length that was declared");
        return rest;
      }
      check(codings.get(0).equals("chunked"), "an odd coding");
      return dechunked(rest);
    }

    private String dechunked(String framed) {
      StringBuilder body = new StringBuilder();
      int at = 0;
      while (true) {
        int end = framed.indexOf("\r\n", at);
        check(end > 0 && framed.substring(at, end).matches("[0-9A-Fa-f]+"), "a chunk's size");
        int size = Integer.parseInt(framed.substring(at, end), 16);
        at = end + 2 + size;
        check(framed.startsWith("\r\n", at), "a chunk's end");
        body.append(framed, end + 2, at);
        at += 2;
        if (size == 0) {
          check(at == framed.length(), "something follows the last chunk");
          return body.toString();
        }
      }
    }

    private void check(boolean holds, String otherwise) {
      if (!holds) {
        throw new AssertionError(
            "upstream received no well-formed request, " + otherwise + ": <" + raw + ">");
      }
    }
  }

  static final String PLAIN = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";

  private final FakeUpstream upstream = FakeUpstream.start();
  private volatile String answer = PLAIN;

  DoorUpstream() {
    upstream.answerWith(request -> answer);
  }

  void answer(String raw) {
    answer = raw;
  }

  URI origin() {
    return upstream.origin();
  }

  String authority() {
    return origin().getRawAuthority();
  }

  /** What it was sent since this was last asked, as far as it has arrived. */
  List<Sent> takeSent() {
    List<FakeUpstream.Connection> fresh = new ArrayList<>();
    for (int left = upstream.connectionCount() - taken; left > 0; left--) {
      fresh.add(upstream.awaitConnection());
      taken++;
    }
    return fresh.stream().map(c -> new Sent(c.received())).toList();
  }

  private int taken;

  /** Whether a whole request for this target has come. */
  boolean wasAskedFor(String target) {
    return upstream.requests().stream().anyMatch(request -> request.target().equals(target));
  }

  /** Bytes that stand for themselves. */
  static byte[] bytes(String latin1) {
    return latin1.getBytes(ISO_8859_1);
  }

  @Override
  public void close() {
    upstream.close();
  }

  @Override
  public String toString() {
    return upstream.toString();
  }
}
