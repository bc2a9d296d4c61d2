package io.streamrelay.examples;

import io.streamrelay.Exchange;
import io.streamrelay.policy.Decision;
import io.streamrelay.policy.Policy;
import io.streamrelay.policy.RequestBody;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Lets each tenant use the models on its list only.
 *
 * <p>For APIs that name the model in a JSON body. What names no model that the relay can read (no
 * JSON, a compressed body, SSML) is refused, since nobody knows what the provider would make of it;
 * requests without a body, such as for the list of models, pass. Of a body above 64 KiB only the
 * start is seen, so {@code model} must stand there. A tenant without a list may use no model.
 */
public final class ModelAllowList implements Policy {
  private static final String CODE = "model_not_allowed";

  private final Map<String, Set<String>> modelsByTenant;

  /**
   * Makes the policy.
   *
   * @param modelsByTenant the names as clients send them
   */
  public ModelAllowList(Map<String, Set<String>> modelsByTenant) {
    this.modelsByTenant =
        modelsByTenant.entrySet().stream()
            .collect(
                Collectors.toUnmodifiableMap(
                    Map.Entry::getKey, tenant -> Set.copyOf(tenant.getValue())));
  }

  @Override
  public Decision onRequestBody(Exchange exchange, RequestBody body) {
    if (body.length() == 0) {
      return Decision.admit();
    }
    String model = exchange.model();
    if (model == null) {
      return Decision.reject(
          403, CODE, "the request names no model (expected: \"model\" in a JSON body)");
    }
    if (modelsByTenant.getOrDefault(exchange.tenant(), Set.of()).contains(model)) {
      return Decision.admit();
    }
    // The model is the client's own text, and goes back to that client only.
    return Decision.reject(
        403, CODE, "tenant '" + exchange.tenant() + "' may not use model '" + model + "'");
  }
}
