package io.streamrelay.observe;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Reads a few members of a JSON object while its bytes pass by, however they are sliced.
 *
 * <p>Only members of the outermost object count. Of a repeated member the last one counts, as in
 * most parsers. Keys and strings may be written with escapes. A document that is no object has no
 * members. If the bytes turn out to be no JSON, {@link #failed()} is true and every member is taken
 * back, so that nobody acts on half a reading; of a document that is only cut short, the members
 * read so far stay.
 *
 * <p>Checks the syntax of RFC 8259 down to 64 levels and only counts brackets below, so no input
 * makes it throw or take more memory than names and cap ask for. Whether strings are valid UTF-8 is
 * not checked; wrong bytes are replaced.
 *
 * <p><b>Threads.</b> One instance per document, used by one thread at a time.
 */
public final class JsonSkimmer {
  private final int maxStringBytes;
  private final Member[] members;
  private final Walker walker;

  /**
   * Makes a skimmer.
   *
   * @param maxStringBytes how long a wanted string may be, in bytes as written between its quotes;
   *     a longer one reads as null, see {@link #tooLong}
   * @param names the wanted members
   */
  public JsonSkimmer(int maxStringBytes, String... names) {
    if (maxStringBytes < 0) {
      throw new IllegalArgumentException(
          "maxStringBytes is " + maxStringBytes + " (expected: 0 or more)");
    }
    this.maxStringBytes = maxStringBytes;
    this.members = new Member[names.length];
    int longest = 0;
    for (int i = 0; i < names.length; i++) {
      members[i] = new Member(names[i]);
      longest = Math.max(longest, names[i].length());
    }
    // A character takes at most the six bytes of its Unicode escape.
    this.walker = new Walker(Math.max(maxStringBytes, 6 * longest));
  }

  /**
   * Looks at the document's next bytes.
   *
   * @param slice heap or direct; its position and limit stay as they are
   */
  public void skim(ByteBuffer slice) {
    walker.walk(slice, slice.position(), slice.limit());
  }

  /** Forgets everything, for another document. */
  public void reset() {
    for (Member member : members) {
      member.clear();
    }
    walker.restart();
  }

  /**
   * Tells whether a member is there, whatever its value, be it null.
   *
   * @param name one of the wanted names
   * @return true once its value has begun
   */
  public boolean has(String name) {
    return count(name) > 0;
  }

  /**
   * Counts a member. More than one is a reason not to splice: parsers differ in which they take.
   *
   * @param name one of the wanted names
   * @return how often the object names it
   */
  public int count(String name) {
    Member member = member(name);
    return failed() ? 0 : member.count;
  }

  /**
   * Reads a string.
   *
   * @param name one of the wanted names
   * @return its value, unescaped; null if it is absent, no string, too long or not whole yet
   */
  public @Nullable String string(String name) {
    Member member = member(name);
    byte[] raw = member.raw;
    return !failed() && member.isWhole('"') && raw != null && !member.tooLong
        ? JsonWalker.decode(raw, member.rawLength)
        : null;
  }

  /**
   * Tells a string that is too long from one that is not there.
   *
   * @param name one of the wanted names
   * @return whether its value is a string longer than the cap
   */
  public boolean tooLong(String name) {
    Member member = member(name);
    return !failed() && member.tooLong;
  }

  /**
   * Reads a boolean.
   *
   * @param name one of the wanted names
   * @return its value; null if it is absent, no boolean or not whole yet
   */
  public @Nullable Boolean bool(String name) {
    Member member = member(name);
    if (failed() || !(member.isWhole('t') || member.isWhole('f'))) {
      return null;
    }
    return member.first == 't';
  }

  /**
   * Finds the start of a member's value, for a splice.
   *
   * @param name one of the wanted names
   * @return offset in the document of the value's first byte, a string's quote; -1 if absent
   */
  public long valueStart(String name) {
    Member member = member(name);
    return failed() ? -1 : member.start;
  }

  /**
   * Finds the end of a member's value, for a splice.
   *
   * @param name one of the wanted names
   * @return offset behind the value's last byte; -1 if absent or not whole yet
   */
  public long valueEnd(String name) {
    Member member = member(name);
    return failed() ? -1 : member.end;
  }

  /**
   * Finds the outermost object, behind whose brace a further member may be spliced in.
   *
   * @return offset of its opening brace; -1 if the document is no object
   */
  public long objectStart() {
    return failed() ? -1 : walker.objectStart;
  }

  /**
   * Tells whether a member spliced in at the front needs a comma after it.
   *
   * @return whether the outermost object has any member so far
   */
  public boolean hasMembers() {
    return !failed() && walker.anyMember;
  }

  /**
   * Tells whether the bytes are no JSON.
   *
   * @return true for good once a byte was wrong; never true for bytes that may still be completed
   */
  public boolean failed() {
    return walker.failed();
  }

  /**
   * Tells whether the bytes so far are a whole document.
   *
   * @return true if nothing is missing at the end
   */
  public boolean complete() {
    return walker.complete();
  }

  private Member member(String name) {
    for (Member member : members) {
      if (member.name.equals(name)) {
        return member;
      }
    }
    throw new IllegalArgumentException(
        "member '" + name + "' was not asked for (expected: a name given to the constructor)");
  }

  /** What is known of one wanted member. */
  private static final class Member {
    private final String name;
    private final byte[] utf8;
    private int count;
    private byte first;
    private long start = -1;
    private long end = -1;
    private byte @Nullable [] raw;
    private int rawLength;
    private boolean tooLong;

    Member(String name) {
      this.name = name;
      this.utf8 = name.getBytes(StandardCharsets.UTF_8);
    }

    void clear() {
      count = 0;
      forgetValue();
    }

    void forgetValue() {
      first = 0;
      start = -1;
      end = -1;
      rawLength = 0;
      tooLong = false;
    }

    boolean isWhole(char kind) {
      return end >= 0 && first == kind;
    }
  }

  /** Picks the wanted members at depth 1. */
  private final class Walker extends JsonWalker {
    private @Nullable Member current;
    private long objectStart = -1;
    private boolean anyMember;

    Walker(int tokenCap) {
      super(1, tokenCap);
    }

    @Override
    void restart() {
      super.restart();
      current = null;
      objectStart = -1;
      anyMember = false;
    }

    @Override
    void key(int depth) {
      anyMember = true;
      current = null;
      if (tokenCut) {
        return;
      }
      String decoded = tokenEscaped ? decode(token, tokenLength) : null;
      for (Member member : members) {
        boolean same =
            decoded != null
                ? decoded.equals(member.name)
                : Arrays.equals(token, 0, tokenLength, member.utf8, 0, member.utf8.length);
        if (same) {
          current = member;
        }
      }
    }

    @Override
    boolean value(int depth, byte first, long at) {
      if (depth == 0 && first == '{') {
        objectStart = at;
      }
      Member member = current;
      if (depth != 1 || member == null) {
        return false;
      }
      member.forgetValue();
      member.count++;
      member.first = first;
      member.start = at;
      return first == '"';
    }

    @Override
    void valueEnd(int depth, long end) {
      Member member = current;
      if (depth != 1 || member == null) {
        return;
      }
      member.end = end;
      if (member.first == '"') {
        member.tooLong = tokenCut || tokenLength > maxStringBytes;
        if (!member.tooLong) {
          byte[] raw = member.raw;
          if (raw == null || raw.length < tokenLength) {
            raw = new byte[Math.min(maxStringBytes, Math.max(64, 2 * tokenLength))];
            member.raw = raw;
          }
          System.arraycopy(token, 0, raw, 0, tokenLength);
          member.rawLength = tokenLength;
        }
      }
      current = null;
    }
  }
}
