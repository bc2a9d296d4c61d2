package io.streamrelay.testkit;

import java.net.URI;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ExtensionContext.Namespace;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;
import org.junit.jupiter.api.extension.TestExecutionExceptionHandler;

/**
 * Gives each test of JUnit 5 or 6 a {@link FakeUpstream} of its own, and shows what that recorded
 * if the test fails: as a suppressed exception, so that it stands wherever the failure does.
 *
 * <pre>{@code
 * @ExtendWith(FakeUpstreamExtension.class)
 * class BrokenStreamTest {
 *   @Test
 *   void aCutIsTold(FakeUpstream upstream) {
 *     upstream.answer(Faults.cutInMidEvent());
 *     // ...
 *   }
 * }
 * }</pre>
 *
 * <p>Or, where {@code @BeforeEach} needs it, {@code @RegisterExtension final FakeUpstreamExtension
 * upstream = new FakeUpstreamExtension();} as an instance field.
 */
public final class FakeUpstreamExtension
    implements BeforeEachCallback,
        AfterEachCallback,
        ParameterResolver,
        TestExecutionExceptionHandler {
  private static final Namespace NAMESPACE = Namespace.create(FakeUpstreamExtension.class);

  private volatile @Nullable FakeUpstream current;

  /** Has no upstream until a test begins. */
  public FakeUpstreamExtension() {}

  /**
   * Returns the running test's upstream.
   *
   * @return started
   * @throws IllegalStateException if no test is running
   */
  public FakeUpstream get() {
    FakeUpstream upstream = current;
    if (upstream == null) {
      throw new IllegalStateException("no test is running (expected: called from a test)");
    }
    return upstream;
  }

  /**
   * Returns where the running test's upstream listens.
   *
   * @return as {@link FakeUpstream#origin}
   * @throws IllegalStateException if no test is running
   */
  public URI origin() {
    return get().origin();
  }

  @Override
  public void beforeEach(ExtensionContext context) {
    current = upstream(context);
  }

  @Override
  public void afterEach(ExtensionContext context) {
    current = null;
    upstream(context).close();
  }

  @Override
  public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
    return parameter.getParameter().getType() == FakeUpstream.class;
  }

  @Override
  public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
    return upstream(context);
  }

  @Override
  public void handleTestExecutionException(ExtensionContext context, Throwable failure)
      throws Throwable {
    failure.addSuppressed(new Recorded(upstream(context).toString()));
    throw failure;
  }

  /** The test's own, started by whoever asks first. */
  private static FakeUpstream upstream(ExtensionContext context) {
    ExtensionContext.Store store = context.getStore(NAMESPACE);
    FakeUpstream upstream = store.get(context.getUniqueId(), FakeUpstream.class);
    if (upstream == null) {
      upstream = FakeUpstream.start();
      store.put(context.getUniqueId(), upstream);
    }
    return upstream;
  }

  /** What the upstream recorded, beside the failure of the test. */
  private static final class Recorded extends RuntimeException {
    private static final long serialVersionUID = 1;

    Recorded(String notes) {
      super("upstream recorded: " + notes, null, false, false);
    }
  }
}
