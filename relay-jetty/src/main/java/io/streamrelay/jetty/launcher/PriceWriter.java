package io.streamrelay.jetty.launcher;

import io.streamrelay.price.ModelPrice;
import io.streamrelay.price.Rates;
import io.streamrelay.price.Terms;
import io.streamrelay.price.Times;
import java.time.DayOfWeek;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Writes prices in the form that {@code configs/prices.yaml} explains, in ASCII. */
final class PriceWriter {
  private final StringBuilder out = new StringBuilder();

  PriceWriter() {}

  PriceWriter comment(String line) {
    out.append("# ").append(line.replaceAll("[^ -~]", "?")).append('\n');
    return this;
  }

  PriceWriter head(String version) {
    out.append("version: ").append(quoted(version)).append("\nmodels:\n");
    return this;
  }

  PriceWriter model(ModelPrice price) {
    line("  - model: ", price.model());
    list("    aliases: ", price.aliases());
    list("    prefixes: ", price.prefixes());
    list("    provider: ", price.providers().stream().sorted().toList());
    terms("    ", price.terms());
    if (!price.timed().isEmpty()) {
      out.append("    times:\n");
      price.timed().forEach(each -> timed(each.times(), each.terms()));
    }
    if (price.source() != null) {
      line("    source: ", price.source());
    }
    if (price.via() != null) {
      line("    via: ", price.via());
    }
    if (price.checked() != null) {
      out.append("    checked: ").append(price.checked()).append('\n');
    }
    return this;
  }

  private void terms(String indent, Terms terms) {
    rates(terms.rates()).forEach(rate -> out.append(indent).append(rate).append('\n'));
    if (!terms.tiers().isEmpty()) {
      out.append(indent).append("above:\n");
      for (Terms.Tier tier : terms.tiers()) {
        List<String> parts = new ArrayList<>();
        parts.add("input_tokens: " + tier.aboveInputTokens());
        parts.addAll(rates(tier.rates()));
        out.append(indent).append("  - {").append(String.join(", ", parts)).append("}\n");
      }
    }
  }

  private void timed(Times times, Terms terms) {
    List<String> when = new ArrayList<>();
    if (times.from() != null) {
      when.add("from: " + times.from());
    }
    if (times.until() != null) {
      when.add("until: " + times.until());
    }
    if (!times.days().isEmpty()) {
      when.add("days: [" + String.join(", ", days(times)) + "]");
    }
    if (!times.hours().isEmpty()) {
      when.add(
          "hours: ["
              + String.join(
                  ", ",
                  times.hours().stream()
                      .map(each -> clock(each.fromMinute()) + "-" + clock(each.untilMinute()))
                      .map(PriceWriter::quoted)
                      .toList())
              + "]");
    }
    String indent = "      - ";
    for (String each : when) {
      out.append(indent).append(each).append('\n');
      indent = "        ";
    }
    terms("        ", terms);
  }

  private static List<String> days(Times times) {
    return times.days().stream()
        .sorted()
        .map(DayOfWeek::name)
        .map(name -> name.substring(0, 3).toLowerCase(Locale.ROOT))
        .toList();
  }

  private static String clock(int minute) {
    return String.format(Locale.ROOT, "%02d:%02d", minute / 60, minute % 60);
  }

  private static List<String> rates(Rates rates) {
    List<String> lines = new ArrayList<>();
    rate(lines, "input", rates.input());
    rate(lines, "cache_read", rates.cacheRead());
    rate(lines, "cache_write", rates.cacheWrite());
    rate(lines, "audio_input", rates.audioInput());
    rate(lines, "output", rates.output());
    rate(lines, "audio_output", rates.audioOutput());
    rate(lines, "characters", rates.characters());
    return lines;
  }

  private static void rate(List<String> lines, String key, long rate) {
    if (rate != Rates.NOT_SET) {
      lines.add(key + ": " + Rates.usdPerMillion(rate).toPlainString());
    }
  }

  private void line(String key, String value) {
    out.append(key).append(quoted(value)).append('\n');
  }

  private void list(String key, List<String> values) {
    if (!values.isEmpty()) {
      out.append(key)
          .append('[')
          .append(String.join(", ", values.stream().map(PriceWriter::quoted).toList()))
          .append("]\n");
    }
  }

  /** Double-quoted unless it is plainly a name; nothing in it is a variable. */
  private static String quoted(String text) {
    if (text.matches("[A-Za-z][A-Za-z0-9./_-]*")
        && !text.matches("(?i)y|n|yes|no|on|off|true|false|null")) {
      return text;
    }
    StringBuilder quoted = new StringBuilder("\"");
    for (char c : text.replace("${", "$${").toCharArray()) {
      if (c == '"' || c == '\\') {
        quoted.append('\\').append(c);
      } else if (c < ' ' || c > '~') {
        quoted.append(String.format(Locale.ROOT, "\\u%04x", (int) c));
      } else {
        quoted.append(c);
      }
    }
    return quoted.append('"').toString();
  }

  @Override
  public String toString() {
    return out.toString();
  }
}
