package io.streamrelay.jetty;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.reflect.Field;
import java.lang.reflect.Method;

/**
 * Reaches into a container's classes without being compiled against them, so that no host gets
 * another's.
 */
final class Reflect {
  private static final MethodHandles.Lookup LOOKUP = MethodHandles.lookup();

  private Reflect() {}

  /** Reads a field, whoever may: {@code (Object) -> Object}. */
  static MethodHandle field(Class<?> owner, String name) throws ReflectiveOperationException {
    Field field = owner.getDeclaredField(name);
    field.setAccessible(true);
    return LOOKUP.unreflectGetter(field).asType(MethodType.methodType(Object.class, Object.class));
  }

  /** A method, whoever may call it, with every object's type erased. */
  static MethodHandle method(Class<?> owner, String name, Class<?>... parameters)
      throws ReflectiveOperationException {
    Method method = owner.getDeclaredMethod(name, parameters);
    method.setAccessible(true);
    return generic(LOOKUP.unreflect(method));
  }

  /** A public method of a public class or interface, with every object's type erased. */
  static MethodHandle publicMethod(Class<?> owner, String name, Class<?>... parameters)
      throws ReflectiveOperationException {
    return generic(LOOKUP.unreflect(owner.getMethod(name, parameters)));
  }

  static MethodHandle constructor(Class<?> owner, Class<?>... parameters)
      throws ReflectiveOperationException {
    return generic(LOOKUP.unreflectConstructor(owner.getConstructor(parameters)));
  }

  private static MethodHandle generic(MethodHandle handle) {
    return handle.asType(handle.type().erase());
  }

  /** What a call of a container's method threw, as what callers can take. */
  static RuntimeException unchecked(Throwable thrown) {
    if (thrown instanceof Error error) {
      throw error;
    }
    return thrown instanceof RuntimeException runtime
        ? runtime
        : new IllegalStateException("the container's own method failed", thrown);
  }
}
