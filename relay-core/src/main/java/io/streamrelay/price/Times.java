package io.streamrelay.price;

import java.time.DayOfWeek;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * When some prices hold, all in UTC and by the moment at which a request reached the relay.
 *
 * @param from the first day; null for always
 * @param until the last day; null for ever
 * @param days of the week; empty for all
 * @param hours of the day; empty for all
 */
public record Times(
    @Nullable LocalDate from, @Nullable LocalDate until, Set<DayOfWeek> days, List<Hours> hours) {
  /**
   * A part of a day, which does not go over midnight.
   *
   * @param fromMinute of the day, from 0
   * @param untilMinute of the day, and no more part of it; 1440 at most
   */
  public record Hours(int fromMinute, int untilMinute) {
    /** Refuses what is no part of a day. */
    public Hours {
      if (fromMinute < 0 || untilMinute > 1440 || fromMinute >= untilMinute) {
        throw new IllegalArgumentException(
            "hours are from minute "
                + fromMinute
                + " until "
                + untilMinute
                + " (expected: an earlier and a later one of one day)");
      }
    }
  }

  /** Copies the collections. */
  public Times {
    days = Set.copyOf(days);
    hours = List.copyOf(hours);
    if (from != null && until != null && until.isBefore(from)) {
      throw new IllegalArgumentException(
          "until is " + until + " (expected: not before from, which is " + from + ")");
    }
  }

  /** Whether a moment is among them. */
  boolean include(Instant at) {
    LocalDateTime utc = LocalDateTime.ofInstant(at, ZoneOffset.UTC);
    LocalDate day = utc.toLocalDate();
    if ((from != null && day.isBefore(from)) || (until != null && day.isAfter(until))) {
      return false;
    }
    if (!days.isEmpty() && !days.contains(day.getDayOfWeek())) {
      return false;
    }
    int minute = utc.getHour() * 60 + utc.getMinute();
    return hours.isEmpty()
        || hours.stream()
            .anyMatch(each -> minute >= each.fromMinute() && minute < each.untilMinute());
  }
}
