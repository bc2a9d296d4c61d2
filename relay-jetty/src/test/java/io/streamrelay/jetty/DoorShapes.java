package io.streamrelay.jetty;

import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The requests that {@link DoorContract} tries: what attackers and broken clients send. */
final class DoorShapes {
  static final String KEY = "sk-relay-door-0";

  /** A second request, to stand where only a server that misreads the first one finds it. */
  static final String SMUGGLED =
      "GET /api/smuggled HTTP/1.1\r\nHost: x\r\nx-api-key: " + KEY + "\r\n\r\n";

  private DoorShapes() {}

  /**
   * One request that a client should not send.
   *
   * @param name what is odd about it
   * @param raw its bytes, as ISO 8859-1
   * @param body what the upstream gets if it is taken all the same; null if it must be refused
   */
  record Shape(String name, String raw, @Nullable String body) {
    boolean mustBeRefused() {
      return body == null;
    }

    @Override
    public String toString() {
      return name;
    }
  }

  /**
   * A request's target.
   *
   * @param raw as it stands in the request line
   */
  record Target(String raw) {
    @Override
    public String toString() {
      StringBuilder shown = new StringBuilder();
      for (char c : raw.substring(0, Math.min(raw.length(), 60)).toCharArray()) {
        shown.append(c > ' ' && c <= '~' ? String.valueOf(c) : String.format("<%02x>", (int) c));
      }
      return raw.length() > 60 ? shown + "... of " + raw.length() : shown.toString();
    }
  }

  private static Stream<Target> targets(String... raw) {
    return Stream.of(raw).map(Target::new);
  }

  // ---- paths

  /** Paths that some server reads differently from another. */
  static Stream<Target> ambiguousPaths() {
    return targets(
        "/api/..",
        "/api/../admin",
        "/api/x/../../admin",
        "/api/./x",
        "/api/.",
        "/../api/x",
        "/api/%2e%2e/admin",
        "/api/%2E%2e/admin",
        "/api/.%2e/y",
        "/api/%2e./y",
        "/api/%2e/x",
        "/api/%2e",
        "/api/..;/admin",
        "/api/..;x=1/admin",
        "/api/x;y=1",
        "/api/x;/../y",
        "/api/%2e%2e%3b/admin",
        "/api//x",
        "//api/x",
        "///api/x",
        "/api/x//",
        "/api//",
        "/api/x\\y",
        "/api\\..\\admin",
        "/api/..\\admin",
        "/api/a%2fb",
        "/api/a%2Fb",
        "/api/%2f..%2fadmin",
        "/api%2f..%2fadmin",
        "/api%2fx",
        "/api/a%5cb",
        "/api/a%5Cb",
        "/api/..%5cadmin",
        "/api/a%00b",
        "/api/x%00",
        "/api/a%0d%0ab",
        "/api/a%0a",
        "/api/a%09b",
        "/api/a%7fb",
        "/api/%252e%252e/a",
        "/api/%252E%252e/a",
        "/api/a%252fb",
        "/api/%25%32%65/a",
        "/api/%c0%ae%c0%ae/admin",
        "/api/a%c0%afb",
        "/api/%e0%80%ae%e0%80%ae/admin",
        "/api/a%e0%80%afb",
        "/api/a%f0%80%80%afb",
        "/api/%zz",
        "/api/%",
        "/api/%2",
        "/api/%u002e",
        "/api/x#frag",
        "/api/x%3bb",
        "/api/a b",
        "/api/a\tb",
        "/api/\u00e9",
        "/api/\u0001",
        "/api/x\u0000y",
        "/api/x\u007f",
        "/api/...",
        "/api/..%20/admin",
        "/api/.%20./x",
        "api/x",
        "../api/x",
        "*",
        "x:1/api",
        "/api/" + "x".repeat(3000),
        "/api/" + "x".repeat(30_000),
        "/api/%ff",
        "/api/%c3",
        "/api/%c3%28",
        "/api/%ed%a0%80");
  }

  /** Targets of which the path alone may count, as if it had come alone. */
  static Stream<Target> otherForms() {
    return targets(
        "http://HOST/api/x",
        "HTTP://HOST/api/x",
        "http://elsewhere.example/api/x",
        "https://HOST/api/x",
        "http://HOST@elsewhere.example/api/x",
        "http://user:pw@HOST/api/x",
        "http:/api/x",
        "http:///api/x",
        "ftp://HOST/api/x",
        "http://HOST:1/api/x",
        "HOST",
        "elsewhere.example:443",
        "http://HOST/../api/x",
        "http://HOST//api/x",
        "http://HOST/api/..;/x",
        "http://HOST");
  }

  /** Odd but legal: these go up as they came. */
  static Stream<Target> plainPaths() {
    return targets(
        "/api",
        "/api/",
        "/api/x/",
        "/api/%41%62c",
        "/api/a:b",
        "/api/a@b",
        "/api/~a",
        "/api/a~",
        "/api/a,b=c&d+e!f$g'h(i)j*k",
        "/api/v1beta/models/gemini-2.0:streamGenerateContent",
        "/api/%E4%B8%AD%e6%96%87",
        "/api/%20",
        "/api/a%20b",
        "/api/a.b",
        "/api/.well-known",
        "/api/..a",
        "/api/a..",
        "/api/a.%2eb",
        "/api/a%3Fb",
        "/api/%7e",
        "/api/-/_/1",
        "/api/x?",
        "/api/x?a=b&c",
        "/api/x?a=%2e%2e%2f&b=//..;",
        "/api/x?%00=%0d%0a",
        "/api/x?a=b?c=d/../e",
        "/api/x?" + "q".repeat(4000));
  }

  // ---- heads and bodies

  private static String post(String fields, String body) {
    return "POST /api/x HTTP/1.1\r\nHost: x\r\nx-api-key: " + KEY + "\r\n" + fields + "\r\n" + body;
  }

  private static Shape no(String name, String raw) {
    return new Shape(name, raw, null);
  }

  private static Shape maybe(String name, String raw, String body) {
    return new Shape(name, raw, body);
  }

  static Stream<Shape> framing() {
    String chunkedHello = "5\r\nhello\r\n0\r\n\r\n";
    String both = "0\r\n\r\n" + SMUGGLED;
    return Stream.of(
        no(
            "CL then TE",
            post("Content-Length: " + both.length() + "\r\nTransfer-Encoding: chunked\r\n", both)),
        no(
            "TE then CL",
            post("Transfer-Encoding: chunked\r\nContent-Length: " + both.length() + "\r\n", both)),
        no(
            "CL 0 and TE",
            post("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", chunkedHello)),
        no(
            "TE and CL 0, smuggled",
            post("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n", SMUGGLED)),
        maybe(
            "two equal CLs", post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"), "hello"),
        no(
            "two CLs, the larger last",
            post("Content-Length: 0\r\nContent-Length: " + SMUGGLED.length() + "\r\n", SMUGGLED)),
        no(
            "two CLs, the larger first",
            post("Content-Length: " + SMUGGLED.length() + "\r\nContent-Length: 0\r\n", SMUGGLED)),
        maybe("CL as a list of equals", post("Content-Length: 5, 5\r\n", "hello"), "hello"),
        no("CL as a list", post("Content-Length: 0, " + SMUGGLED.length() + "\r\n", SMUGGLED)),
        no("CL with a plus", post("Content-Length: +5\r\n", "hello")),
        no("CL negative", post("Content-Length: -5\r\n", "hello")),
        no("CL with a blank within", post("Content-Length: 5 5\r\n", "hello")),
        no("CL in hex", post("Content-Length: 0x5\r\n", "hello")),
        no("CL with a fraction", post("Content-Length: 5.0\r\n", "hello")),
        no("CL with a semicolon", post("Content-Length: 5;\r\n", "hello")),
        no("CL with an exponent", post("Content-Length: 1e1\r\n", "hellohello")),
        no("CL empty", post("Content-Length: \r\n", "")),
        no("CL beyond a long", post("Content-Length: 99999999999999999999\r\n", "hello")),
        no("CL that wraps a long", post("Content-Length: 18446744073709551621\r\n", "hello")),
        no("CL quoted", post("Content-Length: \"5\"\r\n", "hello")),
        no("CL in superscript", post("Content-Length: \u00b2\r\n", "he")),
        maybe("CL with blanks around", post("Content-Length:   5  \r\n", "hello"), "hello"),
        maybe("CL with leading zeros", post("Content-Length: 0005\r\n", "hello"), "hello"),
        no("TE xchunked", post("Transfer-Encoding: xchunked\r\n", chunkedHello)),
        no("TE chunked, identity", post("Transfer-Encoding: chunked, identity\r\n", chunkedHello)),
        no("TE identity, chunked", post("Transfer-Encoding: identity, chunked\r\n", chunkedHello)),
        no("TE gzip, chunked", post("Transfer-Encoding: gzip, chunked\r\n", chunkedHello)),
        no("TE identity", post("Transfer-Encoding: identity\r\n", SMUGGLED)),
        no(
            "TE identity with CL",
            post("Transfer-Encoding: identity\r\nContent-Length: 5\r\n", "hello")),
        no("TE chunked;q=1", post("Transfer-Encoding: chunked;q=1\r\n", chunkedHello)),
        no("TE quoted", post("Transfer-Encoding: \"chunked\"\r\n", chunkedHello)),
        no("TE with a vertical tab", post("Transfer-Encoding: \u000bchunked\r\n", chunkedHello)),
        no("TE with a NUL", post("Transfer-Encoding: chunked\u0000\r\n", chunkedHello)),
        no(
            "TE twice, chunked and identity",
            post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", chunkedHello)),
        no(
            "TE twice, chunked and x",
            post("Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n", chunkedHello)),
        no(
            "TE twice, x and chunked",
            post("Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n", chunkedHello)),
        no(
            "TE twice, chunked both",
            post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", chunkedHello)),
        no("TE empty", post("Transfer-Encoding:\r\n", SMUGGLED)),
        maybe(
            "TE with tabs around",
            post("Transfer-Encoding: \tchunked\t\r\n", chunkedHello),
            "hello"),
        maybe("TE in capitals", post("Transfer-Encoding: CHUNKED\r\n", chunkedHello), "hello"),
        maybe("TE with a comma", post("Transfer-Encoding: ,chunked\r\n", chunkedHello), "hello"),
        no("TE before a blank and colon", post("Transfer-Encoding : chunked\r\n", chunkedHello)),
        no("TE folded", post("Transfer-Encoding:\r\n chunked\r\n", chunkedHello)),
        no("TE behind a bare CR", post("X: y\rTransfer-Encoding: chunked\r\n", chunkedHello)),
        no(
            "TE behind a bare CR, with CL",
            post("Content-Length: 5\r\nX: y\rTransfer-Encoding: chunked\r\n", "hello")),
        no(
            "TE behind a bare LF, with CL",
            post(
                "Content-Length: " + both.length() + "\r\nX: y\nTransfer-Encoding: chunked\r\n",
                both)),
        no("CL behind a bare LF", post("X: y\nContent-Length: 5\nContent-Length: 0\r\n", "hello")),
        maybe(
            "TE by an underscore",
            post("Transfer_Encoding: chunked\r\nContent-Length: 5\r\n", "hello"),
            "hello"),
        no(
            "TE in HTTP/1.0",
            post("Transfer-Encoding: chunked\r\n", both).replace("HTTP/1.1", "HTTP/1.0")),
        no(
            "TE and CL in HTTP/1.0",
            post("Content-Length: " + both.length() + "\r\nTransfer-Encoding: chunked\r\n", both)
                .replace("HTTP/1.1", "HTTP/1.0")),
        maybe(
            "CL named by Connection",
            post("Connection: content-length\r\nContent-Length: 5\r\n", "hello"),
            "hello"),
        maybe(
            "TE named by Connection",
            post("Connection: transfer-encoding\r\nTransfer-Encoding: chunked\r\n", chunkedHello),
            "hello"),
        maybe(
            "a GET with a body",
            "GET /api/x HTTP/1.1\r\nHost: x\r\nx-api-key: "
                + KEY
                + "\r\nContent-Length: "
                + SMUGGLED.length()
                + "\r\n\r\n"
                + SMUGGLED,
            SMUGGLED),
        maybe(
            "a DELETE with chunks",
            "DELETE /api/x HTTP/1.1\r\nHost: x\r\nx-api-key: "
                + KEY
                + "\r\nTransfer-Encoding: chunked\r\n\r\n"
                + chunkedHello,
            "hello"));
  }

  static Stream<Shape> chunks() {
    return Stream.of(
            no("size 0x5", "0x5\r\nhello\r\n0\r\n\r\n"),
            no("size with a plus", "+5\r\nhello\r\n0\r\n\r\n"),
            no("size negative", "-5\r\nhello\r\n0\r\n\r\n"),
            no("size after a blank", " 5\r\nhello\r\n0\r\n\r\n"),
            no("size empty", "\r\nhello\r\n0\r\n\r\n"),
            no("size of a letter", "g\r\nhello\r\n0\r\n\r\n"),
            no("size beyond a long", "10000000000000005\r\nhello\r\n0\r\n\r\n"),
            no("size that wraps an int", "100000005\r\nhello\r\n0\r\n\r\n"),
            no("size of all bits", "FFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n"),
            no("size of the sign bit", "80000000\r\nhello\r\n0\r\n\r\n"),
            no("size with an underscore", "0_5\r\nhello\r\n0\r\n\r\n"),
            maybe("size before a blank", "5 \r\nhello\r\n0\r\n\r\n", "hello"),
            maybe("size with zeros", "0005\r\nhello\r\n000\r\n\r\n", "hello"),
            maybe("an extension", "5;a=b\r\nhello\r\n0;c\r\n\r\n", "hello"),
            maybe("an extension in quotes", "5;a=\"b;c\"\r\nhello\r\n0\r\n\r\n", "hello"),
            maybe(
                "an extension of 20 KB",
                "5;" + "x".repeat(20_000) + "\r\nhello\r\n0\r\n\r\n",
                "hello"),
            no("an extension with a bare LF", "5;a\nhello\r\n0\r\n\r\n"),
            no("an extension with a bare CR", "5;a\rb\r\nhello\r\n0\r\n\r\n"),
            no("size ended by LF", "5\nhello\r\n0\r\n\r\n"),
            no("data ended by LF", "5\r\nhello\n0\r\n\r\n"),
            no("all ended by LF", "5\nhello\n0\n\n"),
            no("data longer than its size", "5\r\nhelloX\r\n0\r\n\r\n"),
            no("data shorter than its size", "6\r\nhello\r\n0\r\n\r\n"),
            no("last chunk ended by CR", "5\r\nhello\r\n0\r\r\n\r\n"),
            maybe("trailers", "5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n", "hello"),
            maybe(
                "trailers that would frame",
                "5\r\nhello\r\n0\r\nContent-Length: 9\r\nTransfer-Encoding: gzip\r\n\r\n",
                "hello"),
            maybe(
                "trailers that would authenticate",
                "5\r\nhello\r\n0\r\nAuthorization: Bearer evil-trailer\r\nx-api-key: evil-trailer\r\nHost: evil-trailer\r\nCookie: evil-trailer\r\n\r\n",
                "hello"),
            maybe(
                "trailers of 40 KB",
                "5\r\nhello\r\n0\r\nX: " + "y".repeat(40_000) + "\r\n\r\n",
                "hello"),
            no("a trailer without a colon", "5\r\nhello\r\n0\r\nno colon\r\n\r\n"))
        .map(
            shape ->
                new Shape(
                    shape.name(),
                    post("Transfer-Encoding: chunked\r\n", shape.raw()),
                    shape.body()));
  }

  static Stream<Shape> heads() {
    String key = "x-api-key: " + KEY + "\r\n";
    String get = "GET /api/x HTTP/1.1\r\nHost: x\r\n";
    return Stream.concat(
        Stream.of(
            no("a folded field", get + "X: a\r\n b\r\n" + key + "\r\n"),
            no("a folded key", get + "x-api-key:\r\n " + KEY + "\r\n\r\n"),
            no("a NUL in a value", get + "Accept: a\u0000b\r\n" + key + "\r\n"),
            no("a NUL in a name", get + "Acc\u0000ept: a\r\n" + key + "\r\n"),
            no("a bare CR in a value", get + "Accept: a\rb\r\n" + key + "\r\n"),
            no("a bare LF ends a field", get + "Accept: a\n" + key + "\r\n"),
            no("bare LFs end all", "GET /api/x HTTP/1.1\nHost: x\nx-api-key: " + KEY + "\n\n"),
            no("a blank before the colon", get + "Accept : a\r\n" + key + "\r\n"),
            no(
                "a blank before the first field",
                "GET /api/x HTTP/1.1\r\n Host: x\r\nHost: x\r\n" + key + "\r\n"),
            no(
                "a tab before the first field",
                "GET /api/x HTTP/1.1\r\n\tX: y\r\nHost: x\r\n" + key + "\r\n"),
            no("a field without a colon", get + "nonsense\r\n" + key + "\r\n"),
            no("a field without a name", get + ": a\r\n" + key + "\r\n"),
            no("a name with a blank", get + "Acc ept: a\r\n" + key + "\r\n"),
            no("a name with brackets", get + "Acc(ept): a\r\n" + key + "\r\n"),
            no("a name beyond ASCII", get + "Acc\u00e9pt: a\r\n" + key + "\r\n"),
            no("HTTP/0.9", "GET /api/x\r\n" + key + "\r\n"),
            no("no version", "GET /api/x \r\nHost: x\r\n" + key + "\r\n"),
            no("no Host", "GET /api/x HTTP/1.1\r\n" + key + "\r\n"),
            no("two Hosts", get + "Host: y\r\n" + key + "\r\n"),
            no("two equal Hosts", get + "Host: x\r\n" + key + "\r\n"),
            no("version 1.2", get.replace("1.1", "1.2") + key + "\r\n"),
            no("version 2.0", get.replace("1.1", "2.0") + key + "\r\n"),
            no("version 1.1x", get.replace("1.1", "1.1x") + key + "\r\n"),
            no("version 11", get.replace("1.1", "11") + key + "\r\n"),
            no("version in small letters", get.replace("HTTP", "http") + key + "\r\n"),
            no("another protocol", get.replace("HTTP", "ICY") + key + "\r\n"),
            no("two blanks before the target", get.replace("GET ", "GET  ") + key + "\r\n"),
            no("two blanks before the version", get.replace(" HTTP", "  HTTP") + key + "\r\n"),
            no(
                "tabs in the request line",
                get.replace("GET ", "GET\t").replace(" HTTP", "\tHTTP") + key + "\r\n"),
            no("a CR in the request line", get.replace("GET ", "GET\r") + key + "\r\n"),
            no("a blank before the method", " " + get + key + "\r\n"),
            no("an HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"),
            no("a TLS hello", "\u0016\u0003\u0001\0\u0005\u0001\0\0\u0001\0\r\n\r\n"),
            no("a PROXY line", "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n" + get + key + "\r\n"),
            no("no request", "\0\0\0\0\r\n\r\n"),
            maybe("empty lines before", "\r\n\r\n" + get + key + "\r\n", ""),
            maybe("an empty value", get + "Accept:\r\n" + key + "\r\n", ""),
            maybe("Latin-1 in a value", get + "X-Title: caf\u00e9\r\n" + key + "\r\n", "")),
        Stream.of(
                "a b", "x/y", "x@y", "[::1", "x:99999", "x:y", "x:-1", "x?y", "x#y", "x\\y", "x,y")
            .map(
                host ->
                    new Shape(
                        "Host " + host,
                        "GET /api/x HTTP/1.1\r\nHost: " + host + "\r\n" + key + "\r\n",
                        "")));
  }

  // ---- answers

  /** Answers that are none. */
  static Stream<Shape> brokenAnswers() {
    String ok = "HTTP/1.1 200 OK\r\n";
    String end = "Content-Length: 2\r\n\r\nok";
    return Stream.of(
        no("status of letters", "HTTP/1.1 abc OK\r\n" + end),
        no("status of two digits", "HTTP/1.1 99 leak\r\n" + end),
        no("status of four digits", "HTTP/1.1 1000 leak\r\n" + end),
        no("status 600", "HTTP/1.1 600 leak\r\n" + end),
        no("status 999", "HTTP/1.1 999 leak\r\n" + end),
        no("another protocol", "ICY 200 OK\r\n" + end),
        no("no head", "leak leak leak\r\n\r\n"),
        no("bytes", "\0\1\2\3leak\r\n\r\n"),
        no("a TLS alert", "\u0015\u0003\u0001\0\u0002\u0002F\r\n\r\n"),
        no("one field of 40 KB", ok + "X-Leak: " + "x".repeat(40_000) + "\r\n" + end),
        no("fields of 40 KB", ok + "X-Leak: x\r\n".repeat(4_000) + end),
        no("a reason of 40 KB", "HTTP/1.1 200 " + "leak".repeat(10_000) + "\r\n" + end),
        no("a NUL in a value", ok + "X-Leak: a\0b\r\n" + end),
        no("a bare CR in a value", ok + "X-Leak: a\rb\r\n" + end),
        no("a folded field", ok + "X-Leak: a\r\n b\r\n" + end),
        no("a blank before the colon", ok + "X-Leak : a\r\n" + end),
        no("a field without a colon", ok + "leak\r\n" + end),
        no("a name with a blank", ok + "X Leak: a\r\n" + end),
        no("two CLs", ok + "Content-Length: 4\r\n" + end),
        no("CL and TE", ok + "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n"),
        no("CL negative", ok + "Content-Length: -1\r\n\r\n"),
        no("CL of letters", ok + "Content-Length: leak\r\n\r\n"),
        no("CL beyond a long", ok + "Content-Length: 99999999999999999999\r\n\r\nok"),
        no("TE xchunked", ok + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
        no("TE gzip, chunked", ok + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
        no(
            "TE twice",
            ok + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        no(
            "101",
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: leak\r\nConnection: upgrade\r\n\r\n"));
  }

  /** Methods that no route passes on. */
  static Stream<Target> methods() {
    return targets(
        "TRACE",
        "TRACK",
        "CONNECT",
        "PROPFIND",
        "get",
        "Post",
        "BREW",
        "POST\u0001",
        "G\"ET",
        "GET,POST",
        "M".repeat(300),
        "X-HTTP-Method");
  }
}
