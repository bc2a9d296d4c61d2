package io.streamrelay.config;

import io.streamrelay.price.PriceList;
import io.streamrelay.price.PriceTable;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * Reads prices: those that the relay brings along, and files of the same form, which {@code
 * configs/prices.yaml} explains.
 */
public final class PriceFile {
  private static final String SHIPPED = "/io/streamrelay/price/prices.yaml";

  private PriceFile() {}

  /** Read once, by the first relay or command that wants it. */
  private static final class Shipped {
    static final PriceList LIST = read();
    static final PriceTable TABLE = PriceTable.of(LIST);

    private static PriceList read() {
      try (InputStream in = PriceFile.class.getResourceAsStream(SHIPPED)) {
        if (in == null) {
          throw new IllegalStateException(
              "the relay has no " + SHIPPED + " (expected: in its jar)");
        }
        String text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
        return parse(text, "prices.yaml", name -> null);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  /**
   * Returns the prices that the relay brings along.
   *
   * @return the same list for every call
   */
  public static PriceList shipped() {
    return Shipped.LIST;
  }

  /**
   * Returns the default of {@link RelayConfig#prices}.
   *
   * @return a table of {@link #shipped} alone, the same for every call
   */
  public static PriceTable defaultTable() {
    return Shipped.TABLE;
  }

  /**
   * Reads a file, with variables from this process.
   *
   * @param file UTF-8, at most 3 MiB
   * @return its prices
   * @throws RelayConfigException if the file cannot be read or anything in it is wrong
   */
  public static PriceList load(Path file) {
    return load(file, Environment.process());
  }

  static PriceList load(Path file, Environment environment) {
    return parse(YamlText.read(file), file.toString(), environment);
  }

  static PriceList parse(String yaml, String fileName, Environment environment) {
    LoadContext context = new LoadContext(fileName, environment);
    PriceList list =
        YamlText.compose(yaml, context)
            .map(node -> new PriceReader(context).read(node))
            .orElse(null);
    context.throwIfAnyProblem();
    if (list == null) {
      throw new IllegalStateException(fileName + " has no prices and no problem (expected: one)");
    }
    return list;
  }
}
