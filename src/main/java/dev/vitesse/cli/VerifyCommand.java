// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vitesse.backend.Backend;
import dev.vitesse.io.InvalidFileException;
import dev.vitesse.io.LoadedModel;
import dev.vitesse.io.ModelFiles;
import dev.vitesse.io.Safetensors;
import dev.vitesse.io.TensorFile;
import dev.vitesse.model.Verification;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vitesse verify}: whether a device computes what another implementation computed. */
@Command(name = "verify", description = {
    "Recomputes logits, activations and gradients and compares them with those of another implementation.",
    "The expected file holds input, labels and any of logits, loss, activation.<module>, grad.<parameter> and"
            + " grad.input, under timm's names."
})
final class VerifyCommand extends CliCommand {
    private static final String INPUT = "input";
    private static final String LABELS = "labels";

    @Option(names = "--model", paramLabel = "FILE", required = true,
            description = "The weights; their configuration comes from a config.json beside them or their metadata.")
    private Path model;

    @Option(names = "--expected", paramLabel = "FILE", required = true,
            description = "The tensors to compare with, as .safetensors.")
    private Path expected;

    @Mixin
    private DeviceOptions device;

    VerifyCommand(Console console) {
        super(console);
    }

    @Override
    public Integer call() throws IOException {
        try (TensorFile file = Safetensors.open(expected);
                Backend backend = device.open(console);
                LoadedModel loaded = ModelFiles.load(model, backend)) {
            List<Verification.Comparison> comparisons = compare(file, loaded);
            Verification.Comparison worst = comparisons.stream()
                    .max(Comparator.comparingDouble(Verification.Comparison::relativeDifference)).orElseThrow();
            long outside = comparisons.stream().filter(c -> !c.withinTolerance()).count();
            print(toJson(comparisons, worst, outside == 0, backend), () -> printTable(comparisons, worst, backend));
            if (outside > 0) {
                console.error(outside + " of " + comparisons.size() + " tensors of " + expected
                        + " are out of tolerance on " + backend.name());
            }
            return outside == 0 ? ExitCodes.OK : ExitCodes.FAILED;
        }
    }

    private List<Verification.Comparison> compare(TensorFile file, LoadedModel loaded) throws IOException {
        Set<String> inputs = Set.of(INPUT, LABELS);
        List<String> names = file.tensors().keySet().stream().filter(name -> !inputs.contains(name)).toList();
        if (names.isEmpty()) {
            throw new InvalidFileException(
                    expected, "holds nothing to compare", "add logits, activations or gradients");
        }
        int[] labels = Arrays.stream(file.longs(LABELS)).mapToInt(Math::toIntExact).toArray();
        try (Verification verification = new Verification(loaded.model(), file.floats(INPUT), labels)) {
            List<Verification.Comparison> comparisons = new ArrayList<>();
            for (String name : names) {
                comparisons.add(verification.compare(name, file.floats(name)));
            }
            return comparisons;
        } catch (IllegalArgumentException e) {
            throw new InvalidFileException(expected, "does not fit " + model + ": " + e.getMessage(),
                    "use the file that was computed with these weights", e);
        }
    }

    private static ObjectNode toJson(
            List<Verification.Comparison> comparisons, Verification.Comparison worst, boolean ok, Backend backend) {
        ObjectNode result = Console.result()
                .put("ok", ok)
                .put("worst", Console.number(worst.relativeDifference()))
                .put("worst_tensor", worst.tensor())
                .put("device", backend.name());
        ArrayNode tensors = result.putArray("tensors");
        for (Verification.Comparison c : comparisons) {
            tensors.addObject()
                    .put("tensor", c.tensor())
                    .put("elements", c.elements())
                    .put("absolute_difference", Console.number(c.difference()))
                    .put("relative_difference", Console.number(c.relativeDifference()))
                    .put("tolerance", c.tolerance())
                    .put("ok", c.withinTolerance());
        }
        return result;
    }

    private void printTable(
            List<Verification.Comparison> comparisons, Verification.Comparison worst, Backend backend) {
        int width = comparisons.stream().mapToInt(c -> c.tensor().length()).max().orElse(0);
        String format = "%-" + width + "s  %10s  %10s  %10s%n";
        console.out().printf(Locale.ROOT, format, "tensor", "absolute", "relative", "tolerance");
        for (Verification.Comparison c : comparisons) {
            String mark = c.withinTolerance() ? "" : "  OUT";
            console.out().printf(Locale.ROOT, format, c.tensor(), scientific(c.difference()),
                    scientific(c.relativeDifference()), scientific(c.tolerance()) + mark);
        }
        console.out().printf(Locale.ROOT, "worst: %s, %s relative to its largest value, on %s%n", worst.tensor(),
                scientific(worst.relativeDifference()), backend.name());
    }

    private static String scientific(double value) {
        return String.format(Locale.ROOT, "%.2e", value);
    }
}
