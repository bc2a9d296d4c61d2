package io.streamrelay.otel;

import io.opentelemetry.context.propagation.TextMapGetter;
import io.streamrelay.http.Headers;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Shows a client's headers to OpenTelemetry's propagators. */
final class HeaderGetter implements TextMapGetter<Headers> {
  static final HeaderGetter INSTANCE = new HeaderGetter();

  private HeaderGetter() {}

  @Override
  @SuppressWarnings("deprecation") // Propagators made before getAll was there still ask.
  public Iterable<String> keys(Headers carrier) {
    List<String> names = new ArrayList<>(carrier.size());
    carrier.forEach((name, value) -> names.add(name));
    return names;
  }

  /** One value, as RFC 9110 §5.3 combines several; two traceparents make one that is invalid. */
  @Override
  public @Nullable String get(@Nullable Headers carrier, String key) {
    List<String> values = carrier == null ? List.of() : carrier.all(key);
    return values.isEmpty() ? null : String.join(",", values);
  }

  @Override
  public Iterator<String> getAll(@Nullable Headers carrier, String key) {
    return carrier == null ? List.<String>of().iterator() : carrier.all(key).iterator();
  }
}
