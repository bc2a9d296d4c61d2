package io.streamrelay.config;

import io.streamrelay.price.ModelPrice;
import io.streamrelay.price.PriceList;
import io.streamrelay.price.Rates;
import io.streamrelay.price.Terms;
import io.streamrelay.price.Times;
import io.streamrelay.route.Route;
import java.math.BigDecimal;
import java.time.DateTimeException;
import java.time.DayOfWeek;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.nodes.MappingNode;

/** Reads a file of prices. */
final class PriceReader {
  private static final String A_PRICE =
      "US dollars for a million, from 0 to 1000000 with at most 6 digits after the point, such as"
          + " 0.0375";
  private static final String HOURS = "two times of one day in UTC, such as 01:00-04:00";
  private static final String A_DATE = "a date such as 2026-03-01";
  private static final String SOME_MODELS = "a list of models";

  private static final List<String> KEYS = List.of("version", "models");
  private static final List<String> RATES =
      List.of(
          "input",
          "cache_read",
          "cache_write",
          "audio_input",
          "output",
          "audio_output",
          "characters");
  private static final List<String> MODEL_KEYS =
      with(
          "model", "aliases", "prefixes", "provider", "above", "times", "source", "via", "checked");
  private static final List<String> TIER_KEYS = with("input_tokens");
  private static final List<String> TIMES_KEYS = with("from", "until", "days", "hours", "above");

  private static final Pattern DECIMAL = Pattern.compile("[0-9]{1,9}(\\.[0-9]{1,20})?");
  private static final Pattern TWO_TIMES =
      Pattern.compile("([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-4]):([0-5][0-9])");
  private static final Pattern VERSION = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._:+@-]{0,63}");
  private static final List<String> DAYS = List.of("mon", "tue", "wed", "thu", "fri", "sat", "sun");

  private final LoadContext context;

  /** Which line has a name at a provider, so that no two do. */
  private final Map<String, Integer> seen = new HashMap<>();

  PriceReader(LoadContext context) {
    this.context = context;
  }

  private static List<String> with(String... keys) {
    List<String> all = new ArrayList<>(List.of(keys));
    all.addAll(RATES);
    return List.copyOf(all);
  }

  /** Reads all; null if anything was wrong, which is then among the problems. */
  @Nullable PriceList read(MappingNode node) {
    Section root = Section.of(context, "", node, KEYS, false);
    String version =
        root.require("version", "a name for this state of the prices", PriceReader::version);
    List<ModelPrice> models = new ArrayList<>();
    Value list = root.find("models");
    if (list == null) {
      root.missing("models", SOME_MODELS);
      return null;
    }
    for (Value each : list.asList()) {
      Section section = each.asSection(MODEL_KEYS, false);
      ModelPrice model = section == null ? null : model(each, section);
      if (model != null) {
        models.add(model);
      }
    }
    return context.found() > 0 || version == null ? null : new PriceList(version, models);
  }

  private @Nullable ModelPrice model(Value at, Section section) {
    int before = context.found();
    String name = section.require("model", "the name of a model", PriceReader::name);
    List<String> aliases = texts(section, "aliases", PriceReader::name);
    List<String> prefixes = texts(section, "prefixes", PriceReader::name);
    List<String> providers = texts(section, "provider", PriceReader::provider);
    Terms terms = terms(at, section);
    List<ModelPrice.Timed> timed = timed(section);
    String source = section.read("source", PriceReader::address);
    String via = section.read("via", Parsers::text);
    LocalDate checked = section.read("checked", PriceReader::date);
    if (name == null || terms == null || context.found() > before) {
      return null;
    }
    refuseTwice(at, name, "name", providers);
    aliases.forEach(each -> refuseTwice(at, each, "name", providers));
    prefixes.forEach(each -> refuseTwice(at, each, "prefix", providers));
    ModelPrice.Builder model = ModelPrice.builder(name, terms).origin(source, via, checked);
    aliases.forEach(model::alias);
    prefixes.forEach(model::prefix);
    providers.forEach(model::provider);
    timed.forEach(each -> model.at(each.times(), each.terms()));
    return model.build();
  }

  private void refuseTwice(Value at, String name, String kind, List<String> providers) {
    for (String provider : providers.isEmpty() ? List.of("") : providers) {
      Integer first = seen.putIfAbsent(kind + " " + provider + " " + name, at.line());
      if (first != null) {
        at.problem(
            "prices the "
                + kind
                + " '"
                + Value.printable(name)
                + "'"
                + (provider.isEmpty() ? "" : " of " + provider)
                + " a second time, first on line "
                + first,
            "each once");
      }
    }
  }

  /** Prices and tiers of a section; null if there are none or they are wrong. */
  private @Nullable Terms terms(Value at, Section section) {
    int before = context.found();
    Rates rates = rates(at, section);
    List<Terms.Tier> tiers = tiers(section);
    if (rates == null || context.found() > before) {
      return null;
    }
    if (rates.equals(Rates.NONE)) {
      at.problem("has no price", "at least one of " + String.join(", ", RATES));
      return null;
    }
    try {
      return new Terms(rates, tiers);
    } catch (IllegalArgumentException e) {
      at.problem("has tiers out of order", "above: by rising input_tokens, each once");
      return null;
    }
  }

  private @Nullable Rates rates(Value at, Section section) {
    int before = context.found();
    long[] read = new long[RATES.size()];
    for (int i = 0; i < read.length; i++) {
      read[i] = section.read(RATES.get(i), Rates.NOT_SET, PriceReader::price);
    }
    if (context.found() > before) {
      return null;
    }
    try {
      return new Rates(read[0], read[1], read[2], read[3], read[4], read[5], read[6]);
    } catch (IllegalArgumentException e) {
      at.problem("has a price for characters beside one for tokens", "one of them");
      return null;
    }
  }

  private List<Terms.Tier> tiers(Section section) {
    List<Terms.Tier> tiers = new ArrayList<>();
    Value list = section.find("above");
    if (list != null) {
      for (Value each : list.asList()) {
        Section tier = each.asSection(TIER_KEYS, false);
        if (tier == null) {
          continue;
        }
        Integer bound =
            tier.require(
                "input_tokens",
                "how many tokens the input must exceed",
                Parsers.integer(1, Integer.MAX_VALUE));
        Rates rates = rates(each, tier);
        if (rates != null && rates.characters() != Rates.NOT_SET) {
          each.problem("has a price for characters", "prices for tokens, which the bound counts");
        } else if (bound != null && rates != null) {
          tiers.add(new Terms.Tier(bound, rates));
        }
      }
    }
    return tiers;
  }

  private List<ModelPrice.Timed> timed(Section section) {
    List<ModelPrice.Timed> timed = new ArrayList<>();
    Value list = section.find("times");
    if (list != null) {
      for (Value each : list.asList()) {
        Section one = each.asSection(TIMES_KEYS, false);
        Times times = one == null ? null : times(each, one);
        Terms terms = one == null ? null : terms(each, one);
        if (times != null && terms != null) {
          timed.add(new ModelPrice.Timed(times, terms));
        }
      }
    }
    return timed;
  }

  private @Nullable Times times(Value at, Section section) {
    int before = context.found();
    LocalDate from = section.read("from", PriceReader::date);
    LocalDate until = section.read("until", PriceReader::date);
    List<DayOfWeek> days = texts(section, "days", PriceReader::day);
    List<Times.Hours> hours = texts(section, "hours", PriceReader::hours);
    if (context.found() > before) {
      return null;
    }
    if (from == null && until == null && days.isEmpty() && hours.isEmpty()) {
      at.problem("holds at no time of its own", "one of from, until, days, hours");
      return null;
    }
    Set<DayOfWeek> set = EnumSet.noneOf(DayOfWeek.class);
    set.addAll(days);
    try {
      return new Times(from, until, set, hours);
    } catch (IllegalArgumentException e) {
      at.problem("ends before it begins", "until: the day of from or a later one");
      return null;
    }
  }

  /** One value or a list of them; empty if it is absent. */
  private static <T> List<T> texts(Section section, String key, Value.Parser<T> parser) {
    Value value = section.find(key);
    if (value == null) {
      return List.of();
    }
    List<T> all = new ArrayList<>();
    for (Value each : value.isScalar() ? List.of(value) : value.asList()) {
      T one = each.parse(parser);
      if (one != null) {
        all.add(one);
      }
    }
    return all;
  }

  private static String version(String text) throws BadValueException {
    if (!VERSION.matcher(text).matches()) {
      throw BadValueException.expected(
          "a letter or digit, then at most 63 letters, digits or . _ : + @ -, such as 2026-03-01");
    }
    return text;
  }

  private static String name(String text) throws BadValueException {
    String line = Parsers.text(text);
    if (line.length() > 256) {
      throw BadValueException.expected("at most 256 characters");
    }
    return line;
  }

  private static String provider(String text) throws BadValueException {
    if (!Route.isProvider(text)) {
      throw BadValueException.expected("a provider as a route has it, such as openai");
    }
    return text;
  }

  private static String address(String text) throws BadValueException {
    if (!text.matches("https?://\\S+")) {
      throw BadValueException.expected("an address, such as https://openai.com/api/pricing/");
    }
    return text;
  }

  private static long price(String text) throws BadValueException {
    if (!DECIMAL.matcher(text).matches()) {
      throw BadValueException.expected(A_PRICE);
    }
    try {
      return Rates.exactly(new BigDecimal(text));
    } catch (ArithmeticException e) {
      throw BadValueException.expected(A_PRICE);
    }
  }

  private static LocalDate date(String text) throws BadValueException {
    try {
      return LocalDate.parse(text);
    } catch (DateTimeException e) {
      throw BadValueException.expected(A_DATE);
    }
  }

  private static DayOfWeek day(String text) throws BadValueException {
    int index = DAYS.indexOf(text);
    if (index < 0) {
      throw BadValueException.expected("one of " + String.join(", ", DAYS));
    }
    return DayOfWeek.of(index + 1);
  }

  private static Times.Hours hours(String text) throws BadValueException {
    Matcher matcher = TWO_TIMES.matcher(text);
    if (!matcher.matches()) {
      throw BadValueException.expected(HOURS);
    }
    try {
      return new Times.Hours(minute(matcher, 1), minute(matcher, 3));
    } catch (IllegalArgumentException e) {
      throw BadValueException.expected(HOURS + "; over midnight are two");
    }
  }

  private static int minute(Matcher matcher, int group) {
    return Integer.parseInt(matcher.group(group)) * 60 + Integer.parseInt(matcher.group(group + 1));
  }
}
