package io.streamrelay.jetty.launcher;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.streamrelay.config.PriceFile;
import io.streamrelay.config.RelayConfig;
import io.streamrelay.config.RelayConfigException;
import io.streamrelay.jetty.launcher.ImportedPrices.LeftOutException;
import io.streamrelay.price.ModelPrice;
import io.streamrelay.price.PriceList;
import io.streamrelay.price.PriceTable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** The command line's {@code prices}: what models cost, and files of that from elsewhere. */
@Command(
    name = "prices",
    mixinStandardHelpOptions = true,
    versionProvider = Main.Versions.class,
    description = "Shows what models cost, or imports prices.",
    subcommands = {PricesCommand.Show.class, PricesCommand.Import.class})
final class PricesCommand implements Callable<Integer> {
  /** Numbers keep every digit that they have in the file. */
  static final ObjectMapper JSON =
      JsonMapper.builder().enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS).build();

  @Spec private @Nullable CommandSpec spec;

  PricesCommand() {}

  @Override
  public Integer call() {
    throw new CommandLine.ParameterException(
        line(spec), "Missing required subcommand (expected: show or import)");
  }

  private static CommandLine line(@Nullable CommandSpec spec) {
    if (spec == null) {
      throw new IllegalStateException("picocli did not set the command (expected: main() runs)");
    }
    return spec.commandLine();
  }

  /** Prints the price of one model, or the names of all. */
  @Command(
      name = "show",
      mixinStandardHelpOptions = true,
      versionProvider = Main.Versions.class,
      description = {
        "Shows which price a model has, and from where, in the form of a file of prices;"
            + " without MODEL, the names of all models that have one."
      },
      sortOptions = false,
      footer = {
        "",
        "Exit codes:",
        "  0  shown",
        "  1  the model has no price",
        "  2  the command line or a file is wrong"
      })
  static final class Show implements Callable<Integer> {
    private static final int NO_PRICE = 1;

    @Parameters(
        arity = "0..1",
        paramLabel = "MODEL",
        description = "The name of a model, as requests have it.")
    private @Nullable String model;

    @Option(
        names = "--provider",
        paramLabel = "NAME",
        description = "Whose price, as a route's provider names it; without, everyone's.")
    private @Nullable String provider;

    @Option(
        names = "--config",
        paramLabel = "FILE",
        defaultValue = "${env:RELAY_CONFIG}",
        description =
            "The relay's configuration, whose prices.file counts; the variable RELAY_CONFIG says"
                + " the same. Without, only the prices that the relay brings along.")
    private @Nullable Path config;

    @Spec private @Nullable CommandSpec spec;

    Show() {}

    @Override
    public Integer call() {
      PriceTable table;
      try {
        Path file = config;
        table =
            file == null || file.toString().isEmpty()
                ? PriceFile.defaultTable()
                : RelayConfig.load(file).config().prices();
      } catch (RelayConfigException e) {
        e.problems().forEach(line(spec).getErr()::println);
        return Main.WRONG_CONFIG;
      }
      String name = model;
      return name == null ? all(table) : one(table, name);
    }

    private int all(PriceTable table) {
      for (PriceList list : table.lists()) {
        for (ModelPrice each : list.models()) {
          if (provider == null || each.isOf(provider)) {
            line(spec).getOut().println(each.model() + "  " + whose(each) + "  " + list.version());
          }
        }
      }
      return Main.OK;
    }

    private static String whose(ModelPrice price) {
      return price.providers().isEmpty()
          ? "anyone"
          : String.join(",", new TreeSet<>(price.providers()));
    }

    private int one(PriceTable table, String name) {
      Set<String> sellers = new TreeSet<>();
      if (provider != null) {
        sellers.add(provider);
      } else {
        for (PriceList list : table.lists()) {
          list.models().forEach(each -> sellers.addAll(each.providers()));
        }
        // Stands for a provider that no price names; no route can have it.
        sellers.add("");
      }
      Set<String> shown = new LinkedHashSet<>();
      for (String seller : sellers) {
        for (PriceList list : table.lists()) {
          ModelPrice found = list.find(name, seller);
          if (found != null) {
            shown.add(
                new PriceWriter().comment("prices " + list.version()).model(found).toString());
            break;
          }
        }
      }
      shown.forEach(line(spec).getOut()::print);
      line(spec).getOut().flush();
      if (shown.isEmpty()) {
        line(spec)
            .getErr()
            .println(
                "'"
                    + name
                    + "' has no price"
                    + (provider == null ? "" : " of " + provider)
                    + "; its exchanges have no cost (expected: a model of 'prices show', or one"
                    + " of prices.file)");
        return NO_PRICE;
      }
      return Main.OK;
    }
  }

  /** Turns a public collection of prices into a file of prices. */
  @Command(
      name = "import",
      mixinStandardHelpOptions = true,
      versionProvider = Main.Versions.class,
      description = {
        "Turns a public collection of prices into a file of prices on the standard output."
            + " What it cannot say is listed on the standard error."
      },
      sortOptions = false,
      footer = {
        "",
        "Formats:",
        "  genai-prices  data.json of pydantic/genai-prices",
        "  litellm       model_prices_and_context_window.json of LiteLLM",
        "",
        "Exit codes:",
        "  0  imported, be it without some models",
        "  2  the command line or the file is wrong"
      })
  static final class Import implements Callable<Integer> {
    /** The formats. */
    enum Format {
      GENAI_PRICES("genai-prices"),
      LITELLM("litellm");

      private final String label;

      Format(String label) {
        this.label = label;
      }

      static Format of(String text) {
        for (Format each : values()) {
          if (each.label.equals(text)) {
            return each;
          }
        }
        throw new CommandLine.TypeConversionException(
            "'" + text + "' is no format (expected: genai-prices or litellm)");
      }
    }

    @Option(
        names = "--format",
        paramLabel = "FORMAT",
        required = true,
        converter = FormatConverter.class,
        description = "What FILE is: genai-prices or litellm.")
    private Format format = Format.GENAI_PRICES;

    @Parameters(paramLabel = "FILE", description = "The collection, as it was published.")
    private Path file = Path.of("");

    @Spec private @Nullable CommandSpec spec;

    Import() {}

    @Override
    public Integer call() {
      CommandLine line = line(spec);
      ImportedPrices found;
      try {
        JsonNode root = JSON.readTree(Files.readAllBytes(file));
        found =
            switch (format) {
              case GENAI_PRICES -> GenaiPrices.read(root);
              case LITELLM -> LiteLlmPrices.read(root);
            };
      } catch (JsonProcessingException e) {
        line.getErr().println(file + " is not JSON: " + e.getOriginalMessage());
        return Main.WRONG_CONFIG;
      } catch (IOException e) {
        line.getErr().println(file + " cannot be read: " + e);
        return Main.WRONG_CONFIG;
      } catch (LeftOutException e) {
        line.getErr().println(file + " is none of " + format.label + ": " + e.getMessage());
        return Main.WRONG_CONFIG;
      }
      found.notes().forEach(line.getErr()::println);
      if (found.models().isEmpty()) {
        line.getErr().println(file + " has no price that can be imported");
        return Main.WRONG_CONFIG;
      }
      line.getOut().print(write(found.models()));
      line.getOut().flush();
      line.getErr().println(found.models().size() + " imported, " + found.leftOut() + " left out");
      return Main.OK;
    }

    private String write(List<ModelPrice> models) {
      LocalDate today = LocalDate.now(ZoneOffset.UTC);
      PriceWriter out =
          new PriceWriter()
              .comment("Imported from " + format.label + " by 'prices import' on " + today + '.')
              .head(format.label + "-" + today);
      models.forEach(out::model);
      return out.toString();
    }
  }

  /** Reads the name of a format. */
  static final class FormatConverter implements CommandLine.ITypeConverter<Import.Format> {
    FormatConverter() {}

    @Override
    public Import.Format convert(String text) {
      return Import.Format.of(text);
    }
  }
}
