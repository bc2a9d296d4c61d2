package io.streamrelay.limit;

import java.math.BigInteger;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Checks "at most {@code rate * t + burst} in any window t" over all windows of a run at once.
 *
 * <p>For admissions at {@code a[0] <= a[1] <= ...} the rule is, for all {@code i <= j}: {@code (j -
 * i + 1 - burst) * 60e9 <= (a[j] - a[i]) * perMinute}. With {@code f(k) = k * 60e9 - a[k] *
 * perMinute} that is {@code f(j) - min f(i) <= (burst - 1) * 60e9}: one pass, exact integers.
 */
final class WindowRule {
  private static final BigInteger MINUTE = BigInteger.valueOf(60_000_000_000L);

  private final BigInteger perMinute;
  private final BigInteger slack;
  private long admitted;
  private @Nullable BigInteger least;
  private @Nullable String broken;

  WindowRule(int perMinute, int burst) {
    this.perMinute = BigInteger.valueOf(perMinute);
    this.slack = BigInteger.valueOf(burst - 1L).multiply(MINUTE);
  }

  void admittedAt(long nanos) {
    BigInteger f =
        BigInteger.valueOf(admitted)
            .multiply(MINUTE)
            .subtract(BigInteger.valueOf(nanos).multiply(perMinute));
    least = least == null ? f : least.min(f);
    if (broken == null && f.subtract(least).compareTo(slack) > 0) {
      broken = "admission " + admitted + " at " + nanos + " ns is one too many for its window";
    }
    admitted++;
  }

  long admitted() {
    return admitted;
  }

  /** How many whole permits a run from 0 to {@code nanos} allows. */
  BigInteger allowed(long nanos, int burst) {
    return BigInteger.valueOf(nanos)
        .multiply(perMinute)
        .divide(MINUTE)
        .add(BigInteger.valueOf(burst));
  }

  Optional<String> broken() {
    return Optional.ofNullable(broken);
  }
}
