package io.streamrelay.testkit;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Marker;
import org.slf4j.event.Level;
import org.slf4j.helpers.LegacyAbstractLogger;
import org.slf4j.helpers.MessageFormatter;

/** Keeps what is logged at any level, so that a test can say what must and must not be there. */
public final class RecordingLogger extends LegacyAbstractLogger {
  private static final long serialVersionUID = 1;

  private final ArrayList<String> lines = new ArrayList<>();
  private final StringBuilder everything = new StringBuilder();

  /** Makes an empty logger. */
  public RecordingLogger() {
    name = "recording";
  }

  /**
   * Returns the messages.
   *
   * @return {@code LEVEL message}, in order, without stack traces
   */
  public synchronized List<String> lines() {
    return List.copyOf(lines);
  }

  /**
   * Returns all text that a backend would write.
   *
   * @return messages and stack traces
   */
  public synchronized String everything() {
    return everything.toString();
  }

  /** Forgets everything. */
  public synchronized void clear() {
    lines.clear();
    everything.setLength(0);
  }

  @Override
  protected synchronized void handleNormalizedLoggingCall(
      Level level,
      @Nullable Marker marker,
      @Nullable String message,
      Object @Nullable [] arguments,
      @Nullable Throwable throwable) {
    String line = level + " " + MessageFormatter.basicArrayFormat(message, arguments);
    lines.add(line);
    everything.append(line).append('\n');
    if (throwable != null) {
      StringWriter stack = new StringWriter();
      throwable.printStackTrace(new PrintWriter(stack));
      everything.append(stack);
    }
  }

  @Override
  protected @Nullable String getFullyQualifiedCallerName() {
    return null;
  }

  @Override
  public boolean isTraceEnabled() {
    return true;
  }

  @Override
  public boolean isDebugEnabled() {
    return true;
  }

  @Override
  public boolean isInfoEnabled() {
    return true;
  }

  @Override
  public boolean isWarnEnabled() {
    return true;
  }

  @Override
  public boolean isErrorEnabled() {
    return true;
  }
}
