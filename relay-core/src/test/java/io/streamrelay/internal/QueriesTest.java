package io.streamrelay.internal;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class QueriesTest {
  @ParameterizedTest
  @ValueSource(strings = {"", "a=1", "&a=1&&b=%2F&", "a=1;b=2", "monkey=1&keys=2", "a=%zz%"})
  void aQueryWithoutCredentialsStaysAsItCame(String query) {
    assertThat(Queries.withoutCredentials(query)).isEqualTo(query);
  }

  @ParameterizedTest
  @CsvSource({
    "api-key=k&a=1, a=1",
    "a=1&api-key=k, a=1",
    "a=1&API-KEY=k&b=2, a=1&b=2",
    "a=1;api_key=k;b=2, a=1;b=2",
    "a=1&%61pi-key=k, a=1",
    "key=k&alt=sse, alt=sse",
    "alt=sse;key=k, alt=sse",
    "alt=sse&oauth_token=k&x, alt=sse&x",
    "alt=sse&%6bey=k, alt=sse",
  })
  void credentialsAreTakenOutAndTheRestStays(String query, String expected) {
    assertThat(Queries.withoutCredentials(query)).isEqualTo(expected);
  }

  @Test
  void nothingIsLeftOfAQueryThatWasACredential() {
    assertThat(Queries.withoutCredentials("subscription-key=k")).isNull();
    assertThat(Queries.withoutCredentials(null)).isNull();
  }
}
