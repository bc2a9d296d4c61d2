package io.streamrelay.jetty.demo;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/**
 * What the demo model says.
 *
 * @param tokens word pieces; together they are the text
 * @param limited whether the caller's limit cut it short
 * @param promptTokens how many word pieces were asked with
 */
record Answer(List<String> tokens, boolean limited, int promptTokens) {
  /** Some space and up to seven characters; Java counts an emoji as one. */
  private static final Pattern TOKEN = Pattern.compile("\\s*\\S{1,7}");

  private static final int ECHOED_CHARACTERS = 80;

  /**
   * Answers a conversation.
   *
   * @param messages items with {@code role} and {@code content}, or a string, which is the user's
   * @param maxTokens how many tokens at most
   */
  static Answer to(JsonNode messages, int maxTokens) {
    String prompt = content(messages);
    int promptTokens = count(prompt);
    for (JsonNode message : messages) {
      String content = content(message.path("content"));
      promptTokens += count(content);
      if (message.path("role").asText().equals("user")) {
        prompt = content;
      }
    }
    List<String> tokens = tokens(text(prompt.strip()));
    boolean limited = tokens.size() > maxTokens;
    return new Answer(limited ? tokens.subList(0, maxTokens) : tokens, limited, promptTokens);
  }

  String text() {
    return String.join("", tokens);
  }

  int totalTokens() {
    return promptTokens + tokens.size();
  }

  /** Returns how many events come before a fault in mid-stream. */
  int eventsBeforeFault(int preamble) {
    return preamble + Math.min(Fault.PIECES_BEFORE, tokens.size());
  }

  private static String text(String prompt) {
    return """
        You said: “%s” I am the demo provider — no model, no key, no network; yet my tokens \
        travel as real ones do. Voilà: café, naïve, 日本語, 🚀. Ask for the model demo-cut, \
        demo-stall or demo-429 to see what happens when things go wrong."""
        .formatted(excerpt(prompt));
  }

  private static String excerpt(String text) {
    if (text.codePointCount(0, text.length()) <= ECHOED_CHARACTERS) {
      return text;
    }
    return text.substring(0, text.offsetByCodePoints(0, ECHOED_CHARACTERS)) + "…";
  }

  /** Returns a string, or the text parts of an array. */
  private static String content(JsonNode content) {
    if (content.isTextual()) {
      return content.textValue();
    }
    StringBuilder text = new StringBuilder();
    for (JsonNode part : content) {
      text.append(part.path("text").asText());
    }
    return text.toString();
  }

  /** Counts without a list, because a prompt may be megabytes. */
  private static int count(String text) {
    return (int) TOKEN.matcher(text).results().count();
  }

  private static List<String> tokens(String text) {
    return TOKEN.matcher(text).results().map(MatchResult::group).toList();
  }
}
