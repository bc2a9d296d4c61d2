package io.streamrelay.metrics;

import io.prometheus.metrics.config.EscapingScheme;
import io.prometheus.metrics.expositionformats.ExpositionFormatWriter;
import io.prometheus.metrics.expositionformats.OpenMetricsTextFormatWriter;
import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A scrape's lines, to ask for series. */
final class Scraped {
  private static final Pattern SERIES = Pattern.compile("([a-zA-Z0-9_]+)(\\{.*})? (\\S+)");

  private final List<String> lines;

  private Scraped(List<String> lines) {
    this.lines = lines;
  }

  /** As Prometheus' text format. */
  static Scraped of(PrometheusRegistry registry) {
    return new Scraped(text(PrometheusTextFormatWriter.create(), registry).lines().toList());
  }

  /** As OpenMetrics, which has exemplars and units. */
  static String openMetrics(PrometheusRegistry registry) {
    return text(OpenMetricsTextFormatWriter.create(), registry);
  }

  private static String text(ExpositionFormatWriter writer, PrometheusRegistry registry) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try {
      writer.write(out, registry.scrape(), EscapingScheme.ALLOW_UTF8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return out.toString(StandardCharsets.UTF_8);
  }

  List<String> lines() {
    return lines;
  }

  /** The sum of all series of this name whose labels are all of these; -1 if there is none. */
  double sum(String name, String... labels) {
    double sum = 0;
    boolean found = false;
    for (String line : lines) {
      Matcher series = SERIES.matcher(line);
      if (series.matches() && series.group(1).equals(name) && has(series.group(2), labels)) {
        found = true;
        sum += Double.parseDouble(series.group(3));
      }
    }
    return found ? sum : -1;
  }

  private static boolean has(String all, String... labels) {
    for (int i = 0; i < labels.length; i += 2) {
      if (all == null || !all.contains(labels[i] + "=\"" + labels[i + 1] + "\"")) {
        return false;
      }
    }
    return true;
  }

  /** Names as they stand in the TYPE lines. */
  List<String> names() {
    return lines.stream()
        .filter(line -> line.startsWith("# TYPE "))
        .map(line -> line.split(" ", -1)[2])
        .toList();
  }

  String type(String name) {
    return lines.stream()
        .filter(line -> line.startsWith("# TYPE " + name + " "))
        .map(line -> line.split(" ", -1)[3])
        .findFirst()
        .orElse("none");
  }

  long series(String name) {
    return lines.stream()
        .map(SERIES::matcher)
        .filter(series -> series.matches() && series.group(1).equals(name))
        .count();
  }

  /** Whether any number of this metric is other than zero. */
  boolean moved(String name) {
    return lines.stream()
        .map(SERIES::matcher)
        .filter(Matcher::matches)
        .filter(
            series ->
                series.group(1).equals(name)
                    || series.group(1).equals(name + "_count")
                    || series.group(1).equals(name + "_info"))
        .anyMatch(series -> Double.parseDouble(series.group(3)) != 0);
  }
}
