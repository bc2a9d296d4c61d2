package io.streamrelay.metrics;

import io.prometheus.metrics.core.metrics.Counter;
import io.streamrelay.ExchangeRecord;
import io.streamrelay.price.Cost;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/**
 * What the tenants named in the configuration took. Metrics of their own, so that no other metric's
 * labels depend on the configuration.
 */
final class TenantMetrics implements Tally {
  private static final String OTHER = "other";
  private static final double PICO_PER_USD = 1e12;

  private final Counter exchanges;
  private final Counter tokens;
  private final Counter cost;
  private final Map<String, Tally> byName = new HashMap<>();
  private final Tally others;

  TenantMetrics(Instruments make, Set<String> tenants) {
    exchanges =
        make.counter(
            "relay_tenant_exchanges_total",
            "Ended exchanges of the tenants named in the configuration, and of all others.",
            "tenant");
    tokens =
        make.counter(
            "relay_tenant_tokens_total",
            "Tokens of the tenants named in the configuration, and of all others.",
            "tenant",
            "type");
    cost =
        make.counter(
            "relay_tenant_cost_usd_total",
            "US dollars by list prices of the tenants named in the configuration, and of all"
                + " others.",
            "tenant");
    tenants.forEach(tenant -> byName.put(tenant, new PerTenant(tenant)));
    others = byName.computeIfAbsent(OTHER, PerTenant::new);
  }

  @Override
  public void add(ExchangeRecord record) {
    byName.getOrDefault(record.tenant(), others).add(record);
  }

  private final class PerTenant implements Tally {
    private final LazyCounter ended;
    private final LazyCounter input;
    private final LazyCounter output;
    private final LazyCounter usd;

    PerTenant(String tenant) {
      ended = new LazyCounter(exchanges, tenant);
      input = new LazyCounter(tokens, tenant, "input");
      output = new LazyCounter(tokens, tenant, "output");
      usd = new LazyCounter(cost, tenant);
      ended.add(0);
    }

    @Override
    public void add(ExchangeRecord record) {
      ended.add(1);
      input.add(record.usage().inputTokens());
      output.add(record.usage().outputTokens());
      Cost known = record.cost();
      if (known != null) {
        usd.add(known.picoUsd() / PICO_PER_USD);
      }
    }
  }
}
